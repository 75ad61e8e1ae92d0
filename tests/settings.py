"""The hub's own settings, with a database and files of their own, so that tests never touch what a person set up."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("CARTROVER_VAR", tempfile.mkdtemp(prefix="cartrover-tests-"))
os.environ["OUTBOUND_ALLOWED_NETWORKS"] = "127.0.0.0/8,::1/128"
os.environ["CELERY_BROKER_URL"] = ""

from cartrover.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405 - from the star above
    # In memory, threads of one process can't wait for each other's locks.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}  # noqa: F405
