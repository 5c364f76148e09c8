import re

from django.db import migrations, models


def name_the_epoch(apps, schema_editor):
    """Findings of before named their log in their text only; a new epoch's, by its number."""
    alerts = apps.get_model('boxes', 'Alert').objects.filter(epoch=0)
    logs = {}
    for box, epoch, origin in apps.get_model('boxes', 'Log').objects.values_list('box_id', 'epoch', 'origin'):
        logs.setdefault(box, []).append((epoch, re.compile(rf'\b{re.escape(origin)}(?![0-9])')))
    for pk, box, detail in alerts.exclude(kind='epoch').values_list('pk', 'box_id', 'detail'):
        named = [epoch for epoch, origin in logs.get(box, []) if origin.search(detail)]
        if len(named) == 1:
            alerts.filter(pk=pk).update(epoch=named[0])
    alerts.filter(kind='epoch', seq__gt=0).update(epoch=models.F('seq'))


class Migration(migrations.Migration):

    dependencies = [
        ('boxes', '0004_keys_gaps_quotas'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='alert',
            name='each_finding_once',
        ),
        migrations.RunPython(name_the_epoch, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(fields=('box', 'kind', 'epoch', 'seq'), name='each_finding_once'),
        ),
    ]
