"""What the enrolment process does with pictures that a phone has sent: consent first, then measure, compare, seal."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from cloud_bridge.datadir import DataDir
from cloud_bridge.enrolment import service, stills, wire
from cloud_bridge.enrolment.models import Consent, FacePolicy, FaceTemplate, KeptStill
from cloud_bridge.enrolment.vault import LOCK, Vault, overwrite_deleted
from cloud_bridge.people.models import Person
from contracts.errors import UNREADABLE, ContractError, from_msgspec
from faces.templates import VERSION, Template, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACK = Path(__file__).resolve().parents[2] / "configs" / "rules" / "gb30871-2022.yaml"
"""The limits of the enrolment's quality; a template is the same under every pack."""
PATIENCE_S = 90.0
CLOCK_S = 60
"""Parent and child read one clock."""
_CHUNK = 1 << 16
_KEPT_WORDS = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")
_FAILED = wire.Answer(
    ok=False, why="failed", zh="照片无法处理; 请重新拍摄, 仍不行请在盒子上登记",
    en="the pictures could not be worked on; take them again, or enrol at the box if that does not help",
)  # fmt: skip


def refusal(why: str, zh: str, en: str) -> wire.Answer:
    """No, with what to do, in both languages."""
    return wire.Answer(ok=False, why=why, zh=zh, en=en)


