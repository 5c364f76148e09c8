"""History is written once: the database itself refuses to change or delete a row.

SQLite loses triggers when Django makes a table anew: a later migration that alters this table adds them again.
"""

from django.db import migrations

SQLITE = (
    """CREATE TRIGGER flows_history_no_update BEFORE UPDATE ON flows_history
       BEGIN SELECT RAISE(ABORT, 'history is written once'); END""",
    """CREATE TRIGGER flows_history_no_delete BEFORE DELETE ON flows_history
       BEGIN SELECT RAISE(ABORT, 'history is written once'); END""",
)
POSTGRESQL = (
    """CREATE FUNCTION flows_history_once() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'history is written once'; END $$""",
    """CREATE TRIGGER flows_history_once BEFORE UPDATE OR DELETE OR TRUNCATE ON flows_history
       FOR EACH STATEMENT EXECUTE FUNCTION flows_history_once()""",
)
AWAY_SQLITE = ("DROP TRIGGER flows_history_no_update", "DROP TRIGGER flows_history_no_delete")
AWAY_POSTGRESQL = ("DROP TRIGGER flows_history_once ON flows_history", "DROP FUNCTION flows_history_once")


def _run(sqlite, postgresql):
    def run(apps, schema_editor):
        for statement in sqlite if schema_editor.connection.vendor == "sqlite" else postgresql:
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("flows", "0001_initial")]
    operations = [migrations.RunPython(_run(SQLITE, POSTGRESQL), _run(AWAY_SQLITE, AWAY_POSTGRESQL))]
