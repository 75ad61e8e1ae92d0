from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, SlowDown, TryLater
from connectors.transports import http_connections
from connectors.transports.http import HttpClient, RateHeaders, exchange
from connectors.transports.sockets import TimedSocket
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.http import Line, Request, RunningHttp, http_server, ok
from tests.servers.hub import CountingLimiter, OpenNetwork

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RATES = RateHeaders("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset")
Connect = Callable[..., HttpClient]


@pytest.fixture
def far() -> Iterator[RunningHttp]:
    with http_server() as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[HttpClient] = []

    def make(far: RunningHttp, **changes: object) -> HttpClient:
        client = HttpClient(changes.pop("url", far.url), **{"network": OpenNetwork(), "timeout": 2.0} | changes)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(far: RunningHttp, connect: Connect) -> HttpClient:
    return connect(far)


def read(client: HttpClient, path: str = "/things", **more: object):
    return client.request("GET", path, is_write=False, **more)


def write(client: HttpClient, path: str = "/things", **more: object):
    return client.request("POST", path, is_write=True, **{"json": {"a": 1}} | more)


# --- what comes back as an answer ---


def test_request_goes_out_as_asked(far, client):
    answer = client.request(
        "POST", "/orders", is_write=True, params=[("ids[]", 1), ("ids[]", 2)], json={"é": "1"}, headers={"Idempotency-Key": "k"}
    )
    (request,) = far.requests
    assert (request.method, request.path, request.query) == ("POST", "/orders", {"ids[]": ["1", "2"]})
    assert request.json() == {"é": "1"}
    assert request.headers["idempotency-key"] == "k"
    assert request.headers["content-type"] == "application/json"
    assert answer.json() == {"ok": True}
    assert answer.ok
    assert answer.elapsed_ms >= 0


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 402, 403, 404, 409, 414, 422])
def test_plain_refusals_are_answers_for_the_kind_to_read(far, client, status):
    far.behave = lambda request, line: line.answer(status, json=None if status == 204 else {"errors": {}})
    assert write(client).status == read(client).status == status


def test_connection_is_kept_between_requests(far, client):
    for _ in range(5):
        read(client)
    assert far.connections == 1


def test_packed_answer_is_unpacked(far, client):
    packed = gzip.compress(b'{"a": 1}')
    far.behave = lambda request, line: line.answer(body=packed, headers={"Content-Encoding": "gzip"})
    assert read(client).json() == {"a": 1}


def test_far_sides_clock_is_told(far, client):
    far.behave = lambda request, line: line.answer(json={}, headers={"Date": "Sun, 01 Mar 2026 12:00:05 GMT"})
    assert read(client).date == NOW + timedelta(seconds=5)


def test_cookies_are_not_kept(far, client):
    far.behave = lambda request, line: line.answer(json={}, headers={"Set-Cookie": "session=1; Path=/"})
    read(client)
    read(client)
    assert "cookie" not in far.requests[1].headers


def test_environment_changes_nothing(far, client, monkeypatch, tmp_path):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    read(client)
    assert "authorization" not in far.requests[0].headers


def test_several_threads_send_at_once(far, connect):
    gate = threading.Barrier(8, timeout=5)

    def behave(request: Request, line: Line) -> None:
        gate.wait()
        line.answer(json={"path": request.path})

    far.behave = behave
    client = connect(far, pool_size=8, timeout=10.0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: write(client, f"/{number}").json()["path"], range(64)))
    assert answers == [f"/{number}" for number in range(64)]
    assert far.connections == 8


def test_head_and_body_do_not_wait_for_each_other(far):
    with TimedSocket.adopt(OpenNetwork().connect("127.0.0.1", far.port, 2)) as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- what fails, before anything went out ---


def test_refused_connection_is_for_later_even_for_a_write(connect, far):
    with pytest.raises(TryLater):
        write(connect(far, url="http://127.0.0.1:1"))


