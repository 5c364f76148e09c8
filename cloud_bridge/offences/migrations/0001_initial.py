import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("boxes", "0006_call_roles"),
        ("people", "0002_suspension"),
    ]

    operations = [
        migrations.CreateModel(
            name="Candidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("permit", models.CharField(blank=True, max_length=64)),
                ("log", models.PositiveIntegerField()),
                ("seq", models.PositiveBigIntegerField()),
                ("first_ms", models.PositiveBigIntegerField()),
                ("last_ms", models.PositiveBigIntegerField()),
                ("count", models.PositiveIntegerField(default=1)),
                ("nearest", models.CharField(blank=True, max_length=64)),
                ("distance_milli", models.IntegerField(default=-1)),
                ("limit_milli", models.IntegerField(default=-1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "to be looked into"),
                            ("confirmed", "an offence"),
                            ("dismissed", "no offence"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("judged_ms", models.PositiveBigIntegerField(default=0)),
                ("judged_by", models.CharField(blank=True, max_length=64)),
                ("judged_name", models.CharField(blank=True, max_length=80)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "box",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="candidates", to="boxes.box"
                    ),
                ),
            ],
            options={
                "ordering": ["-first_ms", "-pk"],
                "permissions": [("judge_candidate", "May confirm or dismiss offences")],
                "constraints": [
                    models.UniqueConstraint(fields=("box", "log", "seq"), name="each_refused_face_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Offence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("statement", models.TextField(max_length=2000)),
                ("finding", models.CharField(max_length=500)),
                ("at_ms", models.PositiveBigIntegerField()),
                ("officer", models.CharField(max_length=64)),
                ("officer_name", models.CharField(max_length=80)),
                (
                    "candidate",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offence", to="offences.candidate"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="offences", to="people.person"
                    ),
                ),
                (
                    "suspension",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offences",
                        to="people.suspension",
                    ),
                ),
            ],
            options={
                "ordering": ["-at_ms", "-pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("person", "number"), name="offences_are_numbered")
                ],
            },
        ),
    ]
