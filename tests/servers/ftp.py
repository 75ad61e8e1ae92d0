"""An FTP and FTPS server in this process (pyftpdlib), with faults."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # pyftpdlib stands on asyncore, which Python 3.11 announces to drop.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)

ALL_RIGHTS = "elradfmwMT"


@dataclass
class FtpFaults:
    """What the server shall do wrong, changed while it runs."""

    unknown: set[str] = field(default_factory=set)
    """Commands that the server shall not know, such as MLSD; FEAT leaves them out."""
    answers: dict[str, str] = field(default_factory=dict)
    """Fixed answers by command, such as {"RNTO": "553 Not that name."}."""
    cut_after_sent: int | None = None
    """Break a download off once so many bytes of it went out."""
    cut_after_received: int | None = None
    stall: set[str] = field(default_factory=set)
    """Commands that are never answered."""
    drop: set[str] = field(default_factory=set)
    """Commands that are done, after which the connection is closed without an answer."""
    listing: bytes | None = None
    """What LIST says instead."""
    pasv_address: str = ""
    """The address that PASV tells instead of the real one."""


@dataclass
class RunningFtp:
    """A server that runs. `folder` is its root; the user is merchant, the password "correct horse"."""

    folder: Path
    port: int = 0
    host: str = "127.0.0.1"
    faults: FtpFaults = field(default_factory=FtpFaults)
    commands: list[str] = field(default_factory=list)
    """What was asked, with PASS hidden."""


@contextlib.contextmanager
def ftp_server(folder: Path, *, certificate: Path | None = None, rights: str = ALL_RIGHTS) -> Iterator[RunningFtp]:
    """Run a server below `folder`; with a certificate (PEM with key) it speaks explicit FTPS and asks for it."""
    running = RunningFtp(folder)
    handler = _handler(running, certificate, rights)
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=loop)
    running.port = server.address[1]
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            loop.loop(timeout=0.01, blocking=False)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        over.set()
        thread.join(10)
        server.close_all()


def _handler(running: RunningFtp, certificate: Path | None, rights: str) -> Any:
    authorizer = DummyAuthorizer()
    authorizer.add_user("merchant", "correct horse", str(running.folder), perm=rights)
    dtp: Any = _faulty_dtp(TLS_DTPHandler if certificate else DTPHandler, running)
    control: Any = TLS_FTPHandler if certificate else FTPHandler

    class Handler(_FaultyControl, control):
        pass

    Handler.running = running
    Handler.authorizer = authorizer
    Handler.dtp_handler = dtp
    Handler.banner = "ready"
    Handler.auth_failed_timeout = 0
    Handler.use_sendfile = False
    if certificate:
        Handler.certfile = str(certificate)
        Handler.tls_control_required = Handler.tls_data_required = True
    return Handler


class _FaultyControl:
    running: RunningFtp

    def pre_process_command(self: Any, line: str, cmd: str, arg: str) -> None:
        faults = self.running.faults
        self.running.commands.append(cmd if cmd == "PASS" else line)
        if cmd in faults.stall:
            return
        known = type(self).proto_cmds
        self.proto_cmds = {name: how for name, how in known.items() if name not in faults.unknown}
        self.masquerade_address = faults.pasv_address
        if cmd in faults.answers:
            self.respond(faults.answers[cmd])
            return
        super().pre_process_command(line, cmd, arg)

    def respond(self: Any, resp: str, *args: Any, **kwargs: Any) -> None:
        if self.running.commands and self.running.commands[-1].split(" ")[0] in self.running.faults.drop:
            self.close()
            return
        super().respond(resp, *args, **kwargs)

    def ftp_LIST(self: Any, path: str) -> Any:
        if self.running.faults.listing is None:
            return super().ftp_LIST(path)
        self.push_dtp_data(self.running.faults.listing, isproducer=False, cmd="LIST")
        return path


def _faulty_dtp(base: Any, running: RunningFtp) -> Any:
    class Faulty(base):
        def send(self, data: bytes) -> int:
            limit = running.faults.cut_after_sent
            if limit is not None and self.tot_bytes_sent >= limit:
                self.cmd_channel.close()
                self.close()
                return 0
            return int(super().send(data))

        def handle_read(self) -> None:
            limit = running.faults.cut_after_received
            if limit is not None and self.tot_bytes_received >= limit:
                self.cmd_channel.close()
                self.close()
                return
            super().handle_read()

        # pyftpdlib's loop calls this name.
        handle_read_event = handle_read

    return Faulty
