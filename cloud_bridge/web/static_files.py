"""Static files from the package, only those that the finders list; no directory is ever walked by a request."""

import mimetypes
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.http import require_safe


@lru_cache(maxsize=1)
def _listing() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for finder in get_finders():
        for name, storage in finder.list([]):
            found.setdefault(str(name), Path(storage.path(name)))
    return found


@require_safe
def static_file(request: HttpRequest, name: str) -> HttpResponse:
    """One file, with its age for the browser's cache."""
    path = _listing().get(name)
    if path is None:
        raise Http404
    modified = int(path.stat().st_mtime)
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    if since is not None and since >= modified:
        return HttpResponseNotModified()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = HttpResponse(path.read_bytes(), content_type=kind)
    response.headers["Last-Modified"] = http_date(modified)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
