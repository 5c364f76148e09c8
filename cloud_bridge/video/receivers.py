"""What boxes' logs say of recordings becomes the index; what was erased there goes here, unless it must be kept."""

import msgspec
from django.conf import settings

from cloud_bridge.boxes.following import follow
from cloud_bridge.boxes.models import Event as LogEvent
from cloud_bridge.boxes.models import Log, now_ms
from cloud_bridge.video.models import DAY_MS, Clip, ClipState, RunningTime
from cloud_bridge.video.shelf import Shelf
from contracts import event as contract_event
from contracts.events.video import Recorded
from contracts.video import MAX_SEGMENT_BYTES

MOST_DAYS = 3650


@follow("video.segment", witnessed=True)
def on_recorded(event: LogEvent, leaf: contract_event.Event) -> None:
    """Once each: a segment whose record was offered twice has the row of the first.

    A row of what nobody signed for, which an older version of this bridge has made, is put right.
    """
    try:
        told = msgspec.convert(leaf.data, Recorded)
    except msgspec.ValidationError:
        return  # of another version: it stands in the log as it came
    if not event.permit or not _is_sane(told):
        return  # nor what no recorder could say, of a permit that none could have
    first, last = (us // 1000 + told.offset_ms for us in (told.first_us, told.last_us))
    # A clock that nobody vouches for may be behind: then it counts from when we heard of it. None is later than that:
    # a clock that is ahead keeps people's pictures no longer.
    since = min(last, event.received_ms) if leaf.tq != "none" else event.received_ms
    facts = {
        "log": event.log, "seq": event.seq, "permit": event.permit, "first_us": told.first_us,
        "last_us": told.last_us, "offset_ms": told.offset_ms, "clock": told.clock, "tq": leaf.tq[:8], "te": leaf.te,
        "first_ms": first, "last_ms": last, "frames": told.frames, "bytes": told.bytes, "keep": told.keep,
        "until_ms": since + told.keep_d * DAY_MS,
        "due_ms": RunningTime.now() + told.keep_d * DAY_MS if told.keep else 0,
    }  # fmt: skip
    clip, made = Clip.objects.get_or_create(box_id=event.box_id, commitment=told.commitment, defaults=facts)
    if not made and not _is_witnessed(clip):
        Clip.objects.filter(pk=clip.pk).update(**facts)


def _is_witnessed(clip: Clip) -> bool:
    return Log.objects.filter(box=clip.box_id, epoch=clip.log, witnessed_size__gt=clip.seq).exists()


def _is_sane(told: Recorded) -> bool:
    """Whether a recorder could have said it; the columns of the index hold no more."""
    if not (0 <= told.first_us <= told.last_us and 0 <= told.keep_d <= MOST_DAYS):
        return False
    return 0 < told.bytes <= MAX_SEGMENT_BYTES and 0 < told.frames < told.bytes


@follow("evidence.erased", witnessed=True)
def on_erased(event: LogEvent, leaf: contract_event.Event) -> None:
    """What must be kept stays here until its time is over, whatever a box says."""
    if leaf.data.get("kind") != "video":
        return
    clip = Clip.objects.filter(box_id=event.box_id, commitment=leaf.data.get("commitment")).first()
    if clip is None or clip.state == ClipState.EXPIRED or (
        clip.keep and not clip.is_over(now_ms(), RunningTime.now())
    ):
        return
    Shelf(settings.DATA.media).erase(clip.box_id, clip.commitment)
    clip.state = ClipState.ERASED
    clip.save(update_fields=["state"])
