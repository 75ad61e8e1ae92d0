"""A cart without a far side: what its sessions do is written into `behaviour` by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import (
    CheckStep,
    ConnectorSpec,
    Field,
    FieldKind,
    Guide,
    GuideStep,
    OAuthSpec,
    Opening,
    ParseSummary,
    Purpose,
    RateLimit,
    Role,
    Side,
)


@dataclass
class Behaviour:
    """What the next sessions do, and what was seen of them."""

    steps: list[CheckStep] = field(default_factory=lambda: [CheckStep("connect", True, "Signed in.")])
    on_open: Callable[[Opening], None] = lambda opening: None
    on_check: Callable[[Opening], None] = lambda opening: None
    host_key: str = ""
    opened: int = 0
    closed: int = 0


behaviour = Behaviour()


class ToySession:
    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.seen_host_key = ""
        behaviour.opened += 1
        behaviour.on_open(opening)

    def check(self) -> Iterator[CheckStep]:
        self.seen_host_key = behaviour.host_key
        behaviour.on_check(self.opening)
        yield from behaviour.steps

    def close(self) -> None:
        behaviour.closed += 1


def identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    return f"{settings['server']}:{settings['port']}"


SPEC = ConnectorSpec(
    kind="toy_cart",
    name="Toy Cart",
    side=Side.CART,
    roles=frozenset({Role.ORDER_SOURCE, Role.SHIPMENT_SINK}),
    fields=(
        Field(name="server", label="Server", kind=FieldKind.HOST, required=True),
        Field(name="port", label="Port", kind=FieldKind.INTEGER, default="22", minimum=1, maximum=65535),
        Field(name="password", label="Password", kind=FieldKind.SECRET, required=True),
        Field(name="greeting", label="Greeting", default="hello"),
        Field(name="share", label="Share", kind=FieldKind.DECIMAL, default="0.5"),
        Field(name="authorize_url", label="Authorize URL", kind=FieldKind.URL, default="https://far.example/authorize"),
        Field(name="token_url", label="Token URL", kind=FieldKind.URL, default="https://far.example/token"),
        Field(name="client_id", label="Client id", default="hub"),
        Field(name="client_secret", label="Client secret", kind=FieldKind.SECRET),
    ),
    guide=Guide(
        steps=(GuideStep(title="Find the server", body="It is on the box.", fields=("server", "earliest_order_date")),)
    ),
    oauth=OAuthSpec(),
    limits=RateLimit(requests=100, window_seconds=60),
    open_session=ToySession,
    identity=identity,
    parse_orders=lambda body, name, settings: iter([ParseSummary(rows=0)]),
    renderers={Purpose.SHIPMENTS: lambda rows, settings: b""},
    name_document=lambda purpose, made_at, short_id, settings: f"{purpose}-{short_id}",
)
