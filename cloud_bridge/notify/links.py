"""The link in a message: whoever holds it got the message. It shows the message; a button on it says "read".

Opening alone proves nothing: mail filters and chat programs open links by themselves.
"""

from django.core import signing
from django.urls import reverse

from cloud_bridge.notify.models import Delivery

SALT = "cloud_bridge.notify"
LASTS_S = 30 * 86_400


def link_to(base: str, delivery: str) -> str:
    """Address of a delivery's page."""
    return f"{base}{reverse('message_link', args=[signing.dumps(delivery, salt=SALT)])}"


def delivery_of(token: str) -> Delivery | None:
    """What a link is of; None for one that was not made here, or is too old."""
    try:
        number = signing.loads(token, salt=SALT, max_age=LASTS_S)
    except signing.BadSignature:
        return None
    return Delivery.objects.filter(pk=number).first() if isinstance(number, str) else None
