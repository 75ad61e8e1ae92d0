"""The import jobs: from /in over /in/processing to /in/archive, with a result for each row.

The folders say only that a file was processed; what was accepted stands in the history (Source: DSCO reference 2). A process
that was cut short by the end of the sandbox goes on at the next start: its rows are taken in one transaction, once.
"""

from __future__ import annotations

import fnmatch
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from connectors.dsco.sandbox import cancels, inventory, invoices, shipments
from connectors.dsco.sandbox.activity import Activity
from connectors.dsco.sandbox.faults import Faults
from connectors.dsco.sandbox.rows import BadFile, Result, Workflow, read_rows
from connectors.dsco.sandbox.state import State, now_text
from connectors.dsco.sandbox.tree import Tree

WORKFLOWS: dict[str, tuple[Workflow, tuple[tuple[str, ...], ...]]] = {
    "shipment": (shipments.take, shipments.NEEDED),
    "invoice": (invoices.take, invoices.NEEDED),
    "inventory": (inventory.take, inventory.NEEDED),
    "cancel": (cancels.take, cancels.NEEDED),
}

PROCESSING, ARCHIVE = "/in/processing", "/in/archive"
FACTS = ("po_number", "dsco_order_id", "line_number", "sku", "quantity", "reference")


class Imports:
    """Takes files from /in as the jobs say. Runs on the office thread."""

    def __init__(self, state: State, tree: Tree, faults: Faults, activity: Activity) -> None:
        self.state = state
        self.tree = tree
        self.faults = faults
        self.activity = activity
        self._began: dict[int, float] = {}

    def step(self, *, now: bool = False) -> list[int]:
        """Take what is due one step further and return the processes that ended; `now` means all, whatever the settings."""
        if now or self.state.settings["pick_up"] == "automatic":
            self._pick_up(now)
        return self._finish(now)

    def waiting(self) -> list[str]:
        """Return the far names of files that a job will take, or is taking, or that somebody still writes."""
        found = [f"{folder}/{name}" for folder, name, _ in self._matching()]
        return found + [f"{PROCESSING}/{row['file']}" for row in self._open_processes()]

    def _matching(self) -> list[tuple[str, str, sqlite3.Row]]:
        """Return the files that lie where a job looks for them: folder, name, job."""
        jobs = self.state.db.execute("select * from jobs where workflow <> 'order' and enabled").fetchall()
        found = []
        for folder in sorted({self.tree.far(job["folder"]) for job in jobs}):
            for name in self.tree.names(folder):
                for job in jobs:
                    if self.tree.far(job["folder"]) == folder and fnmatch.fnmatchcase(name, job["pattern"]):
                        found.append((folder, name, job))
                        break
        return found

    def _pick_up(self, now: bool) -> None:
        """Move what rested long enough to /in/processing, whatever came first first, as a job that looks all the time would.

        Two files of one name go one after the other.
        """
        for folder, name, job in sorted(self._matching(), key=lambda file: self.tree.last_touched(f"{file[0]}/{file[1]}")):
            far = f"{folder}/{name}"
            if not now and self.tree.rests_for(far) < self.state.settings["pick_up_after"]:
                continue
            target = f"{PROCESSING}/{name}"
            if self.tree.local(target).exists() or not self.tree.move(far, target):
                continue
            size = self.tree.local(target).stat().st_size
            with self.state.change() as db:
                db.execute(
                    "insert into processes (workflow, job, file, size, status, queued_at) values (?, ?, ?, ?, 'Queued', ?)",
                    (job["workflow"], job["name"], name, size, now_text()),
                )
            self.activity.note("processing", target, size)

    def _open_processes(self) -> list[sqlite3.Row]:
        return self.state.db.execute(
            "select * from processes where status not in ('Finished', 'Failed') order by id"
        ).fetchall()

    def _finish(self, now: bool) -> list[int]:
        """Process what lay in /in/processing long enough, then archive it."""
        self._adopt()
        ended = []
        for process in self._open_processes():
            began = self._began.setdefault(process["id"], time.monotonic())
            if process["status"] == "Queued":
                self.state.db.execute("update processes set status = 'Assigned' where id = ?", (process["id"],))
            if now or time.monotonic() - began >= self.state.settings["processing_seconds"]:
                self._run(process)
                self._began.pop(process["id"], None)
                ended.append(process["id"])
        self._archive_processed()
        return ended

    def _adopt(self) -> None:
        """Give a process to files in /in/processing that have none: the sandbox was killed just after it moved them."""
        known = {row["file"] for row in self._open_processes()}
        for name in self.tree.names(PROCESSING):
            if name in known or self._just_ended(name):
                continue
            jobs = self.state.db.execute("select * from jobs where workflow <> 'order'").fetchall()
            job = next((job for job in jobs if fnmatch.fnmatchcase(name, job["pattern"])), None)
            if job is not None:
                size = self.tree.local(f"{PROCESSING}/{name}").stat().st_size
                self.state.db.execute(
                    "insert into processes (workflow, job, file, size, status, queued_at) values (?, ?, ?, ?, 'Queued', ?)",
                    (job["workflow"], job["name"], name, size, now_text()),
                )

    def _just_ended(self, name: str) -> bool:
        return name in self.state.get("to_archive", [])

    def _archive_processed(self) -> None:
        """Move the files of ended processes; one of the same name in the archive is replaced."""
        names = self.state.get("to_archive", [])
        if not names:
            return
        for name in names:
            self.tree.move(f"{PROCESSING}/{name}", f"{ARCHIVE}/{name}")
            self.activity.note("processed", f"{ARCHIVE}/{name}")
        self.state.put("to_archive", [])

    def _run(self, process: sqlite3.Row) -> None:
        """Take the rows of one file. Rows, results and the end of the process are kept together or not at all."""
        self.state.db.execute(
            "update processes set status = 'Running', started_at = ? where id = ?", (now_text(), process["id"])
        )
        status, words, results = "Finished", "", list[Result]()
        with self.state.change() as db:
            try:
                results = self._take(process)
                words = f"{len(results)} rows read."
            except BadFile as error:
                status, words = "Failed", str(error)
            counts = _counts(results)
            db.execute(
                "update processes set status = ?, finished_at = ?, words = ?, ok = ?, warnings = ?, errors = ? where id = ?",
                (status, now_text(), words, *counts, process["id"]),
            )
            db.executemany(
                "insert into results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [_row(process["id"], one) for one in results]
            )
            self.state.put("to_archive", [*self.state.get("to_archive", []), process["file"]])

    def _take(self, process: sqlite3.Row) -> list[Result]:
        path = f"{PROCESSING}/{process['file']}"
        if self.faults.happens("fail_import", path):
            raise BadFile("The job failed; the file wasn't read. Try again or ask support.")
        take, needed = WORKFLOWS[process["workflow"]]
        try:
            body = self.tree.local(path).read_bytes()
        except FileNotFoundError:
            raise BadFile("The file is gone.") from None
        results = read_rows(body, self.state.job(process["workflow"])["delimiter"], needed)
        take(self.state, process["id"], results)
        return results


