from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("boxes", "0005_findings_by_epoch"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="call",
            name="one_call_rings_for_each_kind",
        ),
        migrations.AddField(
            model_name="call",
            name="role",
            field=models.CharField(
                choices=[
                    ("applicant", "applicant"),
                    ("approver", "approver"),
                    ("safety_officer", "safety officer"),
                    ("store_keeper", "store keeper"),
                    ("maintenance", "maintenance"),
                    ("admin", "administrator"),
                ],
                default="safety_officer",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="subject",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="call",
            name="told",
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name="call",
            name="kind",
            field=models.CharField(
                choices=[
                    ("entry", "unauthorised entry"),
                    ("gas", "gas over its limit while ignition was released"),
                    ("humidity", "humidity warning"),
                    ("equipment", "warning ticket: equipment"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.UniqueConstraint(
                condition=models.Q(("answered_ms", 0)),
                fields=("box", "kind", "subject", "role"),
                name="one_call_rings_for_each_role",
            ),
        ),
    ]
