"""The project's own source files, read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("cartrover", "connectors", "orders")


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the project."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        return Path(self.path).parts

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield the line and the whole name of everything that is imported, wherever it stands in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@lru_cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below these folders, without migrations."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts]
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text()) for path in paths)


def product() -> tuple[Source, ...]:
    return tuple(source for source in everything() if source.parts[0] in PRODUCT)


def everything() -> tuple[Source, ...]:
    return sources(*PRODUCT, "tests", "benchmarks")


def kinds() -> tuple[str, ...]:
    """Return the connectors' folders."""
    own = {"transports", "simulating", "migrations", "management"}
    return tuple(
        sorted(path.parent.name for path in (ROOT / "connectors").glob("[!_.]*/__init__.py") if path.parent.name not in own)
    )
