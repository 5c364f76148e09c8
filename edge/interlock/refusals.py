"""How often a refused offer is written down: anyone on the broker can send one, so the log must not grow with them."""

import msgspec

from edge.interlock.record import Note

EVERY_US = 5_000_000
"""One record a kind and code in this time; what came between is a count in the next one."""


class Refusals:
    """Thins out the notes of refused offers. Kinds and codes are closed sets, so what is remembered is bounded."""

    def __init__(self) -> None:
        """Nothing was refused yet."""
        self._last_us: dict[tuple[str, str], int] = {}
        self._left_out: dict[tuple[str, str], int] = {}

    def thin(self, notes: tuple[Note, ...], now_us: int) -> tuple[Note, ...]:
        """The notes to write down; a refusal says in `n` how many like it were left out before."""
        return tuple(kept for note in notes if (kept := self._one(note, now_us)) is not None)

    def _one(self, note: Note, now_us: int) -> Note | None:
        if not note.type.endswith(".refused"):
            return note
        key = (note.type, str(note.data["code"]))
        last_us = self._last_us.get(key)
        if last_us is not None and now_us - last_us < EVERY_US:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return None
        self._last_us[key] = now_us
        left_out = self._left_out.pop(key, 0)
        return msgspec.structs.replace(note, data={**note.data, "n": left_out}) if left_out else note
