"""What may not cross: imports between packages, weight in the interlock, private addresses in the repository."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "faces", "edge", "cloud_bridge", "firmware_sim")
MAY_IMPORT = {
    "contracts": set(),
    "faces": {"contracts"},
    "edge": {"contracts", "faces"},
    "cloud_bridge": {"contracts", "faces"},
    "firmware_sim": {"contracts"},
}
TOO_HEAVY = ("numpy", "cv2", "typer", "rich", "textual", "django", "bleak", "aiomqtt")
LARGEST = 1_000_000
# Written in pieces, so that this file does not contain what it looks for.
PRIVATE = re.compile(
    "|".join(
        (
            r"(?<![\w.])/(?:work|root)/",
            r"/tmp/" + "hb/",
            r"files\.python" + "hosted",
            r"pypi\.org/" + "simple",
            r"registry\.npm" + "js",
        )
    )
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|(?:src|href)=\"([^\"#]+)\"")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _imported(path: Path) -> set[str]:
    """Packages that a module names in its import statements, wherever they stand, and in importlib calls."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            found |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_what_it_may(package):
    """edge and cloud_bridge never import each other, neither imports the simulation, contracts nothing of ours."""
    forbidden = {*PACKAGES, "tests"} - MAY_IMPORT[package] - {package}
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    crossing = [f"{path.relative_to(ROOT)}: {name}" for path in modules for name in sorted(_imported(path) & forbidden)]
    assert crossing == []


@pytest.mark.parametrize("line", ["import edge.config", "from edge import config", "importlib.import_module('edge.x')"])
def test_a_forbidden_import_is_seen(line, tmp_path):
    """The test above can fail."""
    module = tmp_path / "module.py"
    module.write_text(f"import importlib\ndef late():\n    {line}\n", encoding="utf-8")
    assert "edge" in _imported(module)


def test_interlock_process_loads_nothing_heavy():
    """BOX-04: the process that opens the relay imports only what it uses."""
    modules = "edge.process, edge.audit, edge.interlock.process"
    ask = f"import sys, {modules}; print(*(n for n in {TOO_HEAVY!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not in a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_tracked_files_name_no_registry_and_no_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in _tracked()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("cd /work" + "/main", True),
        ("/root" + "/.cache", True),
        ("https://pypi.org" + "/simple/x", True),
        ("https://a.example/network/root", False),
        ("home.work/x", False),
    ],
)
def test_private_addresses_are_recognised(text, private):
    """The test above can fail."""
    assert bool(PRIVATE.search(text)) is private


def test_no_tracked_file_is_large():
    assert [str(path.relative_to(ROOT)) for path in _tracked() if path.stat().st_size > LARGEST] == []


def _readme(name: str) -> str:
    return FENCE.sub("", (ROOT / name).read_text(encoding="utf-8"))


def test_both_readmes_have_the_same_headings():
    levels = {name: [len(mark) for mark in HEADING.findall(_readme(name))] for name in ("README.md", "README.zh-CN.md")}
    assert len(levels["README.md"]) > 3
    assert levels["README.md"] == levels["README.zh-CN.md"]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_everything_that_a_readme_links_is_there(name):
    links = [a or b for a, b in LINK.findall(_readme(name))]
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []
