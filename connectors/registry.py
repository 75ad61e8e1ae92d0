"""Finds the connectors: every folder of the package `connectors` that has a `connector.py` with a SPEC.

Nothing registers itself and nothing lists the kinds: adding a folder is all. Names that begin with "_" are passed over. A
folder that is broken is left out with its faults in words, and takes no other down; `connectors.checks` tells of it at start.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import connectors
from connectors.contract import ConnectorSpec
from connectors.spec_rules import faults_of


class UnknownKind(LookupError):
    """No connector of that kind is installed, or it is broken; the words list those that are."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        self.words = f"This hub has no connector “{kind}”. It has: {', '.join(known) or 'none'}."
        super().__init__(self.words)


@dataclass(frozen=True, slots=True)
class BrokenConnector:
    """A folder that can't be used, and why."""

    folder: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    specs: dict[str, ConnectorSpec]
    broken: tuple[BrokenConnector, ...]


_lock = threading.RLock()
_found: _Found | None = None


def get(kind: str) -> ConnectorSpec:
    """Return the connector of this kind. Raise `UnknownKind` when there is none that can be used."""
    spec = find(kind)
    if spec is None:
        raise UnknownKind(kind, tuple(_scan().specs))
    return spec


def find(kind: str) -> ConnectorSpec | None:
    """Return the connector of this kind, or None when there is none that can be used."""
    return _scan().specs.get(kind)


def all_specs() -> tuple[ConnectorSpec, ...]:
    """Return all connectors that can be used, in the order of their names."""
    return tuple(sorted(_scan().specs.values(), key=lambda spec: (spec.name.lower(), spec.kind)))


def broken() -> tuple[BrokenConnector, ...]:
    """Return the folders that were left out."""
    return _scan().broken


def forget() -> None:
    """Look at the folders anew next time. For tests that add one."""
    global _found
    with _lock:
        _found = None
        importlib.invalidate_caches()


def _scan() -> _Found:
    global _found
    if _found is None:
        with _lock:
            if _found is None:
                _found = _read_folders()
    return _found


def _read_folders() -> _Found:
    specs: dict[str, ConnectorSpec] = {}
    broken_ones: list[BrokenConnector] = []
    for folder in _folders():
        spec, faults = _load(folder)
        if faults:
            broken_ones.append(BrokenConnector(folder, tuple(faults)))
        elif spec is not None:
            specs[folder] = spec
    return _Found(specs, tuple(broken_ones))


def _folders() -> Iterator[str]:
    seen: set[str] = set()
    for place in connectors.__path__:
        for path in sorted(Path(place).glob("[!_.]*/connector.py")):
            folder = path.parent.name
            if folder not in seen:
                seen.add(folder)
                yield folder


def _load(folder: str) -> tuple[ConnectorSpec | None, list[str]]:
    if not folder.isidentifier():
        return None, ["The folder's name is no Python identifier; use small letters, digits and underscores."]
    try:
        module = importlib.import_module(f"connectors.{folder}.connector")
    except Exception as error:  # noqa: BLE001 - whatever a connector's module does wrong, the others must go on
        return None, [f"connector.py can't be imported: {type(error).__name__}: {error}."]
    if not hasattr(module, "SPEC"):
        return None, ["connector.py has no SPEC; see the adding-a-connector guide."]
    faults = faults_of(module.SPEC, folder)
    return (None, faults) if faults else (module.SPEC, [])
