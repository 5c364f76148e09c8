"""Which statements about faces are made, for whom and when: exactly for accepted permits, and never in circles."""

import time
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts import jws, topics
from contracts.face import FaceClaims, open_sealed, published
from faces.templates import Template
from tests.cloud_bridge.box_side import BoxLog, read_keys
from tests.cloud_bridge.enrolling import enrolled, person, user
from tests.cloud_bridge.test_pages import apply

KEY = X25519PrivateKey.generate()


@pytest.fixture
def data(django_data):
    from cloud_bridge.enrolment.models import BoxFaceKey, Consent, FaceDelivery, FacePolicy, FaceTemplate

    for table in (FaceDelivery, FaceTemplate, Consent, FacePolicy, BoxFaceKey):
        table.objects.all().delete()
    return django_data


@pytest.fixture
def log(data, request):
    from cloud_bridge.boxes.registry import register

    found = BoxLog(f"box-face-{abs(hash(request.node.name)) % 10**8}")
    register(found.box, found.vkey)
    return found


def store(log, kind, permit="", *, witnessed=True, **fields):
    """A record of the box's log arrives, and the signed checkpoint over it."""
    from cloud_bridge.boxes.store import store_batch

    first = len(log.leaves)
    log.leaf(kind, permit=permit, **fields)
    store_batch(log.box, *topics.unpack_batch(log.batch(first)))
    if witnessed:
        log.witness()


def tell_key(log, key=KEY, *, witnessed=True):
    store(log, "template.key", key=published(key), witnessed=witnessed)


def permit_of(log, state="accepted", **changes):
    from cloud_bridge.boxes.models import Box
    from cloud_bridge.permits.models import Permit

    made = apply(Box.objects.get(pk=log.box), **changes)
    Permit.objects.filter(pk=made.pk).update(state=state)
    made.refresh_from_db()
    return made


def prepare(data):
    from cloud_bridge.enrolment.deliveries import Desk, prepare

    return prepare(Desk.of(data))


def rows(permit):
    from cloud_bridge.enrolment.models import FaceDelivery

    return {row.person.code: row for row in FaceDelivery.objects.filter(permit=permit)}


def claims(data, row):
    return jws.verify(row.jws, jws.FACE, read_keys(data.public / "faces_keys.json"), FaceClaims)


def both(data):
    enrolled(data, "performer")
    enrolled(data, "guardian", 2 * np.eye(3, 128, dtype=np.float32))


def test_everybody_on_an_accepted_permit_is_sent_once(data, log):
    both(data)
    tell_key(log)
    permit = permit_of(log)
    assert prepare(data) == 2
    assert prepare(data) == 0
    said = claims(data, rows(permit)["performer"])
    assert (said.aud, said.permit, said.exp) == (log.box, permit.jti, int(permit.ends.timestamp()))
    template = msgspec.json.decode(open_sealed(said, KEY), type=Template)
    assert (template.permit, template.expires) == (permit.jti, said.exp)


@pytest.mark.parametrize("state", ["preparing", "pending_approval", "approved", "issued", "refused", "revoked", "expired", "finished"])
def test_no_other_permit_brings_a_template(data, log, state):
    both(data)
    tell_key(log)
    permit_of(log, state)
    assert prepare(data) == 0


def test_a_permit_whose_time_is_over_brings_none(data, log):
    from django.utils import timezone

    from cloud_bridge.permits.models import Permit

    both(data)
    tell_key(log)
    permit = permit_of(log)
    Permit.objects.filter(pk=permit.pk).update(ends=timezone.now())
    assert prepare(data) == 0


@pytest.mark.parametrize("why", ["no key", "not witnessed", "doubted", "left", "suspended", "not enrolled"])
def test_nothing_is_sent_where_something_is_missing(data, log, why):
    """A key that only claims to be the box's, a face that nobody has told apart, somebody who may not work."""
    from cloud_bridge.enrolment.models import FaceTemplate
    from cloud_bridge.people.models import Person, Suspension

    both(data)
    if why != "no key":
        tell_key(log, witnessed=why != "not witnessed")
    permit = permit_of(log)
    if why == "doubted":
        FaceTemplate.objects.update(nearest_milli=300)
    elif why == "left":
        Person.objects.filter(code__in=["performer", "guardian"]).update(active=False)
    elif why == "suspended":
        for code in ("performer", "guardian"):
            Suspension.objects.create(person=person(code), since_ms=1, why="x", by="x", by_name="x")
    elif why == "not enrolled":
        FaceTemplate.objects.all().delete()
    try:
        assert prepare(data) == 0
        assert rows(permit) == {}
    finally:
        Person.objects.update(active=True)
        Suspension.objects.all().delete()


