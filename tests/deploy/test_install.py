"""What a box is installed from fits together: units, users, folders, example configuration, locks, image."""

import configparser
import fnmatch
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from edge.config import BoxConfig, read
from edge.process import NAMES

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
INSTALLED = "/opt/hotbox/.venv/bin/"
GROUPS_OF_DEBIAN = {"dialout", "bluetooth", "video"}


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path, encoding="utf-8")
    return parser["Service"]


def declared(kind: str) -> set[str]:
    """Users (u) or groups (u, g) that sysusers makes; a user brings a group of its name."""
    lines = (ROOT / "systemd" / "hotbox.sysusers.conf").read_text().splitlines()
    return {line.split()[1] for line in lines if line[:1] in kind}


def folders() -> dict[str, tuple[int, str, str]]:
    """Mode, owner and group of every folder that tmpfiles makes."""
    lines = (ROOT / "systemd" / "hotbox.tmpfiles.conf").read_text().splitlines()
    found = (line.split() for line in lines if line.startswith("d "))
    return {path: (int(mode, 8), owner, group) for _, path, mode, owner, group, _ in found}


@pytest.fixture(scope="module")
def example() -> BoxConfig:
    return read(ROOT / "configs" / "box.example.yaml")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_the_project_installs(path: Path) -> None:
    program, *words = shlex.split(unit(path)["ExecStart"])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert program.removeprefix(INSTALLED) in scripts
    if program.endswith("/hotbox"):
        assert words == ["-c", "/etc/hotbox/box.yaml", "run", path.stem.removeprefix("hotbox-")]
        assert words[-1] in NAMES


def test_every_process_of_the_box_has_a_unit() -> None:
    assert {path.stem.removeprefix("hotbox-") for path in UNITS} == {*NAMES, "bridge"}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_units_user_and_groups_are_made(path: Path) -> None:
    service = unit(path)
    assert service["User"] in declared("u")
    groups = {service["Group"], *service.get("SupplementaryGroups", "").split()}
    assert groups <= declared("ug") | GROUPS_OF_DEBIAN


def test_each_process_has_a_user_of_its_own() -> None:
    """One user a process: the interlock tells them apart by it."""
    users = [unit(path)["User"] for path in UNITS]
    assert len(set(users)) == len(users)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_no_unit_may_gain_privileges(path: Path) -> None:
    service = unit(path)
    assert service["NoNewPrivileges"] == service["RestrictNamespaces"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert filters(path)[0].startswith("@system-service"), "the first one allows, the others take away"
    assert all(each.startswith("~") for each in filters(path)[1:])


def filters(path: Path) -> list[str]:
    """Each line of the unit's system call filter."""
    return re.findall(r"^SystemCallFilter=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_no_process_of_the_bridge_may_read_another_ones_memory() -> None:
    """They share a user, and one of them decodes strangers' pictures."""
    assert filters(ROOT / "systemd" / "hotbox-bridge.service")[1:] == ["~ptrace process_vm_readv process_vm_writev"]


def test_the_examples_uids_are_the_units_users(example: BoxConfig) -> None:
    wanted = {name: unit(ROOT / "systemd" / f"hotbox-{name}.service")["User"] for name in NAMES if name != "interlock"}
    assert example.uids == wanted


def test_each_secret_lies_in_a_folder_of_the_one_process_that_reads_it(example: BoxConfig) -> None:
    assert example.presence.badges is not None
    assert example.vision.video is not None
    made = folders()
    for folder, user in (
        (example.data, "hotbox"),
        (str(example.log_key.parent), "hotbox"),
        (str(Path(example.presence.badges.secrets).parent), "hotbox-presence"),
        (example.vision.templates, "hotbox-vision"),
        (example.vision.video.folder, "hotbox-vision"),
    ):
        mode, owner, group = made[folder]
        assert (owner, group) == (user, "hotbox")
        assert not mode & 0o027, f"{folder}: others may write, or strangers may look"
    secret = (example.vision.templates, example.vision.video.folder)
    for folder in (example.log_key.parent, Path(example.presence.badges.secrets).parent, *secret):
        assert not made[str(folder)][0] & 0o060, f"{folder}: the group may list or write"


def test_public_keys_lie_where_the_group_may_read(example: BoxConfig) -> None:
    made = folders()
    for path in (example.bridge.permit_keys, example.bridge.command_keys, example.bridge.witness, example.log_vkey):
        mode, _, group = made[str(Path(path).parent)]
        assert group == "hotbox"
        assert mode & 0o050 == 0o050
    assert example.bridge.permit_keys.startswith("/etc/hotbox/"), "the trust anchors are root's"
    assert made["/etc/hotbox"][1] == "root"


def test_systemd_makes_the_users(tmp_path: Path) -> None:
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    lines = (ROOT / "systemd" / "hotbox.sysusers.conf").read_text().splitlines()
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "--dry-run", "--inline", *(line for line in lines if line[0] != "#")],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Creating user 'hotbox-presence'" in done.stderr


# --- the image


def copied() -> list[str]:
    """What the Dockerfile takes from the checkout."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    words = [line.split()[1:] for line in lines if line.startswith("COPY ") and "--from" not in line]
    return [source.rstrip("/") for line in words for source in line[:-1]]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert copied()
    for source in copied():
        assert (ROOT / source).exists()
        ignored = False
        for rule in rules:
            if fnmatch.fnmatchcase(source, rule.removeprefix("!")):
                ignored = not rule.startswith("!")
        assert not ignored, f"{source} is copied and ignored"


def test_the_image_and_the_installer_name_locks_that_exist() -> None:
    (default,) = re.findall(r"^ARG EXTRAS=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    named = re.findall(r"locks=\(([^)]*)\)", (ROOT / "scripts" / "bootstrap").read_text())
    locks = {default, *(name for names in named for name in names.split())}
    assert locks >= {"bridge", "edge", "vision", "all"}
    for name in locks:
        assert (ROOT / "requirements" / f"{name}.txt").is_file()
    assert re.search(r"^setuptools==.*\\$", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)


def test_the_image_runs_as_nobody_special_and_tells_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER hotbox-bridge$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "/healthz" in final


# --- what the guides say


@pytest.mark.parametrize("name", ["install.md", "install.zh-CN.md"])
def test_the_guide_names_files_of_the_checkout(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for path in re.findall(r"(?<![\w/])((?:systemd|configs|scripts)/[\w.*-]+[\w*])", text):
        assert list(ROOT.glob(path)), f"{name} names {path}, which is not there"


def test_both_guides_give_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        lines = [
            line.partition(" #")[0].rstrip()
            for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
        ]
        return [line for line in lines if line and line[0] != "#"]

    assert blocks("install.md")
    assert blocks("install.md") == blocks("install.zh-CN.md")


def test_the_example_is_yaml_that_a_person_may_copy() -> None:
    assert yaml.safe_load((ROOT / "configs" / "box.example.yaml").read_text(encoding="utf-8"))["uids"]
