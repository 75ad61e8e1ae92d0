"""A toy cart that these tests add to the installed connectors, as anybody adds one: by a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import connectors
from cartrover.accounts.models import Account
from connectors import registry
from connectors.actions import connection_save
from connectors.models import Connection

KINDS = Path(__file__).parent / "kinds"


def forget_modules(folders: Path) -> None:
    for path in folders.iterdir():
        for name in [name for name in sys.modules if name.startswith(f"connectors.{path.name}")]:
            del sys.modules[name]
        vars(connectors).pop(path.name, None)


@pytest.fixture
def added_kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Return what adds a folder of connectors to the installed ones for one test."""
    added: list[Path] = []

    def add(folders: Path) -> None:
        monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(folders)])
        added.append(folders)
        registry.forget()

    yield add
    monkeypatch.undo()
    for folders in added:
        forget_modules(folders)
    registry.forget()


@pytest.fixture
def toy(added_kinds) -> ModuleType:
    """The toy cart's module, with a behaviour of its own."""
    added_kinds(KINDS)
    registry.get("toy_cart")
    module = sys.modules["connectors.toy_cart.connector"]
    module.behaviour = module.Behaviour()
    return module


@pytest.fixture
def cart(toy: ModuleType, acme: Account) -> Connection:
    """A toy cart of acme that was saved and never tested."""
    return connection_save(
        account=acme,
        kind="toy_cart",
        name="Toys",
        settings={"server": "toys.example"},
        secrets={"password": "hunter2"},
        actor="alice@example.com",
    )
