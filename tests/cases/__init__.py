"""Recorded traces of the kernel: what happened at a site, second by second, and what the box decided.

    python -m tests.cases list               every case and what it is for
    python -m tests.cases show NAME          play one and print its decisions
    python -m tests.cases record NAME|--all  write expected.txt anew, to be read before it is kept

Each folder is a case. `case.yaml` says why it is there, where it starts and what happens when; `expected.txt` has
every decision with its time. tests/edge/interlock/test_cases.py plays them all and makes every decision again from its
record. tests/cases/world.py lists what can happen.
"""
