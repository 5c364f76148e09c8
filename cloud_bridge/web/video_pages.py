"""Recordings: by permit, segment by segment, and looking at one. Who looks is written down."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cloud_bridge.boxes.models import now_ms
from cloud_bridge.people.roles import LOOK
from cloud_bridge.permits.models import Permit
from cloud_bridge.video.intake import most_bytes
from cloud_bridge.video.models import Clip, ClipState, Viewing
from cloud_bridge.video.room import use
from cloud_bridge.video.shelf import Shelf
from contracts.errors import ContractError
from contracts.video import Picture

_logger = logging.getLogger(__name__)
PAGE = 30
CLIPS = 240
"""Two hours of segments of 30 s."""
AGAIN_MS = 3_600_000
"""The same person's next look at the same segment is another one after an hour."""
HELD = Q(state=ClipState.HELD)


def by_permit(clips: QuerySet[Clip]) -> QuerySet[Clip, dict[str, Any]]:
    """What there is of each permit, the newest first; `held` segments, of `size` bytes, are here."""
    return (
        clips.order_by()
        .values("permit", "box")
        .annotate(first=Min("first_ms"), last=Max("last_ms"), until=Max("until_ms"))
        .annotate(count=Count("pk"), held=Count("pk", filter=HELD), size=Sum("bytes", filter=HELD))
        .order_by("-last")
    )


@login_required
@require_safe
def recordings(request: HttpRequest) -> HttpResponse:
    """All permits with a recording."""
    page = Paginator(by_permit(Clip.objects.all()), PAGE).get_page(request.GET.get("page"))
    return render(request, "web/recordings.html", {"page": page, "use": use(Shelf(settings.DATA.media), most_bytes())})


@login_required
@require_safe
def permit_video(request: HttpRequest, jti: str) -> HttpResponse:
    """A permit's segments, each with the box's clock offset and whether its pictures are here."""
    clips = Clip.objects.filter(permit=jti).select_related("box")
    if not clips.exists():
        raise Http404
    page = Paginator(clips, CLIPS).get_page(request.GET.get("page"))
    shown = {
        "jti": jti, "page": page, "whole": by_permit(clips), "may_look": request.user.has_perm(LOOK),
        "known": Permit.objects.filter(jti=jti).exists(),
        "viewings": Viewing.objects.filter(clip__permit=jti).select_related("clip")[:20],
    }  # fmt: skip
    return render(request, "web/permit_video.html", shown)


@login_required
@permission_required(LOOK, raise_exception=True)
@require_safe
def player(request: HttpRequest, clip: int) -> HttpResponse:
    """One segment, picture by picture."""
    found = get_object_or_404(Clip.objects.select_related("box"), pk=clip)
    places = _places(found)
    if places:
        _look(request, found)
    same = Clip.objects.filter(HELD, permit=found.permit, box=found.box_id)
    return render(
        request,
        "web/clip.html",
        {
            "clip": found,
            "times": ",".join(str(place.at_us // 1000 + found.offset_ms) for place in places),
            "count": len(places),
            "before": same.filter(first_ms__lt=found.first_ms).last(),
            "next": same.filter(first_ms__gt=found.first_ms).first(),
            "sound": Shelf(settings.DATA.media).is_sound(found.box_id, found.commitment) if places else None,
        },
    )


@login_required
@permission_required(LOOK, raise_exception=True)
@require_safe
def picture(request: HttpRequest, clip: int, number: int) -> HttpResponse:
    """One of its pictures, the first is 0."""
    found = get_object_or_404(Clip, HELD, pk=clip)
    places = _places(found)
    if number >= len(places):
        raise Http404
    try:
        body = Shelf(settings.DATA.media).picture(found.box_id, found.commitment, places[number])
    except OSError as error:
        raise Http404 from error
    _look(request, found)
    return HttpResponse(body, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})


@login_required
@permission_required(LOOK, raise_exception=True)
@require_safe
def file(request: HttpRequest, clip: int) -> FileResponse:
    """The segment as a file: any player shows it."""
    found = get_object_or_404(Clip, HELD, pk=clip)
    try:
        body = Shelf(settings.DATA.media).path(found.box_id, found.commitment).open("rb")
    except OSError as error:
        raise Http404 from error
    _look(request, found)
    return FileResponse(body, as_attachment=True, filename=f"{found.permit}-{found.commitment[:8]}.avi")


def _places(clip: Clip) -> tuple[Picture, ...]:
    """Where its pictures are; none where it is not here or cannot be shown."""
    if not clip.is_held:
        return ()
    try:
        return Shelf(settings.DATA.media).places(clip.box_id, clip.commitment)
    except (OSError, ContractError):
        return ()


def _look(request: HttpRequest, clip: Clip) -> None:
    now, who = now_ms(), request.user.username
    if not Viewing.objects.filter(clip=clip, user=who, at_ms__gt=now - AGAIN_MS).exists():
        Viewing.objects.create(clip=clip, user=who, name=str(request.user)[:80], at_ms=now)
