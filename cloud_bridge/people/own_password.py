"""Nobody goes on with a one-time password: whoever made the account knows it, so it proves nobody (PTW-03).

Every page leads to the one where it is changed; the API refuses. What needs no sign-in stays open.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware

OPEN = ("account_change_password", "account_logout", "account_login", "set_language", "healthz", "metrics")
FOR_PROGRAMS = ("/api/", "/events/")
FOR_PEOPLE = ("/api/v1/docs",)


def _is_open(path: str) -> bool:
    return path.startswith(settings.STATIC_URL) or path in {reverse(name) for name in OPEN}


def _has_one_time_password(request: HttpRequest) -> bool:
    user = request.user
    return bool(user.is_authenticated and user.one_time_password)


def _answer(path: str) -> HttpResponse:
    page = reverse("account_change_password")
    if path.startswith(FOR_PROGRAMS) and not path.startswith(FOR_PEOPLE):
        detail = f"password: expected your own, got the one-time password; sign in and change it at {page}"
        return JsonResponse({"detail": detail, "code": "one_time_password", "change_at": page}, status=403)
    return redirect(page)


def _may_be_signed_in(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and not _is_open(request.path_info)


@sync_and_async_middleware
def own_password_first(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Let nobody pass who still has the one-time password."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            if _may_be_signed_in(request) and await sync_to_async(_has_one_time_password)(request):
                return _answer(request.path_info)
            return await get_response(request)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        if _may_be_signed_in(request) and _has_one_time_password(request):
            return _answer(request.path_info)
        return get_response(request)

    return synchronous
