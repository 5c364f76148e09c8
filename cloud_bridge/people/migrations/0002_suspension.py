import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Suspension",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since_ms", models.PositiveBigIntegerField()),
                ("why", models.CharField(max_length=300)),
                ("by", models.CharField(max_length=64)),
                ("by_name", models.CharField(max_length=80)),
                ("lifted_ms", models.PositiveBigIntegerField(default=0)),
                ("lifted_by", models.CharField(blank=True, max_length=64)),
                ("lifted_name", models.CharField(blank=True, max_length=80)),
                ("training", models.CharField(blank=True, max_length=300)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="suspensions", to="people.person"
                    ),
                ),
            ],
            options={
                "ordering": ["-since_ms", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_ms", 0)), fields=("person",), name="one_suspension_holds"
                    )
                ],
            },
        ),
    ]
