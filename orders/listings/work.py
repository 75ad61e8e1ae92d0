"""Work in the background as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orders.jobs import kinds
from orders.models import Job, JobState

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
class Work:
    """Everything on the page of a job."""

    job: Job
    about: str
    state: str
    reasons: Sequence[Reason]

    @property
    def worked(self) -> int:
        return self.job.done + self.job.refused


def work_page(job: Job) -> Work:
    """Return how far a job is and what came out of it, the commonest reasons first."""
    reasons = [Reason(words, entry["number"], entry["examples"]) for words, entry in job.reasons.items()]
    return Work(
        job=job,
        about=kinds()[job.kind].about(job.asked),
        state=STATES[JobState(job.state)],
        reasons=sorted(reasons, key=lambda reason: -reason.number),
    )
