"""All sandboxes together, with two made-up kinds: started, found, driven and kept flowing from another process's side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors import registry, sandboxes
from connectors.contract import ConnectorSpec, Side
from connectors.sandbox_flow import UNKNOWN_SKU, Flow
from connectors.sandboxes import CommandRefused, NoSandbox, Sandboxes


class Box:
    """A sandbox that remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.settings = {"server": "127.0.0.1", "port": str(self.port)}
        self.secrets = {"password": "very-secret"}
        self.page = f"http://127.0.0.1:{self.port}/"
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.stopped = False

    def drive(self, command: str, **arguments: Any) -> Any:
        if command not in {"place_orders", "export", "auto_ship", "state"}:
            raise ValueError(f"There is no command {command} here.")
        self.commands.append((command, arguments))
        return {"stock": {"CAP-1": {}, "CAP-2": {}}} if command == "state" else None

    def stop(self) -> None:
        self.stopped = True


class World:
    """Two kinds, and the boxes that were started of them."""

    def __init__(self) -> None:
        self.boxes: dict[str, list[Box]] = {"shop": [], "store": []}
        self.free_ports = iter(range(40001, 40100))

    def specs(self) -> tuple[ConnectorSpec, ...]:
        return (self.spec("shop", Side.CART), self.spec("store", Side.WMS))

    def spec(self, kind: str, side: Side) -> ConnectorSpec:
        def start(folder: str, ports: Mapping[str, int]) -> Box:
            box = Box(ports.get("http") or next(self.free_ports))
            self.boxes[kind].append(box)
            return box

        def never(opening: object) -> Any:
            raise AssertionError("nobody opens a session here")

        return ConnectorSpec(
            kind=kind, name=kind.title(), side=side, roles=frozenset(), fields=(), open_session=never, sandbox=start
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    one = World()
    monkeypatch.setattr(registry, "all_specs", one.specs)
    return one


@pytest.fixture
def running(world: World, tmp_path: Path) -> Iterator[Sandboxes]:
    one = Sandboxes(tmp_path / "sandbox")
    one.start()
    yield one
    one.stop()


def test_what_a_connection_needs_is_kept_where_only_the_owner_reads(running: Sandboxes) -> None:
    file = running.folder / "shop" / "connection.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert running.folder.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_text())["secrets"] == {"password": "very-secret"}
    assert "very-secret" not in json.dumps(running.describe())


def test_others_find_the_carts_first_and_drive_them(running: Sandboxes, world: World) -> None:
    found = sandboxes.running(running.folder)
    assert [(one.kind, one.name, one.side) for one in found] == [("shop", "Shop", Side.CART), ("store", "Store", Side.WMS)]
    assert "very-secret" not in repr(found)

    sandboxes.drive(running.folder, "shop", "export", name="x.csv")
    assert world.boxes["shop"][0].commands == [("export", {"name": "x.csv"})]


@pytest.mark.parametrize(("kind", "command"), [("shop", "explode"), ("bank", "export"), ("", "explode")])
def test_a_command_that_nobody_knows_is_refused_with_words(running: Sandboxes, kind: str, command: str) -> None:
    with pytest.raises(CommandRefused, match=r"no command|No sandbox of the kind"):
        sandboxes.drive(running.folder, kind, command)


def test_without_sandboxes_the_words_say_how_to_start_them(tmp_path: Path) -> None:
    with pytest.raises(NoSandbox, match="up --sandbox"):
        sandboxes.running(tmp_path)


def test_a_restart_stops_the_old_ones_and_asks_for_their_ports(running: Sandboxes, world: World) -> None:
    running.stop()
    assert world.boxes["shop"][0].stopped
    with pytest.raises(NoSandbox):
        sandboxes.running(running.folder)

    again = Sandboxes(running.folder)
    again.start()
    assert [box.port for box in world.boxes["shop"]] == [40001, 40001]
    again.stop()


def placed(box: Box) -> Counter[tuple[str, ...]]:
    """Return how many orders were placed, by the SKUs that they could have."""
    counts: Counter[tuple[str, ...]] = Counter()
    for command, arguments in box.commands:
        if command == "place_orders":
            counts[tuple(arguments["skus"])] += arguments["count"]
    return counts


def test_orders_flow_until_none_is_left_and_some_have_an_sku_that_the_wms_does_not_have(
    running: Sandboxes, world: World
) -> None:
    flow = Flow(running)
    assert sandboxes.drive(running.folder, "", "flow", orders=8) == 2

    cart, wms = world.boxes["shop"][0], world.boxes["store"][0]
    assert placed(cart) == {("CAP-1", "CAP-2"): 5, (UNKNOWN_SKU,): 1}
    assert cart.commands[-1] == ("export", {})
    assert "auto_ship" in [command for command, _ in wms.commands]

    for _ in range(3):
        flow._place(2)
    assert placed(cart).total() == 8


def test_a_flow_goes_on_after_a_restart(running: Sandboxes, world: World) -> None:
    Flow(running).let_flow(10)
    later = Flow(running)
    later.start()
    assert [command for command, _ in world.boxes["store"][0].commands].count("auto_ship") == 2
    later._place(100)
    later.stop()
    assert placed(world.boxes["shop"][0]).total() == 10
