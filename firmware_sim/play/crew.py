"""The people on the site: what performer, guardian and shift leader do, through the box's own commands and buttons."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from firmware_sim.client import Site
from firmware_sim.demo import bottles
from firmware_sim.demo.box import Box, reasons
from firmware_sim.demo.processes import DemoError, until

_TRIES = 3
_READY_S = 75
"""Long enough for both to prove living faces, one after the other, and once more."""
_CAUSES = frozenset(
    [
        "estop",
        "stop",
        "gas",
        "deadman",
        "contact_open",
        "inputs",
        "loop",
        "mains",
        "battery",
        "enclosure",
        "door",
        "guardian",
        "performer",
        "place",
        "stranger",
        "unknown_badge",
        "wind",
        "camera",
        "audit",
    ]
)
"""Conditions that must be well again before the reset key is turned."""
_FAILED = "liveness_failed"
"""Nobody is asked again who failed as often as one may; a supervisor decides."""
_BACK = {"clock_step", "clock_back"}
"""A clock that is right again, and was set back for that, waits for the reset key although nothing has tripped."""


class Crew:
    """Everybody who is needed for a release."""

    def __init__(self, site: Site, box: Box) -> None:
        """They stand on `site`, at `box`."""
        self.site, self.box = site, box

    def come(self) -> None:
        """Performer, guardian and shift leader arrive; the first two face the camera."""
        for badge in ("performer", "guardian", "leader"):
            self.site.set("badge", badge, "here")
        self.site.set("camera", "performer,guardian")

    def go(self) -> None:
        """Nobody is left on the site."""
        for badge in self.site.state()["badges"]:
            self.site.set("badge", badge, "away")
        self.site.set("camera", "empty")

    def deadman(self) -> dict[str, Any]:
        """The dead-man controller's own stamps."""
        state: dict[str, Any] = self.site.state()["deadman"]
        return state

    def opened_after(self, since_us: int, seconds: float = 10) -> dict[str, Any]:
        """Wait until the controller's contact opened after `since_us`."""

        def look() -> dict[str, Any] | None:
            state = self.deadman()
            return state if state["contact"] == "O" and state["contact_open_us"] >= since_us else None

        return until("the contact to open", look, seconds)

    def gas_test(self) -> None:
        """The shift leader enters a clean gas test at the box."""
        points = [
            f"{where}:{gas}:{unit}:{value}"
            for where in ("up", "middle", "down")
            for gas, unit, value in (
                ("CH4", "%LEL", "0"),
                ("O2", "vol%", "20.9"),
                ("CO", "ppm", "0"),
                ("H2S", "ppm", "0"),
            )
        ]
        words = [word for point in points for word in ("--point", point)]
        self.box.run("gas-test", "--analyst", "leader", "--serial", "PGM-0815", "--sampled", "now", *words)

    def check_ticket(self) -> str:
        """The shift leader, who is neither crew nor approver, checks the ticket at the box; gives what the box said."""
        exit_code, text = self.box.code("permit", "check", "--by", "leader")
        if exit_code:
            raise DemoError(f"the ticket check was refused: {text}")
        return str(text).strip().splitlines()[0]

    def bump_tests(self) -> str:
        """The shift leader bump-tests every detector with real commands and the site's own gas; gives the times."""
        channels = self.box.status["channels"]
        with ThreadPoolExecutor(len(channels)) as pool:
            runs = [pool.submit(self._bump, channel) for channel in channels]
            bottles.open_and_close(self.site, lambda: self.box.status, lambda: all(run.done() for run in runs), 40)
            ends = [run.result() for run in runs]
        return ", ".join(f"{end['channel']} {end['result']['response_ms']} ms" for end in ends)

    def _bump(self, channel: dict[str, Any]) -> dict[str, Any]:
        ended: dict[str, Any] = self.box.lines(
            "detector", "bump", channel["name"], "--gas", channel["gas"], "--unit", channel["unit"],
            "--applied", str(bottles.APPLIED[channel["gas"]]), "--by", "leader", "--bottle", f"{channel['gas']}-2611",
        )[-1]  # fmt: skip
        return ended

    def reset(self) -> None:
        """Turn the reset key with the shift leader's badge here."""
        self._turn_key("interlock.reset", self.box.mark())

    def _turn_key(self, until_event: str, mark: int) -> None:
        for _ in range(_TRIES - 1):
            self.site.press("reset")
            # A person sees that nothing happened and turns the key once more.
            with contextlib.suppress(DemoError):
                self.box.event(until_event, mark, 5)
                return
        self.site.press("reset")
        self.box.event(until_event, mark)

    def clear_fault(self) -> None:
        """Two named people prove the relay and leave a latched fault; a trip is what remains."""
        for badge in ("leader", "safety"):
            self.site.set("badge", badge, "here")
        self.box.wait("a sound controller", lambda s: not {"deadman", "contact_open", "inputs"} & _failing(s))
        both = ("--by", "leader", "--by", "safety")
        self.site.set("test_key", "test")
        self.site.set("isolated", "yes")
        until("the proof test", lambda: True if self.box.code("relay", "test", *both)[0] == 0 else None)
        self.site.set("test_key", "run")
        self.site.set("isolated", "no")
        self.box.run("reset", "--fault", *both)
        self.site.press("reset")
        self.box.state("TRIPPED")
        self.site.set("badge", "safety", "away")

    def make_ready(self) -> None:
        """From wherever the box is to PERMISSIVE_OK, or leave it RELEASED: people here, latches reset, tests made."""
        self.come()
        if self.box.status["state"] == "FAULT":
            self.clear_fault()
        if self.box.status["state"] == "TRIPPED" and not self.box.status["reset_done"]:
            self.box.wait("the causes to clear", lambda s: not _causes(s), 25)
            self.reset()
        while self.box.status["state"] not in ("PERMISSIVE_OK", "RELEASED"):
            status = self.box.wait(
                "PERMISSIVE_OK", lambda s: s["state"] == "PERMISSIVE_OK" or bool(_to_do(s)), _READY_S
            )
            to_do = _to_do(status)
            if to_do & _BACK:
                self.reset()
            if any(code.startswith("gas_test") for code in to_do):
                self.gas_test()
            if "ticket_check_none" in to_do:
                self.check_ticket()
            if _FAILED in to_do:
                self.grant_tries()
            self._counts(to_do)

    def grant_tries(self) -> None:
        """The shift leader, who sees that it is them, lets whoever failed to prove a living face try again.

        The command asks; the leader's hand on the reset key confirms, since the demo's box has no card reader.
        """
        for person in self.box.status["people"]:
            if person["face_ok"] or person["tries_left"] != 0:
                continue
            words = ("--by", "leader", "--reason", "known to the shift leader", "--again")
            mark = self.box.mark()
            self.box.run("face", "vouch", person["id"], *words)
            self._turn_key("identity.vouched", mark)

    def _counts(self, done: set[str]) -> None:
        """Wait until the box shows that what was done counts."""
        self.box.wait("what was done to count", lambda status: not _to_do(status) & done)

    def release(self) -> dict[str, Any]:
        """From wherever the box is: put the site in order, reset, arm, wait for the confirmed contact."""
        for _ in range(_TRIES - 1):
            # Where something else comes between, people put things in order and arm once more.
            with contextlib.suppress(DemoError):
                return self._release()
        return self._release()

    def _release(self) -> dict[str, Any]:
        self.make_ready()
        if self.box.status["state"] == "RELEASED":
            return dict(self.box.status)
        mark = self.box.mark()
        self.site.press("arm")
        self.box.event("relay.closed", mark, 6)
        return dict(self.box.state("RELEASED", seconds=3))

    def tripped_by(self, *codes: str, subject: str = "") -> dict[str, Any]:
        """Wait for TRIPPED and check the first-out."""
        status = self.box.state("TRIPPED")
        first = status["first_out"]
        if first["code"] not in codes or (subject and first["subject"] != subject):
            raise DemoError(
                f"expected first-out {' or '.join(codes)} {subject}, got {first['code']} {first['subject']}"
            )
        return dict(first)


def _failing(status: dict[str, Any]) -> set[str]:
    return {verdict["condition"] for verdict in status["verdicts"] if not verdict["ok"]}


def _causes(status: dict[str, Any]) -> set[str]:
    """What must be well before the reset; an over-range that is over is only left by the reset itself."""
    left = _failing(status) & _CAUSES
    held = {r["code"] for v in status["verdicts"] if v["condition"] == "gas" for r in v["reasons"]}
    sound = all(channel["quality"] == "good" for channel in status["channels"])
    return left - {"gas"} if sound and held == {"gas_over_range"} else left


def _to_do(status: dict[str, Any]) -> set[str]:
    """What keeps the box from a release and the shift leader can do, once the leader's badge has been heard."""
    wanted = {
        code
        for code in reasons(status)
        if code.startswith("gas_test") or code in ("ticket_check_none", _FAILED) or code in _BACK
    }
    return wanted if any(person["badge_ok"] for person in status["people"]) else set()
