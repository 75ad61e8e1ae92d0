"""A PostgreSQL server of its own, where the programs are installed: started in a folder, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.debian import free_port

USER = "postgres"


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
def postgres(folder: Path) -> Iterator[str]:
    """Run a server with an empty database `hub`; give its URL."""
    where, port = programs(), free_port()
    assert where is not None
    lent = {"user": USER, "group": USER} if os.geteuid() == 0 else {}
    if lent:
        shutil.chown(folder, USER, USER)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        command = [str(where / program), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **lent)

    run("initdb", "-D", str(data), "-U", "hub", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", str(data), "-l", str(log), "-o", options, "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "hub", "hub")
        yield f"postgres://hub@127.0.0.1:{port}/hub"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
