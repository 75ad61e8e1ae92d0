"""Webhooks: the records, and signed deliveries with retries, to loopback addresses only.

Source: QuickBooks Commerce reference 5. A delivery to any other address is noted as skipped: a sandbox never talks to the
world.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from .inputs import NOT_LISTED, Body, Errors, read, texts
from .records import Webhook
from .store import Announcement, Store
from .wire import to_json

TIMEOUT = aiohttp.ClientTimeout(total=10)

GIVE_UP_SECONDS = 3 * 24 * 3600

KEPT_DELIVERIES = 1_000

EVENTS = frozenset(
    f"{thing}.{what}"
    for thing, happenings in {
        "account": "update",
        "address": "create update",
        "channel": "destroy",
        "company": "create update destroy",
        "contact": "create update",
        "document_theme": "update",
        "fulfillment": "create fulfilled",
        "fulfillment_return": "create received",
        "image": "create",
        "invoice": "create destroy",
        "location": "create update",
        "order": "create finalized fulfilled",
        "payment": "create",
        "procurement": "create",
        "product": "create destroy",
        "purchase_order": "create received",
        "stock_adjustment": "create",
        "stock_transfer": "create",
        "variant": "create stock_level_update",
    }.items()
    for what in happenings.split()
)


def create_webhook(store: Store, body: Body) -> Webhook:
    values = read(body, texts("event", "address"))
    _check(values)
    return store.insert(store.webhooks, **values, application_id=1)


def update_webhook(store: Store, row: Webhook, body: Body) -> None:
    values = read(body, texts("event", "address"))
    _check({"event": row.event, "address": row.address, **values})
    store.change(store.webhooks, row, **values)


def _check(values: Body) -> None:
    errors = Errors()
    errors.require("event", values.get("event"))
    errors.require("address", values.get("address"))
    if values.get("event") and values["event"] not in EVENTS:
        errors.add("event", NOT_LISTED)
    if values.get("address") and urlsplit(values["address"]).scheme not in ("http", "https"):
        errors.add("address", "is invalid")
    errors.raise_any()


def delete_webhook(store: Store, row: Webhook) -> None:
    store.remove(store.webhooks, row)


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own, without asking a name server."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def signature(body: bytes, secret: str) -> str:
    """Return the value of X-Gecko-Signature."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Deliveries:
    """Sends announcements in tasks of the server's loop."""

    def __init__(self, store: Store, secret: str, base: str) -> None:
        self._store = store
        self._secret = secret
        self._base = base
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: aiohttp.ClientSession | None = None
        self.log: deque[dict[str, Any]] = deque(maxlen=KEPT_DELIVERIES)

    def send_pending(self) -> None:
        """Start a delivery for each webhook that listens to what was announced."""
        announcements, self._store.announcements = self._store.announcements, []
        for announcement in announcements:
            for webhook in self._store.webhooks.having("event", announcement.event):
                task = asyncio.get_running_loop().create_task(self._deliver(webhook.id, announcement))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _deliver(self, webhook_id: int, announcement: Announcement) -> None:
        body = to_json(
            {
                "object_id": announcement.object_id,
                "event": announcement.event,
                "timestamp": int(self._store.clock.seconds()),
                "resource_url": f"{self._base}/{announcement.path}/{announcement.object_id}.json",
                **announcement.extra,
            }
        )
        delivery = secrets.token_hex(16)
        for attempt in range(100):
            webhook = self._store.webhooks.get(webhook_id)
            if webhook is None:
                return
            status = await self._post(webhook, body, delivery)
            self._note(webhook, announcement.event, status, attempt + 1)
            if self._settled(webhook, status):
                return
            await asyncio.sleep(self._pause(attempt))

    def _pause(self, attempt: int) -> float:
        """Return the wait before the next try: Sidekiq's schedule, unless the sandbox is set to another."""
        fixed = self._store.options.webhook_retry_seconds
        return fixed if fixed is not None else attempt**4 + 15 + secrets.randbelow(10) * (attempt + 1)

    def _settled(self, webhook: Webhook, status: int) -> bool:
        """Note the outcome of a try and return whether it was the last one."""
        if webhook.id not in self._store.webhooks.rows:
            return True
        if status == -1 or 200 <= status < 400:
            webhook.failing_since = 0
            self._store.mark(self._store.webhooks, webhook)
            return True
        now = int(self._store.clock.seconds())
        webhook.failing_since = webhook.failing_since or now
        self._store.mark(self._store.webhooks, webhook)
        if status == 410 or now - webhook.failing_since > GIVE_UP_SECONDS:
            self._store.remove(self._store.webhooks, webhook)
            return True
        return False

    async def _post(self, webhook: Webhook, body: bytes, delivery: str) -> int:
        """Return the answer's status, 0 when there was none, -1 when the address isn't loopback."""
        if not is_loopback(webhook.address):
            return -1
        if self._client is None:
            self._client = aiohttp.ClientSession(timeout=TIMEOUT)
        headers = {
            "Content-Type": "application/json",
            "X-Gecko-Delivery": delivery,
            "X-Gecko-Signature": signature(body, self._secret),
        }
        try:
            async with self._client.post(webhook.address, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _note(self, webhook: Webhook, event: str, status: int, attempt: int) -> None:
        self.log.append(
            {
                "webhook_id": webhook.id,
                "event": event,
                "address": webhook.address,
                "status": "skipped" if status == -1 else status,
                "attempt": attempt,
                "at": int(time.time()),
            }
        )
