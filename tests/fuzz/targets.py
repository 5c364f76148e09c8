"""The parsers, each with valid inputs and an oracle of its own.

What a parser accepts is judged by somebody else: checksums by another implementation, MACs by another library, numbers by
reading the bytes anew. A parser that raises, or accepts what its oracle does not find in the input, has failed.
"""

import functools
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple
from unittest import mock

import msgspec
import pynmea2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from edge.gas.profile import Message
from edge.link import remotes
from edge.presence import badges, gpsd, nmea, pn532
from edge.relay import protocol
from firmware_sim import badges as badge_firmware
from firmware_sim import nfc as nfc_firmware
from firmware_sim.deadman.deadman import CLOSED, OPEN, DeadMan, crc16, framed
from firmware_sim.gnss import sentence

Feed = Callable[[bytes], str | None]
"""Hands an input to the parser: None when it was refused, "" when it was rightly accepted, else what is wrong."""


class Target(NamedTuple):
    """A parser.

    Attributes:
        name: what it reads.
        inputs: how many of a million it gets.
        corpus: valid inputs.
        feed: makes a fresh feeder; a parser that remembers remembers from one input to the next.
        seal: puts a right checksum on an input.
        broken: breaks the parser on purpose, for the negative control.
    """

    name: str
    inputs: int
    corpus: Callable[[random.Random], list[bytes]]
    feed: Callable[[], Feed]
    seal: Callable[[bytes], bytes] | None
    broken: Callable[[], AbstractContextManager[Any]]


# --- NMEA

_MEASURED_DEG = re.compile(rb"^(\d+)(\d\d\.\d+|\d\d)$")


