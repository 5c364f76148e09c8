"""The link's TLS: 1.3 only, the broker by the bridge's own CA and its name, the box by its certificate."""

import ssl

from contracts.errors import ContractError
from edge.config import Tls


def context(tls: Tls) -> ssl.SSLContext:
    """A client's context that trusts `tls.ca` alone.

    Raises:
        ContractError: a file is missing or is not what it should be.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the name and asks for a certificate
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        made.load_verify_locations(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise ContractError("bridge.tls.ca", "a CA's certificate (PEM)", f"{tls.ca}: {error}", _HINT) from error
    try:
        made.load_cert_chain(tls.cert, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ContractError(
            "bridge.tls.cert, key", "the box's certificate and its key (PEM)", f"{tls.cert}, {tls.key}: {error}", _HINT
        ) from error
    return made


_HINT = "write them anew: hotbox-bridge mqtt box BOX --out DIR"
