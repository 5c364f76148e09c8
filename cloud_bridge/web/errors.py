"""Error pages that say what happened and what to do."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def _page(request: HttpRequest, status: int, title: str, todo: str) -> HttpResponse:
    return render(request, "web/error.html", {"title": title, "todo": todo, "status": status}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400."""
    del exception
    return _page(request, 400, _("The request could not be read"), _("Go back and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    del exception
    return _page(
        request, 403, _("Your role may not do this"), _("Ask the administrator for the role, or somebody who has it.")
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    del exception
    return _page(request, 404, _("There is no such page"), _("Check the address, or start from the overview."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
    return _page(
        request,
        500,
        _("The bridge made a mistake"),
        _("Nothing was changed. Try again; tell the administrator the time."),
    )


def csrf_failure(request: HttpRequest, reason: str = "", **_kwargs: Any) -> HttpResponse:
    """A form without a valid token."""
    del reason
    return _page(
        request,
        403,
        _("This form is too old"),
        _("Go back, reload the page and send it again. Cookies must be allowed."),
    )
