"""A worker of the hub, at work when a test says so."""

from __future__ import annotations

from cartrover.accounts.models import Account
from orders import dispatcher
from orders.acts import jobs
from orders.models import OPEN_JOBS, Job
from orders.scheduling.running import Finished

PATIENCE = 30.0
"""Seconds after which a worker that finds ever more to do is stopped."""


def work(account: Account) -> list[Finished]:
    """Do what is due in this account, work on many rows first, until nothing is; return how each run ended."""
    for pk in Job.objects.for_account(account).filter(state__in=OPEN_JOBS).values_list("pk", flat=True):
        jobs.run_job(pk)
    finished: list[Finished] = []
    while True:
        dispatcher.carry_test_orders()
        runs = list(dispatcher.run_due(PATIENCE, account_id=account.pk))
        if not runs:
            return finished
        finished += runs
