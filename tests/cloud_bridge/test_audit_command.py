"""`hotbox-bridge audit held` and `hotbox audit verify --held`: what the bridge witnessed convicts a rewritten log."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from contracts import topics
from edge.audit.cli import app as box_audit
from tests.edge.audit.site import BOX, Station, append_all, checkpoint, draft


@pytest.fixture(scope="module")
def station(django_data, tmp_path_factory):
    """A box's real log, sent to the bridge and witnessed in three steps; no answer came back to the box."""
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_batch
    from cloud_bridge.boxes.witness import agree, newest_ack
    from cloud_bridge.keys import cosign_key, witness_name

    found = Station(tmp_path_factory.mktemp("box"))
    register(BOX, found.trust()[0].vkey())
    log = found.open()
    sent = 0
    for cosigned in (True, False, True):
        append_all(log, [draft({"n": n}) for n in range(20)])
        note = checkpoint(log)
        reader = found.reader()
        leaves = [reader.leaf(seq) for seq in range(sent, reader.size())]
        reader.close()
        store_batch(BOX, *topics.unpack_batch(topics.pack_batch(reader.origin, sent, leaves)))
        sent += len(leaves)
        agreed = agree(BOX, note.encode())
        if cosigned:
            newest_ack(agreed, witness_name(), cosign_key(django_data))
    log.close()
    return found


@pytest.fixture
def trust(station, django_data, tmp_path):
    """Whom an investigator trusts: the box's log key and the bridge's witness."""
    path = tmp_path / "trust.txt"
    path.write_text(f"{station.trust()[0].vkey()}\n{(django_data.public / 'witness.vkey').read_text()}")
    return path


def verify(db, trust, held=None):
    """Exit code and report of the box's own command."""
    words = ["verify", "--db", str(db), "--trust", str(trust), "--json", *(["--held", str(held)] if held else [])]
    done = CliRunner().invoke(box_audit, words, obj=None)
    return done.exit_code, json.loads(done.output)


def copy_of(station, tmp_path):
    target = tmp_path / "copy.db"
    source, copy = sqlite3.connect(station.path), sqlite3.connect(target)
    source.backup(copy)
    source.close()
    return target, copy


def test_held_checkpoints_witness_a_log_whose_own_acknowledgements_are_missing(cli, station, trust, tmp_path):
    """ANT-09, PTW-06: both ends together."""
    assert verify(station.path, trust)[0] == 4, "the box alone cannot show a witness"
    held = tmp_path / "held"
    said = json.loads(cli("audit", "held", BOX, "--out", str(held), "--json"))
    assert said["notes"] == len(list(held.iterdir())) == 3
    code, report = verify(station.path, trust, held)
    assert (code, report["status"], report["witnessed"]) == (0, "ok", report["size"])


def test_a_log_cut_back_to_an_older_state_is_convicted(cli, station, trust, tmp_path):
    """The card's holder took the newest records away, and every trace of them in the file."""
    held = tmp_path / "held"
    cli("audit", "held", BOX, "--out", str(held))
    target, copy = copy_of(station, tmp_path)
    (size,) = copy.execute("SELECT min(size) FROM checkpoint WHERE size > 20").fetchone()
    triggers = copy.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _sql in triggers:
        copy.execute(f"DROP TRIGGER {name}")
    for statement in ("DELETE FROM event WHERE seq >= ?", "DELETE FROM checkpoint WHERE size > ?"):
        copy.execute(statement, (size,))
    for _name, sql in triggers:
        copy.execute(sql)
    copy.commit()
    copy.close()
    assert verify(target, trust)[0] == 4, "without the bridge nothing is missing"
    code, report = verify(target, trust, held)
    assert (code, report["status"], report["reason"], report["first_bad"]) == (2, "inconsistent", "shorter", size)


def test_another_log_under_the_same_key_is_convicted(cli, station, trust, tmp_path):
    """Whoever has the box's key signs a new history; the bridge's notes do not fit it."""
    held = tmp_path / "held"
    cli("audit", "held", BOX, "--out", str(held))
    forged = Station(tmp_path / "forged")
    forged.key = station.key
    log = forged.open()
    append_all(log, [draft({"n": n, "tidy": True}) for n in range(80)])
    checkpoint(log)
    log.close()
    assert verify(forged.path, trust)[0] == 4
    code, report = verify(forged.path, trust, held)
    assert (code, report["status"], report["reason"]) == (2, "inconsistent", "history")


def test_a_forged_note_in_the_folder_is_no_evidence(cli, station, trust, tmp_path):
    held = tmp_path / "held"
    cli("audit", "held", BOX, "--out", str(held))
    newest = max(held.iterdir())
    origin, size, root, *rest = newest.read_text().split("\n")
    newest.write_text("\n".join([origin, str(int(size) + 1), root, *rest]))
    assert verify(station.path, trust, held)[0] == 3


