"""Whom the box believes: files with the bridge's public keys, read once at the start (BOX-03)."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts import jws
from contracts.checkpoint import NoteKey
from contracts.errors import ContractError
from edge import config as box_config
from edge.config import BoxConfig
from edge.interlock import trust
from tests.edge.interlock.wording import Wording

replace = msgspec.structs.replace
EXAMPLE = Path(box_config.__file__).parents[1] / "configs" / "box.example.yaml"
LOG, COSIGNER = 1, 4


def _vkey(name: str, kind: int) -> str:
    return NoteKey(name, kind, Ed25519PrivateKey.generate().public_key().public_bytes_raw()).vkey()


def _set_of_one(kid: str) -> bytes:
    return msgspec.json.encode({"keys": [{**jws.generate_key().as_dict(private=False), "kid": kid}]})


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoxConfig:
    """Three good files, named relative to where the box runs."""
    monkeypatch.chdir(tmp_path)
    Path("permits").write_bytes(_set_of_one("p1"))
    Path("commands").write_bytes(_set_of_one("c1"))
    Path("witness").write_text(_vkey("bridge", COSIGNER))
    config = box_config.load(EXAMPLE)
    return replace(
        config, bridge=replace(config.bridge, permit_keys="permits", command_keys="commands", witness="witness")
    )


def test_permits_and_commands_are_believed_by_keys_of_their_own(config: BoxConfig) -> None:
    keys = trust.bridge_keys(config)
    assert (keys.issuer, list(keys.permit), list(keys.command)) == ("bridge", ["p1"], ["c1"])


def test_the_witness_is_the_one_cosigner_of_its_file(config: BoxConfig) -> None:
    found = trust.witness(config)
    assert (found.name, found.kind) == ("bridge", COSIGNER)


def _two(path: Path) -> None:
    path.write_text(f"{_vkey('bridge', COSIGNER)}\n{_vkey('other', COSIGNER)}\n")


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: path.write_text(""),
        _two,
        lambda path: path.write_text(_vkey("bridge-log", LOG)),
        lambda path: path.write_text("no key"),
    ],
    ids=["no file", "a folder", "empty", "two keys", "the log's own key", "something else"],
)
def test_a_witness_that_is_not_one_cosigner_is_refused(config: BoxConfig, spoil: object, wording: Wording) -> None:
    spoil(Path("witness"))  # type: ignore[operator]
    with pytest.raises(ContractError) as caught:
        trust.witness(config)
    wording.check(caught.value)


@pytest.mark.parametrize("name", ["permits", "commands"])
def test_a_missing_key_file_is_named_with_the_command_that_makes_it(
    config: BoxConfig, name: str, wording: Wording
) -> None:
    Path(name).unlink()
    with pytest.raises(ContractError) as caught:
        trust.bridge_keys(config)
    wording.check(caught.value)
