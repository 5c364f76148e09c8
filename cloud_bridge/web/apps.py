"""Django's handle on this app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages."""

    name = "cloud_bridge.web"