def _counts(results: Sequence[Result]) -> tuple[int, int, int]:
    outcomes = [result.outcome for result in results]
    return outcomes.count("ok"), outcomes.count("warning"), outcomes.count("error")


def _row(process_id: int, result: Result) -> tuple[Any, ...]:
    facts = [result.facts.get(name, "") for name in FACTS]
    return (process_id, result.row, result.outcome, result.code, result.words, *facts)


def processes(state: State, only: int | None = None) -> list[dict[str, Any]]:
    """Return the jobs' history with the result of each row, oldest first; all of it, or just this process."""
    found = state.db.execute("select * from processes where id = coalesce(?, id) order by id", (only,)).fetchall()
    return [dict(row) | {"rows": rows(state, row["id"])} for row in found]


def history(state: State, newest: int) -> list[dict[str, Any]]:
    """Return the newest processes without their rows, oldest first."""
    found = state.db.execute("select * from processes order by id desc limit ?", (newest,)).fetchall()
    return [dict(row) for row in reversed(found)]


def rows(state: State, process_id: int) -> list[dict[str, Any]]:
    """Return what became of each row of one file."""
    query = "select * from results where process_id = ? order by row"
    return [_shown(row) for row in state.db.execute(query, (process_id,))]


def problems(state: State) -> list[dict[str, Any]]:
    """Return every row that wasn't simply taken, and every file that failed, with the file's name."""
    failed = [
        {"file": row["file"], "row": 0, "outcome": "error", "code": "failed", "words": row["words"]}
        for row in state.db.execute("select file, words from processes where status = 'Failed' order by id")
    ]
    query = (
        "select processes.file, results.* from results join processes on processes.id = process_id"
        " where outcome <> 'ok' order by process_id, row"
    )
    return failed + [_shown(row) for row in state.db.execute(query)]


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {name: value for name, value in dict(row).items() if name != "process_id"}
