"""The templates' key lies beside the database, can be changed at any moment, and pictures are kept only by policy, erasably."""

import stat
import subprocess

import numpy as np
import pytest

from contracts.commitment import opens
from contracts.errors import ContractError
from faces.seal import head
from tests.cloud_bridge.enrolling import enrolled, person, template_of


@pytest.fixture
def data(django_data):
    from cloud_bridge.enrolment.models import Consent, FaceDelivery, FacePolicy, FaceTemplate

    for table in (FaceDelivery, FaceTemplate, Consent, FacePolicy):
        table.objects.all().delete()
    return django_data


def held(code):
    from cloud_bridge.enrolment.models import FaceTemplate

    return FaceTemplate.objects.get(person__code=code)


def opened(data, code):
    from cloud_bridge.enrolment.vault import Vault

    return Vault(data).open(bytes(held(code).sealed), code)


def test_the_key_is_made_once_and_for_one_process(data):
    from cloud_bridge.enrolment.vault import Vault

    Vault(data)
    key = data.faces / "template.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text()
    Vault(data)
    assert key.read_text() == before


def test_a_sealed_template_opens_for_its_person_alone(data):
    from cloud_bridge.enrolment.vault import Vault

    vault = Vault(data)
    sealed = vault.seal(template_of("performer"))
    assert vault.open(sealed, "performer") == template_of("performer")
    with pytest.raises(ContractError, match="person"):
        vault.open(sealed, "guardian")


def test_a_changed_key_opens_everything_and_the_old_one_is_gone(data):
    from cloud_bridge.enrolment.vault import Vault, change_key

    enrolled(data, "performer")
    before, old = bytes(held("performer").sealed), (data.faces / "template.key").read_text()
    assert change_key(data) == 1
    assert head(bytes(held("performer").sealed)).key != head(before).key
    assert opened(data, "performer") == template_of("performer")
    assert (data.faces / "template.key").read_text() != old
    with pytest.raises(ContractError, match="key"):
        Vault(data).open(before, "performer")


@pytest.mark.parametrize("cut", ["before", "between", "after"])
def test_a_change_that_was_cut_short_is_finished_by_the_next_one(data, cut):
    """A power cut: before any template was sealed anew, after all were, and with the old key gone already."""
    from cloud_bridge.enrolment.vault import Vault, change_key
    from faces.keyfile import make_key

    enrolled(data, "performer")
    vault = Vault(data)
    make_key(str(vault.coming))
    row = held("performer")
    if cut != "before":
        row.sealed = vault.seal(vault.open(bytes(row.sealed), "performer"))
        row.save()
    if cut == "after":
        vault.path.unlink()
    assert opened(data, "performer") == template_of("performer"), "it works meanwhile"
    enrolled(data, "guardian", np.eye(3, 128, 60, dtype=np.float32))
    assert change_key(data) == 2
    for code in ("performer", "guardian"):
        assert opened(data, code).person == code
    assert not vault.coming.exists()


class Cut(BaseException):
    """The power goes."""


STEPS = ("rename template.key", "rename template.key.next", "write template.key.old", "unlink template.key.old")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("again", [False, True], ids=["not run again", "run again"])
def test_a_power_cut_at_any_step_leaves_every_template_readable(data, monkeypatch, step, again):
    """Also half of what is being destroyed: zeros where the old key was."""
    from pathlib import Path

    from cloud_bridge.enrolment.vault import Vault, change_key

    enrolled(data, "performer")
    what, _space, name = step.partition(" ")
    real = getattr(Path, "open" if what == "write" else what)

    def cut(self, *words, **more):
        if self.name != name:
            return real(self, *words, **more)
        if what == "write":
            with real(self, "r+b") as file:
                file.write(bytes(20))
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open" if what == "write" else what, cut)
        with pytest.raises(Cut):
            change_key(data)
    assert opened(data, "performer") == template_of("performer")
    enrolled(data, "guardian", np.eye(3, 128, 60, dtype=np.float32))
    if again:
        assert change_key(data) == 2
        assert sorted(path.name for path in data.faces.glob("template.key*")) == ["template.key"]
    Vault(data)
    for code in ("performer", "guardian"):
        assert opened(data, code).person == code


