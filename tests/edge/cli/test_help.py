"""Texts, help, mounted command lines, and what does not need a running box."""

import re
from pathlib import Path
from string import Formatter

import msgspec
import pytest

from contracts.checkpoint import NoteKey
from contracts.permit import Level, Role
from edge.cli.app import COMMANDS, build
from edge.cli.banner import LOOKS, banner
from edge.cli.glyphs import pixels
from edge.cli.texts import HELP_ZH, TEXTS
from edge.cli.words import Words, limits, number
from edge.gas.reading import Quality
from edge.interlock.state import Mode
from edge.interlock.texts import STATES
from tests.edge.cli.box import Box

OTHERS = ("audit", "enrol")


def test_every_text_has_the_same_values_in_both_languages() -> None:
    for key, (zh, en) in TEXTS.items():
        fields = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (zh, en)]
        assert fields[0] == fields[1], key
        assert zh, key
        assert en, key


def test_every_word_of_the_status_document_has_its_text() -> None:
    wanted = [f"quality.{quality.value}" for quality in Quality]
    wanted += [f"role.{role.value}" for role in Role] + [f"level.{level.value}" for level in Level]
    wanted += [f"state.{mode.value}" for mode in Mode]
    assert [key for key in wanted if key not in TEXTS] == []


def test_an_unknown_cause_of_the_controller_is_shown_as_it_is() -> None:
    assert Words("zh").known("cause.brown_out", "brown_out") == "brown_out"


def _paths(command: object, path: str) -> list[tuple[str, object]]:
    found = [(path, command)]
    for name in COMMANDS if path == "hotbox" else getattr(command, "commands", {}):
        child = command.get_command(None, name) if path == "hotbox" else command.commands[name]  # type: ignore[attr-defined]
        found += _paths(child, name if path == "hotbox" else f"{path}.{name}")
    return found


def test_every_command_and_option_has_help_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTBOX_LANG", "en")
    for path, command in _paths(build(), "hotbox"):
        if path.split(".")[0] in OTHERS:
            continue
        assert command.help, path  # type: ignore[attr-defined]
        assert path in HELP_ZH
        for parameter in command.params:  # type: ignore[attr-defined]
            if parameter.name == "help":
                continue
            assert parameter.help, (path, parameter.name)
            assert f"{path}.{parameter.name}" in HELP_ZH


def test_help_is_chinese_when_asked_for(box: Box) -> None:
    assert "动火作业联锁盒" in box.hotbox("--lang", "zh", "--help", lang="en").stdout
    assert "联锁无应答" in box.hotbox("status", "--help", lang="zh").stdout


def test_wrong_usage_is_exit_code_two(box: Box) -> None:
    assert box.hotbox("fly").returncode == 2
    assert box.hotbox("status", "--fast").returncode == 2


def test_wrong_usage_of_what_verifies_is_three_as_two_contradicts_the_witness(box: Box) -> None:
    """ANT-09: a script must not read a slip of the pen as a log that was set back."""
    for words in (("verify", "--bogus"), ("verify", "extra"), ("tail", "-n", "many"), ("fly",), ("keys", "--bogus"),
                  ("keys", "rotate", "--bogus"), ("witness", "add"), ("trace", "--bogus"), ("--bogus",)):  # fmt: skip
        shown = box.hotbox("audit", *words)
        assert (shown.returncode, "Traceback" in shown.stderr) == (3, False), (words, shown.stderr)


def test_an_unknown_process_is_refused(box: Box) -> None:
    shown = box.hotbox("run", "everything")
    assert shown.returncode == 1
    assert "interlock, vision, presence, link" in shown.stderr


def test_a_language_that_is_not_there_is_refused(box: Box) -> None:
    shown = box.hotbox("--lang", "fr", "status")
    assert shown.returncode == 1
    assert "zh or en" in shown.stderr


def test_the_audit_command_line_is_mounted_and_finds_the_log(box: Box) -> None:
    shown = box.hotbox("audit", "tail", "-n", "1000", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "system.boot" in shown.stdout


def test_provision_makes_the_key_and_names_what_is_missing(box: Box, tmp_path: Path) -> None:
    changed = box.read() | {"data": str(tmp_path / "data")}
    changed["bridge"] = changed["bridge"] | {"witness": str(tmp_path / "witness.vkey")}
    file = box.write(changed, "fresh.yaml")
    done = msgspec.json.decode(box.hotbox("-c", str(file), "provision", "--json").stdout)
    assert done["made"]
    assert (tmp_path / "data" / "keys" / "log_key.pem").stat().st_mode & 0o777 == 0o600
    assert NoteKey.parse(done["vkey"]).name == "hotbox.example/box-1/1"
    assert done["bridge_command"] == f"hotbox-bridge box add box-1 --vkey {done['vkey']}"
    assert [needed["file"] for needed in done["missing"]] == ["witness", "templates"]
    again = box.hotbox("-c", str(file), "provision")
    assert done["vkey"] in again.stdout
    assert "kept" in again.stdout
    assert "hotbox-bridge box trust box-1" in again.stdout


def test_diag_prints_versions(box: Box) -> None:
    found = msgspec.json.decode(box.hotbox("diag", "--json").stdout)
    assert re.match(r"3\.\d+", found["python"])
    assert found["msgspec"] != "–"


def test_the_interlock_loads_none_of_the_command_lines_libraries() -> None:
    """The interlock process stays small: `hotbox run interlock` replaces itself by a fresh interpreter."""
    import subprocess
    import sys

    code = (
        "import sys, edge.interlock.process; print(sorted({'typer', 'rich', 'textual', 'edge.cli'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


# --- the banner


@pytest.mark.parametrize("state", list(LOOKS))
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("width", "height"), [(60, 3), (80, 3), (120, 10), (200, 8)])
def test_the_banner_has_colour_symbol_and_word_in_its_exact_size(
    state: str, lang: str, width: int, height: int
) -> None:
    """BOX-06: never colour alone."""
    lines = banner(state, "for 3 s", Words(lang), width, height)  # type: ignore[arg-type]
    assert [line.cell_len for line in lines] == [width] * height
    assert all(LOOKS[state].paper in str(line.style) for line in lines)
    assert any("█" in line.plain for line in lines)
    if lang == "zh" and height < 8:
        assert " ".join(TEXTS[f"state.{state}"][0]) in "".join(line.plain for line in lines)


def test_every_state_has_its_own_look_and_word() -> None:
    assert set(STATES) == {mode.value for mode in Mode} == set(LOOKS) - {"LOST"}
    assert len({look.symbol for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.paper for look in LOOKS.values()}) == len(LOOKS)
    for state in LOOKS:
        for character in TEXTS[f"state.{state}"][0]:
            assert sum(row.count("#") for row in pixels(character)) > 30


def test_numbers_read_as_on_a_detector() -> None:
    assert [number(value) for value in (0.0, 20.9, 12.50001, None)] == ["0", "20.9", "12.5", "–"]
    assert [limits(None, 10.0), limits(19.5, None), limits(19.5, 23.5)] == ["≤ 10", "≥ 19.5", "19.5–23.5"]


@pytest.mark.parametrize(
    ("ms", "text"),
    [(400, "0.4 s"), (42_000, "42 s"), (754_000, "12:34"), (7_140_000, "1 h 59 min"), (260_000_000, "3 d 0 h")],
)
def test_times_read_as_people_say_them(ms: int, text: str) -> None:
    assert Words("en").span(ms) == text
