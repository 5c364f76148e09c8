"""A person at the bridge's pages: signs in, applies, approves, looks. Plain HTTP forms, as a browser sends them."""

import re
from typing import Any

import httpx

from firmware_sim.demo.processes import DemoError

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    """One signed-in person."""

    def __init__(self, url: str, user: str, password: str) -> None:
        """Sign in.

        Raises:
            DemoError: the bridge does not let this person in.
        """
        self.user = user
        self._password = password
        self._client = httpx.Client(
            base_url=url, follow_redirects=True, timeout=20, headers={"Accept-Language": "zh-hans"}
        )
        page = self._client.get("/accounts/login/")
        form = {"login": user, "password": password, "csrfmiddlewaretoken": self._token(page.text)}
        answer = self._client.post("/accounts/login/", data=form)
        if "sessionid" not in self._client.cookies:
            raise DemoError(f"expected {user} to sign in at {url}, got status {answer.status_code}")

    def close(self) -> None:
        """Leave."""
        self._client.close()

    def _token(self, page: str) -> str:
        found = _TOKEN.search(page)
        if found is None:
            raise DemoError("expected a form with its CSRF token, got a page without one")
        return found[1]

    def get(self, path: str) -> Any:
        """Ask the REST API.

        Raises:
            DemoError: it refused.
        """
        answer = self._client.get(f"/api/v1{path}")
        if answer.status_code != httpx.codes.OK:
            raise DemoError(f"expected {path} from the API, got status {answer.status_code}")
        return answer.json()

    def post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        """Open a page and send its form.

        Raises:
            DemoError: the form was refused.
        """
        page = self._client.get(path)
        answer = self._client.post(path, data={**fields, "csrfmiddlewaretoken": self._token(page.text)})
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            problems = " ".join(re.findall(r'class="error[^"]*"[^>]*>\s*([^<]+)', answer.text)) or answer.text[-400:]
            raise DemoError(f"{path}: status {answer.status_code}: {problems}")
        return answer

    def apply(self, fields: dict[str, str]) -> str:
        """Apply for a permit; gives its number."""
        answer = self.post("/permits/new", fields)
        return str(answer.url.path).rstrip("/").rsplit("/", 1)[-1]

    def approve(self, number: str) -> None:
        """Sign the permit that the page shows, with the own password."""
        page = self._client.get(f"/permits/{number}/").text
        found = re.search(r'name="content_sha256" value="([0-9a-f]{64})"', page)
        if found is None:
            raise DemoError(f"expected permit {number} to wait for {self.user}'s signature")
        fields = {"decision": "approve", "content_sha256": found[1], "password": self._password, "reason": ""}
        token = self._token(page)
        answer = self._client.post(f"/permits/{number}/decide", data={**fields, "csrfmiddlewaretoken": token})
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise DemoError(f"{self.user} cannot sign {number}: status {answer.status_code}")
