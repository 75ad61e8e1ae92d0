"""Folders as the settings name them, and the order files among what lies in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.contract import DocumentRef
from connectors.dsco.wire import is_order_file
from connectors.transports.files import FileEntry

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The change time of a file whose server doesn't say it: old enough to be read at once."""


def folder_of(settings: Mapping[str, Any], field: str) -> str:
    """Return a folder of the settings as a path without a slash at its end; "" where none is set."""
    path = str(settings[field] or "").strip()
    return path.rstrip("/") or path[:1]


def order_refs(entries: Iterable[FileEntry], settings: Mapping[str, Any]) -> tuple[DocumentRef, ...]:
    """Return the order files among the entries of a folder, oldest first."""
    pattern = str(settings["order_file_pattern"])
    refs = (
        DocumentRef(entry.name, entry.size, entry.modified_at or NO_TIME)
        for entry in entries
        if not entry.is_dir and is_order_file(entry.name, pattern)
    )
    return tuple(sorted(refs, key=lambda ref: (ref.modified_at, ref.name)))
