"""What people ask for instead of waiting: a run of a service at once, a file that is read again."""

from __future__ import annotations

from django.db import transaction

from cartrover.clock import hub_now
from connectors.models import Connection, ConnectionState, Service, ServiceName
from connectors.readers import service_of
from connectors.refusals import Refused
from orders import queues
from orders.models import InboundBody, InboundDocument, InboundState, OrderEvent


@transaction.atomic
def run_soon(service: Service) -> None:
    """Make a service due now, whatever its schedule, and wake a worker for it.

    Raise `Refused` where it would not run: its connection is paused, ended or broken, or was asked to slow down.
    """
    connection = service.connection
    match ConnectionState(connection.state):
        case ConnectionState.DISCONNECTED:
            raise Refused(f"“{connection.name}” is disconnected. Connect it again first.")
        case ConnectionState.PAUSED:
            raise Refused(f"“{connection.name}” is paused. Resume it first.")
        case _:
            now = hub_now()
    if service.slowed_until is not None and service.slowed_until > now:
        raise Refused(f"“{connection.name}” asked to be left alone until {service.slowed_until:%H:%M:%S} UTC.")
    Service.objects.for_account(service.account_id).filter(pk=service.pk).update(due_at=now)
    queues.ring(service.pk, service.name)


@transaction.atomic
def read_again(document: InboundDocument, *, actor: str) -> None:
    """Have a file's orders read once more from the bytes that are kept; one that was gone is looked for once more.

    Orders that are known are counted and not loaded again. Raise `Refused` for a file that waits to be read anyway, and for
    one whose bytes are past their retention.
    """
    documents = InboundDocument.objects.for_account(document.account_id)
    document = documents.select_for_update().select_related("connection").get(pk=document.pk)
    match InboundState(document.state):
        case InboundState.READ | InboundState.REFUSED:
            if not _bytes_are_kept(document):
                raise Refused(f"The bytes of {document.name} are past the account's retention. Export it again at the cart.")
            wanted = InboundState.FETCHED
        case InboundState.GONE:
            wanted = InboundState.WANTED
        case InboundState.REPLACED:
            raise Refused(f"{document.name} was replaced by a newer file of the same name before it was read. Read that one.")
        case _:
            raise Refused(f"{document.name} isn't read yet. The next order download reads it.")
    documents.filter(pk=document.pk).update(state=wanted, attempts=0, due_at=None, words="")
    OrderEvent.objects.create(
        account_id=document.account_id,
        connection=document.connection,
        kind="file.again",
        document_name=document.name,
        words=f"{document.name} is to be read again, says {actor}.",
        actor=actor,
    )
    _download_soon(document.connection)


def _bytes_are_kept(document: InboundDocument) -> bool:
    return document.size == 0 or InboundBody.objects.for_account(document.account_id).filter(document=document).exists()


def _download_soon(cart: Connection) -> None:
    service = service_of(cart, ServiceName.ORDER_DOWNLOAD)
    if service is not None:
        Service.objects.for_account(cart.account_id).filter(pk=service.pk).update(due_at=hub_now())
        queues.ring(service.pk, service.name)
