"""Sentences that scripts say: translated here, handed to the page as JSON."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Strings = dict[str, str | Promise]

UPLOAD: Strings = {
    "remove": _("Remove"),
    "empty_file": _("The file is empty."),
    "file_too_large": _("Larger than the limit of {limit}."),
    "unsupported_type": _("Not one of the accepted kinds."),
    "batch_too_large": _("You chose {files} files; at most {limit} can be uploaded at once."),
    "storage_full": _("These files need more than the storage you have left."),
    "chosen": _("Files to upload: {files} ({size})"),
    "sending": _("Uploading, {percent} %"),
    "checking": _("Uploaded. Checking the files …"),
    "accepted": _("accepted, in the queue"),
    "open_it": _("Open it"),
    "network": _("The connection broke before the files had arrived. Nothing was uploaded."),
    "unexpected": _("The server answered with an error. Nothing was uploaded."),
}
JOB: Strings = {
    "lost": _("No answer from the server; trying again …"),
}
READER: Strings = {
    "copied": _("Copied"),
    "copy_failed": _("Could not copy; select the text instead."),
    "line": _("Line {number}, confidence {percent} %"),
}


def in_words(strings: Strings) -> dict[str, str]:
    return {key: str(sentence) for key, sentence in strings.items()}
