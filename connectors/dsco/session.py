"""One connection to DSCO's file server: orders from `out`, files into `in`. Maps nothing.

DSCO's server moves an order file to the archive once somebody has downloaded it, and takes sent files through `in/processing`
to `in/archive`. Nothing of DSCO's is ever deleted. Source: DSCO reference 2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final

from connectors.contract import CheckStep, DocumentRef, Listing, Opening, Place, Placement, Purpose
from connectors.dsco.checking import Checking
from connectors.dsco.fields import port_of
from connectors.dsco.listing import NO_TIME, folder_of, order_refs
from connectors.dsco.remembering import Remembered
from connectors.errors import BadDocument, FixConnection, OutcomeUnknown, TryLater
from connectors.transports.files import Denied, FileEntry, FileServer, NotFound, Refused, join
from connectors.transports.ftp import FtpServer
from connectors.transports.sftp import SftpServer

ASK_ONE_BY_ONE: Final = 20
"""Up to so many files are asked for by name; for more, listing the folder is less work for the server."""

DIRECTLY: Final = "The server refuses renaming, so the file was written directly under its final name."


def open_session(opening: Opening) -> DscoSession:
    """Return a session; it connects when it is first used."""
    return DscoSession(opening)


def file_server(opening: Opening, seen_host_key: str = "") -> FileServer:
    """Return the server that the settings name, not yet connected. It must show the key that was pinned, else the one that it
    showed before in this session."""
    settings, password = opening.settings, opening.secrets.get("ftp_password", "")
    host, user = str(settings["ftp_server"]), str(settings["ftp_username"])
    if settings["protocol"] == "sftp":
        return SftpServer(
            network=opening.network,
            progress=opening.progress,
            host=host,
            port=port_of(settings),
            username=user,
            password=password,
            pinned_host_key=opening.pinned_host_key or seen_host_key,
        )
    return FtpServer(
        network=opening.network,
        progress=opening.progress,
        host=host,
        port=port_of(settings),
        username=user,
        password=password,
        tls=settings["protocol"] == "ftps",
        verify=not settings["allow_self_signed_tls"],
    )


class DscoSession:
    """A `Session`, `OrderSource` and `DocumentSink`. A connection that broke is made anew at the next call."""

    def __init__(self, opening: Opening) -> None:
        self.seen_host_key = ""
        self._opening = opening
        self._settings = opening.settings
        self._remembered = Remembered(opening.memory, opening.now)
        self._server: FileServer | None = None

    def check(self) -> Iterator[CheckStep]:
        self.close()
        server = file_server(self._opening)
        try:
            asks = self._opening.ask_host_key and not self._opening.pinned_host_key
            for step in Checking(server, self._settings, self._remembered, asks=asks).steps():
                self.seen_host_key = server.seen_host_key or self.seen_host_key
                yield step
        finally:
            server.close()

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    # --- orders ---

    def list_orders(self) -> Listing:
        folder = self._folder("order_folder")
        try:
            with self._talking() as server:
                entries = server.listdir(folder)
        except NotFound:
            words = f"There is no folder {folder} on the server. Check the order folder in the connection's settings."
            raise FixConnection(words) from None
        return self._listing(entries)

    def list_taken(self) -> Listing:
        folder = self._folder("order_archive_folder")
        entries: list[FileEntry] = []
        if folder:
            # Servers of one's own may have no archive.
            with contextlib.suppress(NotFound), self._talking() as server:
                entries = server.listdir(folder)
        return self._listing(entries)

    def fetch(self, ref: DocumentRef) -> Iterator[bytes]:
        try:
            yield from self._fetched(ref)
        except Denied as error:
            # The rights of one file: the folder could be listed, so that the others are fetched.
            raise TryLater(f"{ref.name} can't be read: {error.words}") from error

    def _fetched(self, ref: DocumentRef) -> Iterator[bytes]:
        waiting = join(self._folder("order_folder"), ref.name)
        with self._talking() as server:
            try:
                if not _is_unchanged(entry := server.stat(waiting), ref):
                    yield from self._fetch_instead(server, ref, entry)
                    return
                pieces = server.read(waiting)
                first = next(pieces, b"")
            except NotFound:
                yield from self._fetch_taken(server, ref)
                return
            yield from _exactly(first, pieces, ref)
            with contextlib.suppress(NotFound):  # archived by DSCO, as it should be
                _require_unchanged(server.stat(waiting), ref)

    def _fetch_instead(self, server: FileServer, ref: DocumentRef, entry: FileEntry) -> Iterator[bytes]:
        """Another file of that name lies there now: the one that was listed may be in the archive, as it was."""
        archive = self._folder("order_archive_folder")
        with contextlib.suppress(NotFound):
            if archive and _is_unchanged(server.stat(join(archive, ref.name)), ref):
                yield from self._fetch_taken(server, ref)
                return
        _require_unchanged(entry, ref)

    def _fetch_taken(self, server: FileServer, ref: DocumentRef) -> Iterator[bytes]:
        """Read a file that was archived under our hands, or that somebody else has taken."""
        folder, archive = self._folder("order_folder"), self._folder("order_archive_folder")
        gone = BadDocument(
            f"The file {ref.name} of {ref.size:,} bytes is neither in {folder} nor in {archive or 'an archive'} any more. "
            "Export its orders again in DSCO."
        )
        if not archive:
            raise gone
        path = join(archive, ref.name)
        try:
            if server.stat(path).size != ref.size:
                raise gone
            pieces = server.read(path)
            first = next(pieces, b"")
        except NotFound:
            raise gone from None
        yield from _exactly(first, pieces, ref)

    # --- files to DSCO ---

    def send_document(self, purpose: Purpose, name: str, body: bytes) -> Placement:
        is_auto = self._settings["upload_mode"] == "auto"
        is_direct = self._settings["upload_mode"] == "direct" or (is_auto and self._remembered.rename_is_refused())
        with self._in_words(name), self._talking() as server:
            if is_direct:
                server.write(join(self._folder("upload_folder"), name), body)
            elif not self._put_and_rename(server, name, body, may_fail=is_auto):
                server.write(join(self._folder("upload_folder"), name), body)
                self._remembered.learn_rename(is_refused=True)
                is_direct = True
        return replace(self._verified(purpose, name, len(body)), words=DIRECTLY if is_direct and is_auto else "")

    def find_documents(self, purpose: Purpose, names: Collection[str]) -> Mapping[str, Placement]:
        found: dict[str, Placement] = {}
        # In the order in which DSCO moves a file: one that moves meanwhile is met in the next folder.
        for field, place in (
            ("upload_folder", Place.WAITING),
            ("processing_folder", Place.PROCESSING),
            ("upload_archive_folder", Place.TAKEN),
        ):
            missing = [name for name in names if name not in found]
            if missing and self._folder(field):
                with self._talking() as server:
                    sizes = _sizes(server, self._folder(field), missing)
                found |= {name: Placement(place, size) for name, size in sizes.items()}
        return {name: found.get(name, Placement(Place.NOWHERE)) for name in names}

    def _put_and_rename(self, server: FileServer, name: str, body: bytes, *, may_fail: bool) -> bool:
        """Put a file under a temporary name and rename it; return False when the server refuses one of the two."""
        folder = self._folder("upload_folder")
        part, final = join(folder, f".{name}.part"), join(folder, name)
        try:
            server.write(part, body)
        except OutcomeUnknown as error:
            # Only the temporary name was touched, which DSCO never looks at.
            raise TryLater(error.words) from error
        except (Denied, Refused):
            if not may_fail:
                raise
            return False
        try:
            server.rename(part, final)
        except NotFound:
            raise TryLater(f"The temporary file {part} vanished before it could be renamed.") from None
        except (Denied, Refused):
            with contextlib.suppress(Denied, Refused, NotFound):
                server.remove(part)
            if not may_fail:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _in_words(self, name: str) -> Iterator[None]:
        """Say what the refusal of one file means: the folder is wrong, or this file can't be put there now."""
        folder = self._folder("upload_folder")
        try:
            yield
        except NotFound:
            words = f"There is no folder {folder} on the server. Check the upload folder in the connection's settings."
            raise FixConnection(words) from None
        except Denied as error:
            raise TryLater(f"{name} could not be put into {folder}: {error.words}") from error

    def _verified(self, purpose: Purpose, name: str, size: int) -> Placement:
        """Look where the file lies now. The server has confirmed the write: a connection lost since takes nothing back."""
        written = Placement(Place.WAITING, size)
        try:
            with self._talking() as server:
                entry = server.stat(join(self._folder("upload_folder"), name))
            self._remembered.learn_clock(entry)
        except NotFound:
            with contextlib.suppress(TryLater, FixConnection):
                found = self.find_documents(purpose, [name])[name]
                # A server of one's own may take files away at once.
                return written if found.place is Place.NOWHERE else found
            return written
        except (TryLater, FixConnection):
            return written
        if entry.size != size:
            raise OutcomeUnknown(f"{name} has {entry.size:,} bytes on the server instead of {size:,}.")
        return written

    # --- common ground ---

    def _folder(self, field: str) -> str:
        return folder_of(self._settings, field)

    def _listing(self, entries: Collection[FileEntry]) -> Listing:
        far_now = self._remembered.far_now()
        # A file can't be younger than its server's clock.
        newest = max((entry.modified_at for entry in entries if entry.modified_at is not None), default=far_now)
        return Listing(order_refs(entries, self._settings), max(far_now, newest))

    @contextlib.contextmanager
    def _talking(self) -> Iterator[FileServer]:
        """Give the open server, and let go of one whose connection may be broken."""
        if self._server is None:
            self._server = file_server(self._opening, self.seen_host_key)
        server = self._server
        try:
            try:
                server.open()
            finally:
                self.seen_host_key = server.seen_host_key or self.seen_host_key
            yield server
        except (NotFound, Denied, Refused, BadDocument):
            raise
        except BaseException:
            # Half-read transfers included: a new connection is the one sure way on.
            self.close()
            raise


