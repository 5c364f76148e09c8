"""Refuse to start with a workflow that cannot be used."""

from typing import Any

from django.conf import settings
from django.core import checks

from cloud_bridge.flows import versions
from cloud_bridge.flows.definition.errors import DefinitionError


@checks.register("flows")
def definitions(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Every definition of this machine can be used."""
    found: list[checks.CheckMessage] = []
    for flow in settings.FLOWS:
        try:
            versions.from_files(flow)
        except DefinitionError as error:
            found += [checks.Error(f"{error.origin}: {problem}", id="flows.E001") for problem in error.problems]
    return found
