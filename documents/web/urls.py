"""Every address of the people's door."""

from django.urls import include, path
from django.views.i18n import set_language

from documents.web import documents, health, jobs, uploads

urlpatterns = [
    path("", documents.home, name="documents"),
    path("upload/", uploads.upload, name="upload"),
    path("documents/<uuid:document_id>/", documents.document, name="document"),
    path("documents/<uuid:document_id>/cover/", documents.cover, name="cover"),
    path(
        "documents/<uuid:document_id>/text.txt",
        documents.export,
        {"form": "txt"},
        name="document-text",
    ),
    path(
        "documents/<uuid:document_id>/text.json",
        documents.export,
        {"form": "json"},
        name="document-json",
    ),
    path("documents/<uuid:document_id>/original/", documents.original, name="document-original"),
    path("documents/<uuid:document_id>/delete/", documents.delete, name="document-delete"),
    path(
        "documents/<uuid:document_id>/pages/<int:number>/view/",
        documents.page_view,
        name="page-view",
    ),
    path(
        "documents/<uuid:document_id>/pages/<int:number>/retry/",
        documents.page_retry,
        name="page-retry",
    ),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.job, name="job"),
    path("jobs/<uuid:job_id>/progress/", jobs.progress, name="job-progress"),
    path("jobs/<uuid:job_id>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", jobs.retry, name="job-retry"),
    path("account/language/", set_language, name="set-language"),
    path("healthz", health.healthz, name="healthz"),
    path("account/", include("documents.web.account")),
]
