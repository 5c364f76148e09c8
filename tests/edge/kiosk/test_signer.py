"""The screen's token is new every 30 seconds, by a key that only the interlock's user may read."""

import stat

import msgspec
import pytest

from contracts import jws
from contracts.place import read_keys, verify
from edge.interlock.state import Durable, Mode
from edge.kiosk.signer import PlaceSigner
from tests.edge.gas.site import configuration

S = 1_000_000
RELEASED = Durable(mode=Mode.RELEASED, attempt=3, active="HW-1")


@pytest.mark.parametrize(("later_us", "same"), [(0, True), (30 * S - 1, True), (30 * S, False)])
def test_it_is_renewed_after_thirty_seconds_and_not_before(later_us, same):
    signer = PlaceSigner("box-1", jws.generate_key())
    first = signer.token(RELEASED, 100, 5 * S)
    assert (signer.token(RELEASED, 130, 5 * S + later_us) == first) is same


def test_it_says_what_the_box_is_at_and_verifies_with_what_is_published(tmp_path):
    config = msgspec.structs.replace(configuration([], []), data=str(tmp_path))
    signer = PlaceSigner.of(config)
    keys = read_keys(config.place_keys.read_bytes())
    claims = verify(signer.token(RELEASED, 100, 0), keys, box="box-1", now_s=101, max_age_s=60)
    assert (claims.state, claims.attempt, claims.permit) == ("RELEASED", 3, "HW-1")
    assert stat.S_IMODE(config.place_key.stat().st_mode) == 0o600
    assert config.place_key != config.log_key
    again = PlaceSigner.of(config)
    assert again.kid == signer.kid, "the same key after a restart"
    assert again.token(RELEASED, 100, 0) != signer.token(RELEASED, 100, 0), "another nonce"
