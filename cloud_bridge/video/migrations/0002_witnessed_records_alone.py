"""Rows that were made from records which nobody has signed for are made anew, from the record that the box signs for.

Until here the index followed every record at once. What lies on the shelf stays: its bytes are what was committed to,
and for a month nothing that an unsigned record said of it counts; until then the box's own record has put it right.
"""

import time

from django.db import migrations

FOLLOWER = "cloud_bridge.video.receivers.on_recorded"
MONTH_MS = 31 * 86_400_000


def follow_again(apps, _schema):
    boxes = {name: apps.get_model("boxes", name) for name in ("Log", "Event", "PendingRecord")}
    clips = apps.get_model("video", "Clip").objects
    witnessed = {(log.box_id, log.epoch): log.witnessed_size for log in boxes["Log"].objects.all()}
    unproven = [
        clip for clip in clips.all().iterator() if clip.seq >= witnessed.get((clip.box_id, clip.log), 0)
    ]
    soonest_ms = time.time_ns() // 1_000_000 + MONTH_MS
    for clip in unproven:
        if clip.state == "held":
            clips.filter(pk=clip.pk).update(until_ms=max(clip.until_ms, soonest_ms))
        else:
            clips.filter(pk=clip.pk).delete()
    pending = boxes["PendingRecord"].objects
    events = boxes["Event"].objects.filter(type="video.segment", box__in={clip.box_id for clip in unproven})
    for event in events.iterator():
        waits = event.seq >= witnessed.get((event.box_id, event.log), 0)
        pending.update_or_create(event=event, follower=FOLLOWER, defaults={"unwitnessed": waits})


class Migration(migrations.Migration):

    dependencies = [
        ('boxes', '0007_pending_records'),
        ('video', '0001_initial'),
    ]

    operations = [migrations.RunPython(follow_again, migrations.RunPython.noop)]
