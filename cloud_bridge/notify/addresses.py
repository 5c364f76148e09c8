"""People's addresses and wishes: checked, then kept. What the own page and the command share."""

import re
from collections.abc import Mapping
from datetime import time

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from cloud_bridge.notify.book import PERSONAL, Kind
from cloud_bridge.notify.models import Channel, Reach, Wishes
from cloud_bridge.notify.telling import wants_address, wishes_changed
from cloud_bridge.people.models import User

_PHONE = re.compile(r"\+?[0-9]{5,15}")


class Wanted(msgspec.Struct, frozen=True):
    """An address on a channel, as somebody wrote it."""

    address: str
    position: int


def problem(channel: Channel, address: str) -> str:
    """What is wrong with an address, in words; "" when nothing is."""
    kind = Kind(channel.kind)
    if not address:
        return _("Expected an address, got none; write it, or take the channel out.") if kind in PERSONAL else ""
    if wants_address(kind) == "mail":
        try:
            validate_email(address)
        except ValidationError:
            return _("Expected a mail address like wang@example.com, got something else; correct it.")
    elif wants_address(kind) == "phone" and not _PHONE.fullmatch(address):
        return _("Expected a phone number of 5 to 15 digits, got something else; write digits only.")
    elif not wants_address(kind):
        return _("Expected no address: this channel has none.")
    return ""


@transaction.atomic
def keep(
    user: User, ways: Mapping[str, Wanted], language: str, quiet: tuple[time | None, time | None], at_ms: int
) -> None:
    """Replace somebody's addresses and wishes; what is held is held by the new ones."""
    Wishes.objects.update_or_create(
        user=user, defaults={"language": language, "quiet_from": quiet[0], "quiet_to": quiet[1]}
    )
    present = Channel.objects.filter(present=True).values_list("name", flat=True)
    Reach.objects.filter(user=user, channel__in=list(present)).exclude(channel__in=list(ways)).delete()
    for name, way in ways.items():
        Reach.objects.update_or_create(
            user=user, channel=name, defaults={"address": way.address, "position": way.position}
        )
    wishes_changed(user, at_ms)
