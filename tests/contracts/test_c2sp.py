"""Notes, keys and cosignatures that others published: what C2SP says is what this reads (ANT-09).

Sources: the example of C2SP signed-note and of golang.org/x/mod/sumdb/note, the Go checksum database's published heads
(sum.golang.org), and a head of a public Certificate Transparency log with the cosignatures of its public witnesses.
"""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.checkpoint import (
    MAX_SIGNATURES,
    Checkpoint,
    NoteKey,
    _parts,
    _valid,
    cosign,
    note_key,
    sign,
    verify,
    verify_cosignature,
)
from contracts.errors import ContractError

DASH = "\u2014"
GO_NOTE = f"""If you think cryptography is the answer to your problem,
then you don't know what your problem is.

{DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SUM_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUM_HEADS = {
    65209736: (
        "5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=",
        "Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=",
    ),
    6476701: (
        "mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=",
        "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=",
    ),
    3935567: (
        "SapHtgdNCeF00Cx8kqztePV24kgzNg++Xovae42HAMw=",
        "Az3grsm7Wm4CVNR1RHq9BFnu9jzcRlU2uw7lr0gfUWgO6+rqPNjT+fUTl9gH0NRTgdwW9nItuQSMbhSaLCsk8YeYSAs=",
    ),
}
ARCHE = "arche2025h1.staging.ct.transparency.dev"
WITNESSED = f"""{ARCHE}
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

{DASH} {ARCHE} zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
{DASH} {ARCHE} ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
{DASH} transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
{DASH} witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
{DASH} remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
{DASH} witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
ARCHE_KEY = f"{ARCHE}+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_KEYS = (
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)
OTHER_KEYS = (
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  # the example of signed-note
    "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
    "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
)
BOX = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "hotbox.example/box-1/1"
KEY = note_key(NAME, BOX)
POINT = Checkpoint(NAME, 1500, bytes(32))


@pytest.mark.parametrize("line", [GO_KEY, SUM_KEY, ARCHE_KEY, *WITNESS_KEYS, *OTHER_KEYS])
def test_published_keys_are_read_and_written_back(line: str) -> None:
    """The key id is computed, so this checks how it is made as well."""
    assert NoteKey.parse(line).vkey() == line


def test_the_published_note_verifies() -> None:
    key = NoteKey.parse(GO_KEY)
    text, ((name, raw),) = _parts(GO_NOTE)
    assert (name, raw[:4]) == (key.name, key.id)
    assert _valid(key, text.encode(), raw[4:])
    with pytest.raises(ContractError) as caught:
        verify(GO_NOTE, key)
    assert caught.value.field == "checkpoint", "it is signed, and it is no checkpoint"


@pytest.mark.parametrize("size", SUM_HEADS)
def test_published_heads_of_a_public_log_verify(size: int) -> None:
    root, signature = SUM_HEADS[size]
    note = f"go.sum database tree\n{size}\n{root}\n\n{DASH} sum.golang.org {signature}\n"
    expected = Checkpoint("go.sum database tree", size, base64.b64decode(root))
    assert verify(note, NoteKey.parse(SUM_KEY)) == expected
    with pytest.raises(ContractError):
        verify(note.replace(str(size), str(size + 1)), NoteKey.parse(SUM_KEY))


def test_a_public_logs_signature_and_its_witnesses_cosignatures_verify() -> None:
    """C2SP tlog-checkpoint and tlog-cosignature; the line of a kind that we do not know is passed over."""
    point = verify(WITNESSED, NoteKey.parse(ARCHE_KEY))
    assert (point.origin, point.size) == (ARCHE, 1432088532)
    for line in WITNESS_KEYS:
        assert verify_cosignature(WITNESSED, NoteKey.parse(line)) == (point, 1779573024)
        with pytest.raises(ContractError):
            verify_cosignature(WITNESSED.replace("1432088532", "1432088533"), NoteKey.parse(line))
    with pytest.raises(ContractError):
        verify(WITNESSED, NoteKey.parse(OTHER_KEYS[0]))


def test_a_note_is_split_at_its_last_empty_line() -> None:
    """What stands above is text, and signed, whatever it looks like."""
    fake = f"{NAME}\n1\n{base64.b64encode(bytes(32)).decode()}\n\n{DASH} {NAME} AAAAAAAA\n"
    text = fake + "more\n"
    raw = KEY.id + BOX.sign(text.encode())
    note = f"{text}\n{DASH} {NAME} {base64.b64encode(raw).decode()}\n"
    assert _parts(note) == (text, [(NAME, raw)])
    with pytest.raises(ContractError) as caught:
        verify(note, KEY)
    assert caught.value.field == "checkpoint", "a checkpoint has no empty lines"


def _with_others(count: int) -> str:
    note = sign(POINT, NAME, BOX)
    for number in range(count):
        note = cosign(note, f"witness-{number}.example", BOX, 1_800_000_000 + number)
    return note


def test_sixteen_signatures_are_read_and_more_are_not() -> None:
    most = _with_others(MAX_SIGNATURES - 1)
    assert verify(most, KEY) == POINT
    last = note_key(f"witness-{MAX_SIGNATURES - 2}.example", BOX, cosigner=True)
    assert verify_cosignature(most, last)[1] == 1_800_000_000 + MAX_SIGNATURES - 2
    with pytest.raises(ContractError) as caught:
        verify(_with_others(MAX_SIGNATURES), KEY)
    assert "16" in str(caught.value)


def test_a_known_key_with_a_signature_that_is_not_valid_spoils_the_note() -> None:
    note = sign(POINT, NAME, BOX)
    forged = base64.b64encode(KEY.id + bytes(64)).decode()
    for spoiled in (f"{note}{DASH} {NAME} {forged}\n", note.replace("\n\n", f"\n\n{DASH} {NAME} {forged}\n")):
        with pytest.raises(ContractError):
            verify(spoiled, KEY)
    witness = note_key("bridge.example", BOX, cosigner=True)
    cosigned = cosign(note, "bridge.example", BOX, 1_800_000_000)
    short = base64.b64encode(witness.id + bytes(10)).decode()
    with pytest.raises(ContractError):
        verify_cosignature(f"{cosigned}{DASH} bridge.example {short}\n", witness)
    twice = cosign(cosigned, "bridge.example", BOX, 1_800_000_060)
    assert verify_cosignature(twice, witness)[1] == 1_800_000_060
    assert verify(twice, KEY) == POINT


@pytest.mark.parametrize("sign_at", ["\x00", "\t", "\r", "\x1b", "\x1f"])
def test_control_characters_are_refused(sign_at: str) -> None:
    text = f"{NAME}{sign_at}\n1500\n{base64.b64encode(bytes(32)).decode()}\n"
    raw = base64.b64encode(KEY.id + BOX.sign(text.encode())).decode()
    with pytest.raises(ContractError) as caught:
        verify(f"{text}\n{DASH} {NAME} {raw}\n", KEY)
    assert "control" in str(caught.value)


def test_base64_has_one_form() -> None:
    """Spare bits could carry a mark past the signature."""
    note = sign(POINT, NAME, BOX)
    head, last = note[:-3], note[-3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert note.endswith("=\n")
    with pytest.raises(ContractError) as caught:
        verify(head + alphabet[alphabet.index(last) ^ 1] + "=\n", KEY)
    assert "spare" in str(caught.value)
    with pytest.raises(ContractError):
        verify(f"{POINT.text()}\n{DASH} {NAME} {base64.b64encode(KEY.id).decode()}\n", KEY)
