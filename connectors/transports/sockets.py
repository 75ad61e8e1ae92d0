"""Sockets that keep to a deadline, and know whether anything went out.

An ordinary time-out counts from the last byte, so a server that sends one byte at a time could hold a worker for hours. These
end at a moment that is fixed before the call begins.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH


class _Deadline:
    """State that both kinds of socket carry. Class attributes, because `ssl` builds its sockets without calling `__init__`."""

    deadline: float = math.inf
    """On the clock of `time.monotonic`."""

    sent: int = 0
    """Bytes of the request that the system has taken since this was last set to 0."""

    def time_left(self) -> float | None:
        """Return the seconds until the deadline, None without one. Raise `TimeoutError` when it has passed."""
        if self.deadline == math.inf:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class TimedSocket(_Deadline, socket.socket):
    """A TCP socket with a deadline."""

    @classmethod
    def adopt(cls, plain: socket.socket) -> TimedSocket:
        """Take over a connected socket; the given object is empty afterwards."""
        timeout = plain.gettimeout()
        timed = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed.settimeout(timeout)
        at_once(timed)
        return timed

    def recv(self, *args: Any) -> bytes:
        self.settimeout(self.time_left())
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self.settimeout(self.time_left())
        return super().recv_into(*args)

    def send(self, data: Any, *args: Any) -> int:
        self.settimeout(self.time_left())
        count = super().send(data, *args)
        self.sent += count
        return count

    def sendall(self, data: Any, *args: Any) -> None:
        with memoryview(data) as view, view.cast("B") as octets:
            done = 0
            while done < len(octets):
                done += self.send(octets[done:], *args)


class TimedTLSSocket(_Deadline, ssl.SSLSocket):
    """The same under TLS. `sent` counts what was to be encrypted: a record that broke off can't be read by anybody."""

    def read(self, *args: Any) -> Any:
        self.settimeout(self.time_left())
        return super().read(*args)

    def send(self, data: Any, *args: Any) -> int:
        self.settimeout(self.time_left())
        count = super().send(data, *args)
        self.sent += count
        return count


def at_once(connection: socket.socket) -> None:
    """Let small pieces go out at once: a head and a body sent one after the other would wait 40 ms for each other."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tls_context(*, verify: bool = True, ca_file: str = "") -> ssl.SSLContext:
    """Return a client's context: the system's and Mozilla's authorities, TLS 1.2 or newer, sockets that keep to deadlines.

    `ca_file` replaces the authorities; SSL_CERT_FILE in the environment adds to them as everywhere. `verify=False` takes any
    certificate: for far sides whose certificate is their own, and only where the merchant has asked for it.
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    if not ca_file:
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = TimedTLSSocket
    return context


def certificate_problem(error: BaseException | None) -> str:
    """Return in OpenSSL's words why a certificate was refused, looking through wrapped errors; "" when that isn't the cause."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        link = queue.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        if isinstance(link, ssl.SSLCertVerificationError):
            return link.verify_message or "the certificate can't be verified"
        queue += [link.__cause__, link.__context__, *(arg for arg in link.args if isinstance(arg, BaseException))]
    return ""
