"""Which networks read: the choice at upload, and reading a document again with others."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from documents import access
from documents.errors import DocumentsError, UnknownBundle
from documents.services.rereading import reread_document
from ocrengine.choose import BUNDLE_NAMES

_SAID_OF: dict[str, str | Promise] = {
    "accurate": _("accurate: reads best"),
    "fast": _("fast: less work for the machine, more mistakes"),
}


def bundle_choices() -> list[tuple[str, str | Promise]]:
    """(name, what is said of it); the installation's own comes first."""
    names = [settings.OCR_BUNDLE, *(name for name in BUNDLE_NAMES if name != settings.OCR_BUNDLE)]
    return [(name, _SAID_OF.get(name, Path(name).name)) for name in names]


def chosen_bundle(request: HttpRequest) -> str | None:
    """What the form asks for, None where it does not say. Raises UnknownBundle."""
    name = request.POST.get("bundle", "")
    if name and name not in dict(bundle_choices()):
        raise UnknownBundle(bundle=name[:40])
    return name or None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reread(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Every page once more; what was read stays until new lines replace it."""
    document = access.document_for_changing(request.user, document_id)
    if request.method != "POST":
        context = {"document": document, "bundles": bundle_choices(), "now": document.job.bundle}
        return render(request, "documents/reread.html", context)
    try:
        job = reread_document(document, bundle=chosen_bundle(request))
    except DocumentsError as error:
        messages.warning(request, error.sentence)
        return redirect("document", document.pk)
    return (
        redirect("job", job.pk)
        if job.owner_id == request.user.pk
        else redirect("document", document.pk)
    )
