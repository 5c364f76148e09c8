"""Timers and delivery with an injected clock: what is sent when, and what ends by itself."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from contracts import jws, topics
from contracts.permit import Command as CommandClaims
from contracts.permit import Revocations
from tests.cloud_bridge.box_side import BoxLog, read_keys
from tests.cloud_bridge.test_pages import apply, decide


@pytest.fixture(scope="module")
def keys(django_data):
    from cloud_bridge.permits.signer import Keys

    return Keys.read(django_data)


@pytest.fixture
def log(request):
    return BoxLog(request.node.name.replace("test_", "box-")[:64])


@pytest.fixture
def box(django_data, log):
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.boxes.registry import register

    Box.objects.update(active=False)
    yield register(log.box, log.vkey)
    Box.objects.update(active=True)


@pytest.fixture
def issued(box, keys):
    from cloud_bridge.permits.signer import sign_all

    permit = apply(box)
    decide("fang", permit)
    decide("zhou", permit)
    sign_all(keys)
    permit.refresh_from_db()
    return permit


def sent(box, timers, at, leaf):
    from cloud_bridge.permits.delivery import outgoing

    return [payload for topic, payload, _retained in outgoing(timers, at) if topic == topics.dn(box.pk, leaf)]


def test_a_permit_is_sent_again_until_its_acceptance_is_in_the_log(issued, box):
    from cloud_bridge.permits.delivery import Timers
    from cloud_bridge.permits.service import by_machine
    from cloud_bridge.permits.workflow import Event

    timers = Timers()
    assert sent(box, timers, 0, "permit") == [issued.jws]
    assert sent(box, timers, 1, "permit") == []
    assert sent(box, timers, 2.1, "permit") == [issued.jws]
    assert sent(box, timers, 3, "permit") == []
    assert sent(box, timers, 60, "permit") == [issued.jws]
    assert by_machine(issued.jti, Event.ACCEPT)
    assert sent(box, timers, 120, "permit") == []


def test_a_refusal_by_the_box_ends_the_sending_and_is_shown(issued, box):
    from cloud_bridge.boxes.store import store_response
    from cloud_bridge.permits.delivery import Timers

    store_response(
        box.pk, b'{"id":"%s","kind":"permit","ok":false,"code":"invalid","detail":"level"}' % issued.jti.encode()
    )
    issued.refresh_from_db()
    assert (issued.state, issued.decided_note) == ("refused", "invalid level")
    assert sent(box, Timers(), 0, "permit") == []


def test_another_box_cannot_answer_for_it(issued, django_data):
    from cloud_bridge.boxes.registry import register
    from cloud_bridge.boxes.store import store_response

    register("box-liar", BoxLog("box-liar").vkey)
    store_response("box-liar", b'{"id":"%s","kind":"permit","ok":false}' % issued.jti.encode())
    issued.refresh_from_db()
    assert issued.state == "issued"


def test_a_late_refusal_does_not_undo_an_acceptance(issued, box):
    from cloud_bridge.boxes.store import store_response
    from cloud_bridge.permits.service import by_machine
    from cloud_bridge.permits.workflow import Event

    by_machine(issued.jti, Event.ACCEPT)
    store_response(box.pk, b'{"id":"%s","kind":"permit","ok":false,"code":"forged"}' % issued.jti.encode())
    issued.refresh_from_db()
    assert issued.state == "accepted"


def test_a_permit_ends_with_its_window(issued):
    """PTW-05."""
    from django.utils import timezone

    from cloud_bridge.permits.delivery import expire
    from cloud_bridge.permits.models import Permit

    Permit.objects.filter(pk=issued.pk).update(ends=timezone.now() - timedelta(seconds=1))
    expire()
    issued.refresh_from_db()
    assert issued.state == "expired"
    assert issued.history.last().event == "expire"
    expire()
    assert issued.history.filter(event="expire").count() == 1


def test_revocation_lists_are_renewed_and_their_number_rises_only_with_a_change(
    issued, box, keys, django_data, monkeypatch
):
    from cloud_bridge.boxes.models import RevocationList
    from cloud_bridge.permits.delivery import Timers
    from cloud_bridge.permits.service import revoke
    from cloud_bridge.permits.signer import sign_all

    pinned = read_keys(django_data.public / "permit_keys.json")

    def listed():
        return jws.verify(RevocationList.objects.get(box=box).jws, jws.REVOCATIONS, pinned, Revocations)

    timers = Timers()
    first = listed()
    assert len(sent(box, timers, 0, "revoke")) == 1
    RevocationList.objects.filter(box=box).update(as_of=first.as_of - 31)
    assert sent(box, timers, 1, "revoke") == [], "the signer has not renewed it yet"
    monkeypatch.setattr("cloud_bridge.permits.signer.time", SimpleNamespace(time=lambda: first.as_of + 31))
    sign_all(keys)
    assert len(sent(box, timers, 2, "revoke")) == 1
    assert (listed().rev, listed().as_of) == (first.rev, first.as_of + 31)
    revoke(("an", "安全员"), issued.jti, "泄漏", may=True)
    sign_all(keys)
    assert listed().rev == first.rev + 1
    assert listed().revoked == (issued.jti,)


def test_a_command_is_signed_with_its_own_key_and_sent_until_answered(box, keys, django_data):
    from cloud_bridge.boxes.models import Command
    from cloud_bridge.boxes.store import store_response
    from cloud_bridge.permits.delivery import Timers
    from cloud_bridge.permits.signer import sign_all
    from tests.cloud_bridge.test_pages import client

    client("an").post(f"/boxes/{box.pk}/command", {"verb": "suspend", "reason": "泄漏"})
    sign_all(keys)
    timers = Timers()
    [token] = sent(box, timers, 0, "cmd")
    claims = jws.verify(token, jws.COMMAND, read_keys(django_data.public / "command_keys.json"), CommandClaims)
    assert (claims.aud, claims.verb.value, claims.reason) == (box.pk, "suspend", "泄漏")
    store_response(box.pk, b'{"id":"%s","kind":"command","ok":true,"code":"done"}' % claims.id.encode())
    assert sent(box, timers, 60, "cmd") == []
    assert Command.objects.get(pk=claims.id).ok is True


def _finish(issued, log, before):
    from cloud_bridge.boxes.store import store_batch
    from cloud_bridge.permits.service import by_machine
    from cloud_bridge.permits.workflow import Event

    by_machine(issued.jti, Event(before))
    log.leaf("work.finished", permit=issued.jti)
    store_batch(log.box, *topics.unpack_batch(log.batch()))
    issued.refresh_from_db()
    assert (issued.state, str(issued.state_title)) == ("finished", "已完工")
    assert [row.event for row in issued.history.all()][-2:] == [before, "finish"]


def test_finished_work_ends_the_permit_at_the_bridge(issued, log):
    """PTW-05: what was finished at the box is over here too."""
    _finish(issued, log, "accept")


def test_work_finished_while_off_line_is_learnt_after_the_window(issued, log):
    """The bridge's clock ended the permit; the box's log comes later and knows better."""
    _finish(issued, log, "expire")
