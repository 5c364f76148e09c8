"""Pictures become a sealed template in a process of its own, and a template goes to the box that needs it, and nowhere else."""

import asyncio
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import time

import msgspec
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts import jws
from contracts.face import FaceClaims, open_sealed, published
from faces.seal import head
from faces.templates import Template, unpack
from tests.cloud_bridge.box_side import BoxLog, connected, read_keys
from tests.cloud_bridge.enrolling import pictures, sent
from tests.cloud_bridge.running import ROOT, clean_environment, until

pytestmark = pytest.mark.timeout(240)
PEOPLE = ("performer", "guardian")


def consent_of(officer, code, name):
    """Read, signed, looked at: the number of the consent, and the page on which the pictures are taken."""
    page = officer.get(f"/faces/{code}/")
    shown = re.search(r'name="text_sha256" value="([0-9a-f]{64})"', page)
    if shown:
        fields = {"text_sha256": shown[1], "signed_as": name, "looked": "1"}
        page = officer.post(f"/faces/{code}/consent", fields, page=f"/faces/{code}/").text
    found = re.search(r'data-consent="(\d+)"', page)
    assert found, page
    return int(found[1]), re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]


def send(officer, code, name, stills, consent=None):
    number, token = consent_of(officer, code, name)
    body = sent(consent or number, stills)
    return officer.http.post(
        f"/faces/{code}/stills", content=body["data"],
        headers={"Content-Type": body["content_type"], "X-CSRFToken": token, "Referer": str(officer.http.base_url)},
    )  # fmt: skip


def tables(bridge):
    with sqlite3.connect(f"file:{bridge.data / 'bridge.db'}?mode=ro", uri=True) as database:
        return {
            name: database.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("enrolment_facetemplate", "enrolment_facedelivery", "enrolment_boxfacekey")
        }


@pytest.fixture(scope="module")
def enrolled(bridge):
    """Performer and guardian, enrolled by phone before a safety officer."""
    officer = bridge.visitor("an")
    for code, name in zip(PEOPLE, ("张伟", "李娜"), strict=True):
        answer = send(officer, code, name, pictures(code))
        assert answer.status_code == 200, answer.text
    return officer


