"""Faults on request: what a far side, or the network before it, does wrong; scripted one by one, or a seeded mix.

A fault has a name, matches requests by method and path, and knows whether the request is carried out before it shows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .answers import (
    EXPIRED,
    HTML,
    JSON,
    REVOKED,
    UNKNOWN,
    Answer,
    bad_request,
    forbidden,
    invalid,
    no_route,
    payment_required,
    problem,
    rate_limited,
    unauthorized,
)

HTML_PAGE = b"<!DOCTYPE html><html><head><title>We'll be right back</title></head><body><h1>Maintenance</h1></body></html>"

KINDS: dict[str, bool] = {
    "500": False,
    "503": False,
    "500_after": True,
    "503_after": True,
    "drop_before": False,
    "drop_after": True,
    "stall_before": True,
    "stall_after": True,
    "delay": True,
    "cut": True,
    "html": True,
    "broken_json": True,
    "empty": True,
    "401_expired": False,
    "401_revoked": False,
    "401_invalid": False,
    "400": False,
    "402": False,
    "403": False,
    "404": False,
    "414": False,
    "422": False,
    "429": False,
    "slow_drip": True,
}
"""Each fault, and whether the request is carried out unless `done` says otherwise."""

SETTINGS = frozenset({"seconds", "status", "upper", "errors", "body"})


@dataclass(slots=True)
class Fault:
    """One fault that waits for its requests; `left` is None for one without an end."""

    id: int
    name: str
    done: bool
    path: str | None = None
    method: str | None = None
    left: int | None = 1
    skip: int = 0
    hits: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def matches(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        if self.path is None:
            return not path.startswith("/oauth")
        return fnmatchcase(path, self.path)

    def seconds(self, default: float) -> float:
        return float(self.more.get("seconds", default))


@dataclass(slots=True)
class Chaos:
    """A seeded mix: of each matching request's roll of the dice comes at most one fault."""

    dice: random.Random
    rates: dict[str, float]
    path: str | None
    method: str | None
    more: dict[str, Any]

    def pick(self, method: str, path: str) -> Fault | None:
        roll = self.dice.random()
        for name, rate in self.rates.items():
            roll -= rate
            if roll < 0:
                fault = Fault(0, name, KINDS[name], self.path, self.method, more=self.more)
                return fault if fault.matches(method, path) else None
        return None


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._chaos: Chaos | None = None
        self._next_id = 1

    def add(
        self,
        name: str,
        *,
        path: str | None = None,
        method: str | None = None,
        times: int = 1,
        skip: int = 0,
        done: bool | None = None,
        **more: Any,
    ) -> int:
        """Switch a fault on for so many matching requests (0 = until cleared) and return its id."""
        _check([name], more)
        if times < 0 or skip < 0:
            raise ValueError("times and skip can't be below 0.")
        fault = Fault(
            id=self._next_id,
            name=name,
            done=KINDS[name] if done is None else done,
            path=path,
            method=method.upper() if method else None,
            left=times or None,
            skip=skip,
            more=more,
        )
        self._next_id += 1
        self._faults.append(fault)
        return fault.id

    def chaos(
        self, seed: int, rates: Mapping[str, float], *, path: str | None = None, method: str | None = None, **more: Any
    ) -> None:
        """Switch a random mix on: `rates` are shares of requests by name, together at most 1."""
        _check(list(rates), more)
        if any(rate < 0 for rate in rates.values()) or sum(rates.values()) > 1:
            raise ValueError("The rates are shares of requests: none below 0, together at most 1.")
        self._chaos = Chaos(random.Random(seed), dict(rates), path, method.upper() if method else None, more)

    def clear(self) -> int:
        """Switch everything off and return how many faults were on."""
        count = len(self._faults) + (self._chaos is not None)
        self._faults.clear()
        self._chaos = None
        return count

    def pick(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request gets."""
        if not self._faults and self._chaos is None:
            return None
        for fault in self._faults:
            if not fault.matches(method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self._faults.remove(fault)
            return fault
        return self._chaos.pick(method, path) if self._chaos else None

    def listed(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = [
            {
                "id": fault.id,
                "name": fault.name,
                "path": fault.path,
                "method": fault.method,
                "left": fault.left,
                "hits": fault.hits,
            }
            for fault in self._faults
        ]
        if self._chaos:
            shown.append(
                {"id": 0, "name": "chaos", "path": self._chaos.path, "method": self._chaos.method, **self._chaos.rates}
            )
        return shown


def _check(names: list[str], more: Mapping[str, Any]) -> None:
    for name in names:
        if name not in KINDS:
            raise ValueError(f"There is no fault {name!r}. The faults are {', '.join(KINDS)}.")
    unknown = sorted(set(more) - SETTINGS)
    if unknown:
        raise ValueError(f"A fault has no setting {unknown[0]!r}.")


def faulty_answer(fault: Fault, real: Answer, type_words: str) -> Answer:
    """Return what goes back instead of the real answer; faults of time and of the connection leave it as it is."""
    more = fault.more
    kind = "Unauthorized" if more.get("upper") else type_words
    match fault.name:
        case "500" | "500_after":
            return problem(500, "Internal Server Error", "We're sorry, but something went wrong")
        case "503" | "503_after":
            return problem(503, "Service Unavailable", "The request timed out")
        case "401_expired":
            return unauthorized(EXPIRED, kind)
        case "401_revoked":
            return unauthorized(REVOKED, kind)
        case "401_invalid":
            return unauthorized(UNKNOWN, kind)
        case "400":
            return bad_request("Malformed request").answer
        case "402":
            return payment_required()
        case "403":
            return forbidden()
        case "404":
            return no_route("this").answer
        case "414":
            return problem(414, "URI Too Long", "The requested URI is too long")
        case "422":
            return invalid(more.get("errors", {"base": ["is invalid"]})).answer
        case "429":
            return rate_limited()
        case "html":
            return Answer(int(more.get("status", 200)), HTML_PAGE, HTML)
        case "broken_json":
            body = real.body[: max(1, len(real.body) * 2 // 3)] or b'{"order":{"id":'
            return Answer(int(more.get("status", 200)), body, JSON, real.headers)
        case "empty":
            return Answer(int(more.get("status", 200)), b"", JSON, real.headers)
    return real
