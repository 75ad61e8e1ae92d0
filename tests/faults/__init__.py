"""Faults of everything around the hub, on whole installations: servers, Celery workers and clocks of their own."""

from __future__ import annotations
