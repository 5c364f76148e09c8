"""What `link` brings over its socket is judged in the process that drives the relay, and answered on the same socket."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import checkpoint, jws
from contracts.permit import Command, Revocations, Verb
from edge import sockets
from edge.audit.reader import Reader
from edge.interlock import evidence
from tests.edge.cli.box import Box, make_idle, until


class Link:
    """Stands in the place of the link process: hands over what a bridge signed, keeps what it is told."""

    def __init__(self, end: socket.socket) -> None:
        self.answers: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {}
        self._end = end
        self._end.setblocking(True)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def send(self, item: evidence.Evidence) -> None:
        assert sockets.send(self._end, evidence.encode(item))

    def send_bytes(self, datagram: bytes) -> None:
        assert sockets.send(self._end, datagram)

    def offer(self, make: Callable[..., evidence.Evidence], signed: str) -> None:
        self.send(make(sockets.now_us(), signed))

    def answered(self, make: Callable[..., evidence.Evidence], signed: str) -> dict[str, Any]:
        """Offer and wait for the answer."""
        before = len(self.answers)
        self.offer(make, signed)
        until(lambda: len(self.answers) > before, "an answer")
        return self.answers[-1]

    def close(self) -> None:
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._end.close()

    def _hear(self) -> None:
        while datagram := self._end.recv(sockets.MAX_DATAGRAM):
            message = evidence.decode_message(datagram)
            if isinstance(message, evidence.Told):
                self.answers.append(msgspec.json.decode(message.response))
            elif isinstance(message, evidence.Pulse):
                self.status = msgspec.json.decode(message.status)


@pytest.fixture(scope="module")
def linked() -> Iterator[tuple[Box, Link]]:
    """A locked box and its link."""
    for box in make_idle():
        inner, outer = sockets.pair()
        box.start(link=inner)
        inner.close()
        link = Link(outer)
        yield box, link
        link.close()


def _events(box: Box, kind: str) -> list[Any]:
    log = Reader.open(box.folder / "data" / "audit" / "audit.db")
    try:
        return [event for event in log.events(0, log.size()) if event.type == kind]
    finally:
        log.close()


def test_link_is_told_the_status_once_a_second(linked: tuple[Box, Link]) -> None:
    """BOX-05: what the bridge and the metrics show comes from here."""
    box, link = linked
    first = until(lambda: link.status, "a status")
    until(lambda: link.status["evaluations"] > first["evaluations"], "a newer status")
    assert first["box"] == box.status()["box"]


def test_a_permit_is_answered_with_its_acceptance_and_a_forged_one_refused(linked: tuple[Box, Link]) -> None:
    """BOX-08."""
    box, link = linked
    head, body, _ = box.permit().split(".")
    forged = link.answered(evidence.PermitOffer, f"{head}.{body}.{'A' * 86}")
    assert (forged["ok"], forged["code"]) == (False, "forged")
    until(lambda: _events(box, "permit.refused"), "the refusal is in the log")
    permit = box.permit()
    for _ in range(2):
        accepted = link.answered(evidence.PermitOffer, permit)
        assert (accepted["id"], accepted["ok"], accepted["code"]) == ("HW-1", True, "accepted")
    assert box.status()["permit"]["id"] == "HW-1"


def test_a_revocation_list_revokes_and_its_number_only_rises(linked: tuple[Box, Link]) -> None:
    """BOX-08."""
    box, link = linked
    link.answered(evidence.PermitOffer, box.permit("HW-7"))
    listed = Revocations("bridge-1", "box-1", 7, int(time.time()), ("HW-7",))
    assert link.answered(evidence.RevocationOffer, jws.sign(listed, jws.REVOCATIONS, box.permit_key, "permit-1"))["ok"]
    before = len(link.answers)
    link.offer(evidence.RevocationOffer, jws.sign(listed, jws.REVOCATIONS, box.permit_key, "permit-1"))
    revoked = link.answered(evidence.PermitOffer, box.permit("HW-7"))
    assert len(link.answers) == before + 1, "the same list again is nothing new"
    assert revoked["code"] == "revoked"
    older = msgspec.structs.replace(listed, rev=6)
    refused = link.answered(evidence.RevocationOffer, jws.sign(older, jws.REVOCATIONS, box.permit_key, "permit-1"))
    assert not refused["ok"]


def test_a_command_is_obeyed_once(linked: tuple[Box, Link]) -> None:
    """Identify, and nothing that loosens."""
    box, link = linked
    now = int(time.time())
    asked = Command("bridge-1", "box-1", "c-1", Verb.IDENTIFY, now, now + 60)
    done = link.answered(evidence.CommandOffer, jws.sign(asked, jws.COMMAND, box.command_key, "command-1"))
    assert done["ok"], done
    box.wait_for(lambda s: any(c["what"] == "identify" for c in s["countdowns"]), "the box shows itself")
    forged = link.answered(evidence.CommandOffer, jws.sign(asked, jws.COMMAND, box.permit_key, "command-1"))
    assert not forged["ok"]


def test_link_vouches_for_no_place_and_a_flood_of_it_is_one_line_in_the_log(linked: tuple[Box, Link]) -> None:
    """What may be sent goes by the source, not by what a datagram says."""
    box, link = linked
    for _ in range(3):
        link.send(evidence.Position(sockets.now_us(), True, -40, 4, 9, 90))

    def refusals() -> list[Any]:
        return [event for event in _events(box, "evidence.refused") if event.data["kind"] == "Position"]

    until(refusals, "the refusal is in the log")
    assert [event.data["why"] for event in refusals()] == ["this source may not send it"]


def test_bytes_that_are_no_evidence_at_all_are_refused_and_the_box_goes_on(linked: tuple[Box, Link]) -> None:
    """A process that a picture or a broker took over ends nothing but itself."""
    box, link = linked

    def recorded() -> bool:  # of many refusals one in five seconds
        for datagram in (b"{", b"\xff", b'{"type":"\xff"}', b'{"deep":' + b"[" * 5000):
            link.send_bytes(datagram)
        return any(event.data["kind"] == "datagram" for event in _events(box, "evidence.refused"))

    until(recorded, "the refusal is in the log")
    before = box.status()["evaluations"]
    box.wait_for(lambda s: s["evaluations"] > before + 10, "it goes on")


def test_a_cosigned_checkpoint_moves_the_cursor_and_a_forged_one_is_recorded(linked: tuple[Box, Link]) -> None:
    """ANT-09: only the witness acknowledges; whoever else tries leaves a trace."""
    box, link = linked

    def newest() -> tuple[int, str] | None:
        log = Reader.open(box.folder / "data" / "audit" / "audit.db")
        try:
            return log.checkpoint()
        finally:
            log.close()

    size, note = until(newest, "a checkpoint")
    now = int(time.time())
    stranger = checkpoint.cosign(note, "bridge-1", Ed25519PrivateKey.generate(), now)

    def recorded() -> bool:  # of many refusals one in five seconds
        link.offer(evidence.AckOffer, stranger)
        return any(event.data["kind"] == "ack" for event in _events(box, "evidence.refused"))

    until(recorded, "the forgery is recorded")
    assert box.status()["audit"]["acked"] == 0
    link.offer(evidence.AckOffer, checkpoint.cosign(note, "bridge-1", box.witness_key, now))
    assert box.wait_for(lambda s: s["audit"]["acked"], "the cursor has moved")["audit"]["acked"] == size
    link.offer(evidence.AckOffer, checkpoint.cosign(note, "bridge-1", box.witness_key, now))
    assert box.status()["audit"]["acked"] == size
