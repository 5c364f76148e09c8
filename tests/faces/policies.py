"""The shipped policy, as everybody but the box reads it."""

from pathlib import Path

import msgspec

from faces import policy

PACKS = Path(__file__).parents[2] / "configs" / "rules"
SHIPPED = policy.read(PACKS / "gb30871-2022.yaml")


def changed(**values):
    return msgspec.structs.replace(SHIPPED, **values)
