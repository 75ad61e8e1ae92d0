"""Bad days on request: one fault after another, or a seeded mix."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .answers import HTML, JSON, Answer, Refusal, forbidden, json_answer, refused, unauthorized
from .company import Company
from .throttle import throttled

PAGE = b"<!DOCTYPE html><html><head><title>Scheduled maintenance</title></head><body><h1>We are down</h1></body></html>"

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
    "403": False,
    "429": False,
    "3001_in_200": False,
    "fault": False,
    "fault_in_200": False,
}
"""Each fault, and whether the request is carried out before it shows. `fault` and `fault_in_200` take `code`, `message`,
`detail` and `element`."""

MORE = frozenset({"seconds", "code", "message", "detail", "element", "kind"})


@dataclass(slots=True)
class Fault:
    """One fault that waits for its requests; `left` None = until cleared."""

    name: str
    done: bool
    path: str | None = None
    method: str | None = None
    left: int | None = 1
    skip: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def matches(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return not path.startswith("/oauth") if self.path is None else fnmatchcase(path, self.path)

    def seconds(self, default: float) -> float:
        return float(self.more.get("seconds", default))


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._dice: random.Random | None = None
        self._mix: list[tuple[Fault, float]] = []

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
    ) -> None:
        """Switch a fault on for so many matching requests (0 = until cleared). Paths begin behind the company's id."""
        self._waiting.append(_fault(name, path, method, more, left=times or None, skip=skip, done=done))

    def chaos(
        self, seed: int, rates: Mapping[str, float], *, path: str | None = None, method: str | None = None, **more: Any
    ) -> None:
        """Switch a mix on: `rates` are shares of requests by name."""
        self._dice = random.Random(seed)
        self._mix = [(_fault(name, path, method, more, left=None), rate) for name, rate in rates.items()]

    def clear(self) -> int:
        count = len(self._waiting) + bool(self._mix)
        self._waiting.clear()
        self._mix = []
        return count

    def pick(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request gets."""
        for fault in self._waiting:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.left is not None:
                fault.left -= 1
                if not fault.left:
                    self._waiting.remove(fault)
            return fault
        roll = self._dice.random() if self._dice and self._mix else 1.0
        for fault, rate in self._mix:
            roll -= rate
            if roll < 0:
                return fault if fault.matches(method, path) else None
        return None

    def listed(self) -> list[dict[str, Any]]:
        rows = [*self._waiting, *(fault for fault, _ in self._mix)]
        return [{"name": one.name, "path": one.path, "method": one.method, "left": one.left} for one in rows]


def _fault(
    name: str,
    path: str | None,
    method: str | None,
    more: Mapping[str, Any],
    *,
    left: int | None,
    skip: int = 0,
    done: bool | None = None,
) -> Fault:
    if name not in KINDS:
        raise ValueError(f"There is no fault {name!r}. The faults are {', '.join(KINDS)}.")
    if set(more) - MORE:
        raise ValueError(f"A fault has no setting {sorted(set(more) - MORE)[0]!r}.")
    carried_out = KINDS[name] if done is None else done
    return Fault(name, carried_out, path, method.upper() if method else None, left, skip, dict(more))


def faulty_answer(fault: Fault, real: Answer, company: Company) -> Answer:
    """Return what goes back instead of the real answer; faults of time and of the wire leave it as it is."""
    now = int(company.now().timestamp() * 1000)
    match fault.name:
        case "500" | "500_after":
            return refused(
                Refusal("10000", "An application error has occurred", kind="SystemFault"), company.stamp(), status=500
            )
        case "503" | "503_after":
            return Answer(503, b"upstream connect error", "text/plain")
        case "401_expired":
            return unauthorized("Token expired", now)
        case "401_revoked":
            return unauthorized("Token revoked", now)
        case "403":
            return forbidden(now)
        case "429":
            return throttled(company)
        case "3001_in_200":
            return json_answer(
                200, {"Fault": Refusal("3001", "ThrottleExceeded", kind="SERVICE").fault(), "time": company.stamp()}
            )
        case "fault" | "fault_in_200":
            more = fault.more
            refusal = Refusal(
                str(more.get("code", "6000")),
                str(more.get("message", "A business validation error has occurred while processing your request")),
                str(more.get("detail", "")),
                element=str(more.get("element", "")),
                kind=str(more.get("kind", "ValidationFault")),
            )
            return refused(refusal, company.stamp(), status=200 if fault.name == "fault_in_200" else 400)
        case "html":
            return Answer(200, PAGE, HTML)
        case "broken_json":
            return Answer(200, real.body[: max(1, len(real.body) * 2 // 3)], JSON)
        case "empty":
            return Answer(200, b"", JSON)
    return real
