"""Several threads decode a struct for the first time at once."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading, types
import msgspec
from contracts.struct_types import build_struct_types

sys.setswitchinterval(1e-6)
for number in range(100):
    module = types.ModuleType(f"made{number}")
    sys.modules[module.__name__] = module
    for i in range(60):
        fields = [("a", int, 0), *((f"f{j}", module.__dict__[f"C{j}"] | None, None) for j in range(max(0, i - 3), i))]
        module.__dict__[f"C{i}"] = msgspec.defstruct(f"C{i}", fields, module=module.__name__)
    if sys.argv[1] == "built":
        build_struct_types()
    together = threading.Barrier(4)

    def decode():
        together.wait()
        msgspec.convert({"f58": {"f57": {"f56": {"a": 1}}}}, module.C59)
        msgspec.convert({"f56": {"f55": {"a": 1}}}, module.C57)

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if number > 10 and sys.argv[1] == "built":
        break
"""


@pytest.mark.parametrize(("how", "code"), [("built", 0), ("not built", -signal.SIGSEGV)])
def test_types_that_were_built_before_are_decoded_by_many_threads(how, code):
    """The second is the negative control: when it no longer crashes, msgspec is mended and struct_types.py can go."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == code, done.stderr


def test_a_process_with_threads_builds_all_that_it_imported():
    from contracts.struct_types import build_struct_types
    from edge import config

    assert config.BoxConfig.__name__ == "BoxConfig"
    assert build_struct_types() > 50
