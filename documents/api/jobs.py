"""Jobs: the list, how far one is and why pages failed, cancel, retry."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from documents import access, queries, summaries
from documents.api import shapes
from documents.api.documents import queued
from documents.api.door import ApiView
from documents.api.once import IDEMPOTENCY_KEY, Asked, answer_once, in_one_transaction
from documents.api.paging import Listed, Paging, page_of
from documents.api.schema import refusals
from documents.models import Job, JobMode, JobState
from documents.queries import JobProgress
from documents.services import jobs as service
from documents.services.idempotency import Answer


class JobHead(serializers.Serializer):
    id = serializers.UUIDField()
    state = shapes.Choice(choices=JobState.choices)
    bundle = serializers.CharField()
    mode = shapes.Choice(choices=JobMode.choices)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)


class JobListed(JobHead):
    """A job in a list."""

    documents = serializers.IntegerField(help_text="How many.")
    pages = shapes.PageCounts()


class JobList(Listed):
    results = JobListed(many=True)


class Failure(shapes.PageProblem):
    page = serializers.IntegerField(min_value=1)


class JobDocument(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    pages = shapes.PageCounts()
    failures = Failure(many=True, help_text="The first few; `pages` counts all.")


class JobStatus(JobHead):
    """How far a job is, document by document, and why pages failed."""

    pages = shapes.PageCounts()
    ahead = serializers.IntegerField(help_text="Pages that are due before its next one.")
    documents = JobDocument(many=True)


def head_of(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in JobHead().fields}


def counts_of(counted: Any, total: int) -> dict[str, int]:
    """From anything that has pages_done, pages_failed and pages_open."""
    done, failed, is_open = counted.pages_done, counted.pages_failed, counted.pages_open
    cancelled = total - done - failed - is_open
    counts = {"done": done, "failed": failed, "cancelled": cancelled, "open": is_open}
    return {"total": total, **counts}


def represent(jobs: Sequence[Job]) -> list[Any]:
    told = [
        {
            **head_of(job),
            "documents": job.documents_total,  # type: ignore[attr-defined]
            "pages": counts_of(job, job.pages_total),  # type: ignore[attr-defined]
        }
        for job in summaries.with_counts_of(jobs)
    ]
    return JobListed(told, many=True).data


def status_of(job: Job, progress: JobProgress) -> Any:
    documents = [
        {
            "id": document.id,
            "title": document.title,
            "pages": counts_of(document, document.page_count),
            "failures": [
                {"page": failure.page_number, **vars(failure.problem)}
                for failure in document.failures
            ],
        }
        for document in progress.documents
    ]
    pages = counts_of(progress, progress.pages_total)
    told = {**head_of(job), "pages": pages, "ahead": progress.ahead, "documents": documents}
    return JobStatus(told).data


class Jobs(ApiView):
    @extend_schema(
        operation_id="listJobs", parameters=[Paging], responses={200: JobList, **refusals(400)}
    )
    def get(self, request: Request) -> Response:
        """Jobs, newest first. One upload is one job."""
        asked = self.checked(Paging, request.query_params)
        rows = access.visible_jobs(request.user)
        return page_of(request, rows, ("-created_at", "-id"), represent, asked)


class OneJob(ApiView):
    @extend_schema(operation_id="getJob", responses={200: JobStatus, **refusals(404)})
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        """How far a job is. Ask with `If-None-Match` and be told only of changes."""
        job = access.job_for_reading(request.user, job_id)
        return Response(status_of(job, queries.job_progress(job)))


class JobCancel(ApiView):
    @extend_schema(
        operation_id="cancelJob",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: shapes.Queued, **refusals(400, 404, 409, 422)},
    )
    def post(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        """Stop what waits at once, and what is being read within a second or two."""
        job = access.job_for_changing(request.user, job_id)

        def verb() -> Answer:
            service.cancel_job(job)
            return queued(request, job.pk, 0)

        return answer_once(Asked(request), in_one_transaction(verb))


class JobRetry(ApiView):
    @extend_schema(
        operation_id="retryJob",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: shapes.Queued, **refusals(400, 404, 409, 422)},
    )
    def post(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        """Read once more every page of the job that failed or was cancelled."""
        job = access.job_for_changing(request.user, job_id)
        verb = in_one_transaction(lambda: queued(request, job.pk, service.retry_job(job)))
        return answer_once(Asked(request), verb)
