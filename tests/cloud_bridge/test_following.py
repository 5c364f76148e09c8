"""What follows from a record follows once, and is not lost when it cannot be done at once."""

import logging

import pytest

from contracts.errors import ContractError
from tests.cloud_bridge.box_side import BoxLog
from tests.cloud_bridge.recordings import segment


@pytest.fixture
def log(django_data, request):
    from cloud_bridge.boxes.models import PendingRecord
    from cloud_bridge.boxes.registry import register

    PendingRecord.objects.all().delete()
    found = BoxLog(f"box-follow-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey)
    return found


def pending(log):
    from cloud_bridge.boxes.models import PendingRecord

    return PendingRecord.objects.filter(event__box=log.box)


def worked_off(log):
    """As the worker does, once the pause after a failure is over."""
    from cloud_bridge.boxes.following import work_off

    pending(log).update(due_ms=0)
    return work_off()


def test_an_index_row_that_could_not_be_made_is_made_later(log, monkeypatch, caplog):
    """ANT-11: the record is stored, its batch answered; the row follows."""
    from cloud_bridge.boxes.following import work_off
    from cloud_bridge.boxes.models import Event
    from cloud_bridge.video.models import Clip

    one, other = segment(), segment()
    log.leaf("video.segment", permit="HW-F-1", **one.record())
    log.leaf("video.segment", permit="HW-F-1", **other.record())
    make = Clip.objects.get_or_create

    def fails(**fields):
        made = make(**fields)
        if fields["commitment"] == one.commitment:
            raise OSError(5, "Input/output error")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(Clip.objects, "get_or_create", fails)
        log.store()
        assert Event.objects.filter(box_id=log.box).count() == 2
        log.witness()
        (row,) = pending(log)
        assert (row.event.seq, row.tries, "Input/output error" in row.why) == (0, 1, True)
        assert not Clip.objects.filter(commitment=one.commitment).exists(), "what it had begun is taken back"
        assert Clip.objects.filter(commitment=other.commitment).exists(), "nobody else waits for it"
        assert work_off() == 0, "not at once again"
        assert worked_off(log) == 1
        assert pending(log).get().tries == 2
    assert "Input/output error" in caplog.text
    assert worked_off(log) == 1
    assert Clip.objects.get(commitment=one.commitment).permit == "HW-F-1"
    assert not pending(log).exists()


EVIDENCE = {
    "video.segment", "evidence.erased", "identity.refused", "template.kept", "template.removed", "template.refused",
    "template.key",
}  # fmt: skip


def test_nobody_acts_on_evidence_that_is_not_signed_for(log):
    """ANT-11, ANT-02, PTW-17: whatever it speaks of, it waits; one of an epoch that nobody authorised waits for good."""
    from cloud_bridge.boxes.following import waiting
    from cloud_bridge.boxes.witness import Held, agree

    log.leaf()
    log.store()
    log.witness()
    forged = log.begun_by_another(2)
    kinds = sorted(EVIDENCE)
    for kind in kinds:
        forged.leaf(kind, permit="HW-F-9")
    forged.store()
    with pytest.raises((ContractError, Held)):
        agree(log.box, forged.note().encode())
    assert waiting() >= EVIDENCE
    assert sorted(row.event.type for row in pending(log)) == kinds
    assert worked_off(log) == 0
    assert all(row.unwitnessed and not row.tries for row in pending(log))


def test_an_erasure_that_the_disk_refused_is_done_later(log, monkeypatch, django_data):
    """A passer-by's picture goes, whatever the disk said when the box's log came."""
    from cloud_bridge.video.intake import Intake
    from cloud_bridge.video.models import Clip
    from cloud_bridge.video.shelf import Shelf

    shelf, one = Shelf(django_data.media), segment()
    log.leaf("video.segment", permit="HW-F-2", **one.record(keep=False))
    log.store()
    log.witness()
    intake = Intake(shelf, 2**30)
    for payload in one.pieces():
        intake.take(log.box, payload)
    log.leaf("evidence.erased", "warning", kind="video", commitment=one.commitment, why="a passer-by")
    log.store()
    assert [row.unwitnessed for row in pending(log)] == [True]
    assert worked_off(log) == 0, "nobody has signed for it yet"

    def fails(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "erase", fails)
        logging.disable(logging.ERROR)
        try:
            log.witness()
        finally:
            logging.disable(logging.NOTSET)
    assert Clip.objects.get(commitment=one.commitment).is_held
    assert worked_off(log) == 1
    assert Clip.objects.get(commitment=one.commitment).state == "erased"
    assert not shelf.path(log.box, one.commitment).exists()
    assert not pending(log).exists()


def test_what_cannot_be_done_for_long_is_told_by_check(log, monkeypatch, cli):
    from cloud_bridge.video.models import Clip

    def fails(**_):
        raise OSError(5, "Input/output error")

    log.leaf("video.segment", permit="HW-F-3", **segment().record())
    with monkeypatch.context() as patch:
        patch.setattr(Clip.objects, "get_or_create", fails)
        log.store()
        log.witness()
        assert "not acted on" not in _check(cli)
        for _ in range(3):
            worked_off(log)
        said = cli("check", "--quick", code=1)
    assert "records not acted on: expected none, got 1" in said
    assert "Input/output error" in said


def _check(cli):
    try:
        return cli("check", "--quick")
    except AssertionError as error:
        return str(error)
