"""Which user is which process: names and numbers of the configuration."""

import getpass
import os
import pwd
from pathlib import Path

import msgspec
import pytest

from contracts.errors import ContractError
from edge import users
from edge.config import BoxConfig, read
from edge.interlock.evidence import MAY_SEND, Source

EXAMPLE = Path(__file__).resolve().parents[2] / "configs" / "box.example.yaml"
NOBODY = pwd.getpwnam("nobody").pw_uid


def config(uids: dict[str, str | int]) -> BoxConfig:
    return msgspec.structs.replace(read(EXAMPLE), uids=uids)


def test_a_name_becomes_its_number_and_a_number_stays() -> None:
    found = users.sources(config({"presence": "nobody", "link": 54321}))
    assert found == {NOBODY: Source.PRESENCE, 54321: Source.LINK}


def test_the_stack_light_is_known_so_that_it_can_be_refused() -> None:
    """Its user may send no evidence and give no command."""
    found = users.sources(config({"panel": "nobody"}))
    assert found == {NOBODY: Source.PANEL}
    assert Source.PANEL.value == "panel"
    assert Source.PANEL not in MAY_SEND


def test_nobody_is_named_so_nobody_is_believed() -> None:
    assert users.sources(config({})) == {}


def test_an_unknown_user_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        ContractError, match=r"uids\.vision: expected a user of this machine, got no-such-user"
    ) as refused:
        users.sources(config({"vision": "no-such-user"}))
    assert "systemd-sysusers" in refused.value.hint


def test_two_processes_may_not_share_a_user_under_two_spellings() -> None:
    with pytest.raises(ContractError, match=r"uids\.link: expected a user of its own, not vision's"):
        users.sources(config({"vision": "nobody", "link": NOBODY}))


@pytest.mark.parametrize("user", ["root", getpass.getuser(), os.geteuid() or 0])
def test_root_and_the_interlocks_own_user_hand_in_nothing(user: str | int) -> None:
    with pytest.raises(ContractError, match=r"uids\.link: expected neither root nor the interlock's own user"):
        users.sources(config({"link": user}))


def test_a_process_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "box.yaml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8").replace("uids: {vision:", "uids: {camera:"), encoding="utf-8")
    with pytest.raises(ContractError, match="uids"):
        read(file)
