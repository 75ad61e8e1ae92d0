"""Webhooks out: what changed is told to the address that was entered, signed over the raw body. Source: QuickBooks Online
reference 9.5."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

import aiohttp

from .company import Company

WAIT_SECONDS = 0.2
"""Changes of so long go out in one body."""

TOLD = frozenset({"Invoice", "SalesReceipt", "Estimate", "Item", "Payment", "Customer"})

CLOUD_WORDS = {"Create": "created", "Update": "updated", "Delete": "deleted", "Void": "voided"}


class Notices:
    """Tells of changes, and remembers how each body was answered."""

    def __init__(self, company: Company, realm: str, verifier: str) -> None:
        self._company, self._realm, self._verifier = company, realm, verifier
        self._waiting: list[dict[str, str]] = []
        self._task: asyncio.Task[None] | None = None
        self.log: list[dict[str, Any]] = []
        company.changed = self.note

    def note(self, entity: str, key: str, operation: str) -> None:
        """Remember a change; it is told soon, where somebody wants to hear."""
        if entity in TOLD and self._company.options["notify_url"]:
            change = {"name": entity, "id": key, "operation": operation, "lastUpdated": self._company.stamp()}
            self._waiting.append(change)

    def wake(self) -> None:
        """Begin to tell, unless that is under way."""
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._tell())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def signed(self, body: bytes) -> str:
        return base64.b64encode(hmac.new(self._verifier.encode(), body, hashlib.sha256).digest()).decode()

    def body_of(self, changes: list[dict[str, str]], form: str) -> bytes:
        """Return the body in one of the two forms."""
        if form == "cloud":
            events = [
                {
                    "specversion": "1.0",
                    "id": secrets.token_hex(16),
                    "source": "intuit.sandbox",
                    "type": f"qbo.{change['name'].lower()}.{CLOUD_WORDS[change['operation']]}.v1",
                    "datacontenttype": "application/json",
                    "time": change["lastUpdated"],
                    "intuitentityid": change["id"],
                    "intuitaccountid": self._realm,
                    "data": {},
                }
                for change in changes
            ]
            return json.dumps(events).encode()
        notice = {"realmId": self._realm, "dataChangeEvent": {"entities": changes}}
        return json.dumps({"eventNotifications": [notice]}).encode()

    async def _tell(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client:
            while self._waiting:
                await asyncio.sleep(WAIT_SECONDS)
                changes, self._waiting = self._waiting, []
                body = self.body_of(changes, self._company.options["notify_form"])
                headers = {"intuit-signature": self.signed(body), "Content-Type": "application/json"}
                status: int | str
                try:
                    async with client.post(self._company.options["notify_url"], data=body, headers=headers) as answer:
                        status = answer.status
                except (aiohttp.ClientError, TimeoutError) as error:
                    status = type(error).__name__
                self.log.append({"changes": changes, "status": status})
