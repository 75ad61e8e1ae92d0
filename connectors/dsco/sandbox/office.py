"""The sandbox's office: every command, and what DSCO does by itself from time to time.

All of it runs on one thread, so that commands, jobs and the clock never get in each other's way.
"""

from __future__ import annotations

import base64 as base64_format
import binascii
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.dsco.sandbox import cancels, imports, invoices, orders, placing, stock
from connectors.dsco.sandbox.activity import Activity
from connectors.dsco.sandbox.export import export, grow
from connectors.dsco.sandbox.faults import Faults
from connectors.dsco.sandbox.sftp import Switches
from connectors.dsco.sandbox.state import ACCOUNT, SandboxError, State
from connectors.dsco.sandbox.tree import OutsideTree, Tree

IDLE = 0.25
"""Seconds between two looks into /in when nothing rang: for files that came from the disk instead of a client."""

BUSY = 0.02
"""Seconds between two looks while a file waits for its time."""


SHOWN = 40
"""How many of the newest orders, processes and events the page shows."""


class Office:
    """Carries out commands by name."""

    def __init__(self, state: State, tree: Tree, faults: Faults, activity: Activity, switches: Switches) -> None:
        self.state = state
        self.tree = tree
        self.faults = faults
        self.activity = activity
        self.switches = switches
        self.imports = imports.Imports(state, tree, faults, activity)
        self.connections: Callable[[], int] = lambda: 0
        self._growing: dict[str, tuple[float, float]] = {}
        self._last: dict[str, float] = {"place": time.monotonic(), "export": time.monotonic()}
        self.commands: dict[str, Callable[..., Any]] = {
            "place_orders": self.place_orders,
            "change_orders": self.change_orders,
            "cancel_orders": self.cancel_orders,
            "export": self.export,
            "grow": self.grow,
            "stock": self.stock,
            "retailer": self.retailer,
            "job": self.job,
            "settings": self.settings,
            "process": self.process,
            "fault": self.fault,
            "faults": self.faults.listing,
            "clear_faults": self.clear_faults,
            "state": self.look,
            "order": self.order,
            "process_of": self.process_of,
            "put_file": self.put_file,
            "read_file": self.read_file,
            "remove_file": self.remove_file,
            "reset": self.reset,
        }
        self.apply_settings()

    def carry_out(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out a command. Raise `SandboxError` for one that isn't there, or arguments that don't fit it."""
        function = self.commands[command]
        check_arguments(command, function, arguments)
        return function(**arguments)

    def apply_settings(self) -> None:
        """Hand the server what it must know of the settings."""
        for name in ("archive_after_download", "archive_half_read", "client_may_rename", "client_may_remove"):
            setattr(self.switches, name, self.state.settings[name])

    # --- the clock -------------------------------------------------------------------------------------------------------

    def tick(self) -> float:
        """Do what is due and return after how many seconds to look again."""
        self.imports.step()
        now = time.monotonic()
        for name, (every, due) in list(self._growing.items()):
            if now >= due:
                self._grow_on(name, every, now)
        if self._is_due("place", now):
            self.place_orders(count=self.state.settings["place_count"], retailers=3, lines=[1, 3], quiet=True)
        if self._is_due("export", now):
            self.export()
        waits = self.state.settings["pick_up"] == "automatic" and self.imports.waiting()
        return BUSY if waits or self._growing else IDLE

    def _is_due(self, what: str, now: float) -> bool:
        every = self.state.settings[f"{what}_every"]
        if not every or now - self._last[what] < every:
            return False
        self._last[what] = now
        return True

    def _grow_on(self, name: str, every: float, now: float) -> None:
        self._growing[name] = (every, now + every)
        if self.grow(name=name)["pieces_left"] == 0:
            del self._growing[name]

    # --- orders ----------------------------------------------------------------------------------------------------------

    def place_orders(self, **arguments: Any) -> Any:
        """Place orders; see `placing.place`."""
        check_arguments("place_orders", placing.place, {"state": None, **arguments})
        return placing.place(self.state, **arguments)

    def change_orders(self, **arguments: Any) -> list[dict[str, Any]]:
        """Change orders; see `orders.change`."""
        check_arguments("change_orders", orders.change, {"state": None, **arguments})
        return orders.change(self.state, **arguments)

    def cancel_orders(self, **arguments: Any) -> list[dict[str, Any]]:
        """Let the retailer cancel orders; see `orders.cancel`."""
        check_arguments("cancel_orders", orders.cancel, {"state": None, **arguments})
        return orders.cancel(self.state, **arguments)

    def export(self, *, every: float = 0, **arguments: Any) -> dict[str, Any] | None:
        """Write a file of orders; see `export.export`. With `every` its further pieces follow by themselves."""
        check_arguments("export", export, {"state": None, "tree": None, **arguments})
        made = export(self.state, self.tree, **arguments)
        if made is not None:
            self.activity.note("export", made["path"], made["size"])
            if every and made["pieces_left"]:
                self._growing[made["name"]] = (every, time.monotonic() + every)
        return made

    def grow(self, name: str | None = None) -> dict[str, Any]:
        """Write the next piece of a growing file."""
        return grow(self.state, self.tree, name)

    def order(self, order: str) -> dict[str, Any]:
        """Return one order with all its columns."""
        return orders.whole(self.state, order)

    # --- what DSCO's staff and the retailers set -------------------------------------------------------------------------

    def stock(self, levels: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Set DSCO's quantities by hand."""
        return stock.set_levels(self.state, levels or {})

    def retailer(self, name: str, require: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Open a retailer's account, or say which columns it demands by workflow."""
        id_ = orders.retailer_id(self.state, name)
        if require is not None:
            for workflow in require:
                self.state.job(workflow)
            self.state.db.execute("update retailers set require = ? where id = ?", (json.dumps(dict(require)), id_))
        row = self.state.db.execute("select * from retailers where id = ?", (id_,)).fetchone()
        return {"id": row["id"], "name": row["name"], "require": json.loads(row["require"])}

    def job(
        self,
        workflow: str,
        pattern: str | None = None,
        folder: str | None = None,
        delimiter: str | None = None,
        enabled: bool | None = None,
    ) -> dict[str, Any]:
        """Change a job."""
        if folder is not None:
            folder = self.tree.far(folder).lstrip("/")
            self.tree.local(folder).mkdir(parents=True, exist_ok=True)
        values = {"pattern": pattern, "folder": folder, "delimiter": delimiter, "enabled": enabled}
        self.state.set_job(workflow, values)
        return dict(self.state.job(workflow))

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings and return all of them."""
        found = self.state.set_settings(values)
        self.apply_settings()
        return found

    def process(self) -> list[dict[str, Any]]:
        """Let the jobs take all that waits, at once; return every import so far."""
        while self.imports.step(now=True):
            continue  # a second file of the same name comes after the first
        return self.imported()

    def imported(self) -> list[dict[str, Any]]:
        """Return every import so far, oldest first."""
        return [process for process in imports.processes(self.state) if process["workflow"] != "order"]

    # --- faults ----------------------------------------------------------------------------------------------------------

    def fault(self, name: str, times: int | None = None, path: str = "*", **arguments: Any) -> list[dict[str, Any]]:
        """Switch a fault on."""
        self.faults.switch_on(name, path, times, arguments)
        return self.faults.listing()

    def clear_faults(self, name: str | None = None) -> list[dict[str, Any]]:
        """Switch faults off."""
        self.faults.clear(name)
        return self.faults.listing()

    # --- looking and files -----------------------------------------------------------------------------------------------

    def look(self, only: Sequence[str] | None = None) -> dict[str, Any]:
        """Return everything there is to know, or just some parts of it."""
        parts: dict[str, Callable[[], Any]] = {
            "account": lambda: ACCOUNT,
            "orders": lambda: list(orders.listing(self.state)),
            "tracking": self._tracking,
            "invoices": lambda: invoices.listing(self.state),
            "cancels": lambda: cancels.listing(self.state),
            "inventory": lambda: stock.listing(self.state),
            "processes": lambda: imports.processes(self.state),
            "problems": lambda: imports.problems(self.state),
            "files": self.tree.files,
            "jobs": lambda: [dict(row) for row in self.state.db.execute("select * from jobs")],
            "settings": lambda: dict(self.state.settings),
            "faults": self.faults.listing,
            "activity": self.activity.entries,
            "connections": self.connections,
        }
        wanted = list(parts) if only is None else list(only)
        unknown = [name for name in wanted if name not in parts]
        if unknown:
            raise SandboxError(f"state has no {', '.join(unknown)}; it has {', '.join(parts)}.")
        return {name: parts[name]() for name in wanted}

    def overview(self) -> dict[str, Any]:
        """Return what the page shows: the newest of everything."""
        return {
            "orders": orders.newest(self.state, SHOWN),
            "counts": orders.counts(self.state),
            "files": self.tree.files(),
            "processes": imports.history(self.state, SHOWN),
            "faults": self.faults.listing(),
            "activity": self.activity.entries()[-SHOWN:],
        }

    def process_of(self, id: int | str) -> dict[str, Any]:
        """Return one process with the result of each row."""
        found = imports.processes(self.state, int(id)) if str(id).isdigit() else []
        if not found:
            raise SandboxError(f"There is no process {id}.")
        return found[0]

    def _tracking(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        query = "select dsco_order_id, tracking_number from packages join orders on seq = order_seq order by packages.id"
        for row in self.state.db.execute(query):
            numbers = found.setdefault(row["dsco_order_id"], [])
            if row["tracking_number"] not in numbers:
                numbers.append(row["tracking_number"])
        return found

    def put_file(
        self, path: str, text: str | None = None, base64: str | None = None, age: float | None = 60.0
    ) -> dict[str, Any]:
        """Put a file anywhere into the tree, dated `age` seconds back."""
        if (text is None) == (base64 is None):
            raise SandboxError("Give either text or base64.")
        try:
            body = text.encode() if text is not None else base64_format.b64decode(base64 or "", validate=True)
            self.tree.write_whole(path, body, age)
            self.tree.touched(self.tree.far(path))
        except (binascii.Error, OSError, OutsideTree) as error:
            raise SandboxError(f"The file {path} can't be put there: {error}.") from None
        return {"path": self.tree.far(path), "size": len(body)}

    def read_file(self, path: str, base64: bool = False) -> str:
        """Return a file's text, or its bytes as base64."""
        body = self.tree.read(path)
        return base64_format.b64encode(body).decode() if base64 else body.decode("utf-8", "replace")

    def remove_file(self, path: str) -> None:
        """Take a file away, as DSCO does after 60 days."""
        self.tree.read(path)
        self.tree.local(path).unlink()

    def reset(self) -> None:
        """Make everything as at the first start, but for login, token and host key."""
        self.faults.clear()
        self._growing.clear()
        self.tree.empty()
        self.state.wipe()
        self.apply_settings()
        self.activity.clear()


def check_arguments(command: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise `SandboxError` when a command doesn't take these arguments."""
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise SandboxError(f"{command}: {error}.") from None
