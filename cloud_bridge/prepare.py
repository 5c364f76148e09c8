"""Bring a data directory up to date: folders, keys, database, roles, first administrator. Safe to run at any time."""

import os
import secrets
import sys

from cloud_bridge.datadir import ENVIRONMENT, DataDir, write_atomically
from cloud_bridge.keys import make_keys


def start_django(data: DataDir) -> None:
    """Load Django's settings for this data directory."""
    os.environ[ENVIRONMENT] = str(data.root)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud_bridge.settings")
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def prepare(data: DataDir) -> None:
    """Create or migrate everything; two processes may call it at once."""
    data.make()
    with data.lock("prepare"):
        make_keys(data)
        start_django(data)
        from django.core.management import call_command
        from django.db import connection
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
            call_command("createcachetable", verbosity=0)
            if connection.vendor == "sqlite":
                data.database.chmod(0o600)


FIRST_USER = "admin"


def first_administrator(data: DataDir) -> str:
    """Create the first administrator when there is no user yet; the one-time password, or "" when nothing was done."""
    from django.contrib.auth.models import Group
    from django.db import transaction

    from cloud_bridge.people.models import User
    from cloud_bridge.people.roles import Role

    with data.lock("prepare"), transaction.atomic():
        if User.objects.filter(groups__name=Role.ADMIN).exists():
            return ""
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        user = User(username=FIRST_USER, display_name="Administrator", office="IT", is_staff=True)
        user.set_password(password)
        user.one_time_password = True
        user.save()
        user.groups.set(Group.objects.filter(name=Role.ADMIN))
        write_atomically(data.first_password, password + "\n", mode=0o600)
    return password


def announce(password: str) -> None:
    """Print the one-time password, once."""
    sys.stdout.write(f"First sign-in: {FIRST_USER} / {password} (one-time password: change it after signing in)\n")
    sys.stdout.flush()
