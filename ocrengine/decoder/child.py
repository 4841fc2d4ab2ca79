"""The disposable decoder: one file on standard input, one answer on standard output.

Run by the fork server in a child of its own, never imported. Of ours it has only `parsing`: no
Django, no numpy, no torch. It limits itself before it touches a byte of the file. Answers are one
JSON object:

    {"pages": [[w, h], ...], "notes": [...]}              inspect
    {"path": ..., "width": ..., ...}                      decode (see client.WorkingImage)
    {"refused": code, "params": {...}}                    the file is at fault
    {"memory": reason}                                    it needs more memory than allowed
    {"disk": reason}                                      there is no room for what it writes
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import sys

from ocrengine.decoder.parsing.bounds import Answer, Limits, Order, Refused

PR_SET_NO_NEW_PRIVS = 38
NICENESS = 5
FULL = (errno.ENOSPC, errno.EDQUOT)


def confine(limits: Limits) -> None:
    """Give up everything that decoding does not need. Before any byte of the file is read."""
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for what, limit in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    # At the second figure the kernel kills with the signal that it has for everything; at the first
    # with one that says why. Where both are the same some kernels send the second.
    seconds = limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    os.nice(NICENESS)
    # Linux may share the processor between sessions first, and then only a session's figure counts.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(str(NICENESS))
    with open("/proc/self/oom_score_adj", "w") as file:
        # When memory runs out, the kernel must choose this process and no other.
        file.write("1000")
    os.umask(0o077)


def answer(order: Order) -> Answer:
    """A PDF does not pay for Pillow's plugins, nor an image for pdfium."""
    kind, limits = order["kind"], order["limits"]
    if kind == "pdf":
        from ocrengine.decoder.parsing import pdf  # noqa: PLC0415

        return (
            pdf.inspect_pdf(limits) if order["do"] == "inspect" else pdf.decode_pdf(order, limits)
        )
    from ocrengine.decoder.parsing import images  # noqa: PLC0415

    if order["do"] == "inspect":
        return images.inspect_image(kind, limits)
    return images.decode_image(order, limits)


def main() -> None:
    order = json.loads(sys.argv[1])
    confine(order["limits"])
    try:
        result = answer(order)
    except Refused as refused:
        result = {"refused": refused.code, "params": refused.params}
    except MemoryError:
        result = {"memory": "its memory limit was reached"}
    except OSError as error:
        if error.errno not in FULL:
            raise
        result = {"disk": error.strerror}
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # nothing to tidy up: this process is thrown away


if __name__ == "__main__":
    main()
