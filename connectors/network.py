"""The way out as sessions get it: the kernel's guard, with failures named by what to do next."""

from __future__ import annotations

import errno
import socket

from cartrover import outbound
from connectors.errors import FixConnection, TryLater

_REASONS = {
    errno.ECONNREFUSED: "refused the connection",
    errno.EHOSTUNREACH: "can't be reached",
    errno.ENETUNREACH: "can't be reached from this network",
    errno.ECONNRESET: "closed the connection at once",
}


class GuardedNetwork:
    """A `contract.Network` over `cartrover.outbound`."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a connected socket. Raise `FixConnection` for a host that doesn't exist or may not be reached, `TryLater` when
        nothing answers within `timeout` seconds."""
        try:
            return outbound.connect(host, port, timeout)
        except (outbound.AddressRefused, outbound.HostUnknown) as refused:
            raise FixConnection(str(refused)) from refused
        except TimeoutError as silent:
            raise TryLater(
                f"{host} did not answer on port {port} within {timeout:.0f} seconds. Check the port, and that its "
                "firewall lets this hub in."
            ) from silent
        except OSError as failed:
            reason = _REASONS.get(failed.errno or 0)
            words = f"{host} {reason} on port {port}." if reason else f"{host} could not be reached on port {port}: {failed}"
            raise TryLater(words) from failed