def test_people_are_enrolled_from_a_phone_and_only_numbers_under_seal_are_kept(bridge, enrolled):
    """BOX-01: what the database and the disk hold of a face is neither a picture nor readable."""
    page = enrolled.get("/faces/")
    assert page.count("已登记") >= 2
    rows = tables(bridge)["enrolment_facetemplate"]
    assert len(rows) == 2
    sealed = [value for row in rows for value in row if isinstance(value, bytes)]
    assert all(body.startswith(b'{"hotbox":"face"') for body in sealed)
    key = (bridge.data / "faces" / "template.key").read_text().strip()
    # From the middle: a JPEG begins with tables that others of the same kind have, recordings of boxes among them.
    middles = [still[len(still) // 2 :][:64] for person in PEOPLE for still in pictures(person)]
    assert len(set(middles)) == len(middles) == 8
    for path in sorted(bridge.data.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            assert not any(middle in content for middle in middles), f"a picture in {path}"
            assert (key.encode() in content) == (path.name == "template.key"), path
    assert stat.S_IMODE((bridge.data / "faces").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (bridge.data / "faces").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("case", "stills", "words"),
    [
        ("two people", lambda: (*pictures("performer", 2), *pictures("guardian", 1)), "不是同一人"),
        ("no picture", lambda: (b"no picture",) * 3, "无法读取"),
        ("one picture thrice", lambda: pictures("performer")[:1] * 3, "照片"),
    ],
)
def test_pictures_that_are_no_enrolment_are_refused_with_what_to_do(bridge, enrolled, case, stills, words):
    before = tables(bridge)["enrolment_facetemplate"]
    answer = send(enrolled, "performer", "张伟", stills())
    assert (answer.status_code, words in answer.json()["message"]) == (422, True), answer.text
    assert tables(bridge)["enrolment_facetemplate"] == before, "what was there stays"


@pytest.mark.parametrize("body", ["", "[]", '{"consent": 1, "stills": ["!"]}', '{"consent": 1, "stills": []}'])
def test_what_the_pages_script_did_not_send_is_refused(enrolled, body):
    _, token = consent_of(enrolled, "performer", "张伟")
    headers = {"Content-Type": "application/json", "X-CSRFToken": token, "Referer": str(enrolled.http.base_url)}
    assert enrolled.http.post("/faces/performer/stills", content=body, headers=headers).status_code == 422
    assert enrolled.http.get("/faces/performer/stills").status_code == 405


def test_pictures_that_are_too_large_are_refused_in_words(enrolled):
    """That no body reaches a disk: test_body_limit.py."""
    answer = send(enrolled, "performer", "张伟", (os.urandom(380_000),) * 3)
    assert (answer.status_code, "过大" in answer.json()["message"]) == (413, True)


def test_pictures_without_the_persons_own_consent_are_not_looked_at(bridge, enrolled):
    """Consent is asked for again where the pictures are worked on: a page is not believed."""
    number, _ = consent_of(enrolled, "guardian", "李娜")
    answer = send(enrolled, "performer", "张伟", pictures("performer"), consent=number)
    assert (answer.status_code, "同意" in answer.json()["message"]) == (422, True)


def test_without_the_forms_token_nothing_is_taken(enrolled):
    body = sent(1, pictures("performer"))
    answer = enrolled.http.post("/faces/performer/stills", content=body["data"], headers={"Content-Type": "application/json"})
    assert answer.status_code == 403


def test_whoever_may_not_enrol_sends_pictures_in_vain(bridge, enrolled):
    stranger = bridge.visitor("shen")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', stranger.get("/permits/new"))[1]
    body = sent(1, pictures("performer"))
    headers = {"Content-Type": "application/json", "X-CSRFToken": token, "Referer": str(stranger.http.base_url)}
    assert stranger.http.post("/faces/performer/stills", content=body["data"], headers=headers).status_code == 403


def test_somebody_who_resembles_another_goes_to_no_box_before_two_people_were_seen(bridge, enrolled):
    """ANT-01: one face under two names is found, and a person decides, not a number."""
    bridge.cli("person", "add", "double", "--name", "双影", "--badge", "7001")
    answer = send(enrolled, "double", "双影", pictures("performer"))
    assert answer.status_code == 200
    assert "张伟" in answer.json()["message"]
    assert "与他人相似" in enrolled.get("/faces/")
    enrolled.post("/faces/double/clear", {"why": "双胞胎，核对身份证"}, page="/faces/double/")
    assert "双胞胎" in enrolled.get("/faces/double/")
    enrolled.post("/faces/double/withdraw", {}, page="/faces/double/")


class FaceBox:
    """A box as far as faces go: a log that tells its key, and what it does with what it hears."""

    def __init__(self, name, keys):
        self.log, self.key = BoxLog(name), X25519PrivateKey.generate()
        self.keys = keys

    async def tell_key(self, side, bridge):
        self.log.leaf("template.key", key=published(self.key))
        await side.sync()
        await side.acknowledged(bridge.witness, len(self.log.leaves))

    def read(self, payload):
        return jws.verify(payload.decode(), jws.FACE, read_keys(self.keys / "faces_keys.json"), FaceClaims)

    async def heard(self, side, person, **wanted):
        """The newest statement about a person that says what is wanted."""

        def fits(payload):
            claims = self.read(payload)
            return claims.person == person and all(getattr(claims, k) == v for k, v in wanted.items())

        return self.read(await side.wait_for("faces", fits))

    async def answer(self, side, kind, claims, **data):
        self.log.leaf(kind, permit=claims.permit, chan=claims.person, iat=claims.iat, **data)
        await side.sync()


@pytest.fixture
def box(bridge, tmp_path, request):
    made = FaceBox(f"box-faces-{request.node.name[-6:].strip('_')}-{time.time_ns() % 10**6}", tmp_path)
    bridge.add_box(made.log)
    bridge.cli("box", "trust", made.log.box, "--out", str(tmp_path))
    return made


async def accepted(bridge, side, box):
    """A permit that the box has accepted."""
    await side.state("LOCKED")
    jti = await asyncio.to_thread(bridge.visitor("shen").apply, box.log.box)
    for approver in ("fang", "zhou"):
        await asyncio.to_thread(lambda a=approver: bridge.visitor(a).approve(jti))
    reader = bridge.visitor("shen")
    await asyncio.to_thread(until, lambda: reader.json(f"/api/v1/permits/{jti}")["state"] == "accepted")
    return jti


async def test_an_accepted_permit_brings_its_peoples_templates_to_its_box_sealed(bridge, enrolled, box):
    """PTW-07, BOX-01: for the permit that needs them, to the box that accepted it, readable by nobody else."""
    async with connected(box.log, bridge.host, bridge.port, box.keys) as side:
        await box.tell_key(side, bridge)
        jti = await accepted(bridge, side, box)
        for person in PEOPLE:
            claims = await box.heard(side, person)
            assert (claims.aud, claims.permit, claims.withdrawn) == (box.log.box, jti, False)
            template = msgspec.json.decode(open_sealed(claims, box.key), type=Template)
            assert (template.person, template.permit, template.expires) == (person, jti, claims.exp)
            assert unpack(template).shape[0] == 4
            await box.answer(side, "template.kept", claims, engine=template.engine)
        page = await asyncio.to_thread(
            until, lambda: (text := enrolled.get(f"/permits/{jti}/")).count("已在盒子") == 2 and text
        )
        assert page
        assert {box.read(payload).person for payload in side.heard["faces"]} == set(PEOPLE)


async def test_no_template_leaves_before_the_box_has_accepted_the_permit_and_told_its_key(bridge, enrolled, box):
    async with connected(box.log, bridge.host, bridge.port, box.keys) as side:
        side.accepts = False
        await side.state("LOCKED")
        jti = await asyncio.to_thread(bridge.visitor("shen").apply, box.log.box)
        for approver in ("fang", "zhou"):
            await asyncio.to_thread(lambda a=approver: bridge.visitor(a).approve(jti))
        token = (await side.wait_for("permit")).decode()
        await box.tell_key(side, bridge)
        assert "faces" not in side.heard
        side.accepts = True
        await side._accept(token)
        await box.heard(side, "performer", permit=jti)


async def test_a_withdrawn_consent_is_told_to_the_box_until_its_log_says_deleted(bridge, enrolled, box):
    """PIPL 47: deleted wherever it is."""
    bridge.cli("person", "add", "leaver", "--name", "黎明", "--badge", str(7100 + time.time_ns() % 800))
    answer = await asyncio.to_thread(send, enrolled, "leaver", "黎明", pictures("leaver"))
    assert answer.status_code == 200, answer.text
    async with connected(box.log, bridge.host, bridge.port, box.keys) as side:
        await box.tell_key(side, bridge)
        await side.state("LOCKED")
        visitor = bridge.visitor("shen")
        jti = await asyncio.to_thread(lambda: visitor.apply(box.log.box, performer="leaver"))
        for approver in ("fang", "zhou"):
            await asyncio.to_thread(lambda a=approver: bridge.visitor(a).approve(jti))
        first = await box.heard(side, "leaver")
        await box.answer(side, "template.kept", first, engine="x")
        await asyncio.to_thread(lambda: enrolled.post("/faces/leaver/withdraw", {}, page="/faces/leaver/"))
        claims = await box.heard(side, "leaver", sealed="")
        assert claims.iat > first.iat
        await box.answer(side, "template.removed", claims, why="withdrawn")
        await asyncio.to_thread(until, lambda: "盒子已删除" in enrolled.get("/faces/leaver/"))


async def test_a_box_with_another_key_gets_its_templates_sealed_anew(bridge, enrolled, box):
    """Its card was replaced: what was sealed to the old key opens no more."""
    async with connected(box.log, bridge.host, bridge.port, box.keys) as side:
        await box.tell_key(side, bridge)
        await accepted(bridge, side, box)
        first = await box.heard(side, "performer")
        await box.answer(side, "template.refused", first, code="template_sealed")
        box.key = X25519PrivateKey.generate()
        await box.tell_key(side, bridge)

        def opens(payload):
            claims = box.read(payload)
            if claims.person != "performer" or claims.iat == first.iat:
                return False
            return open_sealed(claims, box.key) is not None

        await side.wait_for("faces", opens)


def test_the_child_that_sees_pictures_can_write_no_file_and_ends(bridge, enrolled):
    """Whatever a picture does to a decoder, it finds neither key nor disk, and is gone."""
    code = (
        "import resource, sys; from cloud_bridge.enrolment.measure import confine; confine()\n"
        "names = [n for n in sys.modules if n.split('.')[0] == 'django' or n == 'cloud_bridge.enrolment.vault']\n"
        "try:\n open(sys.argv[1], 'wb', 0).write(b'x'); print('wrote')\n"
        "except OSError as error: print(error.errno, names, resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
    )
    target = bridge.data.parent / "written"
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)], capture_output=True, text=True, cwd=ROOT, env=clean_environment(), check=False
    )
    assert done.stdout.strip() == "27 [] 0", done.stderr
    assert target.read_text() == ""
    target.unlink()
    process = next(p for p in psutil.Process(bridge.process.pid).children() if p.name() == "hb-enrolment")
    assert process.children() == [], "nobody is being enrolled"


