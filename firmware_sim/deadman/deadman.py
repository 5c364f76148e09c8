"""The dead-man controller's state machine, free of hardware: it runs unmodified on a Raspberry Pi Pico, under
MicroPython in tests and in the simulated controller. PROTOCOL.md tells the rules; nothing here needs an import.

The caller steps it every 5 ms and whenever bytes arrive; `coil` says whether the relay's coil is to be driven.
"""

DEAD_MAN_MS = 180
STATUS_MS = 100
MAX_LINE = 64
MASK32 = 0xFFFFFFFF
CLOCK = 1 << 30  # the clock wraps here, as ticks_ms() does on the Pico
NEVER_MS = 99999
GRACE_FRAMES = 3

OPEN = "O"
CLOSED = "C"


def crc16(data: bytes) -> int:
    """CRC16-CCITT: polynomial 0x1021, start 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
    return crc


def framed(text: str) -> bytes:
    """A line as it goes over the wire."""
    body = text.encode()
    return body + b" %04X\n" % crc16(body)


def unframed(line: bytes) -> "list[str] | None":
    """The words of a line without its newline; None when its CRC or its form is wrong."""
    if len(line) < 6 or line[-5] != 0x20:
        return None
    body = line[:-5]
    if line[-4:] != b"%04X" % crc16(body):
        return None
    for byte in body:
        if byte < 0x20 or byte > 0x7E:
            return None
    return body.decode().split(" ")


def elapsed(now_ms: int, then_ms: int) -> int:
    """Milliseconds from `then_ms` to `now_ms` on the wrapping clock."""
    return (now_ms - then_ms) % CLOCK


def newer(seq: int, than: int) -> bool:
    """Whether a sequence number follows another, modulo 2**32."""
    ahead = (seq - than) & MASK32
    return 0 < ahead < 0x80000000


def sequence(word: str) -> int:
    """A sequence number, -1 when the word is none."""
    if not word or len(word) > 10:
        return -1
    for letter in word:
        if not "0" <= letter <= "9":
            return -1
    number = int(word)
    return number if number <= MASK32 else -1


class DeadMan:
    """Latched open at power-up; closes only on a CLOSE that quotes the nonce; needs heartbeats to stay closed."""

    def __init__(self, now_ms: int, boots: int, cycles: int, random32: int) -> None:
        self.boots = boots
        self.cycles = cycles  # closings of the contact, for its wear
        self.opens = 0  # openings since power-up
        self.bad = 0  # lines that were ignored
        self.heartbeats = 0  # good ones
        self.latch = OPEN
        self.contact = OPEN
        self.cause = "power_up"
        self.coil = False
        self.nonce = random32 & MASK32
        self.echo_seq = 0
        self._heartbeat_ms = -1  # when the last good heartbeat came, -1 = never
        self._heartbeat_state = ""
        self._floor = 0  # while closed, only heartbeats newer than this count
        self._close_seq = 0
        self._grace = 0
        self._drilling = False  # a rehearsal of the loss of heartbeats, with the coil left alone
        self._line = b""
        self._overlong = False
        self._status_ms = now_ms
        self._status_due = True
        self._now_ms = now_ms
        self._random32 = random32

    def step(self, now_ms: int, received: bytes, contact_closed: bool, random32: int) -> bytes:
        """Advance to `now_ms` with what came over the line and what the feedback input reads; returns what to send.

        The dead-man time is judged before the bytes are: what waited while this controller was held up is too late.
        """
        self._now_ms = now_ms
        self._random32 = random32
        contact = CLOSED if contact_closed else OPEN
        if contact != self.contact:
            self.contact = contact
            self._status_due = True
        self._expire()
        sent = b""
        for index in range(len(received)):
            byte = received[index : index + 1]
            if byte != b"\n":
                if len(self._line) < MAX_LINE:
                    self._line += byte
                else:
                    self._overlong = True
                continue
            words = None if self._overlong else unframed(self._line)
            self._line = b""
            self._overlong = False
            if words is not None and self._accept(words):
                sent += self._status()
            else:
                self.bad += 1
        if self._status_due or elapsed(now_ms, self._status_ms) >= STATUS_MS:
            sent += self._status()
        return sent

    def heartbeat_age_ms(self) -> int:
        """Milliseconds since the last good heartbeat."""
        if self._heartbeat_ms < 0:
            return NEVER_MS
        return min(elapsed(self._now_ms, self._heartbeat_ms), NEVER_MS)

    def _expire(self) -> None:
        # An age is forgotten before the clock wraps, or an old heartbeat would look fresh again.
        if self.heartbeat_age_ms() >= NEVER_MS:
            self._heartbeat_ms = -1
        if self.heartbeat_age_ms() < DEAD_MAN_MS:
            return
        if self.latch == CLOSED:
            self._open("heartbeat_lost")
        elif self._drilling:
            self._drilling = False
            self._refuse("drill")

    def _accept(self, words: "list[str]") -> bool:
        """Obey one good line; False when it says nothing that is known."""
        seq = sequence(words[1]) if len(words) > 1 else -1
        if seq < 0:
            return False
        if len(words) == 3 and words[0] == "H" and words[2] in (OPEN, CLOSED):
            self._heartbeat(seq, words[2])
        elif len(words) == 3 and words[0] == "C":
            self._close(seq, words[2])
        elif len(words) == 3 and words[0] == "T":
            self._drill(words[2])
        elif len(words) == 2 and words[0] == "O":
            self._drilling = False
            if self.latch == CLOSED:
                self._open("commanded")
        else:
            return False
        self.echo_seq = seq
        return True

    def _heartbeat(self, seq: int, state: str) -> None:
        if self.latch == CLOSED:
            if state == OPEN:
                if self._grace > 0 and newer(self._close_seq, seq):
                    self._grace -= 1
                    return
                self._open("state_mismatch")
            elif not newer(seq, self._floor):
                return  # a repeated or older line never renews
            else:
                self._grace = 0
                self._floor = seq
        self.heartbeats += 1
        self._heartbeat_ms = self._now_ms
        self._heartbeat_state = state

    def _close(self, seq: int, nonce: str) -> None:
        if self.latch == CLOSED:
            self._open("bad_close")
            return
        if self._drilling or not self._may_close(nonce):
            self._refuse("bad_close")
            return
        self.latch = CLOSED
        self.coil = True
        self.cycles += 1
        self._close_seq = seq
        self._floor = seq
        self._grace = GRACE_FRAMES
        self._status_due = True

    def _may_close(self, nonce: str) -> bool:
        return (
            nonce == "%08X" % self.nonce
            and self._heartbeat_state == OPEN
            and self.heartbeat_age_ms() < DEAD_MAN_MS
            and self.contact == OPEN
        )

    def _drill(self, nonce: str) -> None:
        """Begin to rehearse: everything that a CLOSE needs, and the same timer, but the coil is never driven."""
        if self.latch == CLOSED:
            self._open("bad_close")
        elif self._drilling or not self._may_close(nonce):
            self._refuse("bad_close")
        else:
            self._drilling = True

    def _refuse(self, cause: str) -> None:
        """It is open and stays open: tell why, under a new nonce."""
        self.cause = cause
        self._new_nonce()
        self._status_due = True

    def _open(self, cause: str) -> None:
        self.coil = False
        self.latch = OPEN
        self.cause = cause
        self.opens += 1
        self._new_nonce()
        self._status_due = True

    def _new_nonce(self) -> None:
        # Never the same twice running, even when the random source is stuck.
        fresh = self._random32 & MASK32
        self.nonce = fresh if fresh != self.nonce else (fresh + 0x9E3779B9) & MASK32

    def _status(self) -> bytes:
        self._status_ms = self._now_ms
        self._status_due = False
        return framed(
            "S %d %d %s %s %08X %d %d %d %s %d"
            % (
                self.echo_seq,
                self.boots,
                self.latch,
                self.contact,
                self.nonce,
                self.heartbeat_age_ms(),
                self.opens,
                self.cycles,
                self.cause,
                self._now_ms,
            )
        )
