"""FTP and explicit FTPS: the protocol is ftplib's; the sockets, the deadlines and the listings are the hub's.

Data connections always go to the control connection's own address, whatever the server says (many say their private one), and
under TLS they resume its session, without which proftpd and vsftpd refuse them. Transfers are binary, names UTF-8.
"""

from __future__ import annotations

import contextlib
import ftplib
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Network
from connectors.errors import ConnectorError, FixConnection, OutcomeUnknown, TryLater
from connectors.transports.files import (
    PIECE,
    TIMEOUT,
    Denied,
    FileEntry,
    NotFound,
    Progress,
    Refused,
    base_name,
    for_people,
    is_safe_name,
    pieces,
)
from connectors.transports.sockets import TimedSocket, certificate_problem, tls_context

MAX_LISTING = 64 * 1024 * 1024
"""Bytes of a listing that are read at most: half a million files; anything longer is no folder of orders."""

_LOST = (EOFError, OSError, ssl.SSLError, ftplib.error_proto)
_RIGHTS = re.compile(r"permission|denied|not allowed|forbidden|access|privilege", re.IGNORECASE)
_MISSING = re.compile(r"no such|not found|not exist|cannot find|can't find", re.IGNORECASE)
_UNIX_LINE = re.compile(
    r"(?P<kind>[-dlbcps])[-rwxsStTl.+@]{9,11}\s+\d+\s+\S+\s+\S+\s+(?P<size>\d+)\s+\w{3}\s+\d{1,2}\s+[\d:]{4,5} (?P<name>.+)"
)
_DOS_LINE = re.compile(r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d\s?[AP]?M?\s+(?:(?P<dir><DIR>)|(?P<size>\d+))\s+(?P<name>.+)")


class FtpServer:
    """A `FileServer` behind explicit FTPS (`tls`) or plain FTP. `verify=False` takes any certificate, the server's own too."""

    def __init__(
        self,
        *,
        network: Network,
        progress: Progress,
        host: str,
        port: int = 21,
        username: str,
        password: str,
        tls: bool,
        verify: bool = True,
        ca_file: str = "",
        timeout: float = TIMEOUT,
    ) -> None:
        self.seen_host_key = ""
        self.skipped: tuple[str, ...] = ()
        self._network, self._progress, self._timeout = network, progress, timeout
        self._host, self._port = host, port
        self._username, self._password = username, password
        self._context = tls_context(verify=verify, ca_file=ca_file) if tls else None
        self._ftp: _Ftp | None = None
        self._is_secure = self._is_logged_in = False
        self._features: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"FtpServer({self._username}@{self._host}:{self._port})"

    # --- opening ---

    def open(self) -> None:
        if self._ftp is None:
            self.dial()
        if not self._is_secure:
            self.secure()
        if not self._is_logged_in:
            self.login()

    def dial(self) -> None:
        self._progress()
        ftp = _Ftp(self._network, self._host, self._timeout)
        try:
            ftp.dial(self._port)
        except ftplib.Error as error:
            failure = TryLater(f"{self._host} takes no connections just now. It said: {_said(error)}.")
        except _LOST:
            failure = TryLater(f"{self._host}:{self._port} answered, but not as an FTP server. Check the port if this goes on.")
        else:
            self._ftp = ftp
            return
        ftp.close()
        raise failure

    def secure(self) -> None:
        self._progress()
        ftp = self._connected()
        failure: ConnectorError | None = None
        if self._context is not None:
            try:
                ftp.start_tls(self._context)
            except ftplib.Error as error:
                failure = FixConnection(
                    f"{self._host} offers no encryption. It said: {_said(error)}. Ask its owner for FTPS or SFTP; choose plain "
                    "FTP only if a password in clear text is acceptable."
                )
            except _LOST as error:
                failure = self._tls_failure(error)
        if failure is not None:
            self.close()
            raise failure
        self._is_secure = True

    def login(self) -> None:
        self._progress()
        ftp = self._connected()
        failure: ConnectorError
        try:
            ftp.login(self._username, self._password)
            if self._context is not None:
                ftp.protect()
            self._features = ftp.features()
            if "UTF8" in self._features:
                with contextlib.suppress(ftplib.Error):
                    ftp.sendcmd("OPTS UTF8 ON")
            ftp.voidcmd("TYPE I")
        except (ftplib.error_perm, ValueError):
            # ValueError: ftplib sends no line breaks, so a password that holds one can't be right.
            failure = FixConnection(
                f"{self._host} refused user {self._username} or the password. Check both and save the connection anew."
            )
        except ftplib.Error as error:
            failure = TryLater(f"{self._host} takes no login just now. It said: {_said(error)}.")
        except _LOST:
            failure = TryLater(f"{self._host} broke off during the login.")
        else:
            self._is_logged_in = True
            return
        self.close()
        raise failure

    def close(self) -> None:
        if self._ftp is not None:
            self._ftp.close()
        self._ftp = None
        self._is_secure = self._is_logged_in = False

    def _tls_failure(self, error: BaseException) -> ConnectorError:
        problem = certificate_problem(error)
        if problem:
            return FixConnection(
                f"{self._host}'s certificate isn't trusted ({problem}). Ask its owner to renew it; if the server is meant to "
                "use a certificate of its own, allow that in the connection's settings."
            )
        return TryLater(f"{self._host} broke off before an encrypted connection was made.")

    def _connected(self) -> _Ftp:
        if self._ftp is None:
            raise RuntimeError("dial() comes first")
        return self._ftp

    # --- reading ---

    def listdir(self, folder: str) -> list[FileEntry]:
        ftp = self._logged_in()
        with self._asking(f"list {for_people(folder)}"):
            found = self._list_by_facts(ftp, folder) if "MLST" in self._features else self._list_by_guess(ftp, folder)
        self.skipped = tuple(for_people(entry.name) for entry in found if not is_safe_name(entry.name))
        return [entry for entry in found if is_safe_name(entry.name)]

    def _list_by_facts(self, ftp: _Ftp, folder: str) -> list[FileEntry]:
        found = []
        for line in ftp.lines(f"MLSD {folder}".rstrip(), self._progress):
            entry = _from_facts(line)
            if entry is not None:
                found.append(entry)
        return found

    def _list_by_guess(self, ftp: _Ftp, folder: str) -> list[FileEntry]:
        """List without MLSD. The folder is entered first: arguments of LIST with blanks or a dash are read as options."""
        home = ftp.pwd()
        if folder:
            ftp.voidcmd(f"CWD {folder}")
        try:
            guesses = [_from_list_line(line) for line in ftp.lines("LIST", self._progress) if not line.startswith("total ")]
            entries = [guess for guess in guesses if guess is not None]
            if len(entries) < len(guesses):
                entries = [FileEntry(base_name(line), -1, None, is_dir=False) for line in ftp.lines("NLST", self._progress)]
            return [self._completed(ftp, entry) for entry in entries if entry.name not in (".", "..")]
        finally:
            if folder:
                ftp.voidcmd(f"CWD {home}")

    def _completed(self, ftp: _Ftp, entry: FileEntry) -> FileEntry:
        """Ask for what a line of LIST or NLST doesn't say for certain: the size in bytes and the time in UTC."""
        if entry.is_dir or not is_safe_name(entry.name):
            return entry
        self._progress()
        size = entry.size
        if size < 0:
            told = ftp.size_of(entry.name)
            if told is None:
                return FileEntry(entry.name, 0, None, is_dir=True)
            size = told
        return FileEntry(entry.name, size, ftp.modified_at(entry.name), is_dir=False)

    def stat(self, path: str) -> FileEntry:
        ftp = self._logged_in()
        with self._asking(f"look at {for_people(path)}"):
            if "MLST" in self._features:
                line = next((line for line in ftp.sendcmd(f"MLST {path}").splitlines() if line.startswith(" ")), "")
                entry = _from_facts(line.strip())
                if entry is not None:
                    return FileEntry(base_name(path), entry.size, entry.modified_at, entry.is_dir)
            size = ftp.size_of(path)
            if size is not None:
                return FileEntry(base_name(path), size, ftp.modified_at(path), is_dir=False)
            home = ftp.pwd()
            ftp.voidcmd(f"CWD {path}")
            ftp.voidcmd(f"CWD {home}")
            return FileEntry(base_name(path), 0, None, is_dir=True)

    def read(self, path: str) -> Iterator[bytes]:
        ftp = self._logged_in()
        what = f"read {for_people(path)}"
        with self._asking(what):
            size = ftp.size_of(path)
            data = ftp.transfercmd(f"RETR {path}")
        done = 0
        is_whole = False
        try:
            while True:
                with self._asking(what):
                    piece = _read_piece(data, self._timeout)
                if not piece:
                    break
                done += len(piece)
                yield piece
            with self._asking(what):
                _finish_tls(data)
                data.close()
                ftp.voidresp()
            is_whole = True
        finally:
            if not is_whole:
                # The server's answer to a broken transfer may come or not: a new connection is the one sure way on.
                _abort(data)
                self.close()
        if size is not None and done != size:
            raise TryLater(f"{for_people(path)} ended after {done:,} of {size:,} bytes. It is read again later.")

    # --- writing ---

    def write(self, path: str, body: bytes | Iterable[bytes]) -> int:
        ftp = self._logged_in()
        what = f"write {for_people(path)}"
        with self._asking(what, is_write=True):
            data = ftp.transfercmd(f"STOR {path}")
        is_whole = False
        try:
            with self._asking(what, is_write=True, is_begun=True):
                done = self._send_all(data, body)
                _finish_tls(data)
                data.close()
                ftp.voidresp()
                is_whole = True
                lies_there = ftp.size_of(path)
        finally:
            if not is_whole:
                # An orderly close would mean: this is the whole file.
                _abort(data)
                self.close()
        if lies_there is not None and lies_there != done:
            raise OutcomeUnknown(f"{for_people(path)} has {lies_there:,} bytes on the server instead of {done:,}.")
        return done

    def _send_all(self, data: Any, body: bytes | Iterable[bytes]) -> int:
        done = 0
        for piece in pieces(body):
            self._progress()
            data.deadline = time.monotonic() + self._timeout
            data.sendall(piece)
            done += len(piece)
        return done

    def rename(self, old: str, new: str) -> None:
        ftp = self._logged_in()
        what = f"rename {for_people(old)} to {for_people(new)}"
        with self._asking(what):
            ftp.sendcmd(f"RNFR {old}")
        with self._asking(what, is_write=True):
            ftp.voidcmd(f"RNTO {new}")

    def remove(self, path: str) -> None:
        ftp = self._logged_in()
        with self._asking(f"delete {for_people(path)}", is_write=True):
            ftp.voidcmd(f"DELE {path}")

    # --- errors ---

    def _logged_in(self) -> _Ftp:
        if self._ftp is None:
            raise TryLater(f"The connection to {self._host} is lost.")
        if not self._is_logged_in:
            raise RuntimeError("open() comes first")
        return self._ftp

    @contextlib.contextmanager
    def _asking(self, what: str, *, is_write: bool = False, is_begun: bool = False) -> Iterator[None]:
        """Turn what goes wrong inside into words. `is_begun`: even a plain no leaves something behind."""
        self._progress()
        failure: ConnectorError
        try:
            yield
        except (ftplib.error_perm, ftplib.error_temp, ftplib.error_reply) as error:
            failure = self._reply_failure(what, error, is_begun=is_begun)
        except ValueError:
            failure = FixConnection("A folder or file name in the connection's settings holds a line break. Enter it anew.")
        except TimeoutError:
            failure = self._lost(what, f"did not answer within {self._timeout:.0f} seconds", is_write)
        except _LOST as error:
            failure = self._lost(what, "broke the connection off", is_write)
            if certificate_problem(error):
                failure = self._tls_failure(error)
        else:
            return
        raise failure

    def _reply_failure(self, what: str, error: ftplib.Error, *, is_begun: bool) -> ConnectorError:
        code, said = str(error)[:3], _said(error)
        if is_begun:
            return OutcomeUnknown(f"{self._host} could not {what} to its end. It said: {said}. A part of it may lie there.")
        if code == "421":
            self.close()
            return TryLater(f"{self._host} closed the connection. It said: {said}.")
        if code in ("550", "553") and _RIGHTS.search(said):
            return Denied(
                f"{self._host} does not let {self._username} {what}. Ask its owner for the right, or change the folder."
            )
        if code == "550" or (code[:1] == "5" and _MISSING.search(said)):
            return NotFound(f"{self._host} could not {what}: there is no such file or folder. It said: {said}.")
        if code in ("530", "532"):
            return Denied(f"{self._host} does not let {self._username} {what}. It said: {said}.")
        return Refused(f"{self._host} could not {what}. It said: {said}.")

    def _lost(self, what: str, how: str, is_write: bool) -> ConnectorError:
        self.close()
        if is_write:
            return OutcomeUnknown(f"{self._host} {how} while it was to {what}, so it isn't certain what lies there now.")
        return TryLater(f"{self._host} {how} while it was to {what}. It is tried again later.")


class _Ftp(ftplib.FTP):
    """ftplib's commands over guarded sockets with deadlines, in clear text or under TLS."""

    sock: Any

    def __init__(self, network: Network, host: str, timeout: float) -> None:
        super().__init__(timeout=timeout, encoding="utf-8")
        self.host = host
        self._network = network
        self._context: ssl.SSLContext | None = None
        self._is_protected = False

    def dial(self, port: int) -> None:
        self._adopt(TimedSocket.adopt(self._network.connect(self.host, port, self.timeout or TIMEOUT)))
        self.welcome = self.getresp()

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.voidcmd("AUTH TLS")
        self._context = context
        self.sock.settimeout(self.timeout)
        # A new reader as well: whatever came in clear text behind the answer is thrown away with the old one.
        self._adopt(context.wrap_socket(self.sock, server_hostname=self.host))

    def protect(self) -> None:
        """Ask for TLS on data connections too."""
        self.voidcmd("PBSZ 0")
        self.voidcmd("PROT P")
        self._is_protected = True

    def _adopt(self, connection: Any) -> None:
        self.sock = connection
        self.af = connection.family
        self.file = connection.makefile("r", encoding="utf-8", errors="surrogateescape")

    def putline(self, line: str) -> None:
        self._restart_clock()
        super().putline(line)

    def getmultiline(self) -> str:
        self._restart_clock()
        return super().getmultiline()

    def _restart_clock(self) -> None:
        self.sock.deadline = time.monotonic() + (self.timeout or TIMEOUT)

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        """Open a data connection to the control connection's own address."""
        _, port = self.makepasv()
        timeout = self.timeout or TIMEOUT
        data: Any = TimedSocket.adopt(self._network.connect(self.sock.getpeername()[0], port, timeout))
        try:
            answer = self.sendcmd(cmd)
            # Some servers say 226 of the last transfer only now.
            if answer.startswith("2"):
                answer = self.getresp()
            if not answer.startswith("1"):
                raise ftplib.error_reply(answer)  # noqa: S321  # an exception, no call to a server
            if self._is_protected and self._context is not None:
                data.settimeout(timeout)
                data = self._context.wrap_socket(data, server_hostname=self.host, session=self.sock.session)
        except BaseException:
            _abort(data)
            raise
        return data, None

    def features(self) -> dict[str, str]:
        """Return what FEAT lists; empty where the server doesn't know it."""
        try:
            answer = self.sendcmd("FEAT")
        except ftplib.error_perm:
            return {}
        lines = [line.strip() for line in answer.splitlines()[1:-1]]
        return {line.partition(" ")[0].upper(): line.partition(" ")[2] for line in lines if line}

    def lines(self, command: str, progress: Progress) -> list[str]:
        """Run a listing and return its lines."""
        data = self.transfercmd(command)
        text = bytearray()
        try:
            while piece := _read_piece(data, self.timeout or TIMEOUT):
                progress()
                text += piece
                if len(text) > MAX_LISTING:
                    raise EOFError("a listing without end")
            _finish_tls(data)
        finally:
            data.close()
        self.voidresp()
        return [line for line in text.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n") if line]

    def size_of(self, path: str) -> int | None:
        """Return a file's bytes; None for what is no file, and where the server doesn't tell sizes."""
        try:
            return self.size(path)
        except (ftplib.error_perm, ValueError):
            return None

    def modified_at(self, path: str) -> datetime | None:
        try:
            return _moment(self.sendcmd(f"MDTM {path}")[4:].strip())
        except ftplib.error_perm:
            return None


def _read_piece(data: Any, timeout: float) -> bytes:
    """Read one piece, whole within the timeout: a server that drips is as good as one that hangs. Empty at the end."""
    data.deadline = time.monotonic() + timeout
    piece = bytearray()
    while len(piece) < PIECE:
        part = data.recv(PIECE - len(piece))
        if not part:
            break
        piece += part
    return bytes(piece)


def _finish_tls(data: Any) -> None:
    """Say under TLS that all was said; servers that don't answer this have done so on the control connection."""
    if isinstance(data, ssl.SSLSocket):
        with contextlib.suppress(OSError):
            data.unwrap()


def _abort(data: Any) -> None:
    """Close with a reset, so that the far side can't take a part for the whole."""
    with contextlib.suppress(OSError):
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        data.close()


def _said(error: Exception) -> str:
    """Return the server's words, fit to be shown."""
    return re.sub(r"[^\x20-\x7e]+", " ", str(error))[:200].strip().rstrip(".")


def _from_facts(line: str) -> FileEntry | None:
    """Read a line of MLSD or MLST (RFC 3659): `facts name`; None for the folder itself, its parent, and for no such line."""
    facts_text, blank, name = line.partition(" ")
    facts = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts_text.split(";")) if key}
    kind = facts.get("type", "").lower()
    if not blank or kind in ("cdir", "pdir") or not facts:
        return None
    size = facts.get("size", facts.get("sizd", "0"))
    return FileEntry(name, int(size) if size.isdecimal() else 0, _moment(facts.get("modify", "")), kind == "dir")


def _from_list_line(line: str) -> FileEntry | None:
    """Read a line of LIST as Unix and Windows servers write it; the time in it is local, so it isn't taken."""
    match = _UNIX_LINE.fullmatch(line)
    if match is not None:
        is_link = match["kind"] == "l"
        name = match["name"].partition(" -> ")[0] if is_link else match["name"]
        return FileEntry(name, -1 if is_link else int(match["size"]), None, match["kind"] == "d")
    match = _DOS_LINE.fullmatch(line)
    if match is not None:
        return FileEntry(match["name"], int(match["size"] or 0), None, match["dir"] is not None)
    return None


def _moment(text: str) -> datetime | None:
    """Read a time of RFC 3659, which is UTC: YYYYMMDDHHMMSS, perhaps with a fraction."""
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
