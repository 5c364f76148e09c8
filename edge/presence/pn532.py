"""Frames of the PN532 tag reader on a serial line (NXP UM0701-02, 6.2: HSU). Pure.

    00 00 FF | LEN | LCS | TFI PD0 PD1 … | DCS | 00        LEN + LCS = 0 and TFI + PD… + DCS = 0, modulo 256
    00 00 FF 00 FF 00                                      ACK
    00 00 FF FF 00 00                                      NACK

TFI is D4 towards the reader and D5 from it; an error frame has 7F alone in its place. Extended frames (more than 254
bytes) are none of ours: no answer to what is asked here is that long.
"""

import msgspec

START = b"\x00\x00\xff"
ACK = b"\x00\x00\xff\x00\xff\x00"
TO_READER, FROM_READER, ERROR = 0xD4, 0xD5, 0x7F
LONGEST = 262
"""Bytes of the longest normal frame; what is longer and makes no sense is noise."""
WAKE_UP = b"\x55\x55" + bytes(14)
"""Wakes a reader that sleeps; a waking reader takes it for nothing."""
GET_FIRMWARE, CONFIGURE, RF_CONFIGURE, LIST_TARGETS = 0x02, 0x14, 0x32, 0x4A
NORMAL_MODE = bytes((CONFIGURE, 0x01, 0x00, 0x00))
"""SAMConfiguration: the reader alone, no security module, no interrupt line."""
ONE_TRY = bytes((RF_CONFIGURE, 0x05, 0xFF, 0x01, 0x01))
"""RFConfiguration, MaxRetries: an empty field is answered at once instead of waiting for a tag for ever."""
LOOK = bytes((LIST_TARGETS, 0x01, 0x00))
"""InListPassiveTarget: one tag of ISO/IEC 14443 type A at 106 kbit/s."""
_ID_LENGTHS = (4, 7, 10)
_REFUSED = b"\x7f"


class Frame(msgspec.Struct, frozen=True):
    """One good frame from the reader: the answer's code and its bytes; `ack` alone, or `error` alone."""

    ack: bool = False
    error: bool = False
    code: int = 0
    data: bytes = b""


def framed(command: bytes, sender: int = TO_READER) -> bytes:
    """A command (or, for a reader, an answer) as it goes over the line.

    Raises:
        ValueError: longer than a normal frame holds.
    """
    body = bytes((sender,)) + command
    if len(body) > 0xFF - 1:
        raise ValueError(f"{len(body)} bytes do not fit into a normal frame")
    return START + bytes((len(body), -len(body) & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))


class Decoder:
    """Finds good frames in what comes over the line; everything else is counted and passed over."""

    def __init__(self, sender: int = FROM_READER) -> None:
        """Nothing has come. `sender` is the side that is listened to."""
        self.bad = 0
        """Frames whose sums were wrong, or of another form."""
        self._sender = sender
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes in and give the frames that are complete now."""
        self._buffer += chunk
        found: list[Frame] = []
        while (at := self._buffer.find(START)) >= 0:
            del self._buffer[:at]
            length = self._length()
            if length is None:
                break
            frame = self._read(length) if length else None
            if frame is None:
                # A wrong start: whatever follows may still be a frame.
                self.bad += 1
                del self._buffer[:1]
                continue
            found.append(frame)
            del self._buffer[:length]
        # Of what is no frame only its last two bytes can still begin one.
        if at < 0:
            del self._buffer[: max(0, len(self._buffer) - 2)]
        return found

    def clear(self) -> None:
        """Forget what has come so far."""
        self._buffer.clear()

    def _length(self) -> int | None:
        """Bytes of the frame at the beginning; None while too few are there to tell, 0 when it is none."""
        if len(self._buffer) < len(ACK):
            return None
        length, check = self._buffer[3], self._buffer[4]
        if bytes(self._buffer[3:6]) in (b"\x00\xff\x00", b"\xff\x00\x00"):
            return len(ACK)
        if length == 0 or (length + check) & 0xFF:
            return 0
        whole = length + 7
        return whole if len(self._buffer) >= whole else None

    def _read(self, length: int) -> Frame | None:
        if length == len(ACK):
            return Frame(ack=True) if self._buffer[3] == 0 else None
        body = bytes(self._buffer[5 : length - 2])
        if (sum(body) + self._buffer[length - 2]) & 0xFF or self._buffer[length - 1] != 0:
            return None
        if body == _REFUSED:
            return Frame(error=True)
        if body[0] != self._sender or len(body) < 2:
            return None
        return Frame(code=body[1], data=body[2:])


def tag_of(frame: Frame) -> bytes | None:
    """The identifier of the tag in an answer to `LOOK`; None when the field is empty or the answer is none.

    The answer: number of tags, then of the first its number, SENS_RES (2), SEL_RES, length of the identifier and it.
    """
    if frame.code != LIST_TARGETS + 1 or len(frame.data) < 7 or frame.data[0] != 1:
        return None
    length = frame.data[5]
    identifier = frame.data[6 : 6 + length]
    return identifier if length in _ID_LENGTHS and len(identifier) == length else None
