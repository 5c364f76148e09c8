"""Compile a gettext catalogue without gettext's tools, so that a fresh machine needs none."""

import ast
import struct
from pathlib import Path


def read_po(text: str) -> dict[str, str]:
    """Entries of a .po file: id → text; of plurals the forms are joined by NUL, as .mo wants them.

    Raises:
        ValueError: a line that is no part of a catalogue, or one text translated twice.
    """
    found: dict[str, str] = {}
    entry: dict[str, str] = {}
    field = ""

    def close() -> None:
        if "msgid" in entry:
            forms = [entry[name] for name in sorted(entry) if name.startswith("msgstr")]
            key = entry["msgid"] + ("\0" + entry["msgid_plural"] if "msgid_plural" in entry else "")
            if key in found:
                raise ValueError(f"{entry['msgid']!r} is translated twice, and one of the two would win unseen")
            if all(forms):
                found[key] = "\0".join(forms)
        entry.clear()

    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            if not line:
                close()
            continue
        if not line.startswith('"'):
            field, _gap, line = line.partition(" ")
            if field == "msgid":
                close()
            entry[field] = ""
        if not line.startswith('"'):
            raise ValueError(f"line {number}: expected a quoted text, got {raw!r}")
        entry[field] += ast.literal_eval(line)
    close()
    return found


def mo(entries: dict[str, str]) -> bytes:
    """The binary form (GNU gettext manual, "The Format of GNU MO Files")."""
    items = sorted((key.encode(), value.encode()) for key, value in entries.items())
    table, bodies = [], bytearray()
    start = 28 + 16 * len(items)
    for part in (0, 1):
        for item in items:
            table.append(struct.pack("<II", len(item[part]), start + len(bodies)))
            bodies += item[part] + b"\0"
    head = struct.pack("<IIIIIII", 0x950412DE, 0, len(items), 28, 28 + 8 * len(items), 0, 0)
    return head + b"".join(table) + bytes(bodies)


def compile_catalogue(po: Path) -> bytes:
    """Compile one .po file."""
    return mo(read_po(po.read_text(encoding="utf-8")))
