"""What can go wrong with a far side, named by what to do next.

Every error carries words for a person: what happened, to what, and what to do next. Words never hold a secret, a token or a
buyer's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.contract import Exchange


class ConnectorError(Exception):
    """The parent of every error that a connector may raise on purpose.

    `exchange` is what went out and what came back, scrubbed, where there was an answer: the order's story keeps it.
    """

    exchange: Exchange | None = None

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class TryLater(ConnectorError):
    """Provably not executed, or a read that failed: trying again can do no harm.

    `after` is the number of seconds that the far side asked for, or None.
    """

    def __init__(self, words: str, *, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class SlowDown(ConnectorError):
    """The far side's rate limit is used up; `after` seconds from now it has room again. Costs no attempt."""

    def __init__(self, words: str, *, after: float) -> None:
        super().__init__(words)
        self.after = after


class FixConnection(ConnectorError):
    """Login, rights, folder or host key: nothing works until a person or the far side mends it.

    `needs_person` is true where probing must not mend it by itself, as with a changed host key.
    """

    def __init__(self, words: str, *, needs_person: bool = False) -> None:
        super().__init__(words)
        self.needs_person = needs_person


class FixOrder(ConnectorError):
    """The far side refuses this one order (or shipment, invoice, cancellation) as it is.

    `field` names what to mend in the hub's words, `reason` is one of the hold reasons of `contract.HoldReason`. `subject` is
    what many orders may be refused for (a SKU, say): they then share one alert.
    """

    def __init__(self, words: str, *, field: str = "", reason: str = "refused", subject: str = "") -> None:
        super().__init__(words)
        self.field = field
        self.reason = reason
        self.subject = subject


class BadDocument(ConnectorError):
    """A file or an answer can't be read as what it should be; reading it again would not help."""


class OutcomeUnknown(ConnectorError):
    """A write without a readable answer: 5xx, a broken 2xx, a time-out or a lost connection after the first byte went out.

    The hub asks the far side (`find`) before it sends again.
    """


class AlreadyTaken(OutcomeUnknown):
    """The far side says that the key, the number or the address label was used before: probably by us.

    `what` is "key", "number" or "label". The hub asks `find`; when that finds nothing, it sends again and tells `send` what
    is taken.
    """

    def __init__(self, words: str, *, what: str) -> None:
        super().__init__(words)
        self.what = what
