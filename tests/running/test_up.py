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

from tests.running.conftest import Hub, wait_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")


def worker_is_complete(hub: Hub) -> bool:
    """Whether the worker has its main process, the clock and two pool processes."""
    return sum("celery" in line for line in hub.processes().values()) >= 4


def test_up_answers_sets_the_demo_up_refuses_a_twin_and_ends_whole_with_ctrl_c(hub: Hub) -> None:
    hub.start("--sandbox", "--demo")
    assert hub.get("/staff/login/") == 200
    assert wait_for(lambda: worker_is_complete(hub)), hub.processes()

    twin = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=settings.ROOT, env=hub.environment, capture_output=True, text=True, timeout=30
    )
    assert twin.returncode == 1
    assert f"runs already at http://127.0.0.1:{hub.port}/ (process {hub.process.pid})" in twin.stderr
    assert "Traceback" not in twin.stderr

    assert wait_for(lambda: "Demo: sign in as demo@example.com with the password" in hub.said()), hub.said()
    began = time.monotonic()
    hub.signal(signal.SIGINT)
    assert hub.process.wait(timeout=25) == 0
    assert time.monotonic() - began < 15
    assert not hub.processes()
    assert "Traceback" not in hub.said()


def test_nothing_outlives_a_parent_that_was_killed_hard_and_the_next_start_is_clean(hub: Hub) -> None:
    hub.start()
    assert wait_for(lambda: worker_is_complete(hub)), hub.processes()

    of_the_worker = {pid for pid, line in hub.processes().items() if "celery" in line}
    os.kill(hub.pid_of("celery"), signal.SIGKILL)
    assert wait_for(lambda: not of_the_worker & set(hub.processes()), 5)
    assert wait_for(lambda: worker_is_complete(hub)), hub.said()
    assert "The worker ended by itself (signal SIGKILL). Starting it again" in hub.said()

    hub.signal(signal.SIGKILL)
    assert wait_for(lambda: not hub.processes(), 5), hub.processes()

    hub.start()
    assert hub.get("/staff/login/") == 200


def test_a_wished_port_that_is_taken_is_refused_with_words(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        hub.start("--port", str(port), expect=f"Port {port} is taken")
    assert hub.process is not None
    assert hub.process.wait(timeout=10) == 1
    assert not hub.processes()
