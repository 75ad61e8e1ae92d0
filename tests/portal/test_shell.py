"""What holds on every page: the content policy, the language, and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client

from cartrover.accounts.models import Account, User
from cartrover.content_policy import HEADER, allow_forms_to
from tests.factories import PASSWORD, AlertFactory, ConnectionFactory, OrderFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def pages(alice: User, acme: Account, browser: Browser) -> dict[str, Any]:
    cart = ConnectionFactory.create(account=acme)
    ServiceFactory.create(connection=cart)
    order = OrderFactory.create(account=acme, source=cart)
    AlertFactory.create(account=acme)
    member, stranger = browser(alice), browser(None)
    lists = [
        f"/a/acme/{name}/"
        for name in ("orders", "alerts", "skipped", "products", "aliases", "ship-methods", "shipments", "invoices", "inventory")
    ]
    lists += [f"/a/acme/{name}/{act}/" for name in ("products", "aliases", "ship-methods") for act in ("add", "import")]
    lists += [f"/a/acme/connections/{part}" for part in ("", "new/", f"{cart.public_id}/", f"{cart.public_id}/settings/")]
    lists += [f"/a/acme/connections/{cart.public_id}/setup/?step={step}" for step in range(1, 8)]
    lists += [f"/a/acme/settings/{part}" for part in ("", "notifications/", "notifications/new/webhook/", "keys/")]
    lists += [f"/a/acme/settings/{part}/" for part in ("audit", "export")]
    lists += [f"/a/acme/connections/{cart.public_id}/{part}/" for part in ("files", "runs", "go-live", "help")]
    own = ["/a/acme/", *lists, f"/a/acme/orders/{order.public_id}/", "/a/acme/settings/members/", "/a/nowhere/"]
    own += ["/password/", *(f"/you/{part}" for part in ("", "email/", "second-step/", "confirm/"))]
    member.post("/you/confirm/", {"password": PASSWORD})
    own += [f"/you/{part}/" for part in ("second-step/app/on", "second-step/codes/new", "passkeys/add")]
    strange = ("/", "/sign-in/", "/sign-up/", "/sign-up/verify/", "/password/reset/", "/password/reset/sent/", "/nothing/here/")
    return {path: stranger.get(path) for path in strange} | {path: member.get(path) for path in own}


def test_browsers_load_and_run_nothing_but_the_portals_own_files(pages: dict[str, Any]) -> None:
    for path, answer in pages.items():
        policy = answer[HEADER]
        assert "default-src 'none'" in policy, path
        assert "script-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        html = answer.content.decode()
        # Data of a page, which no browser runs, stands between script tags as well.
        code = html.replace(' type="application/json">', " src=>")
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=|javascript:", code), path
        assert not re.search(r"""(?:src|href|action)="(?:https?:)?//""", html), path


def test_page_may_let_its_forms_lead_elsewhere_and_nothing_more() -> None:
    response = HttpResponse()
    allow_forms_to(response, "https://login.example.com")
    assert "form-action 'self' https://login.example.com" in response[HEADER]
    assert "default-src 'none'" in response[HEADER]


def test_every_page_has_language_title_width_one_heading_and_a_way_past_the_menu(pages: dict[str, Any]) -> None:
    for path, answer in pages.items():
        html = answer.content.decode()
        assert '<html lang="en">' in html, path
        assert 'name="viewport"' in html, path
        assert re.search(r"<title>[^<]*CartRover", html), path
        assert len(re.findall(r"<h1", html)) == 1, path
        assert 'href="#content"' in html, path
        assert 'id="content"' in html, path
        ids = re.findall(r'\sid="([^"]+)"', html)
        assert len(ids) == len(set(ids)), path


def test_every_field_has_a_label(pages: dict[str, Any]) -> None:
    for path, answer in pages.items():
        html = answer.content.decode()
        for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", html):
            if 'type="hidden"' not in field:
                [name] = re.findall(r'\sid="([^"]+)"', field)
                assert f'<label for="{name}"' in html or f'<label class="hidden" for="{name}"' in html, (path, field)


def test_missing_and_failing_pages_look_like_the_rest_and_lead_back(pages: dict[str, Any]) -> None:
    assert pages["/nothing/here/"].status_code == 404
    assert "There is nothing here" in pages["/nothing/here/"].content.decode()
    failing = render_to_string("500.html")
    assert "portal.css" in failing
    assert 'href="/"' in failing


def test_form_that_is_too_old_says_so(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"email": alice.email, "password": "x"})
    assert answer.status_code == 403
    assert "That form was too old" in answer.content.decode()


def test_files_of_the_pages_are_served(client: Client) -> None:
    for name in ("portal.css", "mark.svg"):
        answer = client.get(f"/static/portal/{name}")
        assert answer.status_code == 200
        assert answer.getvalue()
        answer.close()
    assert client.get("/favicon.ico")["Location"] == "/static/portal/mark.svg"


def _tokens(css: str) -> list[dict[str, str]]:
    return [dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\n\s*\}", css, re.S)]


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_can_be_read_in_light_and_dark() -> None:
    css = (Path(settings.ROOT) / "static/portal/portal.css").read_text()
    light, dark = _tokens(css)
    for colours in (light, light | dark):
        for ground in ("--page", "--surface", "--accent-soft"):
            for text in ("--text", "--muted", "--accent", "--blue", "--teal", "--green", "--amber", "--red"):
                assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        pairs = [("--accent-text", "--accent"), ("--test", "--test-soft"), ("--text", "--amber-soft"), ("--text", "--red-soft")]
        pairs += [("--muted", "--sunken"), ("--muted", "--amber-soft"), ("--test", "--surface")]
        for text, ground in pairs:
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert _contrast(colours["--line-strong"], colours["--surface"]) >= 3, "the border of a field"
