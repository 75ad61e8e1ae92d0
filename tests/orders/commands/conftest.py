"""Runs commands as the shell does: text in, exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import ManagementUtility
from django.db import connections

from tests.connectors.app.conftest import added_kinds, toy

__all__ = ["added_kinds", "toy"]


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def manage(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finished]:
    """Return what runs `manage.py WORDS...` in this process."""
    # A command closes its database connections when it ends, and with them the transaction around the test.
    monkeypatch.setattr(connections, "close_all", lambda: None)

    def run(*words: object) -> Finished:
        out, err, code = io.StringIO(newline=""), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                ManagementUtility(["manage.py", *map(str, words)]).execute()
            except SystemExit as ended:
                code = int(ended.code or 0)
        assert "Traceback" not in err.getvalue()
        return Finished(code, out.getvalue(), err.getvalue())

    return run
