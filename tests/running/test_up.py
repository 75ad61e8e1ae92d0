"""`manage.py up`: it answers, it stops, and it leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from django.conf import settings

from tests.running.conftest import Hub
from tests.waiting import becomes_true

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")


def worker_is_complete(hub: Hub) -> bool:
    """Whether the worker has its main process, the clock and two pool processes."""
    return sum("celery" in line for line in hub.processes().values()) >= 4


def test_up_mends_itself_refuses_a_twin_and_leaves_nothing_however_it_ends(hub: Hub) -> None:
    """One story rather than four tests: each start of a whole hub takes seconds."""
    hub.start("--sandbox", "--demo")
    assert hub.get("/sign-in/") == 200
    assert becomes_true(lambda: worker_is_complete(hub)), hub.processes()
    assert becomes_true(lambda: "Demo: sign in as demo@example.com with the password" in hub.said()), hub.said()

    twin = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=settings.ROOT, env=hub.environment, capture_output=True, text=True, timeout=60
    )
    assert twin.returncode == 1
    assert f"runs already at http://127.0.0.1:{hub.port}/ (process {hub.running.pid})" in twin.stderr
    assert "Traceback" not in twin.stderr

    of_the_worker = {pid for pid, line in hub.processes().items() if "celery" in line}
    os.kill(hub.pid_of("celery"), signal.SIGKILL)
    assert becomes_true(lambda: not of_the_worker & set(hub.processes()))
    assert becomes_true(lambda: worker_is_complete(hub)), hub.said()
    assert "The worker ended by itself (signal SIGKILL). Starting it again" in hub.said()

    hub.running.kill()
    assert becomes_true(lambda: not hub.processes()), hub.processes()

    hub.start()
    assert hub.get("/sign-in/") == 200
    began = time.monotonic()
    hub.running.send_signal(signal.SIGINT)
    assert hub.running.wait(timeout=25) == 0
    assert time.monotonic() - began < 20
    assert not hub.processes()
    assert "Traceback" not in hub.said()


def test_a_wished_port_that_is_taken_is_refused_with_words(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        hub.start("--port", str(port), expect=f"Port {port} is taken")
    assert hub.running.wait(timeout=10) == 1
    assert not hub.processes()
