"""Refuse to start with a workflow that cannot be used."""

from typing import Any

from django.conf import settings
from django.core import checks

from cloud_bridge.flows import versions
from cloud_bridge.flows.definition.errors import DefinitionError
from cloud_bridge.flows.models import Deadline, Fate, Version


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


def unusable() -> list[str]:
    """Versions that cases still wait under and this program does not understand, and deadlines that could not fire."""
    found = []
    for version in Version.objects.filter(cases__deadlines__fate=Fate.WAITS).distinct():
        try:
            versions.pinned(version.pk)
        except DefinitionError as error:
            found += [f"workflow {error.origin}: {problem}" for problem in error.problems]
    stuck = Deadline.objects.filter(fate=Fate.WAITS, tries__gt=0).select_related("case")
    found += [f"workflow {row.case.flow}, case {row.case}: {row.name} could not fire: {row.error}" for row in stuck]
    return found
