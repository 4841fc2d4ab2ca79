"""Names under which other computers may reach this one."""

from __future__ import annotations

import socket
from contextlib import suppress

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def default_hosts(address: str) -> list[str]:
    """For ALLOWED_HOSTS, from where the server listens: its own names, never '*'."""
    host = address.rpartition(":")[0].strip("[]")
    if host in ("localhost", "127.0.0.1", "::1"):
        return LOOPBACK
    if host not in ("", "0.0.0.0", "::"):  # noqa: S104
        return [*LOOPBACK, f"[{host}]" if ":" in host else host]
    return [*LOOPBACK, *own_names()]


def own_names() -> list[str]:
    """Host name, full name, and the address this machine uses towards others. Asks no network."""
    names = {socket.gethostname(), socket.getfqdn()}
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))  # only chooses a route: nothing is sent
            found = probe.getsockname()[0]
            names.add(f"[{found}]" if ":" in found else found)
    with suppress(OSError):
        names.update(str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None))
    return sorted(f"[{n}]" if ":" in n and "[" not in n else n for n in names if n and "%" not in n)
