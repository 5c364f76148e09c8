"""The story of `make demo`: sixteen steps, each played through the real interfaces and checked.

Times come from the simulated controller's own stamps: the site says when it changed a gas or began a fault, and the
dead-man controller says when its contact opened and when it last heard a good heartbeat.
"""

import asyncio
import datetime
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiomqtt
import httpx
import msgspec

from contracts import jws, topics
from contracts.permit import PermitClaims
from firmware_sim.demo.box import reasons
from firmware_sim.demo.processes import DemoError, code, until
from firmware_sim.demo.stage import BOX, OTHER_BOX, Stage
from firmware_sim.play.crew import Crew

_STILL_S = 0.4
_FACES_S = 75
"""Long enough for both to follow the arrows, one after the other, and once more."""


class Outcome(msgspec.Struct, frozen=True):
    """How a step ended. `ms` is the time that matters in it, if there is one."""

    id: int
    title: str
    ok: bool
    detail: str
    ms: float | None = None


class Told(msgspec.Struct):
    """What a step tells when it worked."""

    detail: str
    ms: float | None = None


TITLES: dict[int, tuple[str, str]] = {
    1: ("现场、代理、桥接、盒子启动", "site, broker, bridge and box are up"),
    2: ("申请、双人审批、签发，盒子验证并接收作业票", "permit applied, approved by two, issued, accepted by the box"),
    3: ("过早按下点火申请：被拒，逐项说明缺什么", "arm pressed too early: refused, everything missing is named"),
    4: (
        "工牌到场；冒名者、照片被拒；作业人、监护人按箭头转头，核验通过",
        "badges arrive; an impostor and a photograph are refused; the crew is verified, alive",
    ),
    5: (
        "探测器通气、气体分析、班长验票；先落盘授权，触点吸合",
        "detectors bump-tested, gas tested, the ticket checked by the shift leader; the contact closes",
    ),
    6: ("甲烷升高：立即切断，首发原因正确，桥接报警", "methane rises: the relay opens; the bridge shows the alarm"),
    7: ("气体恢复仍锁存；重新分析、现场复位、再次放行", "gas clears, still latched; test, reset, new release"),
    8: ("监护人离岗：倒计时警告，随后切断", "the guardian walks off: countdown, then trip"),
    9: ("探测器沉默、异常应答、链路断开：每次都切断", "a detector falls silent, answers exceptions, drops its link"),
    10: (
        "放行中 kill -9 联锁进程：触点断开，重启后为异常重启",
        "interlock killed while released: opens, unclean_restart",
    ),
    11: ("SIGSTOP 冻结联锁进程：触点断开，恢复后不再吸合", "interlock frozen: opens, and stays open after SIGCONT"),
    12: ("失联断开控制器重启：断开并保持断开", "the dead-man reboots: open, and stays open"),
    13: (
        "代理中断、桥接被杀并重启：盒子照常，事件不丢不重",
        "broker and bridge go down: the box works on, nothing lost",
    ),
    14: ("伪造、过期、已撤销、他盒的作业票：均被拒", "forged, expired, revoked and foreign permits are refused"),
    15: ("完工、看火、复位、锁定；第二张票到时切断", "finish, fire watch, reset, LOCKED; a second permit runs out"),
    16: ("审计日志核验通过且已见证；篡改一字节被指出", "the log verifies, witnessed; one flipped byte is named"),
}


COOLED = {
    "precondition_id": "", "precondition_text": "P-301 泵体已冷却", "precondition_kind": "temperature",
    "precondition_limit": "60", "precondition_sensor": "temp-1",
}  # fmt: skip
"""What the first permit asks for: the box's own sensor says it, nobody needs to."""

_STEP_FAILED = (
    DemoError, OSError, KeyError, ValueError, TimeoutError, subprocess.SubprocessError, sqlite3.Error,
    aiomqtt.MqttError, httpx.HTTPError,
)  # fmt: skip
"""What a step ends with when box, bridge, broker or site do not do what they should."""


