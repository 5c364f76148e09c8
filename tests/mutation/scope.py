"""Which modules are mutated, which are not and why, and which tests must notice."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("edge/interlock")
SURVIVORS = Path(__file__).with_name("survivors")

OUTSIDE = {
    "reasons.py": "texts for people, by reason code",
    "texts.py": "texts for people, by event",
    "view.py": "how the state is shown; decides nothing",
    "status.py": "how the state is shown; decides nothing",
    "rules/titles.py": "the rows' names in two languages",
    "rules/describe.py": "a row's value as people read it",
    "rules/lines.py": "a pack as the list that people read",
    "process.py": "shell around the kernel: tested as a process",
    "control.py": "the control socket: tested as a process",
    "clock.py": "reads the machine's clocks: tested on them",
    "store.py": "writes the state file: tested on a disk",
    "log_care.py": "asks the log and writes a file: tested as a process",
    "evidence_sockets.py": "reads sockets: tested over sockets",
}
"""Modules of `PACKAGE` that hold no decision of the kernel, each with the reason."""

TESTS = ("tests/edge/interlock", "tests/edge/test_sensor_config.py")
NOT_NEEDED = (
    "tests/edge/interlock/test_properties.py",
    "tests/edge/interlock/test_texts.py",
    "tests/edge/interlock/test_store.py",
    "tests/edge/interlock/test_clock.py",
    "tests/edge/interlock/rules/test_rulebook.py",
    "tests/edge/interlock/test_decision_record.py::test_a_record_of_sixteen_channels_costs_less_than_a_millisecond",
)
"""Long searches, a test that starts pytest, one that holds a time, which recording what runs would spoil, and tests of
what is outside: the others must notice without them."""


def modules() -> list[Path]:
    """Every module that is mutated, as paths below the repository."""
    found = sorted((ROOT / PACKAGE).rglob("*.py"))
    return [
        path.relative_to(ROOT) for path in found if path.relative_to(ROOT / PACKAGE).as_posix() not in OUTSIDE
    ]
