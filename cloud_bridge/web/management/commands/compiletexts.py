"""`hotbox-bridge manage compiletexts`: write the .mo beside each .po."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cloud_bridge.web.catalogue import compile_catalogue


class Command(BaseCommand):
    """Compile the catalogues."""

    help = "Compile the texts (.po to .mo)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Do it."""
        for folder in settings.LOCALE_PATHS:
            for po in sorted(folder.glob("*/LC_MESSAGES/*.po")):
                po.with_suffix(".mo").write_bytes(compile_catalogue(po))
                self.stdout.write(str(po.with_suffix(".mo")))
