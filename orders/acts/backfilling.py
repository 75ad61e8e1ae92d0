"""Reading files once more: first what would become of each, then doing it. Orders that are known are never loaded twice."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cartrover.clock import hub_now
from connectors import registry
from connectors.contract import Body, DocumentRef, OrderDraft, OrderSource, ParseSummary, RefusedOrder
from connectors.errors import ConnectorError
from connectors.models import Connection, Service, ServiceName
from connectors.opening import open_session
from connectors.readers import service_of, settings_of
from connectors.refusals import Refused
from orders import queues
from orders.acts.jobs import Kind, Outcome
from orders.acts.on_request import read_again
from orders.models import InboundBody, InboundDocument, InboundState, Job, Order
from orders.pipeline.persist import skip_reason
from orders.pipeline.retrieve import PIECE, stored_bytes
from orders.pipeline.route import Route

LOOK, LOAD = "backfill_looked_at", "backfill_loaded"
UPLOADS, ORDERS = "uploads", "orders"
"""Feeds of files: what a person has uploaded waits in one of its own until they have seen what would become of it."""

MOST_FILES = 500
IN_MEMORY = 4_000_000
AT_ONCE = 500
KEPT = [InboundState.READ, InboundState.REFUSED]


def upload_keep(cart: Connection, *, name: str, body: bytes) -> InboundDocument:
    """Keep a person's file beside the cart's own. The same bytes under the same name are kept once."""
    digest = sha256(body).hexdigest()
    documents = InboundDocument.objects.for_account(cart.account_id).filter(connection=cart, feed__in=[UPLOADS, ORDERS])
    known = documents.filter(name=name[:300], sha256=digest).order_by("-pk").first()
    if known is not None and InboundBody.objects.for_account(cart.account_id).filter(document=known).exists():
        return known
    now = hub_now()
    with transaction.atomic():
        document = InboundDocument.objects.create(
            account_id=cart.account_id, connection=cart, feed=UPLOADS, name=name[:300], size=len(body), modified_at=now,
            state=InboundState.FETCHED, sha256=digest, fetched_at=now,
        )  # fmt: skip
        InboundBody.objects.bulk_create(
            InboundBody(
                account_id=cart.account_id, document=document, seq=seq, deflated=zlib.compress(body[at : at + PIECE], 1)
            )
            for seq, at in enumerate(range(0, len(body), PIECE))
        )
    return document


# --- what would become of them -----------------------------------------------------------------------------------------------


def _plan_look(job: Job) -> list[dict[str, Any]]:
    """The kept files of the days that were asked for, oldest first, and those of the cart's archive that aren't known."""
    if "document" in job.asked:
        return [{"document": job.asked["document"]}]
    since, until = (_midnight(date.fromisoformat(job.asked[name]), days) for name, days in (("since", 0), ("until", 1)))
    cart = _cart(job)
    documents = InboundDocument.objects.for_account(job.account_id).filter(connection=cart)
    kept = documents.filter(feed=ORDERS, modified_at__gte=since, modified_at__lt=until, state__in=KEPT)
    rows: list[dict[str, Any]] = [
        {"document": str(one)} for one in kept.order_by("modified_at").values_list("public_id", flat=True)
    ]
    if job.asked.get("archive"):
        known = set(documents.values_list("name", "size"))
        with open_session(cart) as session:
            taken = session.list_taken().refs if isinstance(session, OrderSource) else []
        strangers = [ref for ref in taken if since <= ref.modified_at < until and (ref.name, ref.size) not in known]
        rows += [
            {"name": ref.name, "size": ref.size, "modified_at": ref.modified_at.isoformat()}
            for ref in sorted(strangers, key=lambda ref: ref.modified_at)
        ]
    return rows[:MOST_FILES]


def _midnight(day: date, days: int) -> datetime:
    return datetime.combine(day + timedelta(days=days), time.min, tzinfo=timezone.get_current_timezone())


def _look(job: Job, rows: Sequence[Any]) -> list[Outcome]:
    """Say of each file what would become of its orders; nothing is written but that."""
    found = []
    for row in rows:
        entry = _looked_at(_cart(job), row)
        job.found.append(entry)
        found.append(Outcome(not entry["words"], entry["words"], entry["name"]))
    return found


def _looked_at(cart: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    try:
        if "document" in row:
            document = InboundDocument.objects.for_account(cart.account_id).get(connection=cart, public_id=row["document"])
            entry = {"name": document.name, "document": str(document.public_id)}
            bodies = InboundBody.objects.for_account(cart.account_id).filter(document=document)
            if document.size and not bodies.exists():
                return {**entry, "words": "Its bytes are past the account's retention."}
            return {**entry, **_counted(cart, document.name, lambda: stored_bytes(document)), "words": ""}
        entry = {"name": row["name"], "ref": dict(row)}
        with open_session(cart) as session, SpooledTemporaryFile(IN_MEMORY) as copy:
            ref = DocumentRef(row["name"], row["size"], datetime.fromisoformat(row["modified_at"]))
            for piece in session.fetch(ref) if isinstance(session, OrderSource) else ():
                copy.write(piece)
            return {**entry, **_counted(cart, row["name"], lambda: _pieces_of(copy)), "words": ""}
    except ConnectorError as problem:
        return {**entry, "words": problem.words}


def _pieces_of(copy: Any) -> Iterator[bytes]:
    copy.seek(0)
    while piece := copy.read(PIECE):
        yield piece


def _counted(cart: Connection, name: str, body: Body) -> dict[str, Any]:
    spec = registry.get(cart.kind)
    if spec.parse_orders is None:
        raise TypeError(f"{spec.kind} has no orders to parse")
    counts, route = Counter[str](), Route.of(cart)
    items = iter(spec.parse_orders(body, name, settings_of(cart)))
    while some := list(islice(items, AT_ONCE)):
        counts["refused"] += sum(isinstance(one, RefusedOrder) for one in some)
        counts["rows"] += sum(one.rows for one in some if isinstance(one, ParseSummary))
        _count_drafts([one for one in some if isinstance(one, OrderDraft)], cart, route, counts)
    return {"counts": dict(counts)}


def _count_drafts(drafts: Iterable[OrderDraft], cart: Connection, route: Route, counts: Counter[str]) -> None:
    by_id = {draft.external_id: draft for draft in drafts}
    orders = Order.objects.for_account(cart.account_id).filter(source=cart, external_id__in=list(by_id))
    known = dict(orders.values_list("external_id", "content_hash"))
    for external_id, draft in by_id.items():
        if external_id in known:
            counts["known" if known[external_id] == draft.content_hash else "changed"] += 1
            continue
        reason = skip_reason(draft, route)
        counts["new" if reason is None else f"skipped: {reason[0].replace('_', ' ')}"] += 1


# --- doing it ----------------------------------------------------------------------------------------------------------------


def _plan_load(job: Job) -> list[Any]:
    """The files that were looked at and can be read."""
    looked = Job.objects.for_account(job.account_id).get(public_id=job.asked["looked"], connection=job.connection)
    return [entry for entry in looked.found if not entry["words"]]


def _load(job: Job, rows: Sequence[Any]) -> list[Outcome]:
    """Have each file read by the cart's order download, which is made due now."""
    cart, found = _cart(job), []
    for entry in rows:
        try:
            document = _wanted(cart, entry, job.actor)
        except Refused as refused:
            found.append(Outcome(False, refused.words, entry["name"]))
            continue
        job.found.append({"name": entry["name"], "document": str(document.public_id), "words": ""})
        found.append(Outcome(True))
    service = service_of(cart, ServiceName.ORDER_DOWNLOAD)
    if service is not None:
        Service.objects.for_account(cart.account_id).filter(pk=service.pk).update(due_at=hub_now())
        queues.ring(service.pk, service.name)
    return found