async def measure(asked: wire.Measure) -> wire.Answer:
    """Let a confined child work on the pictures; whatever becomes of it, the pictures are gone with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-m", "cloud_bridge.enrolment.measure", str(PACK),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _KEPT_WORDS if name in os.environ}, cwd="/",
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = await _said(process, wire.packed(asked))
            await process.wait()
        return wire.unpacked(said, wire.Answer) if process.returncode == 0 else _FAILED
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ContractError):
        return _FAILED
    finally:
        if process.returncode is None:
            process.kill()
            # asyncio stops reading what nobody takes, and a process whose pipe it does not read never ends for it.
            while process.stdout is not None and await process.stdout.read(_CHUNK):
                pass
            await process.wait()


async def _said(process: asyncio.subprocess.Process, asked: bytes) -> bytes:
    """One message of the child, no longer than any is: a picture may have made it into anything.

    Raises:
        ContractError: it announces a longer one, or goes on after it.
        IncompleteReadError, ConnectionError: it ended before.
    """
    sink, source = process.stdin, process.stdout
    assert sink is not None and source is not None  # noqa: S101, PT018 - both were asked for
    sink.write(asked)
    await sink.drain()
    sink.close()
    said = await source.readexactly(wire.length(await source.readexactly(wire.LENGTH)))
    if await source.read(1):
        raise ContractError("enrolment", "one answer", "more", "take the pictures again")
    return said


def consent_of(asked: wire.Enrol) -> Consent | None:
    """The consent that the pictures were taken under, if it holds, is this person's, and is to the words as they are.

    Words that have changed since may say something else of the pictures: then they are shown and agreed to first.
    """
    person = Person.objects.filter(code=asked.person, active=True).first()
    found = service.current_consent(person) if person is not None else None
    return found if found is not None and found.pk == asked.consent else None


async def enrol(asked: wire.Enrol, data: DataDir) -> wire.Answer:
    """Enrol: the answer for whoever holds the phone, which says nothing of the template but that there is one."""
    consent = await asyncio.to_thread(consent_of, asked)
    if consent is None:
        return refusal(
            "consent", "没有本人对现行文本的有效同意, 照片未处理并已删除; 请重新阅读并同意",
            "there is no valid consent of this person to the present words: the pictures are deleted unseen; "
            "read and agree again",
        )  # fmt: skip
    answer = await measure(wire.Measure(asked.person, int(time.time()), asked.stills))
    if not answer.ok:
        return answer
    return await asyncio.to_thread(_keep, asked, answer, data)


def _keep(asked: wire.Enrol, answer: wire.Answer, data: DataDir) -> wire.Answer:
    """Seal and store, once more under a consent that holds: it may have been withdrawn meanwhile."""
    template = template_in(answer, asked.person)
    vault = Vault(data)
    with data.lock(LOCK):
        # Before the transaction: opening everybody's template takes a while, in which nobody else could write.
        nearest, distance_milli = nearest_of(template, vault)
        return _kept(asked, template, vault, data, (nearest, distance_milli))


def _kept(
    asked: wire.Enrol, template: Template, vault: Vault, data: DataDir, near: tuple[Person | None, int]
) -> wire.Answer:
    nearest, distance_milli = near
    with transaction.atomic():
        overwrite_deleted()
        consent = consent_of(asked)
        if consent is None:
            return refusal(
                "consent", "同意已撤回或文本已变更, 未登记",
                "the consent was withdrawn meanwhile, or its words have changed: nobody is enrolled",
            )  # fmt: skip
        FaceTemplate.objects.filter(person=consent.person).delete()
        held = FaceTemplate.objects.create(
            person=consent.person, consent=consent, sealed=vault.seal(template), engine=template.engine,
            model_sha256=template.model_sha256, stills=len(template.vectors), created_s=template.created,
            by=asked.by, by_name=asked.by_name[:80], nearest=nearest, nearest_milli=distance_milli,
        )  # fmt: skip
        if FacePolicy.current().keep_stills:
            for body in asked.stills:
                KeptStill.objects.create(template=held, commitment=stills.keep(data, body), size=len(body))
    found = str(nearest) if nearest is not None else ""
    return wire.Answer(ok=True, stills=len(template.vectors), nearest=found, nearest_milli=distance_milli)


def template_in(answer: wire.Answer, person: str) -> Template:
    """The template that the child made, if it is one of this person and of no permit: the child is not believed.

    Raises:
        ContractError: it is something else.
    """
    try:
        template = msgspec.json.decode(answer.template, type=Template)
    except UNREADABLE as error:
        raise from_msgspec(error, "template") from error
    said = (template.version, template.person, template.permit, template.expires)
    if said != (VERSION, person, "", 0) or template.created > time.time() + CLOCK_S:
        raise ContractError("template", f"one of {person}, made now and for no permit", str(said), "take them again")
    unpack(template)
    return template


def _rows_of(held: FaceTemplate, vault: Vault, length: int) -> "NDArray[np.float32]":
    """Somebody's vectors, each of so many numbers; who cannot be compared with everybody might be somebody already.

    Raises:
        ContractError: they are of another length or do not open; it says whose, and the way out.
    """
    code = held.person.code
    try:
        rows = unpack(vault.open(bytes(held.sealed), code))
    except ContractError as error:
        todo = f"{error.hint}; or withdraw {code} and enrol that person again"
        raise ContractError(f"template of {code}", error.expected, error.came, todo) from error
    if rows.shape[1] != length:
        todo = f"take the pictures again, or withdraw {code} and enrol that person again"
        raise ContractError(f"template of {code}", f"{rows.shape[1]} numbers each", str(length), todo)
    return rows


def nearest_of(template: Template, vault: Vault) -> tuple[Person | None, int]:
    """Who else's template lies so near that a box might take one for the other, and how near, as a box reckons it.

    In thousandths. Whoever that is, nothing is refused for it: among a thousand people some resemble each other.
    (None, 0): nobody.

    Raises:
        ContractError: somebody's template does not open; it says whose.
    """
    from faces import policy
    from faces.match import apart

    vectors, limits = unpack(template), policy.read(PACK)
    nearest: tuple[float, Person] | None = None
    others = FaceTemplate.objects.filter(engine=template.engine, model_sha256=template.model_sha256)
    for held in others.exclude(person__code=template.person).select_related("person"):
        rows = _rows_of(held, vault, vectors.shape[1])
        away = apart(vectors, rows)
        if away <= limits.limit and (nearest is None or away < nearest[0]):
            nearest = (away, held.person)
    return (nearest[1], max(1, round(nearest[0] * 1000))) if nearest else (None, 0)
