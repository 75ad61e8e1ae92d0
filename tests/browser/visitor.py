"""A person at a browser window."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

from cartrover.accounts.models import User


class Visitor:
    """Opens pages, and notes what goes wrong on them: errors in the console, failed files, requests to anybody else.

    `may_meet` are the addresses of others that this person goes to on purpose, as "http://127.0.0.1:8080".
    """

    def __init__(self, context: BrowserContext, address: str, screens: Path) -> None:
        self.context = context
        self.address = address
        self.troubles: list[str] = []
        self.expected: set[int] = set()
        self.may_meet: set[str] = set()
        self._screens = screens
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._see_request)
        self.page.on("response", self._see_response)

    def is_signed_in_as(self, user: User) -> None:
        """Give the window a session of this person, without the detour over the sign-in page."""
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        assert session.session_key is not None
        self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": self.address}])

    def open(self, path: str, *, expect: int = 200) -> Page:
        """Open a page; its status must be the expected one."""
        self.expected.add(expect)
        response = self.page.goto(path)
        assert response is not None
        assert response.status == expect, f"{path}: {response.status}"
        return self.page

    def press(self, key: str) -> None:
        """Press a key once the page is whole: one pressed before its scripts run is nobody's."""
        self.page.wait_for_load_state("load")
        self.page.keyboard.press(key)

    def screenshot(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture of the window, or of the whole page."""
        self._screens.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._screens / f"{name}.png", full_page=whole)

    def violations(self) -> list[str]:
        """Return what axe finds wrong on the page as it is: rule, element and what to do."""
        self.page.evaluate(AXE_SCRIPT)
        found: dict[str, Any] = self.page.evaluate("async () => await axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['html'][:160]} – {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def overflows(self) -> bool:
        """Say whether the page is wider than its window, so that a person would have to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.troubles.append(f"{self.page.url}: {message.text}")

    def _see_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https") and f"{url.scheme}://{url.netloc}" not in {self.address, *self.may_meet}:
            self.troubles.append(f"{self.page.url} asks {url.netloc}")

    def _see_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"{response.url} answered {response.status}")
