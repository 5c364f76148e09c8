"""/healthz: whether the database answers and every process shows life."""

import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from cloud_bridge.process import ALIVE_LIMIT_S

PROCESSES = ("ingest", "worker", "signer", "enrolment", "notify")


def process_ages() -> dict[str, float | None]:
    """Seconds since each process showed life; None when it does not run."""
    ages: dict[str, float | None] = {}
    for name in PROCESSES:
        try:
            ages[name] = max(0.0, round(time.time() - (settings.DATA.run / f"{name}.alive").stat().st_mtime, 1))
        except OSError:
            ages[name] = None
    return ages


def healthz(request: HttpRequest) -> JsonResponse:
    """200 when all is well, 503 otherwise; no names, no secrets, so it needs no sign-in."""
    del request
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = True
    except DatabaseError:
        database = False
    ages = process_ages()
    ok = database and all(age is not None and age <= ALIVE_LIMIT_S for age in ages.values())
    response = JsonResponse({"ok": ok, "database": database, "process_age_s": ages}, status=200 if ok else 503)
    response._has_been_logged = True  # noqa: SLF001 - a 503 here is an answer, not a failure of this page
    return response
