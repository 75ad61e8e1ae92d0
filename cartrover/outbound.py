"""The guard of all that leaves the house: a name is resolved once, each address checked, and just that address used.

Merchants type in the servers that the hub connects to, so without this guard they could reach the hub's own network, its
database or the cloud's metadata service. Because the checked address itself is connected to, a name that changes its mind
between check and use (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; also Alibaba Cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent: a public address that only machines inside can reach
        "169.254.0.0/16",  # link-local; also most clouds' metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",  # also Oracle Cloud's metadata service
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_REFUSED_6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"[0-9A-Za-z._:-]{1,253}")


class AddressRefused(OSError):
    """The host points into a network that connections may not reach."""


class HostUnknown(OSError):
    """There is no such host, or the text is no host at all."""


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """Return a TCP socket to the first allowed address of `host` that answers; all of it within `timeout` seconds.

    Raise `AddressRefused` when no address of the host is allowed, `HostUnknown` when it has none, `TimeoutError` when nothing
    answers in time, and any other `OSError` as it came.
    """
    ends = time.monotonic() + timeout
    found = _resolve(_plain_host(host), port, timeout)
    allowed = [(family, sockaddr) for family, sockaddr in found if is_allowed(ip_address(sockaddr[0]))]
    if not allowed:
        raise AddressRefused(
            f"{host} points into a private or reserved network, which connections may not reach. Enter the server's public "
            "name; if that network is meant, whoever runs this hub can allow it in OUTBOUND_ALLOWED_NETWORKS."
        )
    failure: OSError = TimeoutError(f"{host} did not answer within {timeout:.0f} seconds.")
    for position, (family, sockaddr) in enumerate(allowed):
        # A fair share for each address, so that one which swallows packets leaves time for the next.
        share = (ends - time.monotonic()) / (len(allowed) - position)
        if share <= 0:
            break
        try:
            return _connect_to(family, sockaddr, share)
        except OSError as error:
            failure = error
    raise failure


def is_allowed(address: Address) -> bool:
    """Tell whether connections may reach this address: it is public, or inside OUTBOUND_ALLOWED_NETWORKS."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    plain = mapped or address
    if any(plain in network for network in _allowed_networks(tuple(settings.OUTBOUND_ALLOWED_NETWORKS))):
        return True
    return _is_public_4(plain) if isinstance(plain, IPv4Address) else _is_public_6(plain)


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _REFUSED_4)


def _is_public_6(address: IPv6Address) -> bool:
    """Only global unicast counts; where an IPv4 address is wrapped up in it, that one must be public as well."""
    if address in _NAT64:
        return _is_public_4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _GLOBAL_6 or any(address in network for network in _REFUSED_6):
        return False
    if address.sixtofour is not None and not _is_public_4(address.sixtofour):
        return False
    is_isatap = (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE
    return not is_isatap or _is_public_4(IPv4Address(int(address) & 0xFFFFFFFF))


@lru_cache(maxsize=8)
def _allowed_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())
    except ValueError as error:
        raise ImproperlyConfigured(f"OUTBOUND_ALLOWED_NETWORKS holds something that is no network: {error}") from error


def _plain_host(host: str) -> str:
    """Return the host in plain ASCII. Other spellings of digits become digits here, and are then checked like any address."""
    text = host.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        plain = text if text.isascii() else text[:253].encode("idna").decode("ascii")
    except UnicodeError:
        plain = ""
    if not _HOST.fullmatch(plain):
        raise HostUnknown(f"{host[:100]!r} is no name of a server. Check the spelling, without spaces, path or user name.")
    return plain


def _resolve(host: str, port: int, timeout: float) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Ask the system's resolver, which knows no time-out of its own, in a thread that may be left behind."""
    if not 0 < port < 65536:
        raise HostUnknown(f"{port} is no port; ports go from 1 to 65535.")
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError, ValueError) as error:
            answer.append(error)

    asking = threading.Thread(target=ask, daemon=True, name=f"resolve {host}")
    asking.start()
    asking.join(timeout)
    if not answer:
        raise TimeoutError(f"The address of {host} could not be found within {timeout:.0f} seconds.")
    if isinstance(answer[0], Exception):
        raise _resolver_failure(host, answer[0])
    inet = (socket.AF_INET, socket.AF_INET6)
    return list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in answer[0] if family in inet))


def _resolver_failure(host: str, error: Exception) -> OSError:
    is_passing = isinstance(error, socket.gaierror) and error.errno in (socket.EAI_AGAIN, socket.EAI_SYSTEM, socket.EAI_MEMORY)
    if is_passing:
        return OSError(f"The address of {host} could not be looked up just now.")
    return HostUnknown(f"There is no server named {host}. Check the spelling.")


def _connect_to(family: socket.AddressFamily, sockaddr: tuple[Any, ...], timeout: float) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.connect(sockaddr)
    except OSError:
        connection.close()
        raise
    return connection