class Story:
    """Plays the steps on a stage."""

    def __init__(self, stage: Stage) -> None:
        """`stage` is set by the first step, and the crew comes with it."""
        self.stage = stage
        self.crew: Crew
        self.times: dict[str, float] = {}
        self.permit = ""
        self._steps: dict[int, Callable[[], Told]] = {
            1: self.all_up, 2: self.permit_issued, 3: self.armed_too_early, 4: self.people_arrive,
            5: self.release_confirmed, 6: self.methane_rises, 7: self.latched_until_reset, 8: self.guardian_leaves,
            9: self.detector_fails, 10: self.interlock_killed, 11: self.interlock_frozen, 12: self.deadman_reboots,
            13: self.bridge_away, 14: self.bad_permits, 15: self.finished, 16: self.log_proves,
        }  # fmt: skip

    def play(self) -> Iterator[Outcome]:
        """Every step, also after one failed: later ones put the site in order first."""
        for number, step in self._steps.items():
            title = TITLES[number][1]
            try:
                told = step()
            except _STEP_FAILED as error:
                yield Outcome(number, title, ok=False, detail=f"{type(error).__name__}: {error}")
                if number == 1:
                    return
                continue
            yield Outcome(number, title, ok=True, detail=told.detail, ms=told.ms)

    # --- what steps need

    @property
    def box(self) -> Any:
        """The box's watcher."""
        return self.stage.box

    @property
    def site(self) -> Any:
        """The site's control."""
        return self.stage.site

    def open_again(self, opens: int) -> dict[str, Any]:
        """Wait until the controller counts one more opening and its contact is open."""

        def look() -> dict[str, Any] | None:
            state = self.crew.deadman()
            return state if state["opens"] > opens and state["contact"] == "O" else None

        return until("the contact to open", look, 5)

    def alarm_at_bridge(self, after_ms: int) -> dict[str, Any]:
        """Wait until the bridge shows a trip that is newer."""

        def look() -> dict[str, Any] | None:
            for alarm in self.stage.browser("safety").get(f"/alarms?box={BOX}"):
                if alarm["type"] == "interlock.tripped" and alarm["t"] >= after_ms:
                    return dict(alarm)
            return None

        return until("the alarm at the bridge", look, 15)

    def apply(self, box: str, *, seconds: float, content: str, wanted: dict[str, str] | None = None) -> str:
        """Apply as the applicant, with a precondition's row if wanted, and sign as both approvers; gives the number."""
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        local = [
            (now + datetime.timedelta(seconds=s)).astimezone(_zone()).strftime("%Y-%m-%dT%H:%M:%S")
            for s in (0, seconds)
        ]
        number = self.stage.browser("applicant").apply(
            {
                "box": box,
                # Whatever day and hour the demo is played at.
                "level": "grade_2",
                "upgraded": "on",
                "place": "三号罐区 P-301 泵出口",
                "content": content,
                "method": "电弧焊",
                "starts": local[0],
                "ends": local[1],
                "performer": "performer",
                "guardian": "guardian",
                "rules": "SIMULATION",
                **(wanted or {}),
            }
        )
        self.stage.browser("approver1").approve(number)
        self.stage.browser("approver2").approve(number)
        return number

    def permit_state(self, number: str, *wanted: str, seconds: float = 20) -> dict[str, Any]:
        """Wait until the bridge says so about a permit."""

        def look() -> dict[str, Any] | None:
            permit: dict[str, Any] = self.stage.browser("applicant").get(f"/permits/{number}")
            return permit if permit["state"] in wanted else None

        return until(f"permit {number} to be {' or '.join(wanted)}", look, seconds)

    def offer(self, token: str) -> dict[str, Any]:
        """Publish a permit to the box as anyone on an open broker could; gives the box's answer."""
        mark = self.box.mark()
        asyncio.run(_publish(self.stage.broker_port, topics.dn(BOX, "permit"), token))
        self.box.event("permit.refused", mark)
        events = self.box.lines("audit", "tail", "-n", "20")
        return next(e for e in reversed(events) if e["type"] == "permit.refused")

    # --- the steps

    def all_up(self) -> Told:
        """1."""
        began = time.monotonic()
        self.stage.set()
        self.crew = Crew(self.stage.site, self.stage.box)
        self.box.wait("the box", lambda status: status["state"] == "LOCKED", 30)
        self.box.wait("the gas detectors", lambda s: all(c["quality"] == "good" for c in s["channels"]), 20)
        until("the box on the bridge's page", lambda: self._online() or None, 20)
        return Told(f"{self.stage.url}  admin / {self.stage.first_password}", (time.monotonic() - began) * 1000)

    def _online(self) -> bool:
        return any(b["id"] == BOX and b["online"] for b in self.stage.browser("safety").get("/boxes"))

    def permit_issued(self) -> Told:
        """2."""
        self.site.set("temp-1", 85)
        mark = self.box.mark()
        self.permit = self.apply(BOX, seconds=4 * 3600, content="更换泵出口短管，电弧焊", wanted=COOLED)
        self.box.event("permit.accepted", mark, 20)
        permit = self.permit_state(self.permit, "accepted")
        who = ", ".join(s["name"] for s in permit["signatures"])
        return Told(f"{self.permit}: {who}")

    def armed_too_early(self) -> Told:
        """3."""
        mark = self.box.mark()
        self.site.press("arm")
        self.box.event("interlock.arm_refused", mark)
        missing = set(reasons(self.box.status))
        wanted = {
            "badge_absent", "face_missing", "gas_test_none", "check_in_none", "bump_never", "ticket_check_none",
            "temperature_high",
        }  # fmt: skip
        if not wanted <= missing:
            raise DemoError(f"expected at least {', '.join(sorted(wanted))}, got {', '.join(sorted(missing))}")
        self.site.set("temp-1", 24)
        self.box.wait("the pump to cool", lambda s: "temperature_high" not in reasons(s))
        return Told(f"{len(missing)}: {', '.join(sorted(missing))}; then the pump cools from 85 to 24 °C")

    def people_arrive(self) -> Told:
        """4."""
        for badge in ("performer", "guardian", "leader"):
            self.site.set("badge", badge, "here")
        mark = self.box.mark()
        self.site.set("camera", "impostor")
        self.box.event("identity.refused", mark, 25)
        self.box.wait("the badges", lambda s: all(p["badge_ok"] for p in s["people"]), 20)
        if any(p["face_ok"] for p in self.box.status["people"]):
            raise DemoError("the impostor was taken for one of the crew")
        mark = self.box.mark()
        self.site.set("camera", "photo", "performer")
        self.box.event("identity.liveness_failed", mark, 40)
        if any(p["face_ok"] for p in self.box.status["people"]):
            raise DemoError("a photograph was taken for one of the crew")
        self.site.set("camera", "performer,guardian")
        status = self.box.wait("both faces", lambda s: s["people"] and all(p["face_ok"] for p in s["people"]), _FACES_S)
        if {person["liveness"] for person in status["people"]} != {"proven"}:
            raise DemoError(f"expected living faces, got {[person['liveness'] for person in status['people']]}")
        distances = ", ".join(f"{p['name']} {p['distance_milli'] / 1000:.2f}" for p in status["people"])
        return Told(f"impostor and tilted photograph refused; {distances} (limit 0.50), both proven alive")

    def release_confirmed(self) -> Told:
        """5."""
        bumped = self.crew.bump_tests()
        self.crew.gas_test()
        self.box.wait("all but the ticket check", lambda s: reasons(s) == ["ticket_check_none"], _FACES_S)
        refused, why = self.box.code("permit", "check", "--by", "performer")
        if not refused:
            raise DemoError(f"the performer checked their own ticket: {why}")
        checked = self.crew.check_ticket()
        self.box.state("PERMISSIVE_OK", seconds=_FACES_S)
        mark = self.box.mark()
        self.crew.release()
        authorised = self.box.event("release.authorised", mark)
        closed = self.box.event("relay.closed", mark)
        self.box.state("RELEASED")
        if self.crew.deadman()["contact"] != "C":
            raise DemoError("the controller's contact is not closed")
        order = f"authorised as leaf {authorised['seq']} before the contact closed (leaf {closed['seq']})"
        return Told(f"bump tests {bumped}; {checked}; {order}")

    def methane_rises(self) -> Told:
        """6."""
        self.crew.release()
        since_ms = int(time.time() * 1000) - 500
        self.site.set("ch4-1", 18)
        first = self.crew.tripped_by("gas_high", subject="ch4-1")
        set_us = self.site.state()["gas"]["ch4-1"]["set_us"]
        ms = (self.crew.opened_after(set_us)["contact_open_us"] - set_us) / 1000
        self.times["gas_ms"] = ms
        alarm = self.alarm_at_bridge(since_ms)
        over = f"{first['subject']} {first['value']} > {first['limit']} {first['unit']}"
        return Told(f"{over}; alarm at the bridge: {alarm['type']}", ms)

    def latched_until_reset(self) -> Told:
        """7."""
        self.site.set("ch4-1", 0)
        self.box.wait("clean air", lambda s: not any(c["alarm"] for c in s["channels"]))
        mark = self.box.mark()
        self.site.press("arm")
        self.box.event("interlock.arm_refused", mark)
        if self.box.status["state"] != "TRIPPED" or self.crew.deadman()["contact"] != "O":
            raise DemoError(f"expected a latched trip, got {self.box.brief()}")
        exit_code, _ = self.box.code("reset")
        if exit_code or self.box.status["reset_done"]:
            raise DemoError("hotbox reset must only open the window")
        self.crew.release()
        return Told("arm refused while latched; after gas test, reset key and arm: RELEASED")

    def guardian_leaves(self) -> Told:
        """8."""
        self.crew.release()
        mark = self.box.mark()
        self.site.set("badge", "guardian", "away")
        self.box.event("presence.warning", mark, 15)
        seen = self.box.wait("the countdown", lambda s: any(c["what"] == "grace" for c in s["countdowns"]))
        text = next(c["zh"] for c in seen["countdowns"] if c["what"] == "grace")
        self.crew.tripped_by("badge_absent")
        self.crew.opened_after(0)
        self.site.set("badge", "guardian", "here")
        return Told(f"«{text}»")

    def detector_fails(self) -> Told:
        """9."""
        times = []
        for fault in ("silent", "exception", "link_drop"):
            self.crew.release()
            since = int(self.site.fault("o2-1", fault)["fault_us"])
            self.crew.tripped_by("gas_stale", "gas_fault")
            ms = (self.crew.opened_after(since)["contact_open_us"] - since) / 1000
            times.append((fault, ms))
            self.site.fault("o2-1", "none")
            self.box.wait("the detector", lambda s: all(c["quality"] == "good" for c in s["channels"]), 15)
        self.times["silent_ms"] = times[0][1]
        return Told(", ".join(f"{fault} {ms:.0f} ms" for fault, ms in times), max(ms for _, ms in times))

    def interlock_killed(self) -> Told:
        """10."""
        self.crew.release()
        pid = self.stage.interlock_pid()
        opens = self.crew.deadman()["opens"]
        os.kill(pid, signal.SIGKILL)
        state = self.open_again(opens)
        ms = (state["contact_open_us"] - state["hb_before_open_us"]) / 1000
        self.times["kill_ms"] = ms
        self.box.wait("the restart", lambda s: (s["first_out"] or {}).get("code") == "unclean_restart", 20)
        self.crew.tripped_by("unclean_restart")
        return Told(
            f"{state['open_cause']}, {ms:.0f} ms after the last good heartbeat; restart: TRIPPED by unclean_restart", ms
        )

    def interlock_frozen(self) -> Told:
        """11."""
        self.crew.release()
        pid = self.stage.interlock_pid()
        opens = self.crew.deadman()["opens"]
        os.kill(pid, signal.SIGSTOP)
        try:
            state = self.open_again(opens)
            # The contact opens a dead-man time after the last heartbeat, and that was before the last turn: a little
            # longer, or the box finds its controller silent before it finds itself late.
            threading.Event().wait(_STILL_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        ms = (state["contact_open_us"] - state["hb_before_open_us"]) / 1000
        self.times["stop_ms"] = ms
        self.crew.tripped_by("loop_gap", "deadman_open")
        cycles = state["cycles"]
        until(
            "heartbeats again",
            lambda: s if (s := self.crew.deadman())["last_good_hb_us"] > state["contact_open_us"] else None,
            5,
        )
        after = self.crew.deadman()
        if after["contact"] != "O" or after["cycles"] != cycles:
            raise DemoError("the contact closed again after SIGCONT")
        return Told(f"{ms:.0f} ms after the last good heartbeat; open after SIGCONT", ms)

    def deadman_reboots(self) -> Told:
        """12."""
        # The gas had grown stale while the interlock was frozen: that asks for a new gas test too.
        self.crew.release()
        boots = self.crew.deadman()["boots"]
        since = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
        self.site.fault("deadman", "reboot")
        state = until(
            "the reboot", lambda: s if (s := self.crew.deadman())["boots"] > boots and s["contact"] == "O" else None, 10
        )
        self.crew.tripped_by("deadman_open", "deadman_silent", "feedback_lost")
        self.box.wait("the controller's new status", lambda s: s["relay"]["boots"] == state["boots"])
        if self.crew.deadman()["contact"] != "O":
            raise DemoError("the contact closed by itself after the reboot")
        return Told(f"boot {state['boots']}, latched open", max(0.0, (state["contact_open_us"] - since) / 1000))

    def bridge_away(self) -> Told:
        """13."""
        self.stage.kill("broker")
        try:
            self.crew.release()
            self.site.set("ch4-1", 18)
            self.crew.tripped_by("gas_high")
            self.site.set("ch4-1", 0)
        finally:
            self.stage.start_broker()
        self.stage.kill("bridge")
        try:
            self.crew.release()
        finally:
            self.stage.start_bridge()
        size = self.box.status["audit"]["size"]
        self.box.wait("the bridge to witness everything", lambda s: s["audit"]["acked"] >= size, 40)
        rows, distinct = self._rows_at_bridge()
        if rows < size or rows != distinct:
            raise DemoError(f"expected {size} events at the bridge once each, got {rows}")
        return Told(f"worked through both; the bridge holds {rows} events, each once")

    def _rows_at_bridge(self) -> tuple[int, int]:
        """Count the bridge's rows, and the different ones among them, in its database file itself."""
        db = sqlite3.connect(f"file:{self.stage.bridge_dir / 'bridge.db'}?mode=ro", uri=True)
        try:
            counted = "SELECT COUNT(*), COUNT(DISTINCT log || '/' || seq) FROM boxes_event WHERE box_id = ?"
            rows, distinct = db.execute(counted, (BOX,)).fetchone()
            return int(rows), int(distinct)
        finally:
            db.close()

    def bad_permits(self) -> Told:
        """14."""
        genuine = self.permit_state(self.permit, "accepted")["jws"]
        told = {}
        kid, claims = jws.peek(genuine, PermitClaims)
        told["forged"] = self.offer(jws.sign(claims, jws.PERMIT, jws.generate_key(), kid))
        foreign = self.apply(OTHER_BOX, seconds=3600, content="他盒作业")
        told["foreign"] = self.offer(self.permit_state(foreign, "issued")["jws"])
        mark = self.box.mark()
        short = self.apply(BOX, seconds=6, content="很短的作业")
        self.box.event("permit.accepted", mark, 20)
        short_token = self.permit_state(short, "accepted", "expired")
        mark = self.box.mark()
        recalled = self.apply(BOX, seconds=3600, content="将被撤销的作业")
        self.box.event("permit.accepted", mark, 20)
        token = self.permit_state(recalled, "accepted")["jws"]
        mark = self.box.mark()
        self.stage.bridge("permit", "revoke", recalled, "--reason", "条件变化")
        self.box.event("permit.revoked", mark, 20)
        told["revoked"] = self.offer(token)
        until("the short permit's end", lambda: True if time.time() > short_token["exp"] + 1 else None, 15)
        told["expired"] = self.offer(short_token["jws"])
        got = {kind: event["data"]["code"] for kind, event in told.items()}
        if got != {"forged": "forged", "foreign": "other_box", "revoked": "revoked", "expired": "expired"}:
            raise DemoError(f"expected each to be refused for its own reason, got {got}")
        return Told(", ".join(f"{kind} → {why}" for kind, why in got.items()))

    def finished(self) -> Told:
        """15."""
        self.crew.release()
        mark = self.box.mark()
        self.site.press("finish")
        self.box.event("work.finished", mark)
        watching = self.box.wait("the fire watch", lambda s: any(c["what"] == "fire_watch" for c in s["countdowns"]))
        seconds = max(c["left_ms"] for c in watching["countdowns"] if c["what"] == "fire_watch") / 1000
        self.crew.opened_after(0)
        self.crew.reset()
        self.box.event("fire_watch.ended", mark, 20)
        self.box.state("LOCKED", "PERMISSIVE_OK", seconds=10)
        mark = self.box.mark()
        second = self.apply(BOX, seconds=75, content="第二张票")
        self.box.event("permit.accepted", mark, 20)
        self.box.wait("the second permit", lambda s: s["permit"] and s["permit"]["id"] == second)
        self.crew.release()
        self.tripped_after_end()
        return Told(
            f"fire watch from {seconds:.0f} s, reset, LOCKED; {second} ran out while released: tripped by its end"
        )

    def tripped_after_end(self) -> None:
        """The released permit's window ends."""
        self.box.wait("the end of the window", lambda s: s["state"] == "TRIPPED", 90)
        # The end was fixed at arming, and the window is judged too: a clock that grew less certain names the window.
        self.crew.tripped_by("deadline", "permit_expired")
        self.crew.opened_after(0)

    def log_proves(self) -> Told:
        """16."""
        self.box.wait("the witness", lambda s: s["audit"]["acked"] >= s["audit"]["size"] > 0, 30)
        exit_code, text = until("a witnessed log", self._verified, 20)
        del exit_code, text
        damaged = self.stage.root / "damaged.db"
        seq = _flip_one_byte(self.stage.box_dir / "data" / "audit" / "audit.db", damaged)
        exit_code, text = self.box.code("audit", "verify", "--db", str(damaged), "--json")
        report = msgspec.json.decode(text)
        if exit_code != 1 or report["first_bad"] != seq:
            raise DemoError(f"expected leaf {seq} to be named with exit code 1, got {exit_code}: {text}")
        at_bridge, text = code(["hotbox-bridge", "audit", "verify", BOX], self.stage.env)
        if at_bridge:
            raise DemoError(f"the bridge's copy does not verify: {text}")
        return Told(f"verified and witnessed on both sides; flipped byte in leaf {seq} found: {report['reason']}")

    def _verified(self) -> tuple[int, str] | None:
        exit_code, text = self.box.code("audit", "verify", "--json")
        if exit_code not in (0, 4):
            raise DemoError(f"audit verify: exit code {exit_code}: {text}")
        return (exit_code, text) if exit_code == 0 else None


async def _publish(port: int, topic: str, payload: str) -> None:
    async with aiomqtt.Client("127.0.0.1", port, identifier="anyone") as client:
        await client.publish(topic, payload, qos=1)


def _zone() -> datetime.tzinfo:
    """The bridge's pages speak China Standard Time."""
    return datetime.timezone(datetime.timedelta(hours=8))


def _flip_one_byte(source: Any, target: Any) -> int:
    """Copy the log, then change one bit of one leaf in the copy; gives the leaf's number."""
    original = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    copy = sqlite3.connect(target)
    try:
        original.backup(copy)
        seq, body = copy.execute("SELECT seq, body FROM event WHERE seq >= 5 ORDER BY seq LIMIT 1").fetchone()
        broken = bytearray(body)
        broken[len(broken) // 2] ^= 1
        # Whoever holds the card can take the triggers away and put them back.
        triggers = copy.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            copy.execute(f"DROP TRIGGER {name}")
        copy.execute("UPDATE event SET body = ? WHERE seq = ?", (bytes(broken), seq))
        for _, sql in triggers:
            copy.execute(sql)
        copy.commit()
        return int(seq)
    finally:
        original.close()
        copy.close()
