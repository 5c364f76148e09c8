"""What a box refused, and why: to arm, a reset, a permit, a face, a command (PTW-18)."""

from typing import Any

from contracts.event import Event


def is_refusal(event: Event) -> bool:
    """Whether the box said no."""
    return event.type.endswith(("refused", ".abandoned"))


def reason_rows(event: Event) -> list[dict[str, Any]]:
    """The reasons behind an event as it tells them, the first one first; what does not read as one is left out."""
    data = event.data
    rows = [data] if isinstance(data.get("code"), str) else data.get("reasons")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def refused_for(event: Event) -> list[str]:
    """The codes of everything that a refusal was for; its type where it names none. Empty for another event."""
    if not is_refusal(event):
        return []
    return [str(row.get("code")) for row in reason_rows(event) if isinstance(row.get("code"), str)] or [event.type]
