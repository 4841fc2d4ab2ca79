"""Every address of the programs' door, below /api/v1/."""

from django.urls import path, re_path

from documents.api import account, documents, jobs, pages, reading, reference, trash
from documents.api.door import Nothing

OF_A_DOCUMENT = "documents/<uuid:document_id>/"
OF_A_PAGE = f"{OF_A_DOCUMENT}pages/<int:number>/"

app_name = "api"
urlpatterns = [
    path("account/", account.Me.as_view(), name="account"),
    path("documents/", documents.Documents.as_view(), name="documents"),
    path(OF_A_DOCUMENT, documents.OneDocument.as_view(), name="document"),
    path(f"{OF_A_DOCUMENT}text/", documents.DocumentText.as_view(), name="document-text"),
    path(f"{OF_A_DOCUMENT}json/", documents.DocumentJson.as_view(), name="document-json"),
    path(
        f"{OF_A_DOCUMENT}original/",
        documents.DocumentOriginal.as_view(),
        name="document-original",
    ),
    path(f"{OF_A_DOCUMENT}retry/", documents.DocumentRetry.as_view(), name="document-retry"),
    path(f"{OF_A_DOCUMENT}rerun/", documents.DocumentRerun.as_view(), name="document-rerun"),
    path(f"{OF_A_DOCUMENT}pages/", pages.Pages.as_view(), name="pages"),
    path(OF_A_PAGE, pages.OnePage.as_view(), name="page"),
    path(f"{OF_A_PAGE}lines/", pages.Lines.as_view(), name="lines"),
    path(f"{OF_A_PAGE}text/", pages.PageText.as_view(), name="page-text"),
    path(f"{OF_A_PAGE}view/", pages.PageView.as_view(), name="page-view"),
    path(f"{OF_A_PAGE}retry/", pages.PageRetry.as_view(), name="page-retry"),
    path("jobs/", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.OneJob.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel/", jobs.JobCancel.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", jobs.JobRetry.as_view(), name="job-retry"),
    path("trash/", trash.Trash.as_view(), name="trash"),
    path("trash/<uuid:document_id>/", trash.OneInTrash.as_view(), name="in-trash"),
    path("trash/<uuid:document_id>/restore/", trash.TakeBack.as_view(), name="restore"),
    path("read/", reading.Read.as_view(), name="read"),
    path("schema/", reference.schema, name="schema"),
    path("docs/", reference.docs, name="docs"),
    re_path("", Nothing.as_view(), name="nothing"),
]
