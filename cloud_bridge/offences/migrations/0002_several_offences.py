import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("offences", "0001_initial"),
        ("people", "0002_suspension"),
    ]

    operations = [
        migrations.AddField(
            model_name="candidate",
            name="code",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name="offence",
            name="candidate",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="offences", to="offences.candidate"),
        ),
        migrations.AddConstraint(
            model_name="offence",
            constraint=models.UniqueConstraint(fields=("candidate", "person"), name="a_persons_offence_once_a_case"),
        ),
    ]
