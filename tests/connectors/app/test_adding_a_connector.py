"""A connector is one folder: a copy of the template under another name is there, everywhere, without another edit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import registry
from connectors.contract import RunningSandbox
from connectors.models import Connection, ConnectionState, Outcome, ServiceName
from connectors.schedules import services_of
from orders.dispatcher import run_named
from orders.models import Order, OrderLine
from tests.orders.commands.conftest import manage

__all__ = ["manage"]

ROOT = Path(__file__).resolve().parents[3]
KIND = "corner_shop"


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "connectors" / "_template", tmp_path / "kinds" / KIND, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "kinds"


@pytest.fixture
def sandbox(folders: Path, added_kinds, tmp_path: Path) -> Iterator[RunningSandbox]:
    added_kinds(folders)
    start = registry.get(KIND).sandbox
    assert start is not None
    box = start(str(tmp_path / "state"), {})
    yield box
    box.stop()


def test_a_copied_folder_is_a_connector_with_its_guide_fields_and_services(sandbox):
    spec = registry.get(KIND)
    assert spec in registry.all_specs()
    assert registry.broken() == ()
    assert [step.fields for step in spec.guide.steps] == [("shop",), ("api_key", "api_url")]
    assert services_of(spec) == (ServiceName.ORDER_DOWNLOAD, ServiceName.SHIPMENT_UPLOAD)


def test_it_is_connected_from_the_command_line_and_its_orders_come(sandbox, manage, acme, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", sandbox.secrets["api_key"])
    sets = [word for name, value in sandbox.settings.items() for word in ("--set", f"{name}={value}")]
    done = manage("connect", "acme", KIND, "--name", "Corner", *sets, "--secret", "api_key=SHOP_KEY", "--activate", "--json")
    assert (done.code, done.err) == (0, "")
    assert [step["ok"] for step in done.document["check"]] == [True, True, True]
    cart = Connection.objects.for_account(acme).get()
    assert (cart.state, cart.live) == (ConnectionState.OK, True)

    placed = sandbox.drive("place_orders", count=5, lines=[2, 3])
    sandbox.drive("export", scattered=True)
    finished = _download_all(cart)
    assert finished.outcome == Outcome.DONE, finished.problem
    assert Order.objects.for_account(acme).count() == 5
    assert OrderLine.objects.for_account(acme).count() == sum(len(order["lines"]) for order in placed)


def _download_all(cart: Connection):
    """A file that is younger than half a minute is taken when its size stays the same from one run to the next."""
    for _ in range(2):
        (finished,) = run_named([cart], [ServiceName.ORDER_DOWNLOAD])
    return finished


def test_it_keeps_the_promises_of_the_contract(folders: Path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.connectors.app.added_kind",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    done = subprocess.run(
        [*command, "-q", "tests/contract", "-k", KIND],
        cwd=ROOT,
        env={**os.environ, "ADDED_KINDS": str(folders)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 10