@pytest.mark.parametrize("first", ["performer", "guardian"])
def test_whom_a_box_would_call_a_twin_the_bridge_finds_near(data, first):
    """ANT-01: whichever of the two is enrolled first; a box looks at both sides."""
    import numpy as np

    def places(*several):
        rows = np.zeros((len(several), 128), np.float32)
        for row, place in zip(rows, several, strict=True):
            row[: len(place)] = place
        return rows

    looks = {"performer": places((0,), (0, 0.1), (0, 0.2)), "guardian": places((0.3,), (1.2,), (1.2, 0.1))}
    second = "guardian" if first == "performer" else "performer"
    assert not enrolled(data, first, looks[first]).nearest
    answer = enrolled(data, second, looks[second])
    assert answer.nearest
    assert 290 < answer.nearest_milli < 320


def test_a_key_that_is_not_newer_changes_nothing(data, log):
    from cloud_bridge.enrolment.models import BoxFaceKey

    tell_key(log)
    store(log, "template.key", key=published(KEY))
    assert BoxFaceKey.objects.get(box_id=log.box).seq == 0, "told again: still the witnessed record"
    store(log, "template.key", key="x" * 99)
    store(log, "template.key", key=5)
    assert BoxFaceKey.objects.get(box_id=log.box).key == published(KEY)


@pytest.mark.parametrize(
    ("kind", "fields", "state"),
    [
        ("template.kept", {"engine": "x"}, "kept"),
        ("template.refused", {"code": "template_engine"}, "refused"),
        ("template.removed", {"why": "permit_over"}, "removed"),
    ],
)
def test_the_boxs_log_says_what_became_of_it(data, log, kind, fields, state):
    both(data)
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    row = rows(permit)["performer"]
    store(log, kind, permit.jti, chan="performer", iat=row.iat - 1, **fields)
    assert rows(permit)["performer"].state == "sent", "an older statement's fate is not this one's"
    store(log, kind, permit.jti, chan="performer", iat=row.iat, **fields)
    assert rows(permit)["performer"].state == state
    assert rows(permit)["guardian"].state == "sent"


def test_strange_words_of_a_box_change_nothing(data, log):
    both(data)
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    for fields in ({"chan": "performer"}, {"iat": "x", "chan": "performer"}, {"iat": 5, "chan": ["performer"]}):
        store(log, "template.kept", permit.jti, **fields)
    assert rows(permit)["performer"].state == "sent"


def due(seconds):
    """What the worker would publish at that moment, by one schedule."""
    from cloud_bridge.enrolment.deliveries import outgoing

    return outgoing(due.timers, seconds)


@pytest.fixture
def timers():
    from cloud_bridge.permits.delivery import Timers

    due.timers = Timers()


def test_a_statement_is_repeated_ever_more_slowly_until_the_box_has_it(data, log, timers):
    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    sent = [second for second in range(600) if due(second)]
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps[0] == 2
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60
    ((topic, payload, retained),) = due(10_000)
    assert (topic, payload, retained) == (f"hotbox/v1/{log.box}/dn/faces", rows(permit)["performer"].jws, False)
    store(log, "template.kept", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, engine="x")
    assert due(20_000) == []


@pytest.mark.parametrize(("code", "again"), [("template_no_permit", True), ("template_twin", True), ("template_engine", False), ("template_forged", False)])
def test_a_refusal_that_may_pass_is_tried_again_and_another_is_not(data, log, timers, code, again):
    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    store(log, "template.refused", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, code=code)
    assert bool(due(10_000)) is again
    assert prepare(data) == 0


def test_a_twin_is_tried_again_in_case_the_other_has_left(data, log, timers):
    """ANT-02: seldom: each time is a record in the box's log."""
    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    store(log, "template.refused", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, code="template_twin")
    sent = [second for second in range(0, 12_000, 2) if due(second)]
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 500
    store(log, "template.kept", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, engine="x")
    assert due(30_000) == []


def age(permit, seconds):
    """As if what became of it were so old."""
    from cloud_bridge.enrolment.models import FaceDelivery

    FaceDelivery.objects.filter(permit=permit).update(changed_ms=int((time.time() - seconds) * 1000))


