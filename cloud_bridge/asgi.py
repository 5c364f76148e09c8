"""ASGI application of the web workers."""

import os
from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from cloud_bridge.web.body_limit import BodyLimit
from contracts.struct_types import build_struct_types

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud_bridge.settings")
_pages = get_asgi_application()
application = BodyLimit(_pages, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
# Views run in threads: all that they decode by is there before the first of them.
import_module("cloud_bridge.urls")
build_struct_types()
