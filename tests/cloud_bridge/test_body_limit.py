"""What is sent to a page is never on a disk, whoever sends it and however much it is."""

import asyncio
import tempfile

import httpx
import pytest

MIB = 2**20
PAGES = ("/faces/performer/stills", "/accounts/login/", "/nowhere")


@pytest.fixture
def rolled(monkeypatch):
    """Bodies that were put into a file, by their size."""
    found, real = [], tempfile.SpooledTemporaryFile.rollover

    def spy(self):
        found.append(self.tell())
        real(self)

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", spy)
    return found


def post(application, path, chunks, *, declared=True):
    """The status, and how many chunks were asked for."""
    asked, said = 0, []

    async def receive():
        nonlocal asked
        if asked == len(chunks):
            await asyncio.Event().wait()
        asked += 1
        return {"type": "http.request", "body": chunks[asked - 1], "more_body": asked < len(chunks)}

    async def send(message):
        said.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if declared:
        headers.append((b"content-length", str(sum(map(len, chunks))).encode()))
    scope = {
        "type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "scheme": "http",
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    asyncio.run(application(scope, receive, send))
    return said[0]["status"], asked


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_is_refused_before_anybody_is_asked_who_sends_it(django_data, rolled, path, declared):
    from cloud_bridge.asgi import application

    status, asked = post(application, path, [b"x" * MIB] * 30, declared=declared)
    assert (status, rolled) == (413, [])
    assert asked <= 9, "nor is it heard to its end"


@pytest.mark.parametrize("path", PAGES)
def test_a_body_that_a_page_may_have_is_in_memory_alone(django_data, rolled, path):
    from cloud_bridge.asgi import application

    status, _asked = post(application, path, [b"x" * MIB])
    assert (status != 413, rolled) == (True, [])


def test_without_the_limit_it_would_be_on_a_disk(django_data, rolled):
    """Negative control: what the spy sees."""
    from django.core.asgi import get_asgi_application

    post(get_asgi_application(), PAGES[0], [b"x" * MIB] * 30)
    assert rolled


def test_the_real_bridge_says_so_to_whoever_sends_too_much(bridge):
    answer = httpx.post(f"{bridge.url}/faces/performer/stills", content=b"x" * (3 * MIB), timeout=20)
    assert (answer.status_code, answer.json()["ok"]) == (413, False)
