"""A worker that is killed at each step of each flow, before and after every commit and every request to a far side."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.models import ServiceName
from tests.faults.installation import Installation, environment
from tests.faults.model import SKUS
from tests.faults.parts import ROOT
from tests.faults.tally import Tell
from tests.hub import ROUND

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

STEPS_AT_MOST = 150
APART = int(os.environ.get("FAULTS_STEPS_APART", "1"))
"""Of how many steps one is died at; 1 is each. All are too many for a run that somebody waits for."""
SEED = int(os.environ.get("FAULTS_SEED") or random.randrange(1000))
"""Decides which ones they are."""

BEFORE = {
    ServiceName.ORDER_DOWNLOAD: [],
    ServiceName.ORDER_DELIVERY: [ServiceName.ORDER_DOWNLOAD],
    ServiceName.SHIPMENT_PICKUP: [ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY],
    ServiceName.INVENTORY_PICKUP: [],
    ServiceName.SHIPMENT_UPLOAD: [ServiceName.SHIPMENT_PICKUP],
    ServiceName.INVOICE_UPLOAD: [ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD],
    ServiceName.CANCEL_UPLOAD: [ServiceName.SHIPMENT_PICKUP],
    ServiceName.INVENTORY_UPLOAD: [ServiceName.INVENTORY_PICKUP],
}
"""What must have run before a service has something to do."""


@dataclass
class Stepper:
    """Runs services of an installation, each run in a process that dies at the step that is asked for."""

    process: subprocess.Popen[str]
    deaths: Counter[str] = field(default_factory=Counter)

    def run(self, *services: ServiceName, die_at: int = 0) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"services": services, "die_at": die_at}) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        if said["died"]:
            self.deaths[said["at"]] += 1
        return said


@pytest.fixture
def stepper(hub: Installation) -> Iterator[Stepper]:
    told = environment(hub.folder, DATABASE_URL=hub.database_url, CELERY_BROKER_URL="")
    command = [sys.executable, "-m", "tests.faults.stepper"]
    with (hub.folder / "stepper.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    yield Stepper(process)
    process.communicate(timeout=60)


def _work_for(service: ServiceName, hub: Installation) -> None:
    """Let the far sides do what gives this service something to do, before or after what runs ahead of it."""
    if service in (ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY):
        hub.trade.place(1, lines=(1, 2))
    elif service in (ServiceName.INVENTORY_PICKUP, ServiceName.INVENTORY_UPLOAD):
        for sku in SKUS:
            hub.trade.commerce.drive("set_stock", sku=sku, quantity=hub.trade.dice.randrange(500, 1000))
    elif service == ServiceName.CANCEL_UPLOAD:
        hub.trade.warehouse_voids(hub.delivered())
    else:
        hub.trade.warehouse_works(at_most=1)


@pytest.mark.parametrize("service", ROUND)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(
    service: ServiceName, hub: Installation, stepper: Stepper, tell: Tell
) -> None:
    if service not in (ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY):
        hub.trade.place(40, lines=(1, 2))
        stepper.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    died_at = 0
    for die_at in range(random.Random(f"{SEED} {service}").randint(1, APART), STEPS_AT_MOST, APART):
        _work_for(service, hub)
        stepper.run(*BEFORE[service])
        if not stepper.run(service, die_at=die_at)["died"]:
            break
        died_at += 1
        # Whoever comes next finishes what was begun, so that the next one dies in work of its own.
        stepper.run(service)
    else:
        pytest.fail(f"{service} has more than {STEPS_AT_MOST} steps")
    found: list[str] = []
    for _ in range(8):
        hub.trade.warehouse_works(1.0)
        stepper.run(*ROUND)
        hub.trade.dsco.drive("process")
        found = hub.trade.differences(hub.rows)
        if not found:
            break
        hub.flow(1.0)
    assert not found, "\n".join([*found, *map(str, stepper.deaths.items()), (hub.folder / "stepper.log").read_text()[-3000:]])
    which = "each step" if APART == 1 else f"one of {APART} steps, FAULTS_SEED={SEED}"
    tell(f"{service}: killed at {which}, {died_at} times: {hub.outcome()}, 0 differences")
