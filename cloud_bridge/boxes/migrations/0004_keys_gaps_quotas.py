import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('boxes', '0003_epochs'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='alert',
            options={'ordering': ['-last_ms'], 'permissions': [('close_alert', 'May close a finding about a log')]},
        ),
        migrations.AddField(
            model_name='alert',
            name='closed_by',
            field=models.CharField(blank=True, default='', max_length=150),
        ),
        migrations.AddField(
            model_name='alert',
            name='closed_ms',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='alert',
            name='closed_name',
            field=models.CharField(blank=True, default='', max_length=80),
        ),
        migrations.AddField(
            model_name='alert',
            name='epoch',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='alert',
            name='until',
            field=models.BigIntegerField(default=-1),
        ),
        migrations.AddField(
            model_name='alert',
            name='why',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='alert',
            name='kind',
            field=models.CharField(choices=[('fork', 'two different records under one number'), ('chain', 'a record does not continue the chain'), ('root', 'a signed checkpoint contradicts the stored log'), ('epoch', 'a new log epoch, not witnessed until two people authorise it'), ('gap', 'records are missing'), ('rollback', 'the box has fewer records than were witnessed'), ('key', 'a change of the log key that the key before it did not endorse')], max_length=16),
        ),
        migrations.AddField(
            model_name='box',
            name='bytes_per_day',
            field=models.PositiveBigIntegerField(default=4294967296, verbose_name='bytes a day at most'),
        ),
        migrations.AddField(
            model_name='box',
            name='leaves_per_min',
            field=models.PositiveIntegerField(default=120000, verbose_name='records a minute at most'),
        ),
        migrations.AddField(
            model_name='event',
            name='late',
            field=models.BooleanField(default=False),
        ),
        migrations.RunSQL(
            'UPDATE boxes_event SET late = TRUE WHERE received_ms - t > 120000', migrations.RunSQL.noop
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('late', True)), fields=['box', 'log'], name='late_leaves'),
        ),
        migrations.CreateModel(
            name='LogKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.PositiveBigIntegerField()),
                ('vkey', models.CharField(max_length=300)),
                ('t', models.PositiveBigIntegerField()),
                ('received_ms', models.PositiveBigIntegerField()),
                ('log', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='boxes.log')),
            ],
            options={
                'ordering': ['first'],
                'constraints': [models.UniqueConstraint(fields=('log', 'first'), name='one_change_of_key_a_place')],
            },
        ),
    ]
