"""HTTP to one far side, with every failure named by what to do next.

What happens to a request decides what may be said about it:

========================================================= ==================== =========================
what happened                                             a read               a write
========================================================= ==================== =========================
no connection, no TLS, or not a byte went out             TryLater             TryLater
the certificate isn't trusted                             FixConnection        FixConnection
429                                                       SlowDown             SlowDown
421, 425                                                  TryLater             TryLater
408, 5xx, lost, timed out, cut short, too long            TryLater             OutcomeUnknown
a redirect                                                followed at home,    OutcomeUnknown
                                                          else FixConnection
2xx that is no JSON                                       TryLater by `json()` OutcomeUnknown
401 that asks for basic authentication                    FixConnection        FixConnection
401 else                                                  renewed once         renewed once
everything else, 400, 402, 403, 404, 409, 422 included    an `Answer`          an `Answer`
========================================================= ==================== =========================

**Kept connections.** A server may close an idle connection in the moment in which we write to it. Nothing then proves that it
didn't read the request, so a write never uses a connection that was idle for longer than a second, and none that shows a close
already; if the very first byte is refused by the system, a new connection is taken, since nothing went out. A read that finds a
kept connection dead is sent once more. Nothing else is ever sent twice: urllib3's own retries are off.
"""

from __future__ import annotations

import json as jsonlib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from connectors.contract import Exchange, Limiter, Network
from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, SlowDown, TryLater
from connectors.transports.excerpts import cut, excerpt
from connectors.transports.http_connections import CONNECT_TIMEOUT, OnePool, Trip, Trips, pool_for
from connectors.transports.sockets import certificate_problem

CALL_TIMEOUT = 28.0
"""Seconds that a call may take in all, connecting included; below the 30 that a run's lease is built on."""

MAX_BYTES = 20 * 1024 * 1024
"""Longest answer that is read; a page of 250 orders with lines is below 2 MB."""

MAX_REDIRECTS = 3

SECRET_HEADER = "(never shown)"  # noqa: S105 - what stands in its place
"""Stands for a token or a key where a request is only shown."""


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The names of the headers in which a far side tells its limit, what is left of it, and when it starts anew.

    The last may be epoch seconds or seconds from now.
    """

    limit: str
    remaining: str
    reset: str


class Bearer(Protocol):
    """Where access tokens come from."""

    def access_token(self) -> str:
        """Return a token that should be valid. Raise `FixConnection` when there is no access, `TryLater`."""
        ...

    def refused(self, access: str) -> bool:
        """Learn that the far side answered 401 to this token; return whether there is a newer one to try with."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the far side answered. `headers` ignore case, `elapsed_ms` is the time from sending to the last byte."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    elapsed_ms: int
    is_write: bool
    far_side: str = "the server"

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def date(self) -> datetime | None:
        """The far side's own time, from the header Date; None without one."""
        return _http_date(self.headers.get("Date", ""))

    def json(self) -> Any:
        """Return the body as JSON; if it is none, raise `OutcomeUnknown` for a write that may have worked, else `TryLater`."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            what = "a page instead of data" if _looks_like_html(self.body) else "something unreadable"
        raise _unreadable(self.is_write and self.status < 400, self.far_side, f"answered {self.status} with {what}")

    def json_or_none(self) -> Any | None:
        """Return the body as JSON, None when it is none: for refusals, where the status says enough."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            return None


