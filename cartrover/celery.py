"""Celery carries wake-ups; the database holds the work."""

from __future__ import annotations

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cartrover.settings")
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "cartrover.redis_transport:Transport"))
app = Celery("cartrover")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["orders"])
