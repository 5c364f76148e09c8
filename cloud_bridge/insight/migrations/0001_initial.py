import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('boxes', '0003_epochs'),
    ]

    operations = [
        migrations.CreateModel(
            name='TracedLog',
            fields=[
                ('log', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='traced', serialize=False, to='boxes.log')),
                ('next', models.PositiveBigIntegerField(default=0)),
                ('memory', models.BinaryField(default=b'')),
                ('going_on', models.JSONField(null=True)),
                ('broken', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name='TracedRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.PositiveBigIntegerField()),
                ('last', models.PositiveBigIntegerField()),
                ('permit', models.CharField(blank=True, max_length=64)),
                ('attempt', models.CharField(blank=True, max_length=32)),
                ('first_ms', models.BigIntegerField()),
                ('last_ms', models.BigIntegerField()),
                ('closed_ms', models.PositiveBigIntegerField()),
                ('covered_ms', models.PositiveBigIntegerField()),
                ('end', models.CharField(max_length=16)),
                ('gaps', models.JSONField(default=list)),
                ('log', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='boxes.log')),
            ],
            options={
                'ordering': ['log', '-first'],
                'constraints': [models.UniqueConstraint(fields=('log', 'first'), name='each_run_once')],
            },
        ),
        migrations.CreateModel(
            name='Interception',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=80)),
                ('times', models.PositiveBigIntegerField(default=0)),
                ('last_ms', models.BigIntegerField(default=0)),
                ('box', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='interceptions', to='boxes.box')),
            ],
            options={
                'ordering': ['box', '-times', 'reason'],
                'constraints': [models.UniqueConstraint(fields=('box', 'reason'), name='one_count_a_reason')],
            },
        ),
    ]
