import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("boxes", "0006_call_roles"),
        ("people", "0002_suspension"),
        ("permits", "0006_precondition_tag"),
    ]

    operations = [
        migrations.CreateModel(
            name="FacePolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.CharField(
                        blank=True,
                        max_length=120,
                        verbose_name="who is responsible for the faces (stands in the consent text)",
                    ),
                ),
                (
                    "contact",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="whom to ask about them (stands in the consent text)"
                    ),
                ),
                (
                    "unused_days",
                    models.PositiveIntegerField(
                        default=365,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                        verbose_name="days without a permit after which a template is deleted",
                    ),
                ),
                (
                    "keep_stills",
                    models.BooleanField(
                        default=False,
                        verbose_name="keep the pictures of an enrolment (needs a reason in law; off is right)",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy for faces",
                "verbose_name_plural": "policy for faces",
            },
        ),
        migrations.CreateModel(
            name="ConsentText",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("version", models.CharField(max_length=16)),
                ("language", models.CharField(max_length=8)),
                ("text", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("given_ms", models.PositiveBigIntegerField()),
                ("signed_as", models.CharField(max_length=80)),
                ("witness", models.CharField(max_length=64)),
                ("witness_name", models.CharField(max_length=80)),
                ("ended_ms", models.PositiveBigIntegerField(default=0)),
                ("ended_by", models.CharField(blank=True, max_length=64)),
                ("ended_name", models.CharField(blank=True, max_length=80)),
                (
                    "ended_why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("withdrawn", "withdrawn"),
                            ("replaced", "replaced by a new one"),
                            ("unused", "no permit needed it for long"),
                            ("left", "the person works here no longer"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="people.person"
                    ),
                ),
                (
                    "text",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="enrolment.consenttext"),
                ),
            ],
            options={
                "ordering": ["-given_ms", "-pk"],
                "permissions": [("enrol_face", "May enrol faces of others and see who is enrolled")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_ms", 0)), fields=("person",), name="one_consent_holds"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FaceTemplate",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="face",
                        serialize=False,
                        to="people.person",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("engine", models.CharField(max_length=120)),
                ("model_sha256", models.CharField(max_length=64)),
                ("stills", models.PositiveSmallIntegerField()),
                ("created_s", models.PositiveBigIntegerField()),
                ("by", models.CharField(max_length=64)),
                ("by_name", models.CharField(max_length=80)),
                ("nearest_milli", models.PositiveIntegerField(default=0)),
                ("cleared_ms", models.PositiveBigIntegerField(default=0)),
                ("cleared_by", models.CharField(blank=True, max_length=64)),
                ("cleared_name", models.CharField(blank=True, max_length=80)),
                ("cleared_why", models.CharField(blank=True, max_length=300)),
                (
                    "consent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="templates", to="enrolment.consent"
                    ),
                ),
                (
                    "nearest",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="people.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="KeptStill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("commitment", models.CharField(max_length=64, unique=True)),
                ("size", models.PositiveIntegerField()),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_stills",
                        to="enrolment.facetemplate",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BoxFaceKey",
            fields=[
                (
                    "box",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="face_key",
                        serialize=False,
                        to="boxes.box",
                    ),
                ),
                ("key", models.CharField(max_length=43)),
                ("epoch", models.PositiveIntegerField()),
                ("seq", models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="FaceDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sent", "on its way to the box"),
                            ("kept", "kept at the box"),
                            ("refused", "refused by the box"),
                            ("removed", "deleted at the box"),
                        ],
                        default="sent",
                        max_length=8,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=32)),
                ("created_s", models.PositiveBigIntegerField(default=0)),
                ("box_key", models.CharField(blank=True, max_length=43)),
                ("iat", models.PositiveBigIntegerField()),
                ("jws", models.TextField(blank=True)),
                ("changed_ms", models.PositiveBigIntegerField()),
                (
                    "permit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="face_deliveries", to="permits.permit"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="people.person"
                    ),
                ),
            ],
            options={
                "ordering": ["permit", "person"],
                "constraints": [
                    models.UniqueConstraint(fields=("permit", "person"), name="one_statement_a_person_and_permit")
                ],
            },
        ),
    ]