def test_address_is_asked_of_the_network_and_nobody_else(far, connect):
    network = OpenNetwork()
    read(connect(far, network=network, url=f"http://shop.example.com:{far.port}"))
    assert network.asked == [("shop.example.com", far.port)]
    assert far.requests[0].headers["host"] == f"shop.example.com:{far.port}"


def test_networks_refusal_is_passed_on(far, connect):
    class Closed:
        def connect(self, host: str, port: int, timeout: float):
            raise FixConnection("That network may not be reached.")

    with pytest.raises(FixConnection, match="may not be reached"):
        write(connect(far, network=Closed()))


@pytest.mark.parametrize(
    "url", ["", "shop.example.com", "ftp://a", "https://", "https://me:pw@a", "https://a?b=1", "http://a:x"]
)
def test_address_that_is_none_needs_fixing(connect, far, url):
    with pytest.raises(FixConnection) as caught:
        connect(far, url=url)
    assert "pw" not in caught.value.words


def test_used_up_budget_sends_nothing(far, connect):
    with pytest.raises(SlowDown):
        write(connect(far, limiter=CountingLimiter(budget=0)))
    assert far.requests == []


def test_lost_lease_sends_nothing(far, connect):
    def progress() -> None:
        raise KeyError("lease")

    with pytest.raises(KeyError):
        write(connect(far, progress=progress))
    assert far.requests == []


def test_token_that_can_not_be_sent_is_named_but_not_shown(far, client):
    with pytest.raises(FixConnection) as caught:
        write(client, headers={"Authorization": "Bearer a\nb"})
    assert "a\nb" not in caught.value.words
    with pytest.raises(FixConnection):
        write(client, headers={"Authorization": "Bearer žluť"})
    assert far.requests == []


# --- what fails, after that ---


def closes(request: Request, line: Line) -> None:
    line.close()


def resets(request: Request, line: Line) -> None:
    line.reset()


