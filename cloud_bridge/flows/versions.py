"""Definitions that are in use: the files of this machine, and the versions that cases are pinned to."""

import functools
from datetime import datetime
from importlib import import_module
from pathlib import Path

from django.conf import settings

from cloud_bridge.flows.definition.errors import DefinitionError, Problem
from cloud_bridge.flows.definition.reading import read
from cloud_bridge.flows.models import Version
from cloud_bridge.flows.vocabulary import Flow, Vocabulary


def vocabulary(flow: str) -> Vocabulary:
    """The words of a flow, from the app that owns it (`settings.FLOWS`).

    Raises:
        DefinitionError: no app owns it.
    """
    owner = settings.FLOWS.get(flow)
    if owner is None:
        known = ", ".join(settings.FLOWS)
        raise DefinitionError("settings.FLOWS", (Problem("flow", known, flow, "name the module of its vocabulary"),))
    found: Vocabulary = import_module(owner).VOCABULARY
    return found


def from_files(flow: str) -> Flow:
    """The definition that new cases begin with: the baseline, with the base's own rules over it where there are any.

    Raises:
        DefinitionError: it cannot be read or used.
    """
    path = Path(settings.FLOW_FOLDER) / f"{flow}.yaml"
    own = Path(settings.FLOW_LOCAL) / f"{flow}.yaml" if settings.FLOW_LOCAL else None
    local = _text(own) if own is not None and own.exists() else ""
    return _read(flow, _text(path), str(path), local, str(own))


@functools.lru_cache(maxsize=64)
def pinned(sha256: str) -> Flow:
    """The definition that a case keeps to.

    Raises:
        DefinitionError: the program no longer knows a word of it.
    """
    row = Version.objects.get(pk=sha256)
    return _read(row.flow, row.text, f"{row}", row.local, f"{row} (local)")


def forget() -> None:
    """Read everything again: the words have changed."""
    pinned.cache_clear()
    _read.cache_clear()


def pin(flow: Flow, now: datetime) -> Version:
    """The row of a definition, written at its first case."""
    version, _new = Version.objects.get_or_create(
        sha256=flow.sha256,
        defaults={"flow": flow.definition.flow, "text": flow.text, "local": flow.local, "since": now},
    )
    return version


@functools.lru_cache(maxsize=64)
def _read(flow: str, text: str, origin: str, local: str, local_origin: str) -> Flow:
    found = read(text, origin, vocabulary(flow), local, local_origin)
    if found.definition.flow != flow:
        raise DefinitionError(origin, (Problem("flow", flow, found.definition.flow, "name it as its file"),))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        came = error.strerror if isinstance(error, OSError) else "not UTF-8"
        problem = Problem("", "a file that can be read", str(came), "put the definition there")
        raise DefinitionError(str(path), (problem,)) from error