def test_the_key_of_the_templates_can_be_changed_while_the_bridge_runs(bridge, enrolled):
    before = (bridge.data / "faces" / "template.key").read_text()
    sealed = {row[0]: bytes(value) for row in tables(bridge)["enrolment_facetemplate"] for value in row if isinstance(value, bytes)}
    said = bridge.cli("faces", "rotate-key")
    assert f"{len(sealed)} templates" in said
    after = (bridge.data / "faces" / "template.key").read_text()
    assert after != before
    again = {row[0]: bytes(value) for row in tables(bridge)["enrolment_facetemplate"] for value in row if isinstance(value, bytes)}
    assert {head(body).key for body in again.values()}.isdisjoint({head(body).key for body in sealed.values()})
    assert not (bridge.data / "faces" / "template.key.next").exists()
    assert send(enrolled, "performer", "张伟", pictures("performer")).status_code == 200, "and is used"


def test_the_command_line_lists_and_withdraws(bridge, enrolled):
    bridge.cli("person", "add", "paper", "--name", "白纸", "--badge", str(8000 + time.time_ns() % 900))
    assert send(enrolled, "paper", "白纸", pictures("paper")).status_code == 200
    listed = json.loads(bridge.cli("faces", "list", "--json"))
    assert {"performer", "guardian", "paper"} <= {row["person"] for row in listed}
    assert all(set(row) == {"person", "name", "days", "engine", "model", "consent", "by", "doubted"} for row in listed)
    bridge.cli("faces", "withdraw", "paper")
    assert "paper" not in {row["person"] for row in json.loads(bridge.cli("faces", "list", "--json"))}
    bridge.cli("faces", "withdraw", "paper", code=1)
    bridge.cli("faces", "withdraw", "nobody-here", code=2)
