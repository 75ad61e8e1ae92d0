"""CartRover, self-hosted: the project and the kernel that all apps share."""

from __future__ import annotations

from cartrover.celery import app as celery_app

__all__ = ["celery_app"]
