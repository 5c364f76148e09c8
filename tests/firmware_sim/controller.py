"""The dead-man's state machine on a bench: an injected clock, lines in, status lines out."""

from typing import Any

from firmware_sim.deadman.deadman import DeadMan, framed, unframed

WORDS = ("echo_seq", "boots", "latch", "contact", "nonce", "hb_age_ms", "opens", "cycles", "cause", "ms")


class Bench:
    """A controller whose contact follows its coil at the next step unless it is welded or stuck."""

    def __init__(self, start_ms: int = 1000) -> None:
        self.now_ms = start_ms
        self.seq = 0
        self.welded = False
        self.stuck = False
        self.contact = False
        self.statuses: list[dict[str, Any]] = []
        self.steps: list[tuple[int, str, bool, int]] = []
        self._random32 = 0x10000000
        self.machine = DeadMan(start_ms, 7, 3, self._random32)

    def step(self, received: bytes = b"", after_ms: int = 0) -> dict[str, Any]:
        """Advance the clock, hand over bytes, return the machine's last status."""
        self.now_ms = (self.now_ms + after_ms) % (1 << 30)
        self._random32 += 0x1111
        self.steps.append((self.now_ms, received.hex(), self.contact, self._random32))
        sent = self.machine.step(self.now_ms, received, self.contact, self._random32)
        for line in sent.splitlines():
            words = unframed(line)
            assert words is not None
            assert words[0] == "S"
            status = dict(zip(WORDS, words[1:], strict=True))
            self.statuses.append({k: int(v) if v.isdigit() and k != "nonce" else v for k, v in status.items()})
        self.contact = (self.machine.coil or (self.welded and self.contact)) and not self.stuck
        return self.statuses[-1] if self.statuses else {}

    def line(self, text: str, after_ms: int = 0) -> dict[str, Any]:
        """Hand over one good line."""
        return self.step(framed(text), after_ms)

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def beat(self, state: str, after_ms: int = 50) -> dict[str, Any]:
        """A heartbeat."""
        return self.line(f"H {self.next_seq()} {state}", after_ms)

    def close(self, nonce: str | None = None, after_ms: int = 0) -> dict[str, Any]:
        """CLOSE, quoting the nonce that is shown unless another is given."""
        return self.line(f"C {self.next_seq()} {nonce or f'{self.machine.nonce:08X}'}", after_ms)

    def closed(self) -> "Bench":
        """The shortest way to a closed contact."""
        self.beat("O")
        assert self.close()["latch"] == "C"
        assert self.step(after_ms=5)["contact"] == "C"
        return self