def test_an_old_key_that_a_power_cut_left_behind_is_destroyed_by_the_process(data, monkeypatch):
    from cloud_bridge.enrolment import vault
    from cloud_bridge.enrolment.process import Enrolment
    from cloud_bridge.process import SignOfLife

    enrolled(data, "performer")

    def cut(_):
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(vault, "_destroy", cut)
        with pytest.raises(Cut):
            vault.change_key(data)
    assert (data.faces / "template.key.old").exists()
    desk = _desk(data)
    Enrolment(data, SignOfLife(data.run, "test"))._look(desk)
    assert not (data.faces / "template.key.old").exists()
    assert opened(data, "performer") == template_of("performer")


def _desk(data):
    from cloud_bridge.enrolment.deliveries import Desk

    return Desk.of(data)


def test_a_template_that_does_not_open_stops_the_change_and_nothing_is_lost(data):
    from cloud_bridge.enrolment.vault import change_key

    enrolled(data, "performer")
    row = held("performer")
    good = bytes(row.sealed)
    row.sealed = good[:-1] + bytes([good[-1] ^ 1])
    row.save()
    with pytest.raises(ContractError):
        change_key(data)
    row.sealed = good
    row.save()
    assert opened(data, "performer") == template_of("performer")
    assert change_key(data) == 1


def test_no_picture_is_kept_unless_the_policy_says_so(data):
    from cloud_bridge.enrolment import stills
    from cloud_bridge.enrolment.models import KeptStill

    enrolled(data, "performer")
    assert not KeptStill.objects.exists()
    assert not stills.folder(data).exists()


def test_kept_pictures_lie_under_salted_commitments_and_go_with_the_consent(data):
    """The database knows the commitment alone; once the salt is gone it says nothing about anybody."""
    from cloud_bridge.enrolment import service, stills
    from cloud_bridge.enrolment.models import Consent, FacePolicy, KeptStill

    FacePolicy.objects.create(pk=1, keep_stills=True)
    enrolled(data, "performer")
    commitments = set(KeptStill.objects.values_list("commitment", flat=True))
    assert len(commitments) == 3
    for commitment in commitments:
        path = stills.folder(data) / f"{commitment}.jpg"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert opens(commitment, path.with_suffix(".salt").read_bytes(), path.read_bytes())
    assert stills.erase_others(data, commitments) == []
    service.forget(person("performer"), Consent.End.WITHDRAWN)
    assert set(stills.erase_others(data, set(KeptStill.objects.values_list("commitment", flat=True)))) == commitments
    assert list(stills.folder(data).iterdir()) == []


def sent(consent, data):
    """Pictures under a consent, as the process keeps them."""
    import msgspec

    from cloud_bridge.enrolment import enrolling, wire

    answer = wire.Answer(ok=True, template=msgspec.json.encode(template_of("performer")), stills=3)
    return enrolling._keep(wire.Enrol("performer", consent.pk, "an", "x", (b"x", b"y", b"z")), answer, data)


def test_no_picture_is_kept_of_whoever_was_told_that_none_is(data):
    """The page was open before the policy changed: other words, so first they are agreed to."""
    from cloud_bridge.enrolment import enrolling, stills, wire
    from cloud_bridge.enrolment.models import FacePolicy, FaceTemplate, KeptStill
    from tests.cloud_bridge.enrolling import agreed

    consent = agreed("performer")
    assert "不保存" in consent.text.text
    FacePolicy.objects.create(pk=1, keep_stills=True)
    asked = wire.Enrol("performer", consent.pk, "an", "x", (b"x", b"y", b"z"))
    assert enrolling.consent_of(asked) is None, "nor are they measured"
    told = sent(consent, data)
    assert (told.ok, told.why) == (False, "consent")
    assert not FaceTemplate.objects.exists()
    assert not KeptStill.objects.exists()
    assert not list(stills.folder(data).glob("*")) if stills.folder(data).exists() else True
    assert sent(agreed("performer"), data).ok
    assert KeptStill.objects.count() == 3


