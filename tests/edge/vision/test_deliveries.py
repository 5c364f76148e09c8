"""Templates from the bridge: only what is signed for this box, permit and person is kept, and no longer than the permit."""

import json
import stat
import time

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts import jws
from contracts.face import FaceClaims, published, seal
from edge.interlock.evidence import Standing, TemplateKept, TemplateRefused, TemplateRemoved
from edge.vision.deliveries import AGAIN_S, CLOCK_S, STATEMENTS, Deliveries, Trust
from edge.vision.removals import REMOVALS, key_of
from edge.vision.templates import TemplateStore
from faces.loading import EngineIdentity
from faces.templates import VERSION, Template, pack

ENGINE = EngineIdentity("dlib-hog-resnet-v1", "a" * 64)
SIGNING = jws.generate_key()
BOX_KEY = X25519PrivateKey.generate()
NOW = int(time.time())
ROWS = 0.2 * np.eye(3, 128, dtype=np.float32)
"""Looks of one person, near to each other."""
EXP = NOW + 3600
PERMITS = (Standing("HW-1", ("zhang", "li")), Standing("HW-2", ("zhang",)))
replace = msgspec.structs.replace


def template(person="zhang", permit="HW-1", **changes):
    rows = ROWS if person == "zhang" else ROWS + np.float32(0.2)
    made = Template(VERSION, person, ENGINE.name, ENGINE.model_sha256, pack(rows), NOW - 100, permit, EXP)
    return replace(made, **changes)


def statement(person="zhang", permit="HW-1", iat=NOW, key=SIGNING, typ=jws.FACE, to=None, holds=None, **changes):
    """What the bridge sends; `holds` is another template than the one that belongs in it, b"" none at all."""
    claims = FaceClaims("bridge-1", "box-1", permit, person, iat, EXP)
    body = msgspec.json.encode(template(person, permit)) if holds is None else holds
    if body:
        claims = seal(body, claims, published(to or BOX_KEY))
    return jws.sign(replace(claims, **changes), typ, key, "faces-1")


@pytest.fixture
def store(tmp_path):
    return TemplateStore(tmp_path / "faces", ENGINE, str(tmp_path / "key" / "template.key"))


def deliveries(store, **changes):
    trust = Trust("bridge-1", "box-1", {"faces-1": SIGNING}, BOX_KEY)
    return Deliveries(Trust(**(trust.__dict__ | changes)), store, ENGINE, NOW, 0.5)


def kept(store):
    return {(entry.person, entry.permit) for entry in store.entries() if entry.usable}


