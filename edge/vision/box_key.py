"""The key that face templates are sealed to for this box: made here, read by vision alone, its public half in the log.

It lies beside the templates' own key and apart from them. Lost, a new one is made, and the bridge seals anew.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from faces.keyfile import make_key


def load_or_create(path: Path) -> X25519PrivateKey:
    """The key in a file, made there (0600, in a folder of 0700) when there is none.

    Raises:
        ContractError: others may read it, or it holds no key.
        OSError: the folder cannot be read or written.
    """
    return X25519PrivateKey.from_private_bytes(make_key(str(path)))