@pytest.mark.parametrize("how", ["policy", "consent"])
def test_pictures_go_once_the_policy_or_the_persons_consent_keeps_none(data, how):
    from cloud_bridge.enrolment import stills
    from cloud_bridge.enrolment.models import FacePolicy, FaceTemplate, KeptStill
    from cloud_bridge.enrolment.process import Enrolment
    from cloud_bridge.process import SignOfLife
    from tests.cloud_bridge.enrolling import agreed

    FacePolicy.objects.create(pk=1, keep_stills=True)
    enrolled(data, "performer")
    process, desk = Enrolment(data, SignOfLife(data.run, "test")), _desk(data)
    process._look(desk)
    assert len(list(stills.folder(data).glob("*.jpg"))) == 3
    FacePolicy.objects.update(keep_stills=False)
    if how == "consent":
        consent = agreed("performer")
        assert not KeptStill.objects.exists(), "with the word that says so"
        assert FaceTemplate.objects.get().consent == consent
    process._look(desk)
    assert not KeptStill.objects.exists()
    assert not list(stills.folder(data).iterdir())
    assert FaceTemplate.objects.exists(), "the template stays"


def test_one_picture_that_cannot_be_erased_keeps_no_other_and_stops_nobody(data, monkeypatch):
    from pathlib import Path

    from cloud_bridge.enrolment import service, stills
    from cloud_bridge.enrolment.models import Consent, FacePolicy, KeptStill
    from cloud_bridge.enrolment.process import Enrolment
    from cloud_bridge.process import SignOfLife

    FacePolicy.objects.create(pk=1, keep_stills=True)
    enrolled(data, "performer")
    stuck = min(KeptStill.objects.values_list("commitment", flat=True))
    service.forget(person("performer"), Consent.End.WITHDRAWN)
    process, desk, unlink = Enrolment(data, SignOfLife(data.run, "test")), _desk(data), Path.unlink

    def fails(self, *words, **more):
        if self.stem == stuck:
            raise OSError(30, "Read-only file system")
        unlink(self, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fails)
        process._look(desk)
    assert {path.stem for path in stills.folder(data).iterdir()} == {stuck}
    process._look(desk)
    assert not list(stills.folder(data).iterdir())


async def test_a_disk_that_keeps_no_template_is_told_as_what_it_is(data, monkeypatch):
    from cloud_bridge.enrolment import enrolling, wire
    from cloud_bridge.enrolment.process import Enrolment
    from cloud_bridge.process import SignOfLife

    async def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(enrolling, "enrol", fails)
    told = await Enrolment(data, SignOfLife(data.run, "test"))._in_turn(wire.Enrol("performer", 1, "an", "x", (b"x",)))
    assert (told.ok, told.why, "无法保存" in told.zh, "could not store it" in told.en) == (False, "storage", True, True)


def test_enrolling_again_replaces_template_and_pictures(data):
    from cloud_bridge.enrolment.models import FacePolicy, FaceTemplate, KeptStill

    FacePolicy.objects.create(pk=1, keep_stills=True)
    enrolled(data, "performer")
    first = set(KeptStill.objects.values_list("commitment", flat=True))
    enrolled(data, "performer", created=1_790_000_500)
    assert FaceTemplate.objects.count() == 1
    assert first.isdisjoint(KeptStill.objects.values_list("commitment", flat=True))


