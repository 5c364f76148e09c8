"""Handing out badges."""

from pathlib import Path

import pytest

from contracts.errors import ContractError
from edge.presence.badges import BadgeVerdict, check, identifier, load_secrets
from edge.presence.issuing import issue, withdraw


def test_an_issued_badge_is_believed_and_a_withdrawn_one_unknown(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    secret = issue(file, 1001)
    issue(file, 1002)
    sent = identifier(1001, secret, 1_000_000)
    assert check(sent, load_secrets(file), 1_000_000).verdict is BadgeVerdict.OK
    withdraw(file, 1001)
    assert check(sent, load_secrets(file), 1_000_000).verdict is BadgeVerdict.UNKNOWN
    assert list(load_secrets(file)) == [1002]


def test_the_file_is_its_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    issue(tmp_path / "secrets.json", 7)
    issue(tmp_path / "secrets.json", 8)
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_second_secret_is_made_only_when_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    old = issue(file, 1001)
    with pytest.raises(ContractError, match="expected a badge without a secret, got 1001"):
        issue(file, 1001)
    assert load_secrets(file) == {1001: old}
    new = issue(file, 1001, replace=True)
    assert check(identifier(1001, old, 0), load_secrets(file), 0).verdict is BadgeVerdict.FORGED
    assert check(identifier(1001, new, 0), load_secrets(file), 0).verdict is BadgeVerdict.OK


def test_withdrawing_an_unknown_badge_names_the_known_ones(tmp_path: Path) -> None:
    issue(tmp_path / "secrets.json", 1001)
    with pytest.raises(ContractError, match="known: 1001"):
        withdraw(tmp_path / "secrets.json", 4)


def test_a_file_that_others_may_read_is_refused_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    issue(file, 1001)
    file.chmod(0o644)
    before = file.read_bytes()
    with pytest.raises(ContractError, match="mode 0600"):
        issue(file, 1002)
    assert file.read_bytes() == before
