"""No copy that was something else ends a segment any more: those that it had ended are taken when their box offers them."""

from django.db import migrations, models


def take_again(apps, _schema):
    apps.get_model("video", "Clip").objects.filter(state="refused").update(state="recorded")


class Migration(migrations.Migration):

    dependencies = [
        ('video', '0003_running_time'),
    ]

    operations = [
        migrations.RunPython(take_again, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='clip',
            name='state',
            field=models.CharField(choices=[('recorded', 'at the box'), ('held', 'here'), ('expired', 'deleted when its time was over'), ('erased', 'erased')], default='recorded', max_length=16),
        ),
    ]