def half_a_head(request: Request, line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    line.close()


def half_a_body(request: Request, line: Line) -> None:
    line.send(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"order": ')
    line.close()


def body_without_length_cut(request: Request, line: Line) -> None:
    line.send(b'HTTP/1.1 201 Created\r\n\r\n{"order": ')
    line.close()


def chunks_without_end(request: Request, line: Line) -> None:
    line.send(b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n')
    line.close()


def no_http(request: Request, line: Line) -> None:
    line.send(b"220 mail.example.com ESMTP\r\n")
    line.close()


def silent(request: Request, line: Line) -> None:
    time.sleep(0.9)
    line.close()


def dripping_head(request: Request, line: Line) -> None:
    line.drip(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 100, 0.05)


def dripping_body(request: Request, line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    line.drip(b" " * 100, 0.05)


def too_long(request: Request, line: Line) -> None:
    line.answer(body=b" " * 300_000)


def bomb(request: Request, line: Line) -> None:
    line.answer(body=gzip.compress(b" " * 5_000_000), headers={"Content-Encoding": "gzip"})


def garbled_packing(request: Request, line: Line) -> None:
    line.answer(body=b"no gzip", headers={"Content-Encoding": "gzip"})


BROKEN = [
    closes, resets, half_a_head, half_a_body, chunks_without_end, no_http, silent, dripping_head, dripping_body, too_long, bomb,
    garbled_packing,
]  # fmt: skip


@pytest.mark.parametrize("behave", BROKEN, ids=lambda behave: behave.__name__)
def test_broken_answer_leaves_a_write_open_and_a_read_for_later(far, connect, behave):
    client = connect(far, timeout=0.4, max_bytes=200_000)
    far.behave = behave
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        write(client)
    assert time.monotonic() - started < 3
    with pytest.raises(TryLater):
        read(client)
    assert len(far.requests) == 2


@pytest.mark.parametrize("behave", [body_without_length_cut], ids=lambda behave: behave.__name__)
def test_answer_that_broke_off_unnoticed_shows_when_it_is_read(far, client, behave):
    far.behave = behave
    with pytest.raises(OutcomeUnknown):
        write(client)
    with pytest.raises(TryLater):
        read(client).json()


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_far_sides_own_errors_leave_a_write_open_and_a_read_for_later(far, client, status):
    far.behave = lambda request, line: line.answer(status, json={"message": "oops"}, headers={"Retry-After": "7"})
    with pytest.raises(OutcomeUnknown, match=str(status)):
        write(client)
    with pytest.raises(TryLater) as caught:
        read(client)
    assert caught.value.after == 7


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"order": ', b"OK"])
def test_success_that_is_no_json_leaves_a_write_open(far, client, body):
    far.behave = lambda request, line: line.answer(200, body=body)
    with pytest.raises(OutcomeUnknown):
        write(client)
    with pytest.raises(TryLater):
        read(client).json()
    assert read(client).json_or_none() is None


def test_unreadable_refusal_of_a_write_is_no_doubt(far, client):
    far.behave = lambda request, line: line.answer(404, body=b"<html>nothing here</html>")
    answer = write(client)
    assert answer.status == 404
    with pytest.raises(TryLater, match="a page instead of data"):
        answer.json()


@pytest.mark.parametrize("status", [421, 425])
def test_request_that_was_not_taken_is_for_later(far, client, status):
    far.behave = lambda request, line: line.answer(status)
    with pytest.raises(TryLater):
        write(client)


# --- redirects ---


def test_read_follows_a_redirect_at_home(far, client):
    far.in_turn(lambda request, line: line.answer(301, headers={"Location": "/other"}), ok)
    assert read(client, headers={"X-Key": "k"}).ok
    assert [request.path for request in far.requests] == ["/things", "/other"]
    assert far.requests[1].headers["x-key"] == "k"


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/", "http://169.254.169.254/latest", "https://127.0.0.1/", "file:///etc/passwd"]
)
def test_redirect_elsewhere_is_refused(far, connect, target):
    network = OpenNetwork()
    far.behave = lambda request, line: line.answer(302, headers={"Location": target})
    with pytest.raises(FixConnection):
        read(connect(far, network=network))
    assert {port for _, port in network.asked} == {far.port}


def test_redirects_without_end_are_refused(far, client):
    far.behave = lambda request, line: line.answer(302, headers={"Location": "/again"})
    with pytest.raises(FixConnection, match="keeps redirecting"):
        read(client)
    assert len(far.requests) <= 5


def test_write_follows_no_redirect(far, client):
    far.behave = lambda request, line: line.answer(307, headers={"Location": "/other"})
    with pytest.raises(OutcomeUnknown):
        write(client)
    assert len(far.requests) == 1


# --- kept connections ---


def test_write_after_the_server_closed_an_idle_connection_takes_a_new_one(far, client):
    def answers_then_closes(request: Request, line: Line) -> None:
        line.answer(json={})
        line.close()

    far.behave = answers_then_closes
    write(client)
    time.sleep(0.05)
    assert write(client).ok
    assert far.connections == 2
    assert len(far.requests) == 2


def test_write_that_a_kept_connection_swallowed_is_never_sent_again(far, client):
    far.in_turn(ok, closes, ok)
    write(client)
    with pytest.raises(OutcomeUnknown):
        write(client)
    assert len(far.requests) == 2


def test_write_takes_no_connection_that_was_idle_for_long(far, client, monkeypatch):
    monkeypatch.setattr(http_connections, "IDLE_FOR_WRITES", 0.0)
    write(client)
    write(client)
    assert far.connections == 2
    read(client)
    assert far.connections == 2


def test_read_that_a_kept_connection_swallowed_is_sent_once_more(far, client):
    far.in_turn(ok, closes, ok)
    read(client)
    assert read(client).ok
    assert len(far.requests) == 3


def test_read_on_a_new_connection_is_not_sent_again(far, client):
    far.behave = closes
    with pytest.raises(TryLater):
        read(client)
    assert len(far.requests) == 1


# --- limits ---


class FewAtOnce(CountingLimiter):
    """Remembers how many requests hold one of the places that there are."""

    held = 0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1


def test_a_place_among_those_at_once_is_held_while_the_request_is_under_way_and_no_longer(far, connect):
    limiter, seen = FewAtOnce(), []

    def behave(request: Request, line: Line) -> None:
        seen.append(limiter.held)
        line.answer(200, json={})

    far.behave = behave
    client = connect(far, limiter=limiter)
    write(client)
    far.behave = closes
    with pytest.raises(OutcomeUnknown):
        write(client)
    assert (seen, limiter.held) == ([1], 0)


def test_requests_that_are_counted_apart_are_told_to_be_so(far, connect):
    limiter = CountingLimiter()
    client = connect(far, limiter=limiter)
    client.request("GET", "/a", is_write=False, sort="batch")
    read(client)
    assert limiter.sorts == {"batch": 1, "": 1}


def test_limit_that_is_used_up_slows_down_and_is_remembered(far, connect):
    limiter = CountingLimiter()
    client = connect(far, limiter=limiter, now=lambda: NOW)
    far.behave = lambda request, line: line.answer(429, headers={"Retry-After": "30"})
    with pytest.raises(SlowDown) as caught:
        write(client)
    assert caught.value.after == 30
    assert limiter.exhausted_until == [NOW + timedelta(seconds=30)]


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({}, 60),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "999999"}, 3600),
        ({"Retry-After": "Sun, 01 Mar 2026 12:02:00 GMT", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 120),
        ({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 45)}, 45),
        ({"X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 45), "Date": "Sun, 01 Mar 2026 12:00:40 GMT"}, 5),
        ({"X-Rate-Limit-Reset": "45"}, 45),
        ({"X-Rate-Limit-Reset": "soon", "Retry-After": "later"}, 60),
    ],
)
def test_time_to_wait_is_taken_from_the_headers(far, connect, headers, after):
    far.behave = lambda request, line: line.answer(429, headers=headers)
    with pytest.raises(SlowDown) as caught:
        read(connect(far, rate_headers=RATES, now=lambda: NOW))
    assert caught.value.after == after


def test_rest_of_the_limit_is_observed(far, connect):
    limiter = CountingLimiter()
    headers = {
        "X-Rate-Limit-Limit": "300",
        "X-Rate-Limit-Remaining": "299",
        "X-Rate-Limit-Reset": str(int(NOW.timestamp()) + 300),
    }
    far.behave = lambda request, line: line.answer(json={}, headers=headers)
    read(connect(far, limiter=limiter, rate_headers=RATES, now=lambda: NOW))
    assert limiter.observed == [(300, 299, NOW + timedelta(seconds=300))]
    assert limiter.taken == 1


def test_answer_without_limits_observes_nothing(far, connect):
    limiter = CountingLimiter()
    read(connect(far, limiter=limiter, rate_headers=RATES))
    assert limiter.observed == []


# --- https ---


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_https_with_a_trusted_certificate(connect, certificates):
    with http_server(certificate=certificates.server) as far:
        client = connect(far, ca_file=str(certificates.authority))
        assert write(client).ok
        assert read(client).ok
        assert far.connections == 1


def test_https_with_an_unknown_authority_needs_fixing(connect, certificates):
    with http_server(certificate=certificates.server) as far:
        with pytest.raises(FixConnection, match="certificate isn't trusted"):
            write(connect(far))
        assert far.requests == []


def test_https_for_another_name_needs_fixing(connect, certificates):
    with http_server(certificate=certificates.server) as far, pytest.raises(FixConnection, match="certificate"):
        write(connect(far, ca_file=str(certificates.authority), url=f"https://shop.example.com:{far.port}"))


def test_https_certificate_that_has_run_out_needs_fixing(connect, tmp_path):
    old = make_certificates(tmp_path, days=-1)
    with http_server(certificate=old.server) as far, pytest.raises(FixConnection, match="expired"):
        write(connect(far, ca_file=str(old.authority)))


def test_server_without_tls_is_for_later(far, connect):
    far.greet = lambda line: line.close()
    with pytest.raises(TryLater):
        write(connect(far, url=f"https://127.0.0.1:{far.port}"))


def test_tls_handshake_without_an_answer_is_given_up_in_time(connect, far, silent_port):
    started = time.monotonic()
    with pytest.raises(TryLater):
        write(connect(far, url=f"https://127.0.0.1:{silent_port}", timeout=0.3))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("behave", [resets, half_a_body, dripping_body, silent], ids=lambda behave: behave.__name__)
def test_broken_answer_under_tls(connect, certificates, behave):
    with http_server(certificate=certificates.server) as far:
        client = connect(far, ca_file=str(certificates.authority), timeout=0.4)
        far.behave = behave
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            write(client)
        assert time.monotonic() - started < 3


# --- tokens ---


class Tokens:
    """A bearer with as many tokens as it was given."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.refusals: list[str] = []

    def access_token(self) -> str:
        return self.left[0]

    def refused(self, access: str) -> bool:
        self.refusals.append(access)
        if len(self.left) > 1:
            self.left.pop(0)
            return True
        return False


def wants(token: str) -> Callable[[Request, Line], None]:
    def behave(request: Request, line: Line) -> None:
        is_right = request.headers.get("authorization") == f"Bearer {token}"
        line.answer(200 if is_right else 401, json={"ok": is_right})

    return behave


def test_refused_token_is_renewed_once_and_the_write_sent_again(far, connect):
    tokens, limiter = Tokens("old", "new"), CountingLimiter()
    far.behave = wants("new")
    assert write(connect(far, bearer=tokens, limiter=limiter)).ok
    assert tokens.refusals == ["old"]
    assert limiter.taken == 2


def test_second_refusal_is_an_answer(far, connect):
    tokens = Tokens("old", "older", "oldest")
    far.behave = wants("new")
    assert write(connect(far, bearer=tokens)).status == 401
    assert len(far.requests) == 2


def test_token_is_in_no_words_no_repr_no_log_and_no_traceback(far, connect, caplog):
    caplog.set_level(logging.DEBUG)
    client = connect(far, bearer=Tokens("s3cr3t"))
    far.behave = closes
    shown = [repr(client)]
    for call in (read, write):
        with pytest.raises(ConnectorError) as caught:
            call(client)
        assert caught.value.__context__ is None
        shown += [str(caught.value), repr(caught.value), "".join(traceback.format_exception(caught.value))]
    far.behave = ok
    shown += [repr(read(client)), caplog.text]
    assert far.requests[0].headers["authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in "".join(shown)


# --- the order's story ---


def test_exchange_keeps_what_tells_the_story_and_masks_the_rest(far, client):
    sent = {
        "order": {
            "order_number": "A-1",
            "email": "jane@example.com",
            "shipping_address": {"first_name": "Jane", "address1": "1 Road", "city": "Leeds", "country": "GB"},
            "lines": [{"sku": "X", "quantity": 2}],
            "access_token": "s3cr3t",
        }
    }
    far.behave = lambda request, line: line.answer(201, json={"order": {"id": 7, "phone_number": "555"}})
    kept = exchange(write(client, "/orders", json=sent), sent=sent)
    assert (kept.status, kept.request.splitlines()[0]) == (201, "POST /orders")
    assert all(word in kept.request for word in ("A-1", "Leeds", '"sku": "X"'))
    assert not any(word in kept.request for word in ("jane@", "Jane", "1 Road", "s3cr3t"))
    assert kept.answer == '{"order": {"id": 7, "phone_number": "***"}}'


def test_exchange_is_short_and_holds_no_text_that_could_not_be_scrubbed(far, client):
    far.behave = lambda request, line: line.answer(404, body=b"<p>Jane Doe</p>")
    kept = exchange(write(client, json={"lines": ["x" * 50] * 500}), sent={"lines": ["x" * 50] * 500})
    assert len(kept.request) <= 4096
    assert "Jane" not in kept.answer


def test_write_through_a_closed_client_is_refused(far, connect, tmp_path: Path):
    client = connect(far)
    client.close()
    with pytest.raises(TryLater):
        write(client)
