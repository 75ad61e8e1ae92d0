"""What the steps of a delivery share: the batch, the session, and how a message ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from cartrover.clock import hub_now
from cartrover.leasing import FREE
from connectors.contract import OrderDestination, OrderOut
from connectors.errors import AlreadyTaken, ConnectorError, FixConnection, FixOrder, OutcomeUnknown, SlowDown
from orders.models import MessageState, OutboundMessage
from orders.pipeline.messages import Batch
from orders.pipeline.outcomes import note_failed
from orders.run import Run

logger = logging.getLogger(__name__)

T = TypeVar("T")


def answer_to(call: Callable[[], T]) -> T | Exception:
    """Return what a call of the far side for one message gave, or the error that it ended with, be it our own bug.

    So one message's trouble is never its neighbours'. Raise what concerns the whole connection.
    """
    try:
        return call()
    except (SlowDown, FixConnection):
        raise
    except Exception as error:  # noqa: BLE001 - `BatchWork.failed` logs what is our bug, with the order that it comes from
        return error


@dataclass(slots=True)
class BatchWork:
    """One batch under way. `resend_after` is how old a doubtful attempt must be before it is repeated."""

    run: Run
    session: OrderDestination
    batch: Batch
    orders: dict[int, OrderOut]
    """What is to be sent, by message id."""
    resend_after: timedelta
    taken: set[int] = field(default_factory=set)
    """Messages whose key, number or label the far side says is taken."""

    @property
    def wms_name(self) -> str:
        return self.run.connection.name

    def failed(self, message: OutboundMessage, error: Exception, *, attempt_id: int | None = None) -> None:
        """Write down what a failure means for this message, and say it in the run."""
        if not isinstance(error, ConnectorError):
            logger.error("a message of order %s failed", message.order.public_id, exc_info=error)
        note_failed(self.batch, message, error, attempt_id=attempt_id, resend_after=self.resend_after)
        match error:
            case AlreadyTaken():
                self.taken.add(message.pk)
                return
            case FixOrder():
                self.run.count("held")
            case OutcomeUnknown():
                self.run.count("unknown")
            case _:
                self.run.count("later")
        words = error.words if isinstance(error, ConnectorError) else "Something went wrong inside the hub; it is logged."
        self.run.problem(f"Order {message.order.cust_ref}: {words}")

    def done(self, message: OutboundMessage, *, state: MessageState = MessageState.DONE, words: str = "") -> None:
        """End a message."""
        self.write(message, state=state, done_at=hub_now(), words=words)

    def write(self, message: OutboundMessage, **changes: object) -> bool:
        """Change a message that this batch still holds, and let go of it; return whether it did hold it."""
        rows = OutboundMessage.objects.for_account(message.account_id)
        return bool(rows.filter(pk=message.pk, lease_token=self.batch.token).update(**changes, **FREE))
