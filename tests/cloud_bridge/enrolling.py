"""Somebody is enrolled at the bridge: consent, pictures of drawn people, and who holds the phone."""

import base64
import functools
import json

import cv2

from firmware_sim.people import stranger
from firmware_sim.stage import still

YAWS = (0, -8, 8, 4)
STRANGERS = {"leaver": 2, "paper": 13, "phone": 7}
"""People who are drawn for these tests alone."""


@functools.cache
def pictures(name: str, count: int = 4) -> tuple[bytes, ...]:
    """JPEGs of a drawn person as a phone takes them, which sharpens what it takes."""
    return tuple(picture(name, yaw, 1.0, number) for number, yaw in enumerate(YAWS[:count]))


def picture(name: str, yaw_deg: float, light: float, grain: int) -> bytes:
    """One of them."""
    shot = still(stranger(STRANGERS[name]) if name in STRANGERS else name, yaw_deg, light=light, grain=grain)
    sharp = cv2.addWeighted(shot, 1.6, cv2.GaussianBlur(shot, (0, 0), 2), -0.6, 0)
    return cv2.imencode(".jpg", sharp, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def person(code: str, name: str = "", badge: int = 0):
    """Somebody at the boxes, made when not there."""
    from cloud_bridge.people.models import Person

    number = badge or 5000 + Person.objects.count()
    return Person.objects.get_or_create(code=code, defaults={"name": name or code, "badge": number})[0]


def user(name: str):
    from cloud_bridge.people.models import User

    return User.objects.get(username=name)


def agreed(code: str, officer: str = "an", language: str = "zh-hans"):
    """The person agrees before an officer; the consent."""
    from cloud_bridge.enrolment import consent, service

    found, text = person(code), service.text_shown(language)
    return service.agree(user(officer), found, language, consent.digest(text), found.name, looked=True)


def sent(consent, stills: tuple[bytes, ...]) -> dict[str, object]:
    """The body that the page's script sends, and its type."""
    body = {"consent": consent, "stills": [base64.b64encode(one).decode() for one in stills]}
    return {"data": json.dumps(body), "content_type": "application/json"}


def template_of(code: str, rows=None, created: int = 1_790_000_000):
    """A template without any picture, for what happens to templates afterwards."""
    import numpy as np

    from faces.templates import VERSION, Template, pack

    vectors = np.eye(3, 128, dtype=np.float32) if rows is None else rows
    return Template(VERSION, code, "dlib-test", "a" * 64, pack(vectors), created)


def enrolled(data, code: str, rows=None, created: int = 1_790_000_000):
    """Somebody with consent and template, as the process leaves them."""
    import msgspec

    from cloud_bridge.enrolment import enrolling, wire

    consent = agreed(code)
    asked = wire.Enrol(code, consent.pk, "an", "安全员 安然", (b"x", b"y", b"z"))
    answer = wire.Answer(ok=True, template=msgspec.json.encode(template_of(code, rows, created)), stills=3)
    return enrolling._keep(asked, answer, data)
