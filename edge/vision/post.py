"""Vision's letterbox for face templates: takes what the interlock hands on, works on it beside the looking."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
from joserfc.jwk import OKPKey

from contracts import jws
from contracts.errors import ContractError
from contracts.face import published
from edge.config import BoxConfig
from edge.interlock import rules
from edge.interlock.evidence import (
    Evidence,
    FaceBundle,
    FaceKey,
    Film,
    RemovalLogged,
    Standing,
    TemplateRefused,
    Wanted,
)
from edge.sockets import now_us
from edge.vision.box_key import load_or_create
from edge.vision.deliveries import Deliveries, News, Trust
from edge.vision.policy import policy_of
from edge.vision.removals import Key, key_of
from edge.vision.templates import TemplateStore
from faces import loading

Work = Callable[[Callable[[], list[News | FaceKey]]], Awaitable[list[News | FaceKey]]]
_Of = tuple[str | int, ...]

WAITING = 64
"""Statements that wait; what more come are sent again by the bridge. Four full permits' people."""
TIDY_S = 30.0
AGAIN_S = 10.0
"""A deletion is told again so often until the log has it."""

log = logging.getLogger(__name__)


def trusted_keys(config: BoxConfig) -> dict[str, OKPKey]:
    """The bridge's public keys for faces; none when it has none to say, and with a file that is not in order."""
    path = config.bridge.faces_keys
    if not path:
        return {}
    try:
        return jws.public_keys(Path(path).read_bytes(), Path(path).name)
    except (OSError, ContractError) as error:
        log.warning("no face templates from the bridge: %s", error)
        return {}


class Post:
    """Runs as one task of vision; everything that touches files happens on the faces' own thread."""

    def __init__(self, config: BoxConfig, work: Work, send: Callable[[Evidence], bool]) -> None:
        """`work` does something on the worker; `send` hands evidence to the interlock, now or never."""
        self._config, self._work, self._send = config, work, send
        self._permits: tuple[Standing, ...] | None = None
        self._letters: deque[str] = deque(maxlen=WAITING)
        self._untold: dict[_Of, News | FaceKey] = {}
        """What to tell, each thing once: as many as there are templates here, and no more of what was refused."""
        self._refused: dict[_Of, TemplateRefused] = {}
        """Anyone on the broker can cause these: they keep nothing else from being told."""
        self._removed_s: dict[Key, float] = {}
        self._logged: set[Key] = set()
        self._tidied: tuple[tuple[Standing, ...] | None, float] = (None, 0.0)
        self._came = asyncio.Event()
        self._deliveries: Deliveries | None = None
        self._key = ""
        self._wall_s = 0

    def hear(self, message: FaceBundle | Wanted | Film | RemovalLogged) -> None:
        """What the interlock tells: a statement to judge, which permits stand, the time, what the log has."""
        if isinstance(message, RemovalLogged):
            self._logged.add((message.person, message.permit, message.iat, message.why))
            self._came.set()
            return
        if isinstance(message, Film):
            self._wall_s = message.wall_s
            return
        if isinstance(message, FaceBundle):
            if message.jws not in self._letters:
                self._letters.append(message.jws)
        elif message.permits is None or message.permits == self._permits:
            self._tell()
            return
        else:
            self._permits = message.permits
        self._came.set()

    async def run(self) -> None:
        """Work until cancelled: at once when something comes, and now and then to delete what is over."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TIDY_S):
                    await self._came.wait()
            self._came.clear()
            if self._permits is None:
                continue  # nothing is believed or deleted before the interlock has said which permits stand
            letters, permits = tuple(self._letters), self._permits
            self._letters.clear()
            logged, self._logged = self._logged, set()
            for news in await self._work(partial(self._look, letters, permits, logged)):
                self._keep(news)
            self._tell()

    def _keep(self, news: News | FaceKey) -> None:
        if isinstance(news, TemplateRefused):
            self._refused[(news.code, news.person, news.permit, news.iat)] = news
            while len(self._refused) > WAITING:
                del self._refused[next(iter(self._refused))]
        elif isinstance(news, FaceKey):
            self._untold[()] = news
        else:
            self._untold[(type(news).__name__, news.person, news.permit, news.iat)] = news

    def _look(
        self, letters: tuple[str, ...], permits: tuple[Standing, ...], logged: set[Key]
    ) -> list[News | FaceKey]:
        """On the worker: judge, keep, delete. What is over is looked for when permits change, and now and then."""
        now_s = self._time_s()
        news: list[News | FaceKey] = []
        try:
            deliveries = self._ready()
            deliveries.removals.logged(logged)
            if self._is_tidy_due(permits):
                deliveries.tidy(permits, now_s)
                self._tidied = (permits, time.monotonic())
                news.append(FaceKey(now_us(), self._key))
            news.extend(said for letter in letters if (said := deliveries.take(letter, permits, now_s)) is not None)
        except (OSError, ContractError) as error:
            log.warning("face templates cannot be kept here: %s", error)
        return news

    def _is_tidy_due(self, permits: tuple[Standing, ...]) -> bool:
        for_those, at_s = self._tidied
        return for_those != permits or time.monotonic() - at_s >= TIDY_S

    def _time_s(self) -> int:
        """The clock that the interlock believes; while it believes none, the time since the start of the machine.

        By that nothing is over: neither deleted nor refused for its age, as on a box without a clock of its own. Which
        permits stand is the interlock's word, and for any other nobody is compared.
        """
        return self._wall_s or now_us() // 1_000_000

    def _ready(self) -> Deliveries:
        """Store, engine's name and keys, once they are needed.

        Raises:
            ContractError, OSError: this box's key or the engine cannot be read.
        """
        if self._deliveries is None:
            engine = loading.identity(self._config.vision.engine)
            store = TemplateStore(Path(self._config.vision.templates), engine, self._config.template_key)
            key = load_or_create(self._config.face_box_key)
            self._key = published(key)
            trust = Trust(self._config.bridge.id, self._config.box, trusted_keys(self._config), key)
            limit = policy_of(rules.effective(self._config.baseline, self._config.site_rules)).limit
            self._deliveries = Deliveries(trust, store, engine, int(time.time()), limit)
        return self._deliveries

    def _tell(self) -> None:
        """Hand over what is untold; what the interlock could not take now waits for its next word."""
        if not self._tell_removals():
            return
        for untold in (self._untold, self._refused):
            while untold:
                of, news = next(iter(untold.items()))
                if not self._send(news):
                    return
                del untold[of]

    def _tell_removals(self) -> bool:
        """Each deletion that the log has not confirmed, again after a while; whether the interlock takes more."""
        waiting = self._deliveries.removals.waiting if self._deliveries is not None else ()
        now_s, told_s = time.monotonic(), self._removed_s
        self._removed_s = {key: told_s[key] for removed in waiting if (key := key_of(removed)) in told_s}
        for removed in waiting:
            if now_s - self._removed_s.get(key_of(removed), float("-inf")) < AGAIN_S:
                continue
            if not self._send(msgspec.structs.replace(removed, at_us=now_us())):
                return False
            self._removed_s[key_of(removed)] = now_s
        return True
