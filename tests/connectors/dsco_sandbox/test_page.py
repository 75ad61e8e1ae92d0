"""The page for a person and the door for other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.dsco.sandbox import DscoSandbox
from tests.connectors.dsco_sandbox.conftest import document, shipment


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def drive(browser: requests.Session, box: DscoSandbox, body: Any, **headers: str) -> requests.Response:
    own = {"Authorization": f"Bearer {box.token}"} | headers
    return browser.post(f"{box.page}drive", json=body, headers=own, timeout=5)


def form_token(html: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_page_shows_orders_files_and_history(box: DscoSandbox, browser: requests.Session) -> None:
    [order] = box.drive("place_orders", retailers=["Fern <& Co>"])
    made = box.drive("export")
    box.drive("put_file", path="/in/Shipment_1.csv", text=document([shipment(order), shipment(order)]).decode())
    process = box.drive("process")[-1]
    answer = browser.get(box.page, timeout=5)
    assert answer.status_code == 200
    for text in (order["po_number"], made["name"], "Shipment_1.csv", "Fern &lt;&amp; Co&gt;", box.settings["port"]):
        assert text in answer.text
    assert "<& Co>" not in answer.text
    detail = browser.get(f"{box.page}orders/{order['dsco_order_id']}", timeout=5).text
    assert order["lines"][0]["sku"] in detail
    rows = browser.get(f"{box.page}processes/{process['id']}", timeout=5).text
    assert "already told with tracking" in rows
    text = browser.get(f"{box.page}files/in/archive/Shipment_1.csv", timeout=5)
    assert text.headers["Content-Type"].startswith("text/plain")
    assert order["po_number"] in text.text


def test_empty_page_says_what_to_do(box: DscoSandbox, browser: requests.Session) -> None:
    text = browser.get(box.page, timeout=5).text
    assert "No orders yet. Place some, then export them." in text
    assert "Nothing is broken." in text


def test_page_needs_nothing_from_elsewhere(box: DscoSandbox, browser: requests.Session) -> None:
    answer = browser.get(box.page, timeout=5)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert set(re.findall(r'(?:src|href|action)="(https?:)?//', answer.text)) == set()
    style = browser.get(f"{box.page}style.css", timeout=5)
    assert style.headers["Content-Type"].startswith("text/css")
    assert box.token not in answer.text


def test_buttons_do_what_they_say(box: DscoSandbox, browser: requests.Session) -> None:
    token = form_token(browser.get(box.page, timeout=5).text)
    own = {"form_token": token, "command": "place_orders", "count": "2", "retailers": "2", "lines": "1", "test": "1"}
    answer = browser.post(f"{box.page}act", data=own, headers={"Origin": box.page.rstrip("/")}, timeout=5)
    assert answer.url == box.page
    assert "Done: place orders." in answer.text
    assert [order["test"] for order in box.drive("state")["orders"]] == [True, True]
    for command, fields in (("export", {"columns": "223"}), ("fault", {"name": "refuse_login", "times": ""})):
        browser.post(f"{box.page}act", data={"form_token": token, "command": command} | fields, timeout=5)
    state = box.drive("state")
    assert len(state["files"]["/out"]) == 1
    assert [fault["name"] for fault in state["faults"]] == ["refuse_login"]
    wrong = browser.post(f"{box.page}act", data=own | {"count": "many"}, timeout=5)
    assert "work: invalid literal" in wrong.text


def test_forms_without_the_pages_token_are_refused(box: DscoSandbox, browser: requests.Session) -> None:
    for token in ("", box.token):
        body = {"form_token": token, "command": "place_orders"}
        assert browser.post(f"{box.page}act", data=body, timeout=5).status_code == 403
    token = form_token(browser.get(box.page, timeout=5).text)
    assert browser.post(f"{box.page}act", data={"form_token": token, "command": "reset"}, timeout=5).status_code == 400
    assert box.drive("state")["orders"] == []


def test_other_program_drives_it_with_the_token(box: DscoSandbox, browser: requests.Session) -> None:
    answer = drive(browser, box, {"command": "place_orders", "arguments": {"count": 2}})
    assert answer.status_code == 200
    assert [order["lifecycle"] for order in answer.json()["result"]] == ["created", "created"]
    assert drive(browser, box, {"command": "wait"}).json() == {"result": []}
    assert drive(browser, box, {"command": "disconnect"}).json() == {"result": 0}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer schlüssel"}])
def test_drive_without_the_token_is_refused(box: DscoSandbox, browser: requests.Session, headers: dict[str, str]) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    answer = browser.post(f"{box.page}drive", json={"command": "reset"}, headers=encoded, timeout=5)
    assert answer.status_code == 403
    assert "token" in answer.json()["error"]


@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Origin": "null"}, {"Host": "example.com"}])
def test_other_origins_and_hosts_are_refused_even_with_the_token(
    box: DscoSandbox, browser: requests.Session, headers: dict[str, str]
) -> None:
    assert drive(browser, box, {"command": "place_orders"}, **headers).status_code == 403
    assert browser.get(box.page, headers=headers, timeout=5).status_code == 403
    assert box.drive("state")["orders"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "Send"),
        ({}, "Send"),
        ({"command": "dance"}, "There is no command"),
        ({"command": "export", "arguments": {"columns": 1}}, "columns is one of"),
        ({"command": "export", "arguments": [1]}, "Send"),
    ],
)
def test_wrong_commands_get_words(box: DscoSandbox, browser: requests.Session, body: Any, words: str) -> None:
    answer = drive(browser, box, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize("path", ["orders/1", "processes/1", "processes/x", "files/out/none", "files/../../token", "nowhere"])
def test_what_isnt_there_is_a_404_that_leads_back(box: DscoSandbox, browser: requests.Session, path: str) -> None:
    answer = browser.get(f"{box.page}{path}", timeout=5)
    assert answer.status_code == 404
    assert '<a href="/">Back</a>' in answer.text
    assert box.token not in answer.text


def test_file_page_never_leaves_the_tree(box: DscoSandbox, browser: requests.Session) -> None:
    request = requests.Request("GET", f"{box.page}files/x").prepare()
    request.url = f"{box.page}files/..%2f..%2ftoken"
    assert browser.send(request, timeout=5).status_code == 404
