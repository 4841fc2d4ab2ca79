"""Shapes that several addresses answer in or take: one word, one shape."""

from __future__ import annotations

from typing import Any, NoReturn

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from documents.models import JobMode, PageState
from documents.summaries import DocumentState, DocumentSummary
from ocrengine.choose import BUNDLE_NAMES
from ocrengine.decoder.sniffing import MIME


class Choice(serializers.ChoiceField):
    """A refusal that names what there is to choose from."""

    default_error_messages = {"invalid_choice": _("“{input}” is none of: {choices}.")}

    def fail(self, key: str, **params: Any) -> NoReturn:
        super().fail(key, choices=", ".join(map(str, self.choices)), **params)


class ReadingOptions(serializers.Serializer):
    bundle = Choice(choices=BUNDLE_NAMES, required=False, help_text="The networks that read.")
    mode = Choice(
        choices=JobMode.choices,
        default=JobMode.READ,
        help_text="`detect` finds where lines stand and does not read them.",
    )


class PageCounts(serializers.Serializer):
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    open = serializers.IntegerField(help_text="Waiting or being read.")


class JobReference(serializers.Serializer):
    job = serializers.UUIDField()
    status_url = serializers.URLField(help_text="Where to ask how far it is.")


class Queued(JobReference):
    pages = serializers.IntegerField(help_text="Pages that were put in the queue.")


class PageProblem(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField(allow_blank=True)


class Line(serializers.Serializer):
    order = serializers.IntegerField(help_text="Place in reading order, from 0.")
    text = serializers.CharField(allow_blank=True)
    machine_text = serializers.CharField(allow_blank=True, help_text="As the machine read it.")
    confidence = serializers.FloatField(min_value=0, max_value=1)
    polygon = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        min_length=3,
        help_text="Corners [x, y] in page pixels, clockwise from the line's own top left.",
    )


class Document(serializers.Serializer):
    """A file that was handed in, and how far it is."""

    id = serializers.UUIDField(source="document.id")
    url = serializers.SerializerMethodField()
    title = serializers.CharField(source="document.title")
    kind = Choice(choices=list(MIME), source="document.kind")
    size_bytes = serializers.IntegerField(source="document.size_bytes")
    sha256 = serializers.RegexField("^[0-9a-f]{64}$", source="document.sha256")
    created_at = serializers.DateTimeField(source="document.created_at")
    state = Choice(choices=DocumentState.choices)
    pages = serializers.SerializerMethodField()
    confidence = serializers.FloatField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField(), source="document.notes")
    owner = serializers.CharField(source="document.owner.username")
    job = serializers.SerializerMethodField()
    status_url = serializers.SerializerMethodField()
    text_url = serializers.SerializerMethodField()

    def _address(self, name: str, key: Any) -> str:
        return reverse(f"api:{name}", args=[key], request=self.context["request"])

    @extend_schema_field(serializers.URLField)
    def get_url(self, summary: DocumentSummary) -> str:
        return self._address("document", summary.document.pk)

    def _is_mine(self, summary: DocumentSummary) -> bool:
        return bool(summary.document.owner_id == self.context["request"].user.pk)

    @extend_schema_field(serializers.UUIDField(allow_null=True, help_text="Null if shared."))
    def get_job(self, summary: DocumentSummary) -> str | None:
        return str(summary.document.job_id) if self._is_mine(summary) else None

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_status_url(self, summary: DocumentSummary) -> str | None:
        return self._address("job", summary.document.job_id) if self._is_mine(summary) else None

    @extend_schema_field(serializers.URLField)
    def get_text_url(self, summary: DocumentSummary) -> str:
        return self._address("document-text", summary.document.pk)

    @extend_schema_field(PageCounts)
    def get_pages(self, summary: DocumentSummary) -> dict[str, int]:
        names = ("done", "failed", "cancelled", "open")
        counted = {name: getattr(summary, name) for name in names}
        return {"total": summary.document.page_count, **counted}


class Page(serializers.Serializer):
    """One page, and why it has no text if it has none."""

    number = serializers.IntegerField(min_value=1)
    state = Choice(choices=PageState.choices)
    width = serializers.IntegerField(help_text="Pixels of the upright page.")
    height = serializers.IntegerField()
    rotation = Choice(choices=[0, 90, 180, 270], help_text="Degrees it was turned to be upright.")
    confidence = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="Time it took to read.")
    attempts = serializers.IntegerField()
    problem = PageProblem(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())