def _nmea_corpus(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(200):
        time = f"{chance.randrange(24):02d}{chance.randrange(60):02d}{chance.randrange(60):02d}.{chance.randrange(10)}0"
        where = f"{chance.randrange(90):02d}{chance.uniform(0, 59.9):07.4f},{chance.choice('NS')},{chance.randrange(180):03d}{chance.uniform(0, 59.9):07.4f},{chance.choice('EW')}"
        rmc = sentence(f"GNRMC,{time},{chance.choice('AAAV')},{where},0.02,,211126,,,{chance.choice('AAADN')}")
        gga = sentence(f"GNGGA,{time},{where},{chance.choice('1112450678')},{chance.randrange(14)},0.9,12.4,M,8.1,M,,")
        found += [(rmc + gga).encode(), (gga + rmc).encode(), gga.encode(), rmc.encode()]
        found.append(sentence(f"GNGSA,A,3,01,02,,,,,,,,,,,1.2,0.9,{chance.random():.1f}").encode())
    return found


def _nmea_seal(data: bytes) -> bytes:
    return b"\r\n".join(
        b"$" + (body := line.strip().lstrip(b"$").partition(b"*")[0]) + b"*%02X" % _xor(body) for line in data.splitlines() if line.strip()
    )


def _xor(body: bytes) -> int:
    return functools.reduce(lambda total, byte: total ^ byte, body, 0)


def _nmea_feed() -> Feed:
    merger = nmea.Merger()
    seen: list[list[bytes]] = []

    def feed(data: bytes) -> str | None:
        accepted = None
        for line in data.split(b"\n"):
            words = _nmea_words(line)
            if words is not None:
                seen.append(words)
                del seen[:-60]
            fix = merger.feed(line, len(seen))
            if fix is not None:
                accepted = _nmea_judge(fix, seen)
                if accepted:
                    return accepted
        return accepted

    return feed


def _nmea_judge(fix: nmea.Fix, sound: list[list[bytes]]) -> str:
    """A fix needs a GGA and an RMC among the last sentences whose checksums are right."""
    ggas = [words for words in sound if words[0][-3:] == b"GGA" and len(words) > 8 and words[6] in (b"1", b"2", b"3", b"4", b"5", b"9")
            and _degrees(words[2], words[3]) is not None]  # fmt: skip
    for gga in ggas:
        same = math.isclose(_degrees(gga[2], gga[3]) or 0.0, fix.latitude, abs_tol=1e-6) and math.isclose(
            _degrees(gga[4], gga[5]) or 0.0, fix.longitude, abs_tol=1e-6
        )
        if same and any(words[0][-3:] == b"RMC" and len(words) > 2 and words[2] == b"A" for words in sound):
            return ""
    return f"a fix that no sound pair of sentences says: {fix}"


def _nmea_words(line: bytes) -> list[bytes] | None:
    """The words of a position's sentence with a right checksum."""
    if b"GGA" not in line.upper() and b"RMC" not in line.upper():
        return None
    # What stands before the sentence on its line is no part of it.
    begin = re.search(rb"[$!]", line)
    body, star, given = line[begin.end() if begin else 0 :].strip().rpartition(b"*")
    if not star or len(given) != 2 or given.upper() != b"%02X" % _xor(body):
        return None
    words = body.split(b",")
    # The type may stand in small letters; the checksum covers it either way.
    return [words[0].upper(), *words[1:]]


def _degrees(word: bytes, side: bytes) -> float | None:
    found = _MEASURED_DEG.match(word)
    if found is None:
        return None
    return (int(found[1]) + float(found[2]) / 60) * (-1 if side in (b"S", b"W") else 1)


@contextmanager
def _nmea_broken() -> Iterator[None]:
    parse = pynmea2.parse
    with mock.patch.object(pynmea2, "parse", lambda text, check: parse(text.partition("*")[0], check=False)):
        yield


# --- gpsd

def _gpsd_corpus(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(200):
        sky = {"class": "SKY", "device": "/dev/x", "hdop": round(chance.uniform(0.5, 9), 2), "uSat": chance.randrange(14)}
        told = {"class": "TPV", "device": "/dev/x", "mode": chance.randrange(4), "status": chance.randrange(10), "time": f"2026-11-21T{chance.randrange(24):02d}:00:0{chance.randrange(10)}.000Z",
                "lat": chance.uniform(-90, 90), "lon": chance.uniform(-180, 180)}  # fmt: skip
        found += [json.dumps(sky).encode(), json.dumps(told).encode(), b'{"class":"VERSION","release":"3.22"}']
    return found


def _gpsd_feed() -> Feed:
    reports = gpsd.Reports()
    at_us = 0

    def feed(data: bytes) -> str | None:
        nonlocal at_us
        at_us += 1000
        fix = reports.feed(data, at_us)
        if fix is None:
            return None
        # A key that nobody reads may hold anything, also what is no text.
        told = json.loads(data.decode("utf-8", "replace"))
        good = told["class"] == "TPV" and told["mode"] >= 2 and (told["lat"], told["lon"]) == (fix.latitude, fix.longitude)
        good = good and told.get("status", 0) in (0, 1, 2, 3, 4, 9)
        return "" if good and abs(fix.latitude) <= 90 and abs(fix.longitude) <= 180 and fix.hdop > 0 else f"{fix} from {data!r}"

    return feed


@contextmanager
def _gpsd_broken() -> Iterator[None]:
    with mock.patch.object(gpsd, "_FIX_2D", 0):
        yield


# --- badges

_NOW_S = 1_800_000_000.0
_SECRETS = {number: bytes((number % 251 + i) % 256 for i in range(32)) for number in (1001, 1002, 1003, 9, 4_000_000_000)}


def _badge_corpus(chance: random.Random) -> list[bytes]:
    found = []
    for number, secret in _SECRETS.items():
        for behind in (0, 0, 1, -1, 2, 5, 60):
            at_s = _NOW_S - behind * badges.EPOCH_S
            found.append(badges.identifier(number, secret, at_s, chance.choice((None, 0, 50, 100))))
            found.append(badges.identifier(number, bytes(32), at_s))
    found.append(badge_firmware.payload(_SECRETS[1001], 1001, _NOW_S))
    return found


def _badge_seal(data: bytes) -> bytes:
    signed = data[: badges.LENGTH - 8]
    secret = _SECRETS.get(int.from_bytes(signed[1:5], "big"), bytes(32))
    return signed + _mac(secret, signed)[:8]


def _mac(secret: bytes, signed: bytes) -> bytes:
    maker = HMAC(secret, hashes.SHA256())
    maker.update(signed)
    return maker.finalize()


def _badge_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        checked = badges.check(data, _SECRETS, _NOW_S)
        if checked.verdict is not badges.BadgeVerdict.OK:
            return None
        signed, mac = data[:-8], data[-8:]
        number, epoch = int.from_bytes(signed[1:5], "big"), int.from_bytes(signed[5:7], "big")
        secret = _SECRETS.get(number)
        if secret is None or number != checked.badge or _mac(secret, signed)[:8] != mac:
            return f"badge {checked.badge} without its secret: {data.hex()}"
        behind = (int(_NOW_S) // 8 - epoch) % 65536
        return "" if min(behind, 65536 - behind) <= 1 else f"badge {checked.badge} is {behind} epochs old"

    return feed


@contextmanager
def _badge_broken() -> Iterator[None]:
    with mock.patch.object(badges.hmac, "compare_digest", lambda one, other: one[:1] == other[:1]):
        yield


# --- dead-man controller, its status lines as the box reads them

def _deadman_corpus(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(300):
        text = f"S {chance.randrange(2**32)} {chance.randrange(99)} {chance.choice('OC')} {chance.choice('OC')} {chance.randrange(2**32):08X} {chance.randrange(99999)} {chance.randrange(99)} {chance.randrange(9999)} {chance.choice(('power_up', 'heartbeat_lost', 'none'))} {chance.randrange(2**30)}"
        found.append(framed(text)[:-1])
    return found


def _line_seal(data: bytes) -> bytes:
    body = data[:-5] if len(data) > 5 else data
    return body + b" %04X" % crc16(body)


def _deadman_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        status = protocol.parse(data, 1)
        if status is None:
            return None
        line = data.rstrip(b"\r")
        if line[-4:] != b"%04X" % crc16(line[:-5]):
            return f"accepted with a wrong CRC: {data!r}"
        words = line[:-5].split(b" ")
        numbers = (status.echo_seq, status.boots, status.hb_age_ms, status.opens, status.cycles, status.ms)
        read = tuple(int(words[at]) for at in (1, 2, 6, 7, 8, 10))
        said = (words[3] == b"C", words[4] == b"C", words[5].decode(), words[9].decode())
        if words[3] not in (b"O", b"C") or words[4] not in (b"O", b"C"):
            return f"neither open nor closed: {data!r}"
        same = numbers == read and said == (status.latch_closed, status.contact_closed, status.nonce, status.cause)
        return "" if same and min(read) >= 0 else f"{status} from {data!r}"

    return feed


@contextmanager
def _deadman_broken() -> Iterator[None]:
    """Whatever CRC a line carries is taken for right."""
    parse = protocol.parse

    def without_crc(line: bytes, at_us: int) -> Any:
        return parse(_line_seal(line.rstrip(b"\r")), at_us)

    with mock.patch.object(protocol, "parse", without_crc):
        yield


# --- dead-man controller, its own ears: what closes the coil

def _firmware_corpus(chance: random.Random) -> list[bytes]:
    found = []
    for _ in range(200):
        seq = chance.randrange(2**32)
        found += [framed(f"H {seq} {chance.choice('OC')}"), framed(f"C {seq} 0000002A"), framed(f"C {seq} {chance.randrange(2**32):08X}"),
                  framed(f"O {seq}"), framed(f"T {seq} 0000002A")]  # fmt: skip
    return found


def _firmware_seal(data: bytes) -> bytes:
    body = data.rstrip(b"\n")[:-5] if len(data) > 6 else data
    return body + b" %04X\n" % crc16(body)


def _firmware_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        machine = DeadMan(0, 1, 0, 0x2A)
        machine.step(0, framed("H 1 O"), False, 7)
        machine.step(5, data, False, 7)
        if machine.latch == OPEN and not machine.coil:
            return None
        if machine.latch != CLOSED or not machine.coil:
            return f"latch {machine.latch} but coil {machine.coil}: {data!r}"
        asked = [line for line in data.split(b"\n") if re.fullmatch(rb"C \d{1,10} 0000002A [0-9A-F]{4}", line)]
        return "" if any(line[-4:] == b"%04X" % _ccitt(line[:-5]) for line in asked) else f"closed by {data!r}"

    return feed


def _ccitt(data: bytes) -> int:
    """CRC16-CCITT again, bit by bit over one long number."""
    total = int.from_bytes(data + b"\0\0", "big") ^ (0xFFFF << 8 * len(data))
    for bit in range(8 * len(data) + 15, 15, -1):
        if total >> bit & 1:
            total ^= 0x11021 << bit - 16
    return total & 0xFFFF


@contextmanager
def _firmware_broken() -> Iterator[None]:
    with mock.patch.object(DeadMan, "_may_close", return_value=True):
        yield


# --- a detector over MQTT

_MESSAGE = Message(value="gas.value", over_range="gas.over")


def _remote_corpus(chance: random.Random) -> list[bytes]:
    return [
        json.dumps({"gas": {"value": chance.choice((0, 1.5, -3, 100, 1e9)), "over": chance.choice((True, False, None))}, "t": 1}).encode()
        for _ in range(100)
    ] + [b"1e308", b'{"gas":{"value":' + b"9" * 400 + b"}}", b'{"gas":{"value":1e999}}', b"[" * 100, b'{"gas":{"value":true}}']


def _remote_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        said = remotes.read(data, _MESSAGE, 0.1)
        if said is None:
            return None
        value, over = said
        told = json.loads(data.decode("utf-8", "replace"))["gas"]
        if over != (told.get("over") is True):
            return f"over-range {over} from {data!r}"
        number = told.get("value")
        if isinstance(number, bool) or not isinstance(number, int | float):
            return "" if over else f"{value} from {data!r}"
        wanted = max(-(2**31 - 1), min(2**31 - 1, number * 100))
        return "" if abs(value - wanted) <= 1 + abs(wanted) * 1e-9 else f"{value} from {data!r}"

    return feed


@contextmanager
def _remote_broken() -> Iterator[None]:
    decode = msgspec.json.decode

    def lax(data: bytes) -> Any:
        try:
            return decode(data)
        except msgspec.DecodeError:
            return {"gas": {"value": 0.0}}

    with mock.patch.object(remotes.msgspec.json, "decode", lax):
        yield


# --- tag reader

def _nfc_corpus(chance: random.Random) -> list[bytes]:
    found = [pn532.ACK, b"\x00\x00\xff\x01\xff\x7f\x81\x00"]
    for _ in range(200):
        tag = chance.randbytes(chance.choice((4, 7, 10)))
        found.append(nfc_firmware.answer(0x4B, bytes((1, 1, 0, 4, 8, len(tag))) + tag))
        found.append(nfc_firmware.answer(0x4B, b"\0"))
        found.append(nfc_firmware.answer(chance.choice((3, 0x15, 0x33)), chance.randbytes(chance.randrange(5))))
    return found


def _nfc_seal(data: bytes) -> bytes:
    """The body with a header and sums of its own."""
    body = data[5:-2][:250] or b"\xd5\x4b"
    return b"\x00\x00\xff" + bytes((len(body), -len(body) & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))


def _nfc_feed() -> Feed:
    def feed(data: bytes) -> str | None:
        decoder = pn532.Decoder()
        tags = [tag for frame in decoder.feed(data) if (tag := pn532.tag_of(frame)) is not None]
        for tag in tags:
            if len(tag) not in (4, 7, 10) or not _nfc_says(data, tag):
                return f"tag {tag.hex()} from {data.hex()}"
        return "" if tags else None

    return feed


def _nfc_says(data: bytes, tag: bytes) -> bool:
    """Somewhere stands a whole frame, both sums right, that tells of one tag and its identifier."""
    for found in re.finditer(rb"(?=\x00\x00\xff(.)(.))", data, re.DOTALL):
        length, check = found[1][0], found[2][0]
        body = data[found.start() + 5 : found.start() + 5 + length]
        end = data[found.start() + 5 + length :][:2]
        whole = len(body) == length and len(end) == 2 and end[1] == 0
        summed = whole and (length + check) % 256 == 0 and (sum(body) + end[0]) % 256 == 0
        if summed and body[:3] == b"\xd5\x4b\x01" and body[8 : 8 + body[7]] == tag:
            return True
    return False


@contextmanager
def _nfc_broken() -> Iterator[None]:
    """The last sum of a frame is no longer looked at."""

    def read(self: Any, length: int) -> Any:
        body = bytes(self._buffer[5 : length - 2])
        return pn532.Frame(code=body[1], data=body[2:]) if length > 7 and len(body) > 1 else pn532.Frame(ack=True)

    with mock.patch.object(pn532.Decoder, "_read", read):
        yield


TARGETS = (
    Target("tag reader frames", 100_000, _nfc_corpus, _nfc_feed, _nfc_seal, _nfc_broken),
    Target("NMEA sentences", 200_000, _nmea_corpus, _nmea_feed, _nmea_seal, _nmea_broken),
    Target("gpsd reports", 100_000, _gpsd_corpus, _gpsd_feed, None, _gpsd_broken),
    Target("badge broadcasts", 200_000, _badge_corpus, _badge_feed, _badge_seal, _badge_broken),
    Target("dead-man status lines", 150_000, _deadman_corpus, _deadman_feed, _line_seal, _deadman_broken),
    Target("dead-man commands", 150_000, _firmware_corpus, _firmware_feed, _firmware_seal, _firmware_broken),
    Target("MQTT detector messages", 100_000, _remote_corpus, _remote_feed, None, _remote_broken),
)
