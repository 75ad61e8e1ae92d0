"""A PostgreSQL server of its own, where the programs are installed: started in a folder, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.servers.debian import free_port

USER = "postgres"
DATABASE = "hub"


def programs() -> Path | None:
    """Return the folder of the newest server that can be run here; None without one. Root needs a user to lend it to."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]))
    found = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    if not found or (os.geteuid() == 0 and not _has_user()):
        return None
    return found[-1]


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


@contextlib.contextmanager
def postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a server with an empty database `hub`; give its URL. `durable` makes commits wait for the disk, as in production."""
    url = start(folder, free_port(), durable=durable)
    try:
        yield url
    finally:
        stop(folder, "immediate")


def start(folder: Path, port: int, *, durable: bool = False) -> str:
    """Run the server whose files are in `folder`, made if they aren't there; return the URL of its database."""
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    data = folder / "data"
    if is_new := not data.exists():
        _run(folder, "initdb", "-D", str(data), "-U", "hub", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c max_connections=200"
    if not durable:
        # What the server says to the kernel outlives its own crash, and no test ends the machine.
        options += " -c fsync=off -c full_page_writes=off"
    _run(folder, "pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
    if is_new:
        _run(folder, "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "hub", DATABASE)
    return f"postgres://hub@127.0.0.1:{port}/{DATABASE}"


def stop(folder: Path, how: str = "fast") -> None:
    """End the server whose files are in `folder`: "fast" ends connections in order, "immediate" as a crash would."""
    _run(folder, "pg_ctl", "-D", str(folder / "data"), "-m", how, "-w", "stop")


def runs(folder: Path) -> bool:
    """Say whether the server of this folder runs."""
    if not (folder / "data").exists():
        return False
    command = [str(_programs() / "pg_ctl"), "-D", str(folder / "data"), "status"]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, **_lent()).returncode == 0


def dump(database: str, copy: Path) -> None:
    """Write a copy of the database of this URL, whatever works on it."""
    command = [str(_programs() / "pg_dump"), "--format=custom", "--file", str(copy), database]
    subprocess.run(command, check=True)


def restore(server: str, name: str, copy: Path) -> str:
    """Make a database of this name from a copy, on the server of this URL; return its URL."""
    at = urlsplit(server)
    where = ["-h", at.hostname or "", "-p", str(at.port), "-U", at.username or ""]
    subprocess.run([str(_programs() / "createdb"), *where, name], check=True)
    url = urlunsplit(at._replace(path=f"/{name}"))
    command = [str(_programs() / "pg_restore"), "--no-owner", "--dbname", url, str(copy)]
    subprocess.run(command, check=True)
    return url


def _programs() -> Path:
    where = programs()
    assert where is not None, "PostgreSQL isn't installed here"
    return where


def _lent() -> dict[str, str]:
    """PostgreSQL doesn't run as root."""
    return {"user": USER, "group": USER} if os.geteuid() == 0 else {}


def _run(folder: Path, program: str, *arguments: str) -> None:
    command = [str(_programs() / program), *arguments]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_lent())
