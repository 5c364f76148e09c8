# Everything installs into .venv; the Debian packages come through scripts/bootstrap.
#   make demo                           the whole site on this machine, then stays up until Ctrl-C
#   make demo ARGS="--once --json out.json"   plays the story once and exits 0 only if every step passed
#   make test ARGS="-k gas"             ruff, mypy, pytest; ARGS go to pytest
#   make bench ARGS="trip --json out.json"    figures beside a baseline of the same run
#   make bench-face FACES=DIR ATTACKS=DIR     face verification on your own pictures: a folder per person, a folder per attack
#   make faces                          drawn people, recognised and attacked by the thousand; writes docs/faces.md
#   make prove                          a million evaluations of the kernel, each held to its promises
#   make faults ARGS="--json f.json"    every fault of the site, released and locked; writes docs/fault-matrix.md
#   make scenarios                      what happens on sites, each story played and held to what the box must do
#   make fuzz ARGS="--seed 7"           a million inputs for every parser of the outside, each held to an oracle
#   make soak ARGS="cuts fuse"          power cuts, tampering and the like at full size; all without ARGS
#   make coverage                       lines and branches of the interlock that its tests run: 100 %, or exit code 2
#   make mutation ARGS="--only kernel.py"     changes the interlock line by line: a test must notice each
.PHONY: demo test lint bench bench-face faces prove faults scenarios fuzz soak coverage mutation lock clean
.NOTPARALLEL:
PY := .venv/bin/python

demo:
	@scripts/bootstrap demo
	@$(PY) -m firmware_sim.demo $(ARGS)

test:
	@scripts/bootstrap test
	@$(MAKE) --no-print-directory lint
	@tests/micropython/setup.sh
ifdef ARGS
	@$(PY) -m pytest $(ARGS)
else
	@echo "» tests that mostly wait for devices, two at a time"
	@$(PY) -m pytest -n 2 --dist loadfile -m "not alone" --ignore tests/scenarios --ignore tests/bench --ignore tests/faults tests
	@echo "» devices, lines and whole stories that are held to their time, one at a time"
	@$(PY) -m pytest -m alone tests/edge tests/firmware_sim
	@$(PY) -m pytest tests/bench tests/faults tests/scenarios
endif

lint:
	@echo "» ruff"; .venv/bin/ruff check .
	@echo "» mypy --strict contracts faces edge firmware_sim"; .venv/bin/mypy

bench:
	@scripts/bootstrap bench
	@$(PY) -m tests.bench $(ARGS)

bench-face:
	@scripts/bootstrap bench
	@$(PY) -m tests.bench.face $(if $(FACES),--faces '$(FACES)') $(if $(ATTACKS),--attacks '$(ATTACKS)') $(ARGS)

faces:
	@scripts/bootstrap bench
	@nice -n 10 $(PY) -m tests.bench.drawn $(ARGS)

prove:
	@scripts/bootstrap bench
	@$(PY) -m tests.prove $(ARGS)

faults:
	@scripts/bootstrap faults
	@$(PY) -m tests.faults $(ARGS)

scenarios:
	@scripts/bootstrap faults
	@.venv/bin/hotbox-sim scenario run --all $(ARGS)

fuzz:
	@scripts/bootstrap bench
	@$(PY) -m tests.fuzz $(ARGS)

soak:
	@scripts/bootstrap soak
	@nice -n 19 $(PY) -m tests.soak $(ARGS)

coverage:
	@scripts/bootstrap bench
	@scripts/coverage $(ARGS)

mutation:
	@scripts/bootstrap bench
	@nice -n 19 $(PY) -m tests.mutation $(ARGS)

lock:
	@scripts/lock

clean:
	rm -rf .venv .mutation .mypy_cache .ruff_cache .pytest_cache .hypothesis