def _is_unchanged(entry: FileEntry, ref: DocumentRef) -> bool:
    is_later = entry.modified_at is not None and ref.modified_at != NO_TIME and entry.modified_at != ref.modified_at
    return entry.size == ref.size and not is_later


def _require_unchanged(entry: FileEntry, ref: DocumentRef) -> None:
    if not _is_unchanged(entry, ref):
        raise TryLater(f"{ref.name} has changed since it was listed; it may still be being written. It is read again later.")


def _exactly(first: bytes, pieces: Iterator[bytes], ref: DocumentRef) -> Iterator[bytes]:
    """Pass a file's bytes on and make sure that they are as many as were listed."""
    done = 0
    for piece in chain([first], pieces):
        done += len(piece)
        yield piece
    if done != ref.size:
        raise TryLater(f"{ref.name} gave {done:,} bytes instead of the {ref.size:,} that were listed. It is read again later.")


def _sizes(server: FileServer, folder: str, names: Collection[str]) -> dict[str, int]:
    """Return the sizes of those of the files that lie in a folder. A folder that isn't there holds none."""
    sizes: dict[str, int] = {}
    try:
        if len(names) > ASK_ONE_BY_ONE:
            wanted = frozenset(names)
            return {entry.name: entry.size for entry in server.listdir(folder) if entry.name in wanted and not entry.is_dir}
        for name in names:
            with contextlib.suppress(NotFound):
                sizes[name] = server.stat(join(folder, name)).size
    except NotFound:
        return {}
    return sizes
