"""Where an answer leads: OpenAPI links, for whoever walks the API without reading about it."""

from __future__ import annotations

from typing import Any

# Where the id of a document, or of a job, stands in an answer or in the request for it.
ACCEPTED = {"document_id": "$response.body#/accepted/0/id"}
FIRST = {"document_id": "$response.body#/results/0/id"}
SAME = {"document_id": "$request.path.document_id"}
ITSELF = {"document_id": "$response.body#/id"}
FIRST_PAGE = {**ITSELF, "number": 1}
ITS_JOB = {"job_id": "$response.body#/job"}

OF_A_DOCUMENT = {
    "getJob": ITS_JOB,
    "getDocumentText": ITSELF,
    "getDocumentJson": ITSELF,
    "getDocumentOriginal": ITSELF,
    "listPages": ITSELF,
    "getPage": FIRST_PAGE,
    "listLines": FIRST_PAGE,
    "getPageText": FIRST_PAGE,
    "getPageView": FIRST_PAGE,
    "retryPage": FIRST_PAGE,
    "retryDocument": ITSELF,
    "rerunDocument": ITSELF,
    "deleteDocument": ITSELF,
}
OF_AN_UPLOAD = {"getJob": ITS_JOB, "cancelJob": ITS_JOB, "getDocument": ACCEPTED}
OF_A_VERB = {"getJob": ITS_JOB, "getDocument": SAME}
OF_A_JOB = {
    "cancelJob": {"job_id": "$response.body#/id"},
    "retryJob": {"job_id": "$response.body#/id"},
}

LINKS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("uploadDocuments", "202"): OF_AN_UPLOAD,
    ("readNow", "202"): OF_AN_UPLOAD,
    ("readNow", "200"): {"getDocument": {"document_id": "$response.body#/document/id"}},
    ("listDocuments", "200"): {"getDocument": FIRST},
    ("getDocument", "200"): OF_A_DOCUMENT,
    ("deleteDocument", "204"): {"restoreDocument": SAME, "purgeDocument": SAME},
    ("listTrash", "200"): {"restoreDocument": FIRST, "purgeDocument": FIRST},
    ("restoreDocument", "200"): {"getDocument": ITSELF},
    ("retryPage", "202"): OF_A_VERB,
    ("retryDocument", "202"): OF_A_VERB,
    ("rerunDocument", "202"): OF_A_VERB,
    ("listJobs", "200"): {"getJob": {"job_id": "$response.body#/results/0/id"}},
    ("getJob", "200"): OF_A_JOB,
    ("cancelJob", "202"): {"getJob": ITS_JOB},
    ("retryJob", "202"): {"getJob": ITS_JOB},
}
"""By operation and status: the operations that it leads to, and what they are asked with."""


def add_links(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook."""
    for item in result["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if found := LINKS.get((operation["operationId"], status)):
                    response["links"] = {
                        name: {"operationId": name, "parameters": dict(asked)}
                        for name, asked in found.items()
                    }
    return result
