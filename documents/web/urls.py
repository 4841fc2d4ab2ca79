"""Every address of the people's door."""

from django.urls import include, path
from django.views.i18n import set_language

from documents.web import documents, health, jobs, rereading, sharing, tokens, trash, uploads

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
    path("documents/<uuid:document_id>/history/", documents.history, name="document-history"),
    path("documents/<uuid:document_id>/reread/", rereading.reread, name="document-reread"),
    path("documents/<uuid:document_id>/share/", sharing.document_share, name="document-share"),
    path(
        "documents/<uuid:document_id>/collect/", sharing.document_collect, name="document-collect"
    ),
    path("shares/<int:share_id>/remove/", sharing.unshare, name="unshare"),
    path("shared/", sharing.shared, name="shared"),
    path("collections/", sharing.collections, name="collections"),
    path("collections/<uuid:collection_id>/", sharing.collection, name="collection"),
    path(
        "collections/<uuid:collection_id>/share/", sharing.collection_share, name="collection-share"
    ),
    path(
        "collections/<uuid:collection_id>/delete/",
        sharing.collection_delete,
        name="collection-delete",
    ),
    path("trash/", trash.trash, name="trash"),
    path("trash/empty/", trash.empty, name="trash-empty"),
    path("trash/<uuid:document_id>/restore/", trash.restore, name="trash-restore"),
    path("trash/<uuid:document_id>/purge/", trash.purge, name="trash-purge"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.job, name="job"),
    path("jobs/<uuid:job_id>/progress/", jobs.progress, name="job-progress"),
    path("jobs/<uuid:job_id>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", jobs.retry, name="job-retry"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<uuid:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("account/language/", set_language, name="set-language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("account/", include("documents.web.account")),
]
