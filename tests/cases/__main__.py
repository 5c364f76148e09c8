"""``python -m tests.cases list|show|record``."""

import argparse
import sys

from tests.cases.case import HERE, load, names
from tests.cases.play import play


def main() -> int:
    """Entry point: 0 done, 1 a played case differs from what is expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.cases")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="every case and what it is for")
    show = verbs.add_parser("show", help="play one and print its decisions")
    show.add_argument("name", choices=names(), metavar="NAME")
    record = verbs.add_parser("record", help="write expected.txt anew; read it before it is kept")
    record.add_argument("name", nargs="*", metavar="NAME")
    record.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    if asked.verb == "list":
        for name in names():
            case = load(name)
            sys.stdout.write(f"{name:<28} {case.what}\n{'':<28} {case.why}\n")
    elif asked.verb == "show":
        found = play(load(asked.name))
        sys.stdout.write(found)
        expected = HERE / asked.name / "expected.txt"
        return 0 if expected.is_file() and expected.read_text(encoding="utf-8") == found else 1
    else:
        for name in names() if asked.all else asked.name:
            (HERE / name / "expected.txt").write_text(play(load(name)), encoding="utf-8")
            sys.stdout.write(f"{name}/expected.txt\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
