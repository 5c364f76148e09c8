"""The site as a whole: it comes up, says where everything is, answers, and leaves nothing behind."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from firmware_sim.client import Site, facts, short_path
from firmware_sim.errors import SimulationError
from firmware_sim.settings import SiteSettings, load
from tests.edge.eventually import eventually
from tests.firmware_sim.conftest import ROOT, RunningSite

SMALL = "badges: null\ngnss: null\ncamera: null\ngas_rtu: null\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_site_json_names_every_device(running: RunningSite) -> None:
    assert running.facts.keys() >= {
        "gas_tcp", "gas_rtu", "inputs", "deadman", "gnss", "camera", "dbus", "control", "badges", "stills"
    }  # fmt: skip
    for key in ("gas_rtu", "deadman", "gnss"):
        link = Path(running.facts[key]["device"])
        assert link.parent == running.directory
        assert str(link.resolve()).startswith("/dev/pts/")
    assert running.facts["gas_tcp"]["host"] == running.facts["inputs"]["host"] == "127.0.0.1"
    assert running.facts["dbus"]["address"].startswith("unix:")
    assert Path(running.facts["control"]).is_socket()


def test_state_tells_everything(site: Site) -> None:
    state = site.state()
    assert state.keys() >= {"deadman", "gas", "inputs", "badges", "radio", "gnss", "camera"}
    assert list(state["gas"]) == ["ch4-1", "o2-1", "ch4-2", "ch4-3", "co-1", "h2s-1"]
    assert state["gas"]["o2-1"]["value"] == 20.9
    assert {
        "latch", "contact", "boots", "cycles", "last_good_hb_us", "contact_open_us", "contact_closed_us", "open_cause",
        "tick_ms",
    } <= state["deadman"].keys()  # fmt: skip


def test_set_is_stamped_by_the_detector_on_the_boxs_clock(site: Site) -> None:
    stamps = [site.set("ch4-1", value)["set_us"] for value in (1, 2, 3)]
    assert stamps == sorted(set(stamps))
    assert site.state()["gas"]["ch4-1"]["set_us"] == stamps[-1]


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (("set", "ch9-1", "1"), "ch4-1"),
        (("set", "ch4-1", "much"), "number"),
        (("set", "ch4-1"), "%LEL"),
        (("set",), "ch4-1"),
        (("set", "estop", "broken"), "open, closed"),
        (("press", "doorbell"), "arm, stop, finish, reset"),
        (("fault", "ch4-1", "tired"), "silent"),
        (("fault", "ch4-1"), "silent"),
        (("fault", "roof", "none"), "deadman"),
        (("fault", "deadman", "rust"), "stuck_open"),
        (("fault", "deadman"), "stuck_open"),
        (("fault", "camera", "rust"), "frozen"),
        (("fault", "gnss", "rust"), "no_checksum"),
        (("fault", "badges", "rust"), "deaf"),
        (("release",), "set, press, fault, state"),
    ],
)
def test_what_is_not_understood_is_answered_with_what_is(site: Site, ask: tuple[str, ...], named: str) -> None:
    with pytest.raises(SimulationError, match=named):
        site.ask(*ask)


def test_the_control_socket_survives_nonsense(running: RunningSite) -> None:
    with socket.socket(socket.AF_UNIX) as client, short_path(Path(running.facts["control"])) as name:
        client.connect(name)
        lines = client.makefile("rwb")
        for nonsense in (b"hello\n", b"{}\n", b'{"do": 5}\n', b'{"do": "state", "extra": 1}\n'):
            lines.write(nonsense)
            lines.flush()
            assert json.loads(lines.readline())["ok"] is False
        lines.write(b'{"do": "state"}\n')
        lines.flush()
        assert json.loads(lines.readline())["ok"] is True
        lines.close()


def test_without_a_site_the_client_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="hotbox-sim site --dir"):
        Site(tmp_path)
    with pytest.raises(SimulationError, match="hotbox-sim site --dir"):
        facts(tmp_path)


def _children(site: RunningSite) -> list[psutil.Process]:
    return psutil.Process(site.process.pid).children(recursive=True)


def test_sigterm_ends_everything_and_takes_the_files_away(tmp_path: Path) -> None:
    """In a directory so deep that no socket's address could hold its path."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    site = RunningSite(deep).wait_until_up()
    children = _children(site)
    assert len(children) >= 8
    with Site(deep) as connection:
        assert connection.state()["gas"]
    assert site.end() == 0
    assert not [child for child in children if child.is_running()]
    assert sorted(path.name for path in deep.iterdir()) == ["badges.json", "stills"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_no_child_outlives_the_site_however_it_ends(tmp_path: Path, small: Path, number: signal.Signals) -> None:
    site = RunningSite(tmp_path / "site", "--config", str(small)).wait_until_up()
    children = _children(site)
    site.end(number)
    await eventually(lambda: not any(child.is_running() for child in children))


def test_a_site_does_not_go_on_without_one_of_its_devices(
    tmp_path: Path, small: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    site = RunningSite(tmp_path / "site", "--config", str(small)).wait_until_up()
    victim = next(child for child in _children(site) if "deadman" in child.cmdline())
    victim.kill()
    assert site.process.wait(5) == 1
    site.end()
    assert "deadman process ended by itself" in capfd.readouterr().err
    assert not (tmp_path / "site/site.json").exists()


def test_a_new_site_in_the_same_directory_keeps_the_badges_secrets(tmp_path: Path) -> None:
    config = tmp_path / "badges.yaml"
    config.write_text("gnss: null\ncamera: null\ngas_rtu: null\ngas_tcp: null\n")
    secrets = []
    for number in (signal.SIGKILL, signal.SIGTERM):
        site = RunningSite(tmp_path / "site", "--config", str(config)).wait_until_up()
        secrets.append(Path(site.facts["badges"]).read_bytes())
        children = _children(site)
        site.end(number)
        _, alive = psutil.wait_procs(children, timeout=3)
        assert not alive
    assert secrets[0] == secrets[1]


def test_the_site_ends_quietly_while_people_still_watch_and_talk(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "camera.yaml"
    config.write_text("badges: null\ngnss: null\ngas_rtu: null\n")
    site = RunningSite(tmp_path / "site", "--config", str(config)).wait_until_up()
    with Site(site.directory) as connection, httpx.stream("GET", site.facts["camera"]["url"]) as reply:
        connection.set("camera", "performer")
        assert next(reply.iter_bytes())
        assert site.end() == 0
        with pytest.raises(SimulationError, match=r"ended|answer"):
            connection.state()
    assert capfd.readouterr().err == ""


def test_a_machine_without_dbus_is_told_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from firmware_sim.cli import main; main()", "site", "--dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install dbus" in done.stderr
    assert "Traceback" not in done.stderr


def _settings(tmp_path: Path, text: str) -> SiteSettings:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return load(path)


def test_a_site_may_have_sixteen_detectors_on_one_port(tmp_path: Path) -> None:
    heads = [
        {"name": f"ch4-{unit}", "unit_id": unit, "gas": "CH4", "unit": "%LEL", "scale": 0.1, "range_high": 100}
        for unit in range(1, 17)
    ]
    settings = _settings(tmp_path, json.dumps({"gas_tcp": {"detectors": heads}}))
    assert settings.gas_tcp is not None
    assert len(settings.gas_tcp.detectors) == 16


HEAD: dict[str, Any] = {"name": "a", "unit_id": 1, "gas": "CH4", "unit": "%LEL", "scale": 0.1, "range_high": 100}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("gas: {}", "gas"),
        ("gas_rtu: {detectors: [], baud: 9601}", "9601"),
        ("gnss: {latitude: 91}", "latitude"),
        ("[", "site.yaml"),
        (json.dumps({"gas_tcp": {"detectors": [HEAD, HEAD | {"unit_id": 2}]}}), "two detectors are called a"),
        (json.dumps({"gas_tcp": {"detectors": [HEAD, HEAD | {"name": "b"}]}}), "share a unit id"),
        (json.dumps({"gas_tcp": {"detectors": [HEAD | {"scale": 0}]}}), "scale"),
    ],
)
def test_a_wrong_site_file_names_what_is_wrong(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SimulationError, match=named):
        _settings(tmp_path, text)


def test_a_missing_site_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"missing\.yaml"):
        load(tmp_path / "missing.yaml")


def test_without_a_file_it_is_the_demos_site() -> None:
    assert load(None) == SiteSettings()
