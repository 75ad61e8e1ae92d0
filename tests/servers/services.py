"""PostgreSQL and Redis for developers and tests, from Debian's packages, on loopback, in a folder of their own.

    python -m tests.servers.services up          start what doesn't run yet, and say how the hub is told of it
    python -m tests.servers.services down        end what `up` started
    python -m tests.servers.services run WHAT…   run a command with servers of its own, gone at its end

No other server on this machine is asked, used or stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.servers import postgres, redis
from tests.servers.debian import free_port

FOLDER = Path(os.environ.get("SERVICES_FOLDER") or Path(tempfile.gettempdir()) / f"cartrover-services-{os.getuid()}")
"""Where the user that PostgreSQL runs as can reach it, which is seldom so below a home folder."""

PACKAGES = ("postgresql", "redis-server")


def up() -> dict[str, str]:
    """Start what doesn't run; return the settings that lead the hub there."""
    _install()
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    ports = _ports()
    database, broker = FOLDER / "postgresql", FOLDER / "redis"
    for folder in (database, broker):
        folder.mkdir(exist_ok=True)
    url = f"postgres://hub@127.0.0.1:{ports['postgresql']}/{postgres.DATABASE}"
    if not postgres.runs(database):
        url = postgres.start(database, ports["postgresql"], durable=True)
    if not _runs(_pid(broker)):
        _start_redis(broker, ports["redis"])
    return {"DATABASE_URL": url, "CELERY_BROKER_URL": f"redis://127.0.0.1:{ports['redis']}/0"}


def down() -> None:
    """End what `up` started; what it holds stays for the next time."""
    if postgres.runs(FOLDER / "postgresql"):
        postgres.stop(FOLDER / "postgresql")
    pid = _pid(FOLDER / "redis")
    if _runs(pid):
        os.kill(pid, signal.SIGTERM)


def run(command: list[str]) -> int:
    """Run a command with servers of its own; return its exit code."""
    _install()
    folder = Path(tempfile.mkdtemp(prefix="cartrover-services-"))
    folder.chmod(0o755)
    (folder / "postgresql").mkdir()
    try:
        with postgres.postgres(folder / "postgresql") as url, redis.redis(folder / "redis") as broker:
            settings = {"DATABASE_URL": url, "CELERY_BROKER_URL": broker}
            _say("With " + " ".join(f"{name}={value}" for name, value in settings.items()))
            # What importing the hub left here would make the suite take the hub's settings for its own.
            kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
            return subprocess.run(command, check=False, env={**kept, **settings}).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _install() -> None:
    if postgres.programs() and redis.program():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"PostgreSQL and Redis aren't installed. On Debian: apt-get install {' '.join(PACKAGES)}")
    # The packages would start servers of their own on the usual ports: policy-rc.d keeps them from it.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet, stdout=subprocess.DEVNULL, timeout=120)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        subprocess.run(install, check=True, env=quiet, stdout=subprocess.DEVNULL, timeout=300)
    finally:
        if ours:
            policy.unlink()


def _ports() -> dict[str, int]:
    """Return the ports of `up`: chosen once, so that settings which name them stay true."""
    note = FOLDER / "ports.json"
    if not note.exists():
        note.write_text(json.dumps({"postgresql": free_port(), "redis": free_port()}))
    ports: dict[str, int] = json.loads(note.read_text())
    return ports


def _start_redis(folder: Path, port: int) -> None:
    program = redis.program()
    assert program is not None
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(
            [str(program), *redis.arguments(folder, port)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    (folder / "pid").write_text(str(server.pid))
    time.sleep(0.3)
    if server.poll() is not None:
        sys.exit(f"Redis didn't start; {folder / 'log'} says why.")


def _pid(folder: Path) -> int:
    note = folder / "pid"
    return int(note.read_text()) if note.exists() else 0


def _runs(pid: int) -> bool:
    """Say whether this is still the server that was started, and not another process that got its number."""
    try:
        return pid > 0 and Path(f"/proc/{pid}/exe").resolve().name.startswith(("redis", "valkey"))
    except OSError:
        return False


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up"]:
            for name, value in up().items():
                _say(f"export {name}={value}")
        case ["down"]:
            down()
        case ["run", *command] if command:
            sys.exit(run(command))
        case _:
            sys.exit(__doc__)
