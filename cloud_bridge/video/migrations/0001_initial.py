import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('boxes', '0006_call_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='Clip',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('log', models.PositiveIntegerField()),
                ('seq', models.PositiveBigIntegerField()),
                ('permit', models.CharField(max_length=64, verbose_name='permit')),
                ('commitment', models.CharField(max_length=64)),
                ('first_us', models.PositiveBigIntegerField()),
                ('last_us', models.PositiveBigIntegerField()),
                ('offset_ms', models.BigIntegerField()),
                ('clock', models.CharField(max_length=8)),
                ('tq', models.CharField(max_length=8)),
                ('te', models.PositiveBigIntegerField()),
                ('first_ms', models.BigIntegerField()),
                ('last_ms', models.BigIntegerField()),
                ('frames', models.PositiveIntegerField()),
                ('bytes', models.PositiveIntegerField()),
                ('keep', models.BooleanField()),
                ('until_ms', models.BigIntegerField()),
                ('state', models.CharField(choices=[('recorded', 'at the box'), ('held', 'here'), ('expired', 'deleted when its time was over'), ('erased', 'erased'), ('refused', 'what came is not what the log committed to')], default='recorded', max_length=16)),
                ('held_ms', models.BigIntegerField(default=0)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('box', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clips', to='boxes.box')),
            ],
            options={
                'ordering': ['first_ms', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Viewing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.CharField(max_length=150)),
                ('name', models.CharField(max_length=80)),
                ('at_ms', models.BigIntegerField()),
                ('clip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='viewings', to='video.clip')),
            ],
            options={
                'ordering': ['-at_ms'],
            },
        ),
        migrations.AddIndex(
            model_name='clip',
            index=models.Index(fields=['state', 'until_ms'], name='clip_by_end'),
        ),
        migrations.AddIndex(
            model_name='clip',
            index=models.Index(fields=['permit', 'first_ms'], name='clip_by_permit'),
        ),
        migrations.AddConstraint(
            model_name='clip',
            constraint=models.UniqueConstraint(fields=('box', 'commitment'), name='each_clip_once'),
        ),
    ]
