"""`hotbox-sim` as a person types it."""

import json

import pytest
from typer.testing import CliRunner

from firmware_sim import cli
from firmware_sim.client import Site
from tests.firmware_sim.conftest import RunningSite


def _run(*words: str) -> str:
    result = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_site_is_found_by_option_before_or_after_the_command_or_by_the_environment(
    running: RunningSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = str(running.directory)
    assert _run("--dir", directory, "set", "ch4-1", "1.5") == "ok\n"
    assert _run("press", "arm", "--ms", "50", "--dir", directory) == "ok\n"
    monkeypatch.setenv("HOTBOX_SITE", directory)
    assert _run("fault", "ch4-1", "silent") == "ok\n"
    assert site.state()["gas"]["ch4-1"]["fault"] == "silent"
    assert json.loads(_run("state"))["gas"]["ch4-1"]["value"] == 1.5


def test_the_site_named_before_the_command_beats_the_environment(
    running: RunningSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTBOX_SITE", "/nonexistent")
    assert _run("--dir", str(running.directory), "set", "ch4-1", "2.5") == "ok\n"
    assert _run("set", "ch4-1", "3.5", "--dir", str(running.directory)) == "ok\n"
    assert site.state()["gas"]["ch4-1"]["value"] == 3.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "ch4-1", "nan"], "a finite number"),
        (["set", "ch4-1", "inf"], "a finite number"),
        (["set", "gnss", "91", "0"], "-90 to 90 degrees"),
        (["set", "gnss", "nan", "0"], "a finite number"),
        (["press", "arm", "--ms", "-5"], "1 to 600000 ms"),
        (["press", "arm", "--ms", "0"], "1 to 600000 ms"),
        (["fault", "ch4-1", "late", "1e9"], "0 to 60000 ms"),
    ],
)
def test_a_number_that_no_device_could_show_is_refused(
    running: RunningSite, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["hotbox-sim", "--dir", str(running.directory), *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_json_prints_what_the_device_answers(running: RunningSite, site: Site) -> None:
    del site
    told = json.loads(_run("--dir", str(running.directory), "set", "ch4-1", "12.5", "--json"))
    assert told["value"] == 12.5
    assert told["set_us"] > 0


@pytest.mark.parametrize("words", [["state"], ["--dir", "/nonexistent", "state"], ["scenario", "run", "nothing"]])
def test_an_error_is_one_line_and_exit_code_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOTBOX_SITE", raising=False)
    monkeypatch.setattr("sys.argv", ["hotbox-sim", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("hotbox-sim: ")
    assert told.count("\n") == 1


def test_a_negative_reading_needs_the_usual_separator(running: RunningSite, site: Site) -> None:
    _run("--dir", str(running.directory), "set", "--", "ch4-1", "-0.5")
    assert site.state()["gas"]["ch4-1"]["value"] == -0.5
