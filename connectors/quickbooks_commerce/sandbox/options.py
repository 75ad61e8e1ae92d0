"""The switches of the sandbox: manners of the far side that merchants' accounts differ in, or that no source tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES = {"over_limit": ("clamp", "refuse"), "idempotency": ("refuse", "conflict", "replay")}


@dataclass(slots=True)
class Options:
    """What `drive("set", ...)` changes; it survives a restart."""

    rate_limit: int = 300
    rate_window: int = 300
    strict_order_numbers: bool = False
    unique_company_codes: bool = False
    over_limit: str = "clamp"
    idempotency: str = "refuse"
    remember_failed_keys: bool = False
    token_seconds: int = 7200
    latency_ms: int = 0
    list_voided: bool = True
    price_required: bool = False
    stock_touches_variant: bool = False
    unauthorized_type: str = "unauthorized"
    webhook_retry_seconds: float | None = None
    clock_ahead: float = 0.0

    def change(self, **wanted: Any) -> None:
        """Set options. Raise ValueError for a name or value that isn't one; then nothing changed."""
        kinds = {item.name: type(item.default) for item in fields(self)} | {"webhook_retry_seconds": float}
        checked: dict[str, Any] = {}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"There is no option {name!r}. The options are {', '.join(kinds)}.")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}.")
            checked[name] = _converted(name, value, kinds[name])
        for name, value in checked.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _converted(name: str, value: Any, kind: type) -> Any:
    if name == "webhook_retry_seconds" and value is None:
        return None
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind or (isinstance(value, int) and value < 0):
        raise ValueError(f"{name} must be a {kind.__name__} and not below 0, not {value!r}.")
    return value