def _files_of_the_database(data):
    """Every byte that the database's files hold, its journal written back."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = sorted(data.database.parent.glob(f"{data.database.name}*"))
    return subprocess.run(["cat", *files], check=True, capture_output=True).stdout


def test_a_template_that_was_replaced_or_withdrawn_is_in_no_file_of_the_database(data):
    """PIPL 47: the key stays, so what a free page still held would open."""
    from cloud_bridge.enrolment import service
    from cloud_bridge.enrolment.models import Consent

    enrolled(data, "performer")
    first = bytes(held("performer").sealed)[-600:]
    assert first[:200] in _files_of_the_database(data)
    enrolled(data, "performer", created=1_790_000_500)
    second = bytes(held("performer").sealed)[-600:]
    there = _files_of_the_database(data)
    assert not any(first[at : at + 32] in there for at in range(0, 600, 32))
    assert second[:200] in there
    service.forget(person("performer"), Consent.End.WITHDRAWN)
    there = _files_of_the_database(data)
    assert not any(second[at : at + 32] in there for at in range(0, 600, 32))


def test_somebody_whose_template_does_not_open_is_named_when_others_are_enrolled(data):
    """Nobody is enrolled who could not be compared; the way out is said."""
    enrolled(data, "performer")
    row = held("performer")
    row.sealed = bytes(row.sealed)[:-1]
    row.save()
    with pytest.raises(ContractError, match=r"template of performer.*withdraw performer"):
        enrolled(data, "guardian", np.eye(3, 128, 60, dtype=np.float32))


def test_vectors_of_another_length_are_compared_with_nobody_and_not_kept(data):
    from cloud_bridge.enrolment.models import FaceTemplate

    enrolled(data, "performer")
    with pytest.raises(ContractError, match="128 numbers each, got 192"):
        enrolled(data, "guardian", np.eye(3, 192, dtype=np.float32))
    assert FaceTemplate.objects.count() == 1


def test_a_consent_that_ended_while_the_pictures_were_measured_enrols_nobody(data):
    import msgspec

    from cloud_bridge.enrolment import enrolling, service, wire
    from cloud_bridge.enrolment.models import Consent, FaceTemplate
    from tests.cloud_bridge.enrolling import agreed

    consent = agreed("performer")
    service.forget(person("performer"), Consent.End.WITHDRAWN)
    answer = wire.Answer(ok=True, template=msgspec.json.encode(template_of("performer")), stills=3)
    told = enrolling._keep(wire.Enrol("performer", consent.pk, "an", "x", (b"x",)), answer, data)
    assert (told.ok, told.why) == (False, "consent")
    assert not FaceTemplate.objects.exists()


@pytest.mark.parametrize(("apart", "doubted"), [(0.0, True), (0.499, True), (0.501, False)])
def test_whoever_lies_within_the_limit_of_another_is_doubted(data, apart, doubted):
    """ANT-01: at the limit that boxes match by, and not beyond."""
    rows = np.zeros((3, 128), np.float32)
    enrolled(data, "performer", rows)
    other = rows.copy()
    other[:, 0] = apart
    answer = enrolled(data, "guardian", other)
    assert (answer.nearest != "", held("guardian").doubted) == (doubted, doubted)
    if doubted:
        assert answer.nearest_milli == max(1, round(apart * 1000))


def test_templates_of_another_engine_are_not_compared(data):
    import msgspec

    from cloud_bridge.enrolment import enrolling, wire
    from tests.cloud_bridge.enrolling import agreed

    enrolled(data, "performer")
    consent = agreed("guardian")
    other = msgspec.structs.replace(template_of("guardian"), engine="sface")
    answer = wire.Answer(ok=True, template=msgspec.json.encode(other), stills=3)
    assert enrolling._keep(wire.Enrol("guardian", consent.pk, "an", "x", (b"x",)), answer, data).nearest == ""


def test_check_names_a_templates_key_that_others_can_read(data, cli):
    from cloud_bridge.boxes.models import Alert
    from cloud_bridge.enrolment.vault import Vault

    Vault(data)
    Alert.objects.filter(open=True).update(open=False)
    key = data.faces / "template.key"
    key.chmod(0o644)
    try:
        assert "template.key: expected mode 0600, got 0644" in cli("check", code=1)
    finally:
        key.chmod(0o600)
    assert "✔" in cli("check")
