"""What must be kept goes by the time for which the bridge has run, too: what is here already waits for as long as was left."""

import time

from django.db import migrations, models
from django.db.models import F


def as_long_as_was_left(apps, _schema):
    now_ms = time.time_ns() // 1_000_000
    kept = apps.get_model("video", "Clip").objects.filter(keep=True, until_ms__gt=now_ms)
    kept.update(due_ms=F("until_ms") - now_ms)


class Migration(migrations.Migration):

    dependencies = [
        ('video', '0002_witnessed_records_alone'),
    ]

    operations = [
        migrations.CreateModel(
            name='RunningTime',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ms', models.PositiveBigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='clip',
            name='due_ms',
            field=models.BigIntegerField(default=0),
        ),
        migrations.RunPython(as_long_as_was_left, migrations.RunPython.noop),
    ]