def test_what_cannot_be_written_is_said(cli, station, tmp_path):
    from cloud_bridge.boxes.registry import register
    from tests.cloud_bridge.box_side import BoxLog

    assert "expected a registered box, got none-such" in cli(
        "audit", "held", "none-such", "--out", str(tmp_path), code=3
    )
    register("box-silent", BoxLog("box-silent").vkey)
    assert "that the bridge witnessed, got none" in cli("audit", "held", "box-silent", "--out", str(tmp_path), code=3)
    (tmp_path / "other.note").write_text("of another box")
    assert "expected a new or an empty folder" in cli("audit", "held", BOX, "--out", str(tmp_path), code=3)
    in_the_way = str(tmp_path / "other.note")
    assert "expected a folder that can be written" in cli("audit", "held", BOX, "--out", in_the_way, code=3)


def test_what_somebody_changed_in_the_bridges_own_copy_is_named(station, django_data):
    """ANT-09: every leaf and every promise is read again; nothing that the ingest computed is believed."""
    from django.db import transaction

    from cloud_bridge.boxes.models import Checkpoint, Event, Log
    from cloud_bridge.boxes.verify import verify_log
    from contracts.checkpoint import Checkpoint as Statement
    from contracts.checkpoint import NoteKey, sign

    log = Log.objects.get(box=BOX)
    witness = NoteKey.parse((django_data.public / "witness.vkey").read_text())
    sizes = sorted(log.checkpoints.values_list("size", flat=True))
    leaves, promises = Event.objects.filter(box=BOX, log=1), Checkpoint.objects.filter(log=log)
    forged = sign(Statement(log.origin, sizes[1], bytes(32)), log.origin, station.key)
    cut_note = log.checkpoints.get(size=sizes[0]).cosigned[:-9] + "AAAAAAA=\n"
    changes = {
        f"the log ends at {sizes[0]}, but {sizes[-1]} records were witnessed": lambda: (
            leaves.filter(seq__gte=sizes[0]).delete(), promises.filter(size=sizes[1]).delete()
        ),
        "record 10 is missing": lambda: leaves.filter(seq=10).delete(),
        f"the records up to {sizes[1]} differ": lambda: promises.filter(size=sizes[1]).update(note=forged, cosigned=""),
        f"checkpoint at {sizes[0]}": lambda: promises.filter(size=sizes[0]).update(cosigned=cut_note),
        "record 9: pages show t 5, it says": lambda: leaves.filter(seq=9).update(t=5),
        "record 9: pages show type 'system.start', it says 'gas.reading'": lambda: leaves.filter(seq=9).update(
            type="system.start"
        ),
        "record 9: pages show cat 'permit', it says 'gas'": lambda: leaves.filter(seq=9).update(cat="permit"),
        "record 0: pages show sev 'alarm', it says 'info'": lambda: leaves.filter(seq=0).update(sev="alarm"),
        "pages show permit 'HW-1', it says ''": lambda: leaves.filter(seq=sizes[-1] - 1).update(permit="HW-1"),
        "record 7: ": lambda: leaves.filter(seq=7).update(leaf=b'{"data":' + b"[" * 5000),
    }  # fmt: skip
    assert (verify_log(log, witness).bad, verify_log(log, witness).witnessed) == ("", sizes[-1])
    for said, change in changes.items():
        with transaction.atomic():
            change()
            assert said in verify_log(log, witness).bad
            transaction.set_rollback(True)
    assert not verify_log(log, witness).bad


def test_a_promise_that_was_never_cosigned_witnesses_nothing(station, django_data):
    """A newer one overtook it, or somebody emptied it: what it covers counts as soon as the newer one does."""
    from django.db import transaction

    from cloud_bridge.boxes.models import Checkpoint, Log
    from cloud_bridge.boxes.verify import verify_log
    from contracts.checkpoint import NoteKey

    log = Log.objects.get(box=BOX)
    witness = NoteKey.parse((django_data.public / "witness.vkey").read_text())
    sizes = sorted(log.checkpoints.values_list("size", flat=True))
    assert log.checkpoints.get(size=sizes[1]).cosigned == ""
    with transaction.atomic():
        Checkpoint.objects.filter(log=log, size=sizes[-1]).update(cosigned="")
        found = verify_log(log, witness)
        transaction.set_rollback(True)
    assert (found.bad, found.witnessed, found.unwitnessed) == ("", sizes[0], sizes[-1] - sizes[0])
    assert verify_log(log, witness).unwitnessed == 0


def test_wrong_use_is_no_finding(django_data):
    """2 says elsewhere that a log contradicts its witness: a slip of the pen must not read so."""
    from cloud_bridge.commands.audit import app

    for words in (["verify", "--bogus"], ["verify", "a", "b"], ["nope"]):
        assert CliRunner().invoke(app, words, obj=None).exit_code == 3
