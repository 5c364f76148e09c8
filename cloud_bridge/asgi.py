"""ASGI application of the web workers."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud_bridge.settings")
application = get_asgi_application()
