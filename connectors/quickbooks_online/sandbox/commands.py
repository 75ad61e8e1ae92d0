"""Gives the commands of `drive` to whoever carries them out: the people, the company's manners, the faults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .answers import Refusal
from .company import OPTIONS, Company
from .faults import Faults
from .notices import Notices
from .oauth import Authority
from .people import People
from .snapshot import order_state, state


class Machinery(Protocol):
    """What the commands need of the running server."""

    company: Company
    people: People
    authority: Authority
    faults: Faults
    notices: Notices

    def requests(self, limit: int) -> dict[str, Any]: ...

    def clear_requests(self) -> None: ...

    def start_shipping(self, every: float) -> None: ...

    def reset(self) -> None: ...


class Commands:
    """Each public method of this class and of `People` is a command; its signature says which arguments there are."""

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery

    def run(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Do it. Raise ValueError, with words, for whatever can't be done."""
        command = self._named(name)
        try:
            inspect.signature(command).bind(**arguments)
        except TypeError as error:
            raise ValueError(f"{name}: {error}.") from None
        try:
            return command(**arguments)
        except Refusal as refusal:
            raise ValueError(refusal.detail) from None
        except (IndexError, KeyError) as error:
            raise ValueError(f"{name}: there is no {error}.") from None

    def _named(self, name: str) -> Callable[..., Any]:
        for holder in (self, self._machinery.people):
            found: Callable[..., Any] | None = None if name.startswith("_") or name == "run" else getattr(holder, name, None)
            if callable(found):
                return found
        names = sorted({one for kind in (Commands, People) for one in vars(kind) if not one.startswith("_")} - {"run"})
        raise ValueError(f"There is no command {name!r}. The commands are {', '.join(names)}.")

    # --- looking -------------------------------------------------------------------------------------------------------------

    def state(
        self, order_number: str | None = None, reference_number: str | None = None, order_id: int | None = None
    ) -> dict[str, Any]:
        company = self._machinery.company
        if order_number is None and reference_number is None and order_id is None:
            return state(company)
        entity, row = self._machinery.people.form(order_number, reference_number, order_id)
        return {"orders": [order_state(company, entity, row)]}

    def requests(self, limit: int = 1000, clear: bool = False) -> dict[str, Any]:
        shown = self._machinery.requests(limit)
        if clear:
            self._machinery.clear_requests()
        return shown

    def clear_requests(self) -> None:
        self._machinery.clear_requests()

    def deliveries(self) -> list[dict[str, Any]]:
        return list(self._machinery.notices.log)

    def notice(self, changes: list[dict[str, str]], form: str = "events") -> dict[str, str]:
        """Return a webhook's body and its signature, and send nothing."""
        body = self._machinery.notices.body_of(changes, form)
        return {"body": body.decode(), "signature": self._machinery.notices.signed(body)}

    # --- manners -------------------------------------------------------------------------------------------------------------

    def set(self, **options: Any) -> dict[str, Any]:
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise ValueError(f"There is no option {unknown[0]!r}. The options are {', '.join(OPTIONS)}.")
        self._machinery.company.options.update(options)
        self._machinery.company.is_dirty = True
        return dict(self._machinery.company.options)

    def advance(self, seconds: float) -> dict[str, str]:
        """Move the clock ahead."""
        self._machinery.company.options["clock_ahead"] += float(seconds)
        return {"now": self._machinery.company.stamp()}

    def reset(self) -> None:
        self._machinery.reset()

    def auto_ship(self, every: float, invoice: bool = True) -> dict[str, float]:
        """Let somebody type tracking numbers each so many seconds; 0 stops that."""
        self._machinery.start_shipping(float(every))
        return {"every": float(every)}

    # --- access --------------------------------------------------------------------------------------------------------------

    def authorize(self, redirect_uri: str = "http://127.0.0.1/callback") -> dict[str, str]:
        """Give a code as if a person had pressed Connect."""
        return {"code": self._machinery.authority.allow(redirect_uri)}

    def expire_tokens(self) -> int:
        return self._machinery.authority.expire()

    def revoke_tokens(self) -> int:
        return self._machinery.authority.revoke_all()

    # --- faults --------------------------------------------------------------------------------------------------------------

    def fault(self, name: str, **how: Any) -> None:
        self._machinery.faults.add(name, **how)

    def chaos(self, seed: int, rates: Mapping[str, float], **how: Any) -> None:
        self._machinery.faults.chaos(seed, rates, **how)

    def faults(self) -> list[dict[str, Any]]:
        return self._machinery.faults.listed()

    def clear_faults(self) -> int:
        return self._machinery.faults.clear()
