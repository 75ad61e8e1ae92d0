"""The whole hub in one process tree: broker, web server, worker with the clock, and on request the sandboxes and the demo."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartrover.running import broker
from cartrover.running.supervisor import Plan, Say, Supervisor

DEFAULT_PORT = 8000
PORTS_TO_TRY = 100

BROKER_READY = 10.0
"""Seconds that the broker may take to read what it kept; it holds wake-ups only, so there is never much."""

WEB_READY = 60.0
"""Seconds until the web server must answer, on a slow machine under load; it takes two on an idle one."""

DEMO_READY = 120.0
"""Seconds until the demo must be set up: it tests both connections and runs a first round."""

SANDBOX_NETWORKS = "127.0.0.0/8,::1/128"
"""What connections may reach when the far sides are the sandboxes on this machine."""


class CannotRun(RuntimeError):
    """The hub can't be started; the words say why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for. `port` is None for any, 8000 preferred. `broker_url` is empty for the embedded one."""

    root: Path
    var: Path
    port: int | None = None
    sandbox: bool = False
    demo: bool = False
    demo_wms: str = ""
    broker_url: str = ""


def run(wishes: Wishes, *, prepare: Callable[[], None], say: Say) -> None:
    """Run the hub until Ctrl-C or a polite kill. `prepare` is called once before anything starts: it migrates the database.

    Raise `CannotRun` when another hub runs in this folder, when the port is taken, or when there is no broker to start.
    """
    with _only_one_here(wishes.var) as note, _listener(wishes.port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        note({"pid": os.getpid(), "address": address})
        supervisor = Supervisor(say)
        supervisor.listen_to_signals()
        prepare()
        try:
            _start(wishes, supervisor, listener, address)
            supervisor.run()
        finally:
            say("Stopping ...")
            listener.close()
            supervisor.stop()
            say("Stopped.")


def _start(wishes: Wishes, supervisor: Supervisor, listener: socket.socket, address: str) -> None:
    say, logs = supervisor.say, wishes.var / "logs"
    environment = children_environment(wishes, address)
    if not wishes.broker_url:
        start_broker(wishes, supervisor)
    if wishes.sandbox:
        supervisor.add(_sandbox(wishes, environment))
    supervisor.add(_web(wishes, environment, listener.fileno()))
    supervisor.add(_worker(wishes, environment))
    answered = supervisor.wait_until(lambda: _answers(listener.getsockname()[1]), WEB_READY)
    if supervisor.stop_requests:
        return
    if not answered:
        say(f"The web server has not answered within {WEB_READY:.0f} s. Look into {logs / 'web.log'}.")
    parts = ["broker", "web server", "worker", "clock", *(["sandboxes"] if wishes.sandbox else [])]
    say(f"CartRover runs at {address}/")
    say(f"Running: {', '.join(parts if not wishes.broker_url else parts[1:])}. Logs: {logs}. Ctrl-C stops everything.")
    if wishes.demo:
        _start_demo(wishes, supervisor, environment)


def children_environment(wishes: Wishes, address: str) -> dict[str, str]:
    """Return what the children are told beyond the environment of this process."""
    told = {"CELERY_BROKER_URL": wishes.broker_url or broker.broker_url(wishes.var), "PYTHONUNBUFFERED": "1"}
    if not os.environ.get("PORTAL_URL"):
        told["PORTAL_URL"] = address
    if wishes.sandbox and not os.environ.get("OUTBOUND_ALLOWED_NETWORKS"):
        told["OUTBOUND_ALLOWED_NETWORKS"] = SANDBOX_NETWORKS
    return told


# --- what has to be held while the hub runs --------------------------------------------------------------------------------


@contextlib.contextmanager
def _only_one_here(var: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Hold the folder's lock; yield what writes down who holds it. The lock ends with the process, however that ends."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (var / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(_who_runs(lock.read(), var)) from None

        def note(facts: dict[str, Any]) -> None:
            lock.truncate(0)
            lock.write(json.dumps(facts))
            lock.flush()

        yield note
        lock.truncate(0)


def running_address(var: Path) -> str | None:
    """Return where the hub of this folder answers, or None when none runs."""
    try:
        with (var / "up.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return str(json.loads((var / "up.lock").read_text() or "{}").get("address", "")) or None
    except FileNotFoundError:
        return None
    return None


def _who_runs(noted: str, var: Path) -> str:
    try:
        facts = json.loads(noted)
        who = f"at {facts['address']}/ (process {facts['pid']})"
        how = f"Stop it with Ctrl-C in its terminal or with: kill {facts['pid']}"
    except (ValueError, KeyError):
        who, how = "and is just starting or stopping", "Try again in a few seconds"
    return f"A hub with the folder {var} runs already {who}. {how}. For a second one set CARTROVER_VAR and DATABASE_URL."


def _listener(port: int | None) -> socket.socket:
    """Return a listening socket: the wished port or none, else the first free one from 8000.

    The web server gets it open, so that nobody else can take the port and a browser waits, rather than fails, while the
    server is started or started again.
    """
    if port is not None:
        try:
            return _listen(port)
        except OSError as problem:
            raise CannotRun(_why_no_port(port, problem)) from None
    for candidate in (*range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY), 0):
        try:
            return _listen(candidate)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise CannotRun(_why_no_port(candidate, problem)) from None
    raise CannotRun("No port of this machine is free.")


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def _why_no_port(port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Choose another with --port, or leave --port out for a free one."
    return f"Port {port} can't be used ({problem.strerror}). Choose another with --port."


def _answers(port: int) -> bool:
    """Return whether the web server answers a request at all, whatever it answers."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        wire.request("GET", "/")
        wire.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        wire.close()
    return True


# --- the children ----------------------------------------------------------------------------------------------------------


def start_broker(wishes: Wishes, supervisor: Supervisor) -> None:
    """Start the first server that gets ready; one that can't read what it kept gets a clean folder before the next is tried."""
    for program in broker.programs():
        if _gets_ready(program, wishes, supervisor) or supervisor.stop_requests:
            return
        aside = broker.set_aside(program, wishes.var)
        if aside is None:
            continue
        supervisor.say(f"The broker {program.path} can't read what it kept. That is set aside as {aside}; no work is lost.")
        if _gets_ready(program, wishes, supervisor) or supervisor.stop_requests:
            return
    raise CannotRun(
        f"No broker could be started; {_broker_log(wishes)} may say why. Install Redis or Valkey, or set CELERY_BROKER_URL to "
        "one that runs already."
    )


def _gets_ready(program: broker.Program, wishes: Wishes, supervisor: Supervisor) -> bool:
    try:
        child = supervisor.add(broker.plan(program, wishes.var, _broker_log(wishes)))
    except PermissionError as problem:
        raise CannotRun(str(problem)) from None
    supervisor.wait_until(lambda: child.deaths > 0 or broker.answers(wishes.var), BROKER_READY)
    if not child.deaths and broker.answers(wishes.var):
        return True
    supervisor.remove(child)
    return False


def _broker_log(wishes: Wishes) -> Path:
    return wishes.var / "logs" / "broker.log"


def _web(wishes: Wishes, environment: dict[str, str], listener: int) -> Plan:
    options = {
        "--bind": f"fd://{listener}",
        "--worker-class": "gthread",
        "--workers": "2",
        "--threads": "4",
        "--timeout": "60",
        "--graceful-timeout": "5",
        "--log-level": "warning",
    }
    return Plan(
        name="web server",
        form="module",
        command=("gunicorn", "cartrover.wsgi:application", "--preload", "--no-control-socket", *_flat(options)),
        log=wishes.var / "logs" / "web.log",
        folder=wishes.root,
        environment=environment,
        keep_files=(listener,),
        stop_with=((signal.SIGTERM, 6.0),),
    )


def _worker(wishes: Wishes, environment: dict[str, str]) -> Plan:
    """One worker with the clock. A polite kill lets runs end; the second signal makes it give their messages back."""
    options = {
        "--pool": "prefork",
        "--concurrency": "2",
        "--schedule": str(wishes.var / "celerybeat-schedule"),
        "--hostname": "hub@%h",
        "--loglevel": os.environ.get("LOG_LEVEL", "WARNING"),
    }
    return Plan(
        name="worker",
        form="module",
        command=("celery", "--app", "cartrover", "worker", "--beat", "--without-gossip", "--without-mingle", *_flat(options)),
        log=wishes.var / "logs" / "worker.log",
        folder=wishes.root,
        environment=environment,
        stop_with=((signal.SIGTERM, 8.0), (signal.SIGQUIT, 3.0)),
    )


def _sandbox(wishes: Wishes, environment: dict[str, str]) -> Plan:
    return Plan(
        name="sandbox",
        form="script",
        command=("manage.py", "sandbox", "--json"),
        log=wishes.var / "logs" / "sandbox.log",
        folder=wishes.root,
        environment=environment,
    )


def _start_demo(wishes: Wishes, supervisor: Supervisor, environment: dict[str, str]) -> None:
    """Start what sets the demo up and keeps it going, and say how to sign in as soon as that is known."""
    login = wishes.var / "demo.json"
    log = wishes.var / "logs" / "demo.log"
    ready = wishes.var / "demo.ready"
    ready.unlink(missing_ok=True)
    supervisor.say("Setting the demo up ...")
    supervisor.add(
        Plan(
            name="demo",
            form="script",
            command=("manage.py", "demo", "--keep-going", *(("--wms", wishes.demo_wms) if wishes.demo_wms else ())),
            log=log,
            folder=wishes.root,
            environment=environment,
        )
    )
    if supervisor.wait_until(ready.exists, DEMO_READY):
        facts = json.loads(login.read_text())
        supervisor.say(f"Demo: sign in as {facts['email']} with the password {facts['password']}")
        for name, page in facts["sandboxes"].items():
            supervisor.say(f"The far side of {name}: {page}")
    elif not supervisor.stop_requests:
        supervisor.say(f"The demo is not set up yet. Look into {log}.")


def _flat(options: dict[str, str]) -> tuple[str, ...]:
    return tuple(word for pair in options.items() for word in pair)