@pytest.mark.parametrize(
    ("kind", "fields", "at_once", "later"),
    [
        ("template.removed", {"why": "permit_over"}, 1, 1),
        ("template.removed", {"why": "unusable"}, 0, 1),
        ("template.refused", {"code": "template_older"}, 0, 1),
        ("template.refused", {"code": "template_engine"}, 0, 0),
    ],
)
def test_what_the_box_lacks_is_said_anew_but_not_in_circles(data, log, kind, fields, at_once, later):
    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    first = rows(permit)["performer"].iat
    store(log, kind, permit.jti, chan="performer", iat=first, **fields)
    assert prepare(data) == at_once
    if not at_once:
        age(permit, 61)
        assert prepare(data) == later
    if at_once or later:
        assert rows(permit)["performer"].iat > first


def test_a_new_enrolment_and_a_new_key_are_sent_too(data, log):
    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    enrolled(data, "performer", created=1_790_000_900)
    assert prepare(data) == 1
    tell_key(log, X25519PrivateKey.generate())
    assert prepare(data) == 1
    assert rows(permit)["performer"].created_s == 1_790_000_900


def test_a_withdrawal_follows_the_template_and_nothing_follows_what_never_left(data, log):
    from cloud_bridge.enrolment import service

    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    first = rows(permit)["performer"]
    service.withdraw(user("an"), person("performer"))
    service.withdraw(user("an"), person("guardian"))
    assert prepare(data) == 1
    said = claims(data, rows(permit)["performer"])
    assert said.withdrawn
    assert said.iat > first.iat
    assert prepare(data) == 0
    store(log, "template.removed", permit.jti, chan="performer", iat=said.iat, why="withdrawn")
    assert prepare(data) == 0


@pytest.mark.parametrize("code", ["template_older", "template_forged", "template_off"])
def test_a_withdrawal_that_the_box_refused_is_said_anew_until_it_is_done(data, log, timers, code):
    """PIPL 47: a refusal leaves the face where it is."""
    from cloud_bridge.enrolment import service

    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    store(log, "template.kept", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, engine="x")
    service.withdraw(user("an"), person("performer"))
    prepare(data)
    for _ in range(2):
        said = rows(permit)["performer"]
        store(log, "template.refused", permit.jti, chan="performer", iat=said.iat, code=code)
        assert prepare(data) == 0, "not in circles"
        age(permit, 61)
        assert prepare(data) == 1
        anew = rows(permit)["performer"]
        assert (anew.state, anew.iat > said.iat, claims(data, anew).withdrawn) == ("sent", True, True)
        assert len(due(10_000)) == 1
    store(log, "template.removed", permit.jti, chan="performer", iat=rows(permit)["performer"].iat, why="withdrawn")
    age(permit, 61)
    assert prepare(data) == 0
    assert due(20_000) == []


def test_a_log_that_nobody_signed_ends_no_withdrawal_and_changes_no_key(data, log, timers):
    from cloud_bridge.enrolment import service
    from cloud_bridge.enrolment.models import BoxFaceKey

    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    service.withdraw(user("an"), person("performer"))
    prepare(data)
    said = rows(permit)["performer"]
    forged = log.begun_by_another(2)
    forged.leaf("template.removed", permit=permit.jti, chan="performer", iat=said.iat, why="withdrawn")
    forged.leaf("template.key", key=published(X25519PrivateKey.generate()))
    forged.store()
    assert rows(permit)["performer"].state == "sent"
    assert len(due(10_000)) == 1
    assert BoxFaceKey.objects.get(box_id=log.box).key == published(KEY)
    store(log, "template.removed", permit.jti, chan="performer", iat=said.iat, why="withdrawn", witnessed=False)
    assert rows(permit)["performer"].state == "sent", "nor before the box has signed for it"
    log.witness()
    assert rows(permit)["performer"].state == "removed"


def test_when_the_permit_is_over_nothing_sealed_stays_at_the_bridge(data, log):
    from cloud_bridge.permits.models import Permit

    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    prepare(data)
    Permit.objects.filter(pk=permit.pk).update(state="finished")
    prepare(data)
    assert rows(permit)["performer"].jws == ""


def test_the_permits_page_says_where_the_faces_are(data, log):
    from tests.cloud_bridge.test_pages import client

    enrolled(data, "performer")
    tell_key(log)
    permit = permit_of(log)
    page = client("shen").get(f"/permits/{permit.jti}/").content.decode()
    assert "人脸： 已登记" in page
    assert "人脸： 平台未登记" in page
    prepare(data)
    assert "人脸： 正在下发" in client("shen").get(f"/permits/{permit.jti}/").content.decode()
