"""The line to the broker: encrypted, both ends known, or not at all off this machine."""

import msgspec
import pytest

from contracts.errors import ContractError
from edge import config
from edge.config import Tls
from edge.link.process import Link
from edge.link.tls import context
from tests.edge.link.site import EXAMPLE, Box


@pytest.mark.parametrize("host", ["192.0.2.20", "broker.example", "10.0.0.1", "2001:db8::1", "127.0.0.1.example", ""])
def test_plain_mqtt_off_loopback_is_refused_at_start(box: Box, host: str) -> None:
    example = config.load(EXAMPLE)
    plain = msgspec.structs.replace(example.bridge, broker_host=host, tls=None)
    with pytest.raises(ContractError, match=r"bridge\.tls: expected ca, cert and key"):
        config.check(msgspec.structs.replace(example, bridge=plain))
    with pytest.raises(ContractError, match=r"bridge\.tls"):
        Link(msgspec.structs.replace(box.config, bridge=plain), evidence=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.0.1"])
def test_plain_mqtt_on_this_machine_is_allowed(host: str) -> None:
    example = config.load(EXAMPLE)
    plain = msgspec.structs.replace(example.bridge, broker_host=host, tls=None)
    config.check(msgspec.structs.replace(example, bridge=plain))


def test_a_certificate_that_is_missing_is_named(tmp_path) -> None:
    with pytest.raises(ContractError, match=r"bridge\.tls\.ca.*no-ca\.pem.*hotbox-bridge mqtt box"):
        context(Tls(str(tmp_path / "no-ca.pem"), "box.pem", "box.key"))
