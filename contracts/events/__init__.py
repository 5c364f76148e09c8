"""Every event that a box can write: its names, category and severities, and each field of its data.

One module a category; `fields` has what many of them share. `check` says where an event does not fit its type: tests
hold every writer to it, a running box only counts (a slip in a record must never end a release). docs/events.md is
made from here by `python -m tests.eventbook docs/events.md`.
"""

from contracts.events.kind import Described, EventType
from contracts.events.registry import REGISTRY, check, words

__all__ = ["REGISTRY", "Described", "EventType", "check", "words"]
