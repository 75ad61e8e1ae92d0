"""A session of every connector on its own sandbox, without the hub around it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import registry
from connectors.contract import ConnectorSpec, Opening, RunningSandbox, Session
from connectors.field_values import clean, typed
from connectors.hub_fields import fields_of
from tests.servers.hub import CountingLimiter, OpenNetwork, SharedTokens, no_progress, utc_now


@dataclass
class Remembered:
    """A connection's memory, for one test."""

    facts: dict[tuple[str, str], str] = field(default_factory=dict)

    def get(self, kind: str, keys: Collection[str]) -> dict[str, str]:
        return {key: self.facts[kind, key] for key in keys if (kind, key) in self.facts}

    def put(self, kind: str, values: Mapping[str, str]) -> None:
        self.facts |= {(kind, key): value for key, value in values.items()}

    def forget(self, kind: str, keys: Collection[str]) -> None:
        for key in keys:
            self.facts.pop((kind, key), None)

    def make_once(self, kind: str, key: str, *, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        if (kind, key) not in self.facts:
            self.facts[kind, key] = find() or make(f"{kind}-{key}")
        return self.facts[kind, key]


@dataclass
class Bench:
    """A connector, its sandbox, and what opens sessions on it."""

    spec: ConnectorSpec
    box: RunningSandbox
    memory: Remembered = field(default_factory=Remembered)

    def settings(self, **changes: str) -> dict[str, Any]:
        fields = fields_of(self.spec)
        return typed(fields, clean(fields, {**self.box.settings, **changes}))

    def open(self, *, secrets: Mapping[str, str] | None = None, **changes: str) -> Session:
        return self.spec.open_session(
            Opening(
                settings=self.settings(**changes),
                secrets=dict(self.box.secrets) if secrets is None else secrets,
                network=OpenNetwork(),
                limiter=CountingLimiter(),
                memory=self.memory,
                tokens=SharedTokens(None),
                progress=no_progress,
                now=utc_now,
            )
        )


def kinds() -> list[str]:
    """Every connector that is installed and has a sandbox."""
    return [spec.kind for spec in registry.all_specs() if spec.sandbox is not None]


@pytest.fixture(scope="session")
def _boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningSandbox]]:
    running: dict[str, RunningSandbox] = {}
    yield running
    for box in running.values():
        box.stop()


@pytest.fixture
def make_bench(_boxes: dict[str, RunningSandbox], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bench]:
    def make(kind: str) -> Bench:
        spec = registry.get(kind)
        if kind not in _boxes:
            assert spec.sandbox is not None
            _boxes[kind] = spec.sandbox(str(tmp_path_factory.mktemp(kind)), {})
        _boxes[kind].drive("reset")
        return Bench(spec, _boxes[kind])

    return make


def today() -> datetime:
    return datetime.now(UTC)
