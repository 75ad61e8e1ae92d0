"""What Celery calls. A task's arguments are names and ids; the rows hold the rest."""

from __future__ import annotations

from celery import shared_task

from orders import dispatcher, jobs
from orders.health import clock


@shared_task(name="orders.ring_due")
def ring_due() -> None:
    """Ring for every service that is due."""
    clock.note_tick()
    dispatcher.ring_due()
    jobs.ring_open_jobs()


@shared_task(name="orders.run_service")
def run_service(service_pk: int) -> None:
    """Run one service if it is due and nobody else runs it."""
    dispatcher.run_service_by_id(service_pk)


@shared_task(name="orders.notify_due")
def notify_due() -> None:
    """Tell those who are to be told of alerts."""
    dispatcher.notify_due()


@shared_task(name="orders.run_job")
def run_job(job_pk: int) -> None:
    """Go on with work on many rows, if it isn't done and nobody else is at it."""
    jobs.run_job(job_pk)


@shared_task(name="orders.housekeeping")
def housekeeping() -> None:
    """Do what is to be done now and then: purge, count, compare."""
    dispatcher.housekeeping()
