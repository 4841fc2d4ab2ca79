"""Where the web server listens, from OCR_ADDRESS: 'host:port', '[::1]:8000', ':8000'."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

_FORM = re.compile(r"^(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]/]*)):(?P<port>\d{1,5})$")
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_OWN = ("localhost", "127.", "[::1]")


class AddressUnusable(Exception):
    """The sentence says why and what to do."""


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        match = _FORM.match(text)
        if not match or int(match["port"]) > 65535:
            raise AddressUnusable(f"OCR_ADDRESS={text!r}: give host:port, such as 127.0.0.1:8000.")
        return cls(match["six"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        host = self.host or "0.0.0.0"  # noqa: S104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """A name under which this machine itself reaches it."""
        return _EVERYWHERE.get(self.host, self.host)

    @property
    def url(self) -> str:
        return f"http://{Address(self.reachable_host, self.port)}/"

    def urls_for_others(self, names: Iterable[str]) -> list[str]:
        """Where other computers reach it, of the names it answers to; none where it does not."""
        if self.host not in _EVERYWHERE:
            return []
        known = [name for name in names if not name.startswith(_OWN) and name != "*"]
        return [f"http://{name}:{self.port}/" for name in known]

    def check_free(self) -> None:
        """Raises AddressUnusable when nobody could listen there now."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise AddressUnusable(self._sentence(error)) from None

    def _sentence(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"Port {self.port} is taken by another program: stop it, or choose another address"
                f" with OCR_ADDRESS, such as 127.0.0.1:{self.port + 1}."
            )
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        return f"Nothing can listen on {self} ({why}): choose another address with OCR_ADDRESS."
