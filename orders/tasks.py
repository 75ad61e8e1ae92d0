"""What Celery calls. A task's arguments are names and ids; the rows hold the rest."""

from __future__ import annotations

from celery import Task, shared_task

from cartrover import bells
from orders import dispatcher
from orders.acts import jobs
from orders.health import clock


@shared_task(name="orders.ring_due")
def ring_due() -> None:
    """Ring for every service that is due."""
    if clock.note_tick():
        dispatcher.ring_due()
        jobs.ring_open_jobs()


@shared_task(name=bells.RUN_SERVICE, bind=True)
def run_service(self: Task, service_pk: int) -> None:
    """Run one service if it is due and nobody else runs it."""
    if not bells.is_old(self.request):
        dispatcher.run_service_by_id(service_pk)


@shared_task(name="orders.notify_due")
def notify_due() -> None:
    """Tell those who are to be told of alerts."""
    if clock.note_tick("tell-of-alerts"):
        dispatcher.notify_due()


@shared_task(name="orders.run_job", bind=True)
def run_job(self: Task, job_pk: int) -> None:
    """Go on with work on many rows, if it isn't done and nobody else is at it."""
    if not bells.is_old(self.request):
        jobs.run_job(job_pk)


@shared_task(name="orders.housekeeping")
def housekeeping() -> None:
    """Do what is to be done now and then: purge, count, compare."""
    if clock.note_tick("housekeeping"):
        dispatcher.housekeeping()