def test_a_signed_template_is_kept_sealed_for_its_permit(store):
    """BOX-01, PTW-07"""
    news = deliveries(store).take(statement(), PERMITS, NOW)
    assert news == TemplateKept(news.at_us, "zhang", "HW-1", NOW, ENGINE.name)
    assert kept(store) == {("zhang", "HW-1")}
    file = store.path("zhang", "HW-1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ROWS[0].tobytes() not in file.read_bytes(), "under the box's own key again"
    assert store.vectors("zhang", "HW-1").shape == (3, 128)
    assert store.load("zhang", "HW-1").expires == EXP


REFUSALS = {
    "forged": (lambda: statement()[:-6] + "AAAAAA", "template_forged"),
    "another's signature": (lambda: statement(key=jws.generate_key()), "template_forged"),
    "a permit's key and type": (lambda: statement(typ=jws.PERMIT), "template_forged"),
    "no statement": (lambda: "nonsense", "template_forged"),
    "another box's": (lambda: statement(aud="box-2"), "template_other_box"),
    "another bridge's": (lambda: statement(iss="bridge-2"), "template_other_box"),
    "a permit that does not stand": (lambda: statement(permit="HW-9"), "template_no_permit"),
    "somebody whom the permit does not name": (lambda: statement(person="wang"), "template_not_named"),
    "named on the other permit only": (lambda: statement(person="li", permit="HW-2"), "template_not_named"),
    "over": (lambda: statement(exp=NOW), "template_expired"),
    "sealed to another box": (lambda: statement(to=X25519PrivateKey.generate()), "template_sealed"),
    "moved to another person": (lambda: statement(holds=body("li")), "template_sealed"),
    "moved to another permit": (lambda: statement(holds=body("zhang", "HW-2")), "template_sealed"),
    "longer than the permit": (lambda: statement(holds=body(expires=EXP + 1)), "template_sealed"),
    "no template": (lambda: statement(holds=b"{}"), "template_sealed"),
    "no text": (lambda: statement(holds=body().replace(b"zhang", b"zhan\xff")), "template_sealed"),
    "not finite": (lambda: statement(holds=body(vectors=pack(np.full((3, 128), np.nan, np.float32)))), "template_sealed"),
    "another engine's": (lambda: statement(holds=body(engine="sface")), "template_engine"),
    "another model's": (lambda: statement(holds=body(model_sha256="b" * 64)), "template_engine"),
}  # fmt: skip


def body(person="zhang", permit="HW-1", **changes):
    return msgspec.json.encode(template(person, permit, **changes))


@pytest.mark.parametrize(("make", "code"), REFUSALS.values(), ids=REFUSALS)
def test_anything_else_is_refused_and_nothing_is_kept(store, make, code):
    """ANT-01: `link` and the broker are believed in nothing."""
    from edge.interlock.reasons import CATALOGUE

    news = deliveries(store).take(make(), PERMITS, NOW)
    assert isinstance(news, TemplateRefused)
    assert (news.code, code in CATALOGUE) == (code, True)
    assert store.entries() == []


def test_nobody_comes_near_somebody_else_who_is_here(store):
    """BOX-03: one head must not be performer and guardian, whatever the other's template came for."""
    for where in ("", "HW-7"):
        store.save(template("zhang", where))
        own = msgspec.json.encode(template("li", vectors=pack(ROWS + np.float32(0.02)), expires=EXP))
        news = deliveries(store).take(statement("li", holds=own), PERMITS, NOW)
        assert (news.person, news.code) == ("li", "template_twin")
        store.remove("zhang")
    store.save(template("li", ""))
    assert isinstance(deliveries(store).take(statement("li", iat=NOW + 1), PERMITS, NOW), TemplateKept), "one's own is no twin"
    far = msgspec.json.encode(template("zhang", vectors=pack(ROWS)))
    assert isinstance(deliveries(store).take(statement("zhang", holds=far), PERMITS, NOW), TemplateKept)


def test_a_template_that_says_that_it_was_made_after_it_was_signed_is_refused(store):
    later, just = (msgspec.json.encode(template(created=NOW + CLOCK_S + more)) for more in (1, 0))
    assert deliveries(store).take(statement(holds=later), PERMITS, NOW).code == "template_sealed"
    assert isinstance(deliveries(store).take(statement(holds=just), PERMITS, NOW), TemplateKept)


def test_a_box_without_the_bridges_key_takes_none(store):
    assert deliveries(store, keys={}).take(statement(), PERMITS, NOW).code == "template_off"


def test_who_was_refused_is_said_only_when_the_signature_told_it(store):
    assert deliveries(store).take("nonsense", PERMITS, NOW).person == ""
    news = deliveries(store).take(statement(permit="HW-9", iat=7), PERMITS, NOW)
    assert (news.person, news.permit, news.iat) == ("zhang", "HW-9", 7)


def test_a_withdrawal_deletes_and_the_template_cannot_be_brought_back(store):
    """The consent was withdrawn: neither a replay nor a restart brings the face back."""
    desk = deliveries(store)
    first = statement()
    desk.take(first, PERMITS, NOW)
    news = desk.take(statement(iat=NOW + 1, holds=b""), PERMITS, NOW + 1)
    assert (type(news), news.why, news.iat) == (TemplateRemoved, "withdrawn", NOW + 1)
    assert store.entries() == []
    for again in (desk, deliveries(store)):
        assert again.take(first, PERMITS, NOW + 2).code == "template_older"
    assert store.entries() == []
    assert isinstance(desk.take(statement(iat=NOW + 3), PERMITS, NOW + 3), TemplateKept), "enrolled anew"


def test_a_withdrawal_counts_even_when_the_permit_is_over(store):
    news = deliveries(store).take(statement(permit="HW-9", holds=b""), PERMITS, EXP + 5)
    assert (type(news), news.why) == (TemplateRemoved, "withdrawn")


def test_a_newer_template_takes_the_older_ones_place(store):
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    rows = 2 * np.eye(4, 128, dtype=np.float32)
    news = desk.take(statement(iat=NOW + 1, holds=body(vectors=pack(rows), created=NOW)), PERMITS, NOW)
    assert isinstance(news, TemplateKept)
    assert store.vectors("zhang", "HW-1").shape == (4, 128)


def test_a_repeated_statement_is_answered_now_and_then_only(store):
    """The bridge repeats until it finds the answer in the log; the log is not filled with answers meanwhile."""
    desk = deliveries(store)
    assert desk.take(statement(), PERMITS, NOW) is not None
    file = store.path("zhang", "HW-1")
    written = file.stat().st_mtime_ns
    again = statement()
    assert desk.take(again, PERMITS, NOW + AGAIN_S - 1) is None
    assert isinstance(desk.take(again, PERMITS, NOW + AGAIN_S), TemplateKept)
    assert file.stat().st_mtime_ns == written, "what is there is not written again"


def test_what_was_told_long_ago_takes_no_memory(store):
    desk = deliveries(store)
    for number in range(20):
        desk.take(statement("zhang", f"HW-{number}", holds=b"", iat=NOW + number), PERMITS, NOW + number * AGAIN_S)
    assert len(desk._told) == 1


def test_what_belongs_to_a_permit_that_stands_no_longer_is_deleted_and_said(store):
    """PTW-07: deleted when it ends; what was enrolled here stays."""
    desk = deliveries(store)
    store.save(replace(template(), permit="", expires=0))
    for person, permit in (("zhang", "HW-1"), ("li", "HW-1"), ("zhang", "HW-2")):
        desk.take(statement(person, permit), PERMITS, NOW)
    assert list(desk.tidy(PERMITS, NOW)) == []
    gone = list(desk.tidy(PERMITS[1:], NOW))
    assert {(news.person, news.permit, news.why, news.iat) for news in gone} == {
        ("zhang", "HW-1", "permit_over", NOW), ("li", "HW-1", "permit_over", NOW),
    }  # fmt: skip
    assert kept(store) == {("zhang", ""), ("zhang", "HW-2")}


def test_nothing_outlives_its_permits_end(store):
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    assert desk.tidy(None, EXP - 1) == []
    (gone,) = desk.tidy(None, EXP)
    assert gone.why == "expired"
    assert store.entries() == []


def test_a_deletion_waits_for_the_log_through_a_restart(store):
    """ANT-01: who was known here, and that it was deleted: a template that is gone is not found again."""
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    assert desk.removals.waiting == ()
    (gone,) = desk.tidy((), NOW)
    again = deliveries(store)
    assert again.removals.waiting == desk.removals.waiting == (gone,)
    file = store.folder / REMOVALS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again.removals.logged({("li", *key_of(gone)[1:])})
    assert again.removals.waiting == (gone,)
    again.removals.logged({key_of(gone)})
    assert again.removals.waiting == deliveries(store).removals.waiting == ()


def test_a_deletion_is_written_down_before_it_is_done_and_not_when_the_disk_refused_it(store, monkeypatch):
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    before = []

    def fails(self, person, permit=None):
        before.extend(desk.removals.waiting)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(TemplateStore, "remove", fails)
        with pytest.raises(OSError, match="Input/output"):
            desk.tidy((), NOW)
    assert [removed.person for removed in before] == ["zhang"]
    assert desk.removals.waiting == ()
    assert len(desk.tidy((), NOW)) == len(desk.removals.waiting) == 1


@pytest.mark.parametrize("damage", ["damaged", "[1]"])
def test_a_record_of_deletions_that_cannot_be_read_is_told(store, caplog, damage):
    store.folder.mkdir(parents=True)
    (store.folder / REMOVALS).write_text(damage)
    assert deliveries(store).removals.waiting == ()
    assert "may lack deletions" in caplog.text


def test_a_full_disk_keeps_no_template_from_being_deleted(store, caplog, monkeypatch):
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.vision.removals.tempfile.mkstemp", full)
    assert [removed.why for removed in desk.tidy((), NOW)] == ["permit_over"]
    assert kept(store) == set()
    assert len(desk.removals.waiting) == 1
    assert "cannot be written" in caplog.text


def test_a_flood_of_forged_statements_is_a_line_in_the_journal(store, caplog):
    """Anyone on the broker can send them."""
    desk = deliveries(store)
    for number in range(600):
        assert desk.take(f"nonsense {number}", PERMITS, NOW).code == "template_forged"
    desk.take(statement(aud="box-2"), PERMITS, NOW)
    assert [record.message.count("is refused") for record in caplog.records] == [1, 1]
    desk._warned["template_forged"] = (float("-inf"), desk._warned["template_forged"][1])
    desk.take("nonsense", PERMITS, NOW)
    assert "599 more like it" in caplog.records[-1].message


def test_a_template_that_cannot_be_opened_any_more_is_deleted_and_asked_for_again(store, tmp_path):
    """The key was lost: the bridge hears of it and sends it anew."""
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    (tmp_path / "key" / "template.key").unlink()
    (gone,) = desk.tidy(PERMITS, NOW)
    assert (gone.why, gone.iat) == ("unusable", NOW)
    assert isinstance(desk.take(statement(), PERMITS, NOW + AGAIN_S), TemplateKept)
    assert kept(store) == {("zhang", "HW-1")}


def test_a_record_of_statements_that_cannot_be_read_lets_only_new_ones_in(store):
    """Nobody brings an old face back by damaging the memory of its withdrawal."""
    deliveries(store).take(statement(holds=b""), PERMITS, NOW)
    (store.folder / STATEMENTS).write_text("damaged")
    desk = deliveries(store)
    assert desk.take(statement(iat=NOW - 1), PERMITS, NOW).code == "template_older"
    assert isinstance(desk.take(statement(iat=NOW + 1), PERMITS, NOW), TemplateKept)


def test_the_record_of_statements_holds_ids_and_times_and_forgets_what_is_over(store):
    desk = deliveries(store)
    desk.take(statement(), PERMITS, NOW)
    file = store.folder / STATEMENTS
    assert json.loads(file.read_text()) == {"HW-1/zhang": {"iat": NOW, "exp": EXP}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    desk.take(statement(permit="HW-2", exp=EXP + 99, holds=b"", iat=NOW + 9), PERMITS, EXP + 1)
    assert list(json.loads(file.read_text())) == ["HW-2/zhang"]


def test_a_disk_that_takes_nothing_is_said(store, monkeypatch):
    def full(_template):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(store, "save", full)
    assert deliveries(store).take(statement(), PERMITS, NOW).code == "template_storage"