def _wanted(cart: Connection, entry: Mapping[str, Any], actor: str) -> InboundDocument:
    documents = InboundDocument.objects.for_account(cart.account_id)
    if "ref" in entry:
        ref = entry["ref"]
        document, _ = documents.get_or_create(
            account_id=cart.account_id, connection=cart, feed=ORDERS, name=ref["name"][:300], size=ref["size"],
            modified_at=datetime.fromisoformat(ref["modified_at"]), defaults={"state": InboundState.WANTED},
        )  # fmt: skip
        return document
    document = documents.get(connection=cart, public_id=UUID(entry["document"]))
    if document.feed == UPLOADS:
        documents.filter(pk=document.pk).update(feed=ORDERS)
    elif document.state != InboundState.FETCHED:
        read_again(document, actor=actor)
    return document


def _cart(job: Job) -> Connection:
    if job.connection is None:
        raise ValueError("a backfill is of a cart")
    return job.connection


def _about_look(asked: Mapping[str, Any]) -> str:
    if "document" in asked:
        return f"Look into {asked['name']}"
    return f"Look into the files of {asked['since']} to {asked['until']}"


KINDS: Mapping[str, Kind] = {
    LOOK: Kind(_plan_look, _look, _about_look, part=1, only_reads=True),
    LOAD: Kind(_plan_load, _load, lambda asked: "Read files again"),
}
