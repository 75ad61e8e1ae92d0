"""A real browser at a portal that really serves, where Chromium is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.text import slugify
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from cartrover.accounts.models import User
from tests.browser.visitor import Visitor

# The browser's driver keeps an event loop in the test's thread, and Django would then refuse the test its database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    if PROGRAM is None:
        pytest.skip("no Chromium here: `make browser` installs Debian's, or install one of your own")
    with sync_playwright() as playwright:
        arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=arguments)
        yield browser
        browser.close()


SCREENS = Path(__file__).parents[2] / "var" / "screens"
"""Where pictures are kept that tests take, each test's in a folder of its own, until it runs again."""


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Return what gives a person a browser window: `visit(alice, dark=True, width=360)`, `visit(None)` for a stranger,
    `visit(alice, scripts=False)` for one whose browser runs none.

    At the end of the test no window may have seen an error in its console, a failed file or a request to anybody else. What
    each showed last is kept as a picture in `SCREENS`.
    """
    visitors: list[Visitor] = []
    folder = SCREENS / slugify(request.node.name)

    def opened(user: User | None, *, width: int = 1280, height: int = 900, dark: bool = False, scripts: bool = True) -> Visitor:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=width < 500,
            java_script_enabled=scripts,
        )
        context.set_default_timeout(15_000)
        visitor = Visitor(context, live_server.url, Path(os.environ.get("SCREENS_FOLDER") or folder))
        if user is not None:
            visitor.is_signed_in_as(user)
        visitors.append(visitor)
        return visitor

    yield opened
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for number, visitor in enumerate(visitors, start=1):
        if "SCREENS_FOLDER" not in os.environ and not visitor.page.is_closed():
            visitor.screenshot(f"last-of-window-{number}")
        visitor.context.close()
    assert not troubles, troubles


@pytest.fixture
def live_server_settings(settings: Any) -> None:
    """Pages are served as in production: no debug pages that would hide an error."""
    settings.DEBUG = False
