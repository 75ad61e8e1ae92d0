"""Keeps orders flowing in the sandboxes: carts get orders that customers place, the WMS packs, ships and invoices.

It asks the sandboxes only for what those of a side have in common: a cart's `place_orders(count, retailers, lines, quantity,
skus)` and `export()`, a WMS's `state()` with its `stock` by SKU and `auto_ship(every)`.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from pathlib import Path

from connectors.contract import Side
from connectors.sandboxes import Sandboxes

log = logging.getLogger(__name__)

PLACE_EVERY = 20.0
"""Seconds between two handfuls of orders: often enough to watch, seldom enough to read."""

SHIP_EVERY = 45.0
"""Seconds between two rounds of the warehouse: an order can be seen at the WMS before it is shipped."""

AT_ONCE = 3
FIRST_HANDFUL = 6

UNKNOWN_ONE_IN = 12
"""One order in so many has an SKU that the WMS doesn't have, so that a held order can be seen and mended."""

UNKNOWN_SKU = "NEW-CAP-7"


class Flow:
    """Places orders until none is `left`. What is left is kept in a file, so that a restart goes on where it was."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes
        self._file: Path = sandboxes.folder / "flow.json"
        self._wake = threading.Event()
        self._stopped = False
        self._lock = threading.Lock()
        self._random = random.Random()
        self._placed = 0
        self._thread = threading.Thread(target=self._run, name="sandbox flow", daemon=True)
        sandboxes.extra["flow"] = self.let_flow

    def start(self) -> None:
        """Begin, or go on where an earlier process was."""
        if self._left():
            self._open_warehouses()
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def let_flow(self, orders: int) -> int:
        """Place a first handful at once and the rest bit by bit, `orders` in all; return how many are still to come."""
        with self._lock:
            self._set_left(orders)
            self._open_warehouses()
            self._place(FIRST_HANDFUL)
        self._wake.set()
        return self._left()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(PLACE_EVERY)
            if self._wake.is_set():
                self._wake.clear()
                continue
            try:
                with self._lock:
                    self._place(self._random.randint(1, AT_ONCE))
            except ValueError as refused:
                log.warning("A sandbox refused to place orders: %s", refused)

    def _place(self, count: int) -> None:
        """Let customers of every cart order, and the carts hand the orders on."""
        count = min(count, self._left())
        if not count:
            return
        known = self._known_skus()
        strange = sum(1 for number in range(self._placed, self._placed + count) if number % UNKNOWN_ONE_IN == 1 or not known)
        self._placed += count
        for cart in self._sandboxes.of_side(Side.CART):
            if strange:
                cart.drive("place_orders", count=strange, skus=[UNKNOWN_SKU])
            if count > strange:
                cart.drive("place_orders", count=count - strange, retailers=AT_ONCE, lines=[1, 3], quantity=[1, 3], skus=known)
            cart.drive("export")
        self._set_left(self._left() - count)

    def _known_skus(self) -> list[str]:
        return sorted({sku for wms in self._sandboxes.of_side(Side.WMS) for sku in wms.drive("state")["stock"]})

    def _open_warehouses(self) -> None:
        for wms in self._sandboxes.of_side(Side.WMS):
            wms.drive("auto_ship", every=SHIP_EVERY)

    def _left(self) -> int:
        try:
            return int(json.loads(self._file.read_text())["left"])
        except (OSError, ValueError, KeyError):
            return 0

    def _set_left(self, left: int) -> None:
        self._file.write_text(json.dumps({"left": left}))
