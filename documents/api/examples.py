"""One line to paste for each operation; tests run every one of them."""

API = "$FOLIO/api/v1"
AS_ME = '-H "Authorization: Bearer $TOKEN"'


def _get(path: str, more: str = "") -> str:
    return f'curl {AS_ME} "{API}{path}"{more}'


def _post(path: str, more: str = "") -> str:
    return f'curl -X POST {AS_ME} "{API}{path}"{more}'


EXAMPLES = {
    "getAccount": _get("/account/"),
    "listDocuments": _get("/documents/?state=done&sort=title"),
    "uploadDocuments": (
        f'curl {AS_ME} -H "Idempotency-Key: letters-of-may"'
        f' -F "files=@letter.png" -F "files=@book.pdf" "{API}/documents/"'
    ),
    "getDocument": _get("/documents/$DOCUMENT/"),
    "deleteDocument": f'curl -X DELETE {AS_ME} "{API}/documents/$DOCUMENT/"',
    "getDocumentText": _get("/documents/$DOCUMENT/text/", " -o letter.txt"),
    "getDocumentJson": _get("/documents/$DOCUMENT/json/", " -o letter.json"),
    "getDocumentOriginal": _get("/documents/$DOCUMENT/original/", " -o original"),
    "retryDocument": _post("/documents/$DOCUMENT/retry/"),
    "rerunDocument": (
        f'curl {AS_ME} --json \'{{"bundle": "accurate"}}\' "{API}/documents/$DOCUMENT/rerun/"'
    ),
    "listPages": _get("/documents/$DOCUMENT/pages/"),
    "getPage": _get("/documents/$DOCUMENT/pages/1/"),
    "listLines": _get("/documents/$DOCUMENT/pages/1/lines/?limit=100"),
    "getPageText": _get("/documents/$DOCUMENT/pages/1/text/"),
    "getPageView": _get("/documents/$DOCUMENT/pages/1/view/", " -o page.jpg"),
    "retryPage": _post("/documents/$DOCUMENT/pages/1/retry/"),
    "listTrash": _get("/trash/"),
    "restoreDocument": _post("/trash/$DOCUMENT/restore/"),
    "purgeDocument": f'curl -X DELETE {AS_ME} "{API}/trash/$DOCUMENT/"',
    "listJobs": _get("/jobs/?limit=10"),
    "getJob": _get("/jobs/$JOB/"),
    "cancelJob": _post("/jobs/$JOB/cancel/"),
    "retryJob": _post("/jobs/$JOB/retry/"),
    "readNow": f'curl {AS_ME} -F "file=@letter.png" -F "wait=10" "{API}/read/"',
}
