"""Faces: who is enrolled and since when; consent, pictures from a phone, withdrawal. Shows no picture and no vector."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cloud_bridge.enrolment import available, client, consent, service, wire
from cloud_bridge.enrolment.models import Consent, FaceDelivery, FacePolicy, FaceTemplate
from cloud_bridge.enrolment.process import SOCKET
from cloud_bridge.people.models import Person, User
from cloud_bridge.people.roles import ENROL
from cloud_bridge.permits.workflow import Refused
from contracts.errors import UNREADABLE, ContractError
from faces.templates import FEWEST, MOST

_NO_CAMERA = "camera=(), microphone=(), geolocation=()"
_CAMERA = "camera=(self), microphone=(), geolocation=()"


class Sent(msgspec.Struct, frozen=True):
    """What the page's script sends: pictures as base64, and the consent that they were taken under."""

    consent: int
    stills: tuple[str, ...]


@login_required
@permission_required(ENROL, raise_exception=True)
@require_safe
def faces(request: HttpRequest) -> HttpResponse:
    """Everybody at the boxes, and whether they are enrolled."""
    people = Person.objects.filter(active=True).select_related("face", "face__nearest")
    context = {
        "rows": [(person, getattr(person, "face", None), service.current_consent(person)) for person in people],
        "missing": available.missing(),
        "keeps_pictures": FacePolicy.current().keep_stills,
    }
    return render(request, "web/faces.html", context)


def _is_own(user: User, person: Person) -> bool:
    return user.person_id is not None and user.person_id == person.pk


@login_required
@require_safe
def face(request: HttpRequest, code: str) -> HttpResponse:
    """One person: for the person, and for whoever may enrol."""
    person = get_object_or_404(Person, code=code)
    officer = request.user.has_perm(ENROL) and not _is_own(request.user, person)
    if not officer and not _is_own(request.user, person):
        raise PermissionDenied
    text = service.text_shown(get_language() or "")
    held = FaceTemplate.objects.filter(person=person).select_related("consent", "nearest").first()
    context: dict[str, Any] = {
        "person": person,
        "held": held,
        "officer": officer,
        "missing": available.missing(),
        "consent": service.current_consent(person),
        "text": text,
        "text_sha256": consent.digest(text),
        "history": Consent.objects.filter(person=person).select_related("text"),
        "deliveries": FaceDelivery.objects.filter(person=person).exclude(jws="").select_related("permit"),
        "keeps_pictures": FacePolicy.current().keep_stills,
        "fewest": FEWEST,
        "most": MOST,
    }
    response = render(request, "web/face.html", context)
    response["Permissions-Policy"] = _CAMERA if officer and context["consent"] else _NO_CAMERA
    response["Cache-Control"] = "no-store"
    return response


def _act(request: HttpRequest, code: str, act: Callable[[Person], object], done: str) -> HttpResponse:
    person = get_object_or_404(Person, code=code)
    try:
        act(person)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return redirect("face", code=code)


@login_required
@permission_required(ENROL, raise_exception=True)
@require_POST
def agree(request: HttpRequest, code: str) -> HttpResponse:
    """The person has read, typed the own name and agrees, before the officer."""
    sent = request.POST

    def act(person: Person) -> None:
        service.agree(
            request.user, person, get_language() or "", sent.get("text_sha256", ""), sent.get("signed_as", ""),
            looked=sent.get("looked") == "1",
        )  # fmt: skip

    return _act(request, code, act, _("The consent is recorded. Now the pictures."))


@login_required
@require_POST
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """The consent ends; template and pictures are deleted, here and at the boxes."""

    def act(person: Person) -> None:
        if not service.withdraw(request.user, person):
            raise Refused(_("somebody who has agreed or is enrolled"), str(person), _("Reload the page."))

    done = _("Withdrawn: the template is deleted here, and the boxes are told to delete theirs.")
    return _act(request, code, act, done)


@login_required
@permission_required(ENROL, raise_exception=True)
@require_POST
def clear(request: HttpRequest, code: str) -> HttpResponse:
    """Somebody has looked: the person is not the one whom the face resembles."""
    why = request.POST.get("why", "")
    done = _("Noted: they are two people.")
    return _act(request, code, lambda person: service.clear(request.user, person, why), done)


def _refused(zh: str, en: str, status: int) -> JsonResponse:
    return JsonResponse({"ok": False, "message": zh if (get_language() or "").startswith("zh") else en}, status=status)


def _read(body: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Consent and pictures of a request.

    Raises:
        ContractError: something else.
    """
    try:
        sent = msgspec.json.decode(body, type=Sent)
        stills = tuple(base64.b64decode(still, validate=True) for still in sent.stills)
    except (*UNREADABLE, binascii.Error, ValueError) as error:
        raise ContractError("stills", "pictures of this page's camera", "something else", "reload the page") from error
    if not FEWEST <= len(stills) <= MOST:
        raise ContractError("stills", f"{FEWEST} to {MOST} pictures", str(len(stills)), "take them again")
    if any(not 0 < len(still) <= wire.MAX_STILL_BYTES for still in stills):
        raise ContractError("stills", f"at most {wire.MAX_STILL_BYTES} bytes each", "a larger one", "take them again")
    return sent.consent, stills


@sync_to_async
def _allowed(request: HttpRequest, code: str) -> tuple[User, Person] | None:
    """Who asks for whom, unless that may not be; the reason is the same as for the consent."""
    person = Person.objects.filter(code=code).first()
    user = request.user
    if person is None or not user.is_authenticated:
        return None
    try:
        service.check_officer(user, person)
    except Refused:
        return None
    return user, person


async def stills(request: HttpRequest, code: str) -> HttpResponse:
    """Pictures from the page's script, in memory only: to the enrolment process, and its answer back.

    JSON of at most a megabyte: a larger body ends before it comes here (`web.body_limit`), and one that comes here was
    never written to a temporary file.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    allowed = await _allowed(request, code)
    if allowed is None:
        en = "you may not enrol this person; ask another safety officer"
        return _refused("无权登记此人; 请由其他安全员操作", en, 403)
    user, person = allowed
    lacking = available.missing()
    if lacking:
        en = f"not installed here: {', '.join(lacking)}; enrol at the box"
        return _refused("此平台未安装人脸组件; 请在盒子上登记", en, 409)
    try:
        number, pictures = _read(request.body)
    except ContractError as error:
        return _refused("照片无法读取, 未登记; 请重新加载页面后重新拍摄", str(error), 422)
    asked = wire.Enrol(person.code, number, user.identity, str(user), pictures)
    answer = await client.ask(settings.DATA.run / SOCKET, asked)
    if not answer.ok:
        return _refused(answer.zh, answer.en, 422)
    if answer.nearest_milli:
        text = _("Enrolled, but the face resembles that of %s: before it is sent to boxes, somebody must look at both.")
        return JsonResponse({"ok": True, "message": text % answer.nearest})
    return JsonResponse({"ok": True, "message": _("Enrolled with %s pictures.") % answer.stills})
