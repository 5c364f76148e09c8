"""The bridge's four keys. Each private half is read by one process; the public halves go to the boxes.

    permit key    signs permits and revocation lists    DIR/signer/permit_key.pem
    command key   signs commands                        DIR/signer/command_key.pem
    faces key     signs what boxes get of faces         DIR/faces/faces_key.pem
    cosign key    witnesses the boxes' checkpoints      DIR/ingest/cosign_key.pem

Different keys, because a statement is believed by its key: whoever runs the ingest cannot release anything.
"""

import base64
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_bridge.datadir import DataDir, write_atomically
from contracts.checkpoint import note_key

PERMIT = "permit"
COMMAND = "command"
FACES = "faces"


def bridge_id() -> str:
    """Name that the bridge signs under (`iss`), from HOTBOX_BRIDGE_ID."""
    return os.environ.get("HOTBOX_BRIDGE_ID", "bridge")


def witness_name() -> str:
    """Name in the bridge's cosignatures."""
    return f"hotbox.witness/{bridge_id()}"


def key_id(purpose: str) -> str:
    """`kid` of a signing key."""
    return f"{bridge_id()}-{purpose}-1"


def _private(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"{path}: expected an Ed25519 key, got {type(key).__name__}; restore the file from its backup")
    return key


def _make(path: Path) -> None:
    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(path, pem.decode(), mode=0o600)


def _signing_path(data: DataDir, purpose: str) -> Path:
    return (data.faces if purpose == FACES else data.signer) / f"{purpose}_key.pem"


def signing_pem(data: DataDir, purpose: str) -> bytes:
    """Private permit or command key, for the signer process alone; private faces key, for the enrolment alone."""
    return _signing_path(data, purpose).read_bytes()


def cosign_key(data: DataDir) -> Ed25519PrivateKey:
    """Private cosign key: for the ingest process alone."""
    return _private(data.ingest / "cosign_key.pem")


def _key_set(purpose: str, private: Ed25519PrivateKey) -> str:
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kid": key_id(purpose), "kty": "OKP", "crv": "Ed25519", "x": x}]}, indent=2) + "\n"


PUBLIC_FILES = ("permit_keys.json", "command_keys.json", "faces_keys.json", "witness.vkey")


def make_keys(data: DataDir) -> None:
    """Create the keys that are missing, and the public files that boxes get."""
    for purpose in (PERMIT, COMMAND, FACES):
        path = _signing_path(data, purpose)
        if not path.exists() or not (data.public / f"{purpose}_keys.json").exists():
            _make(path)
            write_atomically(data.public / f"{purpose}_keys.json", _key_set(purpose, _private(path)))
    path = data.ingest / "cosign_key.pem"
    if not path.exists() or not (data.public / "witness.vkey").exists():
        _make(path)
        vkey = note_key(witness_name(), _private(path), cosigner=True).vkey()
        write_atomically(data.public / "witness.vkey", vkey + "\n")
