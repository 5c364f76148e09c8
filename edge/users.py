"""Which system user is which process of the box: the configuration's names become this machine's numbers."""

import os
import pwd
from pathlib import Path

from contracts.errors import ContractError
from edge.config import BoxConfig
from edge.interlock.evidence import Source


def uid_of(user: str | int, field: str) -> int:
    """The number of a user who is named or numbered.

    Raises:
        ContractError: this machine has no user of that name.
    """
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        todo = "run systemd-sysusers, which makes the box's users, or give the number"
        raise ContractError(field, "a user of this machine", user, todo) from error


def sources(config: BoxConfig) -> dict[int, Source]:
    """Who may hand in evidence, and as what, by uid.

    Raises:
        ContractError: a user is not there, two processes share one, or one is root or the interlock's own: then the
            uid would not tell who speaks.
    """
    found: dict[int, Source] = {}
    for name, user in config.uids.items():
        field, uid = f"uids.{name}", uid_of(user, f"uids.{name}")
        if uid in found:
            raise ContractError(field, f"a user of its own, not {found[uid].value}'s", str(user))
        if uid in (0, os.geteuid()):
            raise ContractError(field, "neither root nor the interlock's own user", str(user))
        found[uid] = Source(name)
    return found


def become_owner(folder: Path) -> None:
    """Root goes on as the owner of `folder`, so that what it makes there can be read by the process that needs it.

    Does nothing for anybody else, and nothing where root itself is the owner or the folder is not there yet.
    """
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    if owner.st_uid == 0:
        return
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        os.setgroups([])
    else:
        os.initgroups(name, owner.st_gid)
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
