"""The key of the templates: the owner's alone, never replaced, or systemd's credential."""

import stat
from pathlib import Path

import pytest

from contracts.errors import ContractError
from faces.keyfile import key_path, make_key, read_key


def test_key_is_made_once_for_the_owner_alone(tmp_path):
    where = str(tmp_path / "key" / "template.key")
    key = make_key(where)
    assert (len(key), read_key(where), make_key(where)) == (32, key, key)
    assert stat.S_IMODE(Path(where).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "key").iterdir()] == ["template.key"]


def test_two_keys_are_different(tmp_path):
    assert make_key(str(tmp_path / "a")) != make_key(str(tmp_path / "b"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_key_that_others_can_read_is_refused(tmp_path, mode):
    where = tmp_path / "template.key"
    make_key(str(where))
    where.chmod(mode)
    with pytest.raises(ContractError, match="0600"):
        read_key(str(where))


@pytest.mark.parametrize("text", ["", "00" * 31, "zz" * 32, "00" * 33])
def test_file_that_holds_no_key_is_refused_and_not_replaced(tmp_path, text):
    where = tmp_path / "template.key"
    where.write_text(text)
    where.chmod(0o600)
    for take in (read_key, make_key):
        with pytest.raises(ContractError, match="64 hex digits"):
            take(str(where))
    assert where.read_text() == text


def test_credential_of_systemd_is_read_where_it_hands_it_over(tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "face.key").write_text("11" * 32)
    (tmp_path / "face.key").chmod(0o440)
    assert key_path("credential:face.key") == tmp_path / "face.key"
    assert read_key("credential:face.key") == make_key("credential:face.key") == b"\x11" * 32


def test_missing_credential_says_how_to_hand_it_over(monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for take in (read_key, make_key):
        with pytest.raises(ContractError, match="LoadCredentialEncrypted"):
            take("credential:face.key")
