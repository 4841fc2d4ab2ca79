"""Is the web process alive? Can the whole do its work?"""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from documents import files
from documents.services import healing


def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: restart this process when it does not answer."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: 503 names what is not. Says nothing that a stranger could use."""
    checks = {"database": _database, "storage": _storage, "queue": _queue}
    found = {}
    for name, check in checks.items():
        try:
            found[name] = "ok" if check() else "failing"
        except (DatabaseError, OSError):
            found[name] = "failing"
    ready = set(found.values()) == {"ok"}
    return JsonResponse(found, status=200 if ready else 503)


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _storage() -> bool:
    """Room for uploads, and for what reading writes."""
    return files.has_room()


def _queue() -> bool:
    """Pages are due and nobody takes them: workers are missing or stuck."""
    return not healing.queue_is_silent()
