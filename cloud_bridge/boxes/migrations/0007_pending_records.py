import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("boxes", "0006_call_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="PendingRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("follower", models.CharField(max_length=120)),
                ("unwitnessed", models.BooleanField(default=False)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("due_ms", models.PositiveBigIntegerField(default=0)),
                ("why", models.CharField(blank=True, max_length=200)),
                ("event", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="pending", to="boxes.event")),
            ],
            options={
                "indexes": [models.Index(fields=["unwitnessed", "due_ms"], name="pending_by_time")],
                "constraints": [models.UniqueConstraint(fields=("event", "follower"), name="each_record_once_a_follower")],
            },
        ),
    ]
