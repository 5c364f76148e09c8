"""How the stack light, the buzzer and the small screen are set up: the `panel` and `kiosk` sections of box.yaml."""

from typing import Annotated, Literal

import msgspec

from contracts.errors import ContractError

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Place = Annotated[int, msgspec.Meta(ge=0, le=65535)]

LAMPS = ("red", "amber", "green", "white")
OUTPUTS = (*LAMPS, "buzzer")
PRESSES = ("silence", "lamp_test")
"""Buttons on the panel; an edge counts, so a button that is stuck says nothing twice."""


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stack light and buzzer: every number is where that output is wired, None where it is not.

    `kind` ``modbus``: coils of module `unit_id` at `host` and `port`, its buttons discrete inputs. ``gpio``: lines of
    the chip under `gpio`, the buttons' contacts to ground. `silence` and `lamp_test` are buttons that a panel may have;
    `silence_s` is how long a silenced buzzer stays silent.
    """

    kind: Literal["modbus", "gpio"]
    red: Place
    amber: Place
    green: Place
    buzzer: Place
    white: Place | None = None
    silence: Place | None = None
    lamp_test: Place | None = None
    host: str = ""
    port: Port = 502
    unit_id: Annotated[int, msgspec.Meta(ge=1, le=247)] = 1
    silence_s: Annotated[int, msgspec.Meta(ge=10, le=600)] = 120

    def places(self, names: tuple[str, ...]) -> dict[str, int]:
        """Where those of `names` are that are wired."""
        found = {name: getattr(self, name) for name in names}
        return {name: at for name, at in found.items() if at is not None}


class Kiosk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page for a small screen on the box; port 0 is chosen by the system and told in the log."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8090


def check_panel(panel: Panel, *, gpio: bool, taken: tuple[int, ...]) -> None:
    """Refuse two things on one place, a module without address, lines without a chip.

    Args:
        panel: the section.
        gpio: the box has a chip of its own.
        taken: lines of that chip that are the inputs' and the relays'.

    Raises:
        ContractError: names the key.
    """
    if panel.kind == "modbus":
        if not panel.host:
            raise ContractError("panel.host", "the output module's address", "nothing", "kind: modbus needs host")
        _different("panel (coils)", tuple(panel.places(OUTPUTS).values()))
        _different("panel (discrete inputs)", tuple(panel.places(PRESSES).values()))
        return
    if not gpio:
        raise ContractError("gpio", "the chip that the panel's lines belong to", "nothing", "describe it under `gpio`")
    _different("panel (lines)", (*panel.places((*OUTPUTS, *PRESSES)).values(), *taken))


def _different(field: str, places: tuple[int, ...]) -> None:
    for place in places:
        if places.count(place) > 1:
            raise ContractError(field, "different numbers", f"{place} twice", "one place for each lamp and button")
