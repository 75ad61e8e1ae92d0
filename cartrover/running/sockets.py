"""Where the unix sockets of a hub stand: in its folder, or, since their paths must be short, in a private one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""Bytes that the path of a unix socket may have everywhere: Linux takes 107, macOS 103."""


def socket_path(folder: Path, name: str) -> Path:
    """Return the path of this folder's socket of that name; always the same one for the same folder."""
    near = folder / name
    if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
        return near
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"cartrover-{os.getuid()}-{digest}" / name


def make_private_folder(path: Path) -> None:
    """Make the folder of a socket, open to its owner alone. Raise `PermissionError` when it belongs to somebody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else; remove it or set CARTROVER_VAR to a shorter path")
    path.chmod(0o700)
