"""A permit for a box without a network: who gets its codes, and which acceptance is believed."""

import base64
import time
from html import unescape

import cv2
import numpy as np
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import parts
from contracts.acceptance import CLOCKS_S, AcceptanceClaims, kid_of, sign
from contracts.checkpoint import note_key
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.test_pages import apply, client, decide, state

LOG = BoxLog("box-codes")


@pytest.fixture(scope="module")
def box(django_data):
    from cloud_bridge.boxes.registry import register

    return register("box-codes", LOG.vkey)


@pytest.fixture
def permit(box, django_data):
    """Approved by two and signed by the bridge's own signer."""
    from cloud_bridge.permits.signer import Keys, sign_permit

    made = apply(box)
    for user in ("fang", "zhou"):
        made.refresh_from_db()
        decide(user, made)
    made.refresh_from_db()
    assert sign_permit(made, Keys.read(django_data))
    made.refresh_from_db()
    return made


def acceptance(issued, key=LOG.key, kid="", **changes):
    """What the box's screen says."""
    claims = {"box": "box-codes", "permit": issued.jti, "content_sha256": issued.content_sha256, "iat": int(time.time())}
    return sign(AcceptanceClaims(**claims | changes), key, kid or kid_of(note_key(LOG.origin, LOG.key)))


def bring(permit, text, user="fang"):
    return client(user).post(f"/permits/{permit.jti}/qr/", {"acceptance": text})


def pictures(answer):
    """The codes' pictures on the page."""
    for source in answer.content.decode().split('<img src="data:image/png;base64,')[1:]:
        raw = base64.b64decode(unescape(source.split('"', 1)[0]))
        yield cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_the_pages_pictures_are_the_permit(permit):
    """PTW-09: read from the pictures themselves, put together, byte by byte what the signer signed."""
    answer = client("fang").get(f"/permits/{permit.jti}/qr/")
    assert answer.status_code == 200
    read = parts.Collection()
    for picture in pictures(answer):
        (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
        read = read.add(parts.read(code.text))
    assert read.newest.payload().decode() == permit.jws
    page = answer.content.decode()
    assert f"第 1 / {read.newest.count} 张" in page
    assert f"Part 1 of {read.newest.count}" in client("fang", "en").get(f"/permits/{permit.jti}/qr/").content.decode()


def test_the_file_for_usb_is_the_permit(permit):
    answer = client("fang").get(f"/permits/{permit.jti}/permit.jws")
    assert answer.content.decode() == permit.jws
    assert f'filename="{permit.jti}.jws"' in answer["Content-Disposition"]
    assert f"/permits/{permit.jti}/qr/" in client("fang").get(f"/permits/{permit.jti}/").content.decode()


def test_only_those_who_are_signed_in_get_it_and_only_once_it_is_signed(box, permit):
    for path in ("qr/", "permit.jws"):
        assert client().get(f"/permits/{permit.jti}/{path}").url.startswith("/accounts/login/")
    assert client().post(f"/permits/{permit.jti}/qr/").url.startswith("/accounts/login/")
    pending = apply(box)
    assert client("fang").get(f"/permits/{pending.jti}/qr/").url == f"/permits/{pending.jti}/"
    assert client("fang").get(f"/permits/{pending.jti}/permit.jws").status_code == 404
    assert "/qr/" not in client("fang").get(f"/permits/{pending.jti}/").content.decode()
    assert bring(pending, acceptance(pending)).status_code == 302
    assert state(pending) == "pending_approval", "an acceptance approves nothing"
    assert client("fang").get("/permits/none/qr/").status_code == 404


def test_the_boxs_acceptance_is_noted_in_the_trail_and_again_changes_nothing(permit):
    """PTW-09: verified with the key that the box was registered with."""
    text = acceptance(permit)
    answer = bring(permit, f" {text[:70]}\n{text[70:]} ")
    assert answer.url == f"/permits/{permit.jti}/"
    assert state(permit) == "accepted"
    assert permit.answered, "it is not sent again"
    (row,) = permit.history.filter(event="accept")
    assert row.actor_id == "box-codes"
    assert "审批人 方敏" in row.note
    assert bring(permit, text).status_code == 302
    assert permit.history.filter(event="accept").count() == 1
    assert "作业盒已接收" in client("fang").get(f"/permits/{permit.jti}/qr/").content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": Ed25519PrivateKey.generate()}, "不是该作业盒签名的文字"),
        ({"kid": "hotbox.example/box-9/1+00000000"}, "不是该作业盒签名的文字"),
        ({"box": "box-9"}, "本票所签发作业盒的回执"),
        ({"permit": "DH-1"}, "这张作业票的回执"),
        ({"content_sha256": "0" * 64}, "与本票内容一致的回执"),
        ({"iat": int(time.time()) + 9000}, "请校准作业盒与平台的时钟"),
    ],
    ids=["key", "kid", "box", "permit", "content", "time"],
)
def test_any_other_text_is_refused_in_words_and_notes_nothing(permit, changes, said):
    """ANT-10."""
    answer = bring(permit, acceptance(permit, **changes))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert state(permit) == "issued"


@pytest.mark.parametrize("text", ["", "HB1/0/1/1/AB", "x" * 40_000, "<script>alert(1)</script>", "\x00.\x00.\x00"])
def test_garbage_is_refused_too(permit, text):
    answer = bring(permit, text)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()
    assert state(permit) == "issued"


def test_a_revoked_permit_is_neither_shown_nor_accepted(permit):
    """What was taken back stays so: a late acceptance does not bring it to life."""
    client("shen").post(f"/permits/{permit.jti}/revoke", {"reason": "weather"})
    assert state(permit) == "revoked"
    assert client("fang").get(f"/permits/{permit.jti}/qr/").status_code == 302
    assert client("fang").get(f"/permits/{permit.jti}/permit.jws").status_code == 404
    bring(permit, acceptance(permit))
    assert state(permit) == "revoked"


@pytest.mark.parametrize(
    ("late_s", "signer", "believed"),
    [(0, "new", True), (0, "old", True), (-CLOCKS_S, "old", True), (-CLOCKS_S - 1, "old", False), (0, "strange", False)],
)
def test_an_acceptance_is_believed_by_the_key_of_its_time(permit, late_s, signer, believed):
    """The log's key was changed `late_s` from now: the one before signed acceptances until then."""
    from cloud_bridge.boxes.models import Log, LogKey

    new = Ed25519PrivateKey.generate()
    log = Log.objects.get(origin=LOG.origin)
    now_s = int(time.time())
    change = LogKey.objects.create(
        log=log, first=1, vkey=note_key(LOG.origin, new).vkey(), t=(now_s + late_s) * 1000, received_ms=now_s * 1000
    )
    try:
        key = {"new": new, "old": LOG.key, "strange": Ed25519PrivateKey.generate()}[signer]
        bring(permit, acceptance(permit, key, kid_of(note_key(LOG.origin, key)), iat=now_s))
        assert state(permit) == ("accepted" if believed else "issued")
    finally:
        change.delete()
