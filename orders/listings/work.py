"""Work in the background as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orders import words
from orders.acts.backfilling import LOAD, LOOK
from orders.acts.jobs import kinds
from orders.models import InboundDocument, InboundState, Job, JobState

STATES = {
    JobState.WAITING: "Begins in a moment",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.STOPPED: "Stopped",
    JobState.FAILED: "Failed",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were refused, how many, and a few of them by name."""

    words: str
    number: int
    examples: Sequence[str]

    @property
    def more(self) -> int:
        return self.number - len(self.examples)


@dataclass(frozen=True, slots=True)
class FileFound:
    """A file that was looked into or is read again, with what became of its orders."""

    name: str
    words: str
    counts: Sequence[tuple[str, int]]
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """Everything on the page of a job."""

    job: Job
    about: str
    state: str
    reasons: Sequence[Reason]
    files: Sequence[FileFound]

    @property
    def is_look(self) -> bool:
        return self.job.kind == LOOK

    @property
    def has_news(self) -> bool:
        """Whether any of the files that were looked into has orders that would be loaded or changed."""
        return any(name in ("new", "changed") and number for file in self.files for name, number in file.counts)

    @property
    def is_open(self) -> bool:
        """While there is more to come: the page keeps itself up to date."""
        return self.job.is_open or any(file.is_waiting for file in self.files)

    @property
    def worked(self) -> int:
        return self.job.done + self.job.refused


def work_page(job: Job) -> Work:
    """Return how far a job is and what came out of it, the commonest reasons first."""
    reasons = [Reason(said, entry["number"], entry["examples"]) for said, entry in job.reasons.items()]
    return Work(
        job=job,
        about=kinds()[job.kind].about(job.asked),
        state=STATES[JobState(job.state)],
        reasons=sorted(reasons, key=lambda reason: -reason.number),
        files=_files(job),
    )


def _files(job: Job) -> list[FileFound]:
    """The files of the job: as they were found, or, where they are read again, as they stand now."""
    if job.kind != LOAD:
        found = [(entry, entry.get("counts", {})) for entry in job.found]
        return [
            FileFound(entry["name"], entry["words"], [pair for pair in counts.items() if pair[1]]) for entry, counts in found
        ]
    wanted = [entry["document"] for entry in job.found]
    documents = InboundDocument.objects.for_account(job.account_id).filter(public_id__in=wanted).order_by("pk")
    return [_read(document) for document in documents]


def _read(document: InboundDocument) -> FileFound:
    is_waiting = document.state in (InboundState.SEEN, InboundState.WANTED, InboundState.FETCHED)
    is_read = document.state == InboundState.READ
    said = "" if is_read else (document.words or f"{words.FILE_IN[InboundState(document.state)].capitalize()}.")
    return FileFound(document.name, said, words.counts_said(document.counts) if is_read else [], is_waiting)
