"""What every request passes through: a strict content policy, and the language that the reader chose."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.decorators import sync_and_async_middleware

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@sync_and_async_middleware
def content_security_policy(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Scripts and styles only from this server, none inline: text from a box can never become code."""

    def seal(response: HttpResponse) -> HttpResponse:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            return seal(await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        return seal(get_response(request))

    return synchronous


def language_of(request: HttpRequest) -> str:
    """The language that the reader switched to, else Chinese."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


@sync_and_async_middleware
def chosen_language(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Chinese unless the reader switched; a browser's own wish does not count, because sites share machines."""

    def begin(request: HttpRequest) -> None:
        language = language_of(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language  # type: ignore[attr-defined]

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponse:
            begin(request)
            response = await get_response(request)
            response.headers.setdefault("Content-Language", language_of(request))
            return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponse:
        begin(request)
        response = get_response(request)
        response.headers.setdefault("Content-Language", language_of(request))
        return response

    return synchronous
