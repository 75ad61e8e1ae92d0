"""The test of a connection, step by step, as a person reads it. Leaves nothing behind at the server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from connectors.contract import CheckStep
from connectors.dsco.listing import NO_TIME, folder_of, order_refs
from connectors.dsco.remembering import Remembered
from connectors.errors import ConnectorError
from connectors.transports.files import Denied, FileServer, NotFound, Refused, join
from connectors.transports.sftp import fingerprint

PROBE: Final = b"This file tests whether the hub may write here. It can be deleted.\n"

LIKELY: Final[Mapping[str, str]] = {
    "address": "Most often there is a slip in the server's name or port, or the server lets in only known addresses.",
    "encryption": "Most often the server speaks another protocol than the one that is chosen.",
    "login": "Most often the password was not copied whole, or was changed since.",
    "order folder": "Most often the folder has another name there.",
    "upload folder": "Most often the folder has another name there, or the login may not write.",
}
"""The likeliest cause of each step that fails, which is told first."""

CLOCK_WORTH_TELLING: Final = 60
"""Seconds by which clocks must differ before a person is told."""


class Checking:
    """Tries a server that isn't connected yet. Each step gives words or raises a `ConnectorError`."""

    def __init__(self, server: FileServer, settings: Mapping[str, Any], remembered: Remembered, *, asks: bool = False) -> None:
        self._server, self._settings, self._remembered, self._asks = server, settings, remembered, asks

    def steps(self) -> Iterator[CheckStep]:
        """Yield each step; after one without which the others make no sense the test ends."""
        for name, look in (("address", self._dial), (self._safety(), self._secure), ("login", self._login)):
            step = _step(name, look)
            if step.ok and name == "host key" and self._asks:
                step = self._unconfirmed()
            yield step
            if not step.ok:
                return
        yield _step("order folder", self._look_for_orders)
        yield _step("order archive", lambda: self._look_into("order_archive_folder", "whether somebody else took order files"))
        yield _step("upload folder", self._write_and_remove)
        yield _step("processing folder", lambda: self._look_into("processing_folder", "whether DSCO is at work on a sent file"))
        yield _step("upload archive", lambda: self._look_into("upload_archive_folder", "whether DSCO has taken a sent file"))

    def _safety(self) -> str:
        return {"sftp": "host key", "ftps": "encryption"}.get(self._settings["protocol"], "encryption")

    def _dial(self) -> str:
        self._server.dial()
        return f"{self._settings['ftp_server']} was found and answers."

    def _secure(self) -> str:
        self._server.secure()
        if self._server.seen_host_key:
            return f"The server's host key is {fingerprint(self._server.seen_host_key)}."
        if self._settings["protocol"] == "ftps":
            unproven = " Its certificate isn't checked, as the settings say." if self._settings["allow_self_signed_tls"] else ""
            return f"The connection is encrypted (TLS).{unproven}"
        return "FTP is not encrypted: anybody on the way can read password and orders. Use SFTP if the server has it."

    def _unconfirmed(self) -> CheckStep:
        shown = fingerprint(self._server.seen_host_key)
        words = f"The server shows the host key {shown}. Confirm it first: no user name and no password was sent yet."
        return CheckStep("host key", False, words, asks=True)

    def _login(self) -> str:
        self._server.login()
        return f"Logged in as {self._settings['ftp_username']}."

    def _look_for_orders(self) -> str:
        folder = folder_of(self._settings, "order_folder")
        entries = self._server.listdir(folder)
        refs = order_refs(entries, self._settings)
        others = sum(not entry.is_dir for entry in entries) - len(refs)
        pattern = self._settings["order_file_pattern"]
        waiting = f"{_count(len(refs), 'order file')} in {folder}"
        if refs and refs[0].modified_at != NO_TIME:
            waiting += f", the oldest of {refs[0].modified_at:%Y-%m-%d %H:%M} UTC"
        left = (
            f" {_count(others, 'other file')} there will be left alone, because of their names ({pattern})." if others else ""
        )
        unsafe = f" Left out because of unsafe characters: {', '.join(self._server.skipped)}." if self._server.skipped else ""
        return f"{waiting}.{left}{unsafe}"

    def _look_into(self, field: str, purpose: str) -> str:
        """List a folder that the hub can do without."""
        folder = folder_of(self._settings, field)
        if not folder:
            return f"None is set, so the hub can't see {purpose}."
        try:
            entries = self._server.listdir(folder)
        except (NotFound, Denied, Refused):
            return f"There is no {folder} that this login may read, so the hub can't see {purpose}. DSCO's own server has one."
        return f"{_count(sum(not entry.is_dir for entry in entries), 'file')} in {folder}."

    def _write_and_remove(self) -> str:
        """Write a small file that no import job's pattern matches, learn from it, and remove it."""
        folder = folder_of(self._settings, "upload_folder")
        name = f".cartrover-test-{secrets.token_hex(4)}"
        path, renamed = join(folder, f"{name}.part"), join(folder, name)
        self._server.write(path, PROBE)
        words = [f"Files can be written into {folder}."]
        try:
            offset = self._remembered.learn_clock(self._server.stat(path))
            if offset is not None and abs(offset) >= CLOCK_WORTH_TELLING:
                words.append(f"Its clock is {abs(offset):,} s {'ahead' if offset > 0 else 'behind'}; that is allowed for.")
            if self._settings["upload_mode"] != "direct":
                path = self._rename(path, renamed, words)
        finally:
            self._remove(path, words)
        return " ".join(words)

    def _rename(self, old: str, new: str, words: list[str]) -> str:
        try:
            self._server.rename(old, new)
        except (Denied, Refused):
            if self._settings["upload_mode"] == "rename":
                raise
            self._remembered.learn_rename(is_refused=True)
            words.append("The server refuses renaming, so files are written directly under their final names.")
            return old
        self._remembered.learn_rename(is_refused=False)
        return new

    def _remove(self, path: str, words: list[str]) -> None:
        try:
            self._server.remove(path)
        except (Denied, Refused):
            words.append(f"The server doesn't let the hub delete its test file {path}; you can delete it.")
        except NotFound:
            words.append("The test file was taken away at once.")


def _step(name: str, look: Callable[[], str]) -> CheckStep:
    try:
        return CheckStep(name, True, look())
    except ConnectorError as error:
        return CheckStep(name, False, f"{LIKELY[name]} {error.words}" if name in LIKELY else error.words)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