class HttpClient:
    """A pool of connections to one far side. `request` may be called from several threads.

    `far_side` is what the far side is called in words for people. `ca_file` holds authorities to trust in place of the usual.
    """

    def __init__(
        self,
        base_url: str,
        *,
        network: Network,
        limiter: Limiter | None = None,
        progress: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        bearer: Bearer | None = None,
        headers: Mapping[str, str] | None = None,
        rate_headers: RateHeaders | None = None,
        pool_size: int = 1,
        timeout: float = CALL_TIMEOUT,
        max_bytes: int = MAX_BYTES,
        far_side: str = "The server",
        ca_file: str = "",
    ) -> None:
        """Open nothing yet. Raise `FixConnection` when `base_url` is no http or https address."""
        self._base = _checked_base(base_url)
        self._limiter, self._progress, self._now, self._bearer = limiter, progress, now, bearer
        self._rate_headers = rate_headers
        self._timeout, self._max_bytes, self._far_side = timeout, max_bytes, far_side
        self._trips = Trips()
        # No session of requests stands before it: the environment's proxies, .netrc and CA bundle must not decide over a
        # merchant's connection, cookies of one thread are none of another's, and merging its settings takes half as long as
        # the request itself.
        self._adapter = OnePool(pool_for(self._base, network, self._trips, pool_size, ca_file))
        self._headers = requests.utils.default_headers()
        self._headers.update({"Accept": "application/json", "User-Agent": "CartRover", **(headers or {})})
        self._own_headers = frozenset(name.lower() for name in headers or {})

    def __repr__(self) -> str:
        return f"HttpClient({self._base!r})"

    def close(self) -> None:
        """Close all connections. Never raises."""
        self._adapter.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        is_write: bool,
        params: Any = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        sort: str = "",
    ) -> Answer:
        """Send one request and return its answer; the module's table says what is returned and what is raised.

        `path` begins with "/" and is joined to the base address. `params` are a mapping or pairs; lists become repeated names.
        `body` goes out byte by byte as it is: what is signed must be. `sort` is for requests that the far side counts apart.
        """
        if not path.startswith("/"):
            raise ValueError(f"a path begins with a slash, not like {path[:50]!r}")
        url = self._base + path
        what = {"method": method, "params": params, "json": json, "data": form if body is None else body, "sort": sort}
        answer = self._authorized(url, path, is_write, what, dict(headers or {}))
        for _ in range(MAX_REDIRECTS):
            if not 300 <= answer.status < 400 or answer.status == 304:
                break
            url = self._redirected(url, answer)
            answer = self._authorized(url, path, is_write, {"method": method, "sort": sort}, dict(headers or {}))
        else:
            raise FixConnection(f"{self._far_side} keeps redirecting. Check the address in the connection's settings.")
        self._judge(answer, sort)
        return answer

    def rendered(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[str, tuple[tuple[str, str], ...], bytes]:
        """Return address, headers and body of a request as `request` would send it, and send nothing.

        No token is asked for, and headers that the connector signs in with are not told.
        """
        ready = self._ready(self._base + path, {"method": method, "json": json}, headers or {})
        told = {name: _text(value) for name, value in ready.headers.items()}
        shown = [(name, SECRET_HEADER if name.lower() in self._own_headers else value) for name, value in told.items()]
        if self._bearer is not None:
            shown.append(("Authorization", f"Bearer {SECRET_HEADER}"))
        body = ready.body or b""
        return str(ready.url), tuple(shown), body.encode() if isinstance(body, str) else bytes(body)

    # --- one call ---

    def _authorized(self, url: str, path: str, is_write: bool, what: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Send with a token, and once more with a newer one after a 401: a refused token means that nothing was executed."""
        if self._bearer is None:
            return self._counted(url, path, is_write, what, headers)
        access = self._bearer.access_token()
        answer = self._counted(url, path, is_write, what, headers | {"Authorization": f"Bearer {access}"})
        if _asks_for_password(answer):
            # Nobody looked at the token: it must be neither renewed nor thought refused.
            raise FixConnection(
                f"Something in front of {self._far_side} asks for a second password (basic authentication), so that the hub "
                "doesn't reach the API behind it. Most often a web server or a plug-in was told to protect the whole address: "
                "switch basic authentication off for the API, or enter an address that has none."
            )
        if answer.status == 401 and self._bearer.refused(access):
            access = self._bearer.access_token()
            answer = self._counted(url, path, is_write, what, headers | {"Authorization": f"Bearer {access}"})
        return answer

    def _counted(self, url: str, path: str, is_write: bool, what: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Send within the limits; once more on a new connection where a kept one was dead and that can do no harm."""
        outcome, trip = self._travel(url, path, is_write, what, headers)
        may_repeat = trip.nothing_went_out or not is_write
        if isinstance(outcome, ConnectorError) and trip.is_kept_connection_dead and may_repeat:
            outcome, trip = self._travel(url, path, is_write, what, headers)
        if isinstance(outcome, ConnectorError):
            raise outcome
        self._remember_limits(outcome)
        return outcome

    def _travel(
        self, url: str, path: str, is_write: bool, what: dict[str, Any], headers: dict[str, str]
    ) -> tuple[Answer | ConnectorError, Trip]:
        """Send once, within the limits. What fails on the way is returned, and raised outside, so that no traceback leads to a
        request with its token."""
        if self._limiter is None:
            return self._on_its_way(url, path, is_write, what, headers)
        with self._limiter.under_way():
            self._limiter.take(what["sort"])
            return self._on_its_way(url, path, is_write, what, headers)

    def _on_its_way(
        self, url: str, path: str, is_write: bool, what: dict[str, Any], headers: dict[str, str]
    ) -> tuple[Answer | ConnectorError, Trip]:
        self._progress()
        trip = self._trips.begin(is_write, self._timeout)
        started = time.monotonic()
        try:
            ready = self._ready(url, what, headers)
            timeout = (min(CONNECT_TIMEOUT, self._timeout), self._timeout)
            with self._adapter.send(ready, stream=True, timeout=timeout, verify=True) as response:
                trip.has_answer = True
                body = b"".join(self._limited(response, is_write))
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            return self._failure(error, trip), trip
        elapsed = round((time.monotonic() - started) * 1000)
        answer = Answer(what["method"], path, response.status_code, response.headers, body, elapsed, is_write, self._far_side)
        return answer, trip

    def _ready(self, url: str, what: Mapping[str, Any], headers: Mapping[str, str]) -> requests.PreparedRequest:
        """Return a request as it goes out; it takes neither cookies nor a password from the address."""
        merged = self._headers.copy()
        merged.update(headers)
        ready = requests.PreparedRequest()
        ready.prepare_method(what["method"])
        ready.prepare_url(url, what.get("params"))
        ready.prepare_headers(merged)
        ready.prepare_body(what.get("data"), None, what.get("json"))
        return ready

    def _limited(self, response: requests.Response, is_write: bool) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_content(64 * 1024):
            size += len(chunk)
            if size > self._max_bytes:
                raise _TooLong
            # A run that has lost its lease may still hear how its write ended.
            if not is_write:
                self._progress()
            yield chunk

    # --- what it means ---

    def _failure(self, error: Exception, trip: Trip) -> ConnectorError:
        problem = certificate_problem(error)
        if problem and trip.nothing_went_out:
            return FixConnection(
                f"{self._far_side}'s certificate isn't trusted ({problem}). Check the address in the connection's settings; "
                "otherwise the far side must renew its certificate."
            )
        is_unsendable = isinstance(error, requests.exceptions.InvalidHeader | UnicodeError)
        if is_unsendable and trip.nothing_went_out:
            return FixConnection(
                "A key or token of this connection holds characters that can't be sent. Copy it anew, without line breaks."
            )
        if trip.nothing_went_out:
            what = "can't be reached: a secure connection could not be made" if _is_tls(error) else "can't be reached just now"
        elif isinstance(error, _TooLong):
            what = f"sent an answer of more than {self._max_bytes // 1024:,} KB"
        elif _is_timeout(error):
            what = f"didn't finish its answer within {self._timeout:.0f} seconds"
        else:
            what = "broke off in the middle of its answer" if trip.has_answer else "closed the connection without an answer"
        return _unreadable(trip.is_write and not trip.nothing_went_out, self._far_side, what)

    def _judge(self, answer: Answer, sort: str) -> None:
        """Raise for answers that mean the same whatever was asked."""
        if answer.status == 429:
            after = self._seconds_to_wait(answer)
            if self._limiter is not None:
                self._limiter.exhausted(reset_at=self._now() + timedelta(seconds=after), sort=sort)
            raise SlowDown(
                f"{self._far_side}'s request limit is used up; it takes requests again in {after:.0f} s.", after=after
            )
        if answer.status in (421, 425):
            raise TryLater(f"{self._far_side} did not take the request ({answer.status}).")
        if answer.status >= 500 or answer.status == 408 or answer.status < 200:
            raise _unreadable(
                answer.is_write,
                self._far_side,
                f"answered with an error of its own ({answer.status})",
                after=_retry_after(answer),
            )
        if answer.ok and _may_be_cut(answer):
            raise _unreadable(answer.is_write, self._far_side, f"answered {answer.status} and broke off")
        if answer.is_write and answer.ok and answer.body:
            answer.json()

    def _redirected(self, url: str, answer: Answer) -> str:
        """Return where a read is to go on. Tokens and orders go to the origin that the merchant entered and nowhere else."""
        if answer.is_write or answer.method not in ("GET", "HEAD"):
            raise _unreadable(answer.is_write, self._far_side, f"answered with a redirect ({answer.status})")
        target = urljoin(url, answer.headers.get("Location", ""))
        if _origin(target) != _origin(self._base):
            raise FixConnection(
                f"{self._far_side} sends us on to {_origin(target) or 'nowhere'}, which isn't the address of this connection. "
                "If it has moved, enter the new address in the connection's settings."
            )
        return target

    # --- limits ---

    def _remember_limits(self, answer: Answer) -> None:
        names = self._rate_headers
        if names is None or self._limiter is None:
            return
        limit, remaining = _whole(answer.headers.get(names.limit)), _whole(answer.headers.get(names.remaining))
        after = self._seconds_to_reset(answer)
        if limit is not None and remaining is not None and after is not None:
            self._limiter.observe(limit=limit, remaining=remaining, reset_at=self._now() + timedelta(seconds=after))

    def _seconds_to_reset(self, answer: Answer) -> float | None:
        """Seconds until the limit starts anew, reckoned by the far side's own clock where it tells it."""
        reset = _whole(answer.headers.get(self._rate_headers.reset)) if self._rate_headers else None
        if reset is None:
            return None
        if reset < 10_000_000:
            return float(max(0, reset))
        return max(0.0, reset - (answer.date or self._now()).timestamp())

    def _seconds_to_wait(self, answer: Answer) -> float:
        """Seconds that a 429 asks for: Retry-After, else the reset header, else a minute; never none and never over an hour."""
        told = _retry_after(answer)
        if told is None:
            told = self._seconds_to_reset(answer)
        return min(3600.0, max(1.0, 60.0 if told is None else told))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class _TooLong(ValueError):
    """The answer is longer than the client takes."""


def _unreadable(is_doubtful: bool, far_side: str, what: str, *, after: float | None = None) -> ConnectorError:
    if is_doubtful:
        return OutcomeUnknown(
            f"{far_side} {what}, so it isn't certain whether the request was carried out. It is looked up first."
        )
    return TryLater(f"{far_side} {what}. It is tried again later.", after=after)


def _asks_for_password(answer: Answer) -> bool:
    """True for a 401 of whatever guards the address by user and password: an API that reads tokens asks for those as well."""
    if answer.status != 401:
        return False
    challenges = re.sub(r'"[^"]*"', "", answer.headers.get("WWW-Authenticate", ""))
    schemes = re.findall(r"(?:^|,)\s*([A-Za-z]+)(?=\s|,|$)", challenges)
    return {scheme.lower() for scheme in schemes} == {"basic"}


def _may_be_cut(answer: Answer) -> bool:
    """True for an answer without a body that doesn't say it has none: one cut in the middle of its headers looks like that."""
    is_framed = "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers
    return not answer.body and not is_framed and answer.status not in (204, 205) and answer.method != "HEAD"


def _is_timeout(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TimeoutError | requests.Timeout) or "timed out" in str(seen).lower():
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _is_tls(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.SSLError | ssl.SSLError)


def _looks_like_html(body: bytes) -> bool:
    return body[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\s*\d{1,15}\s*", text) else None


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("Retry-After")
    seconds = _whole(text)
    if seconds is not None:
        return float(seconds)
    until = _http_date(text or "")
    return None if until is None else max(0.0, (until - (answer.date or datetime.now(UTC))).total_seconds())


# --- addresses ---------------------------------------------------------------------------------------------------------------


def _checked_base(base_url: str) -> str:
    try:
        parts = urlsplit(base_url.strip())
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.username is not None or parts.query or parts.fragment:
        raise FixConnection(
            "The address in the settings can't be used: it must look like https://api.example.com, without user, ? or #."
        )
    return base_url.strip().rstrip("/")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else ""


# --- the order's story -------------------------------------------------------------------------------------------------------


def exchange(answer: Answer, *, sent: Any = None) -> Exchange:
    """Return what an order's story keeps of a request and its answer: scrubbed, and at most 4 KB of each side."""
    request = f"{answer.method} {answer.path}" + ("" if sent is None else f"\n{excerpt(sent)}")
    return Exchange(request=cut(request), status=answer.status, answer=_answer_excerpt(answer), elapsed_ms=answer.elapsed_ms)


def _answer_excerpt(answer: Answer) -> str:
    if not answer.body:
        return ""
    value = answer.json_or_none()
    # Text that is no JSON can't be scrubbed field by field.
    return cut(excerpt(value)) if value is not None else f"({len(answer.body)} bytes that are no JSON)"
