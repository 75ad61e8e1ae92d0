"""Manners that no linter keeps."""

from __future__ import annotations

import ast
import re

import pytest
from django.db.migrations.loader import MigrationLoader

from tests.architecture.sources import PRODUCT, ROOT, Source, everything, product

LONGEST_FILE = 550
"""Lines of a file that a reader can still hold in mind."""

LONGEST_TEST_FILE = 650

LONG_ON_PURPOSE = {"connectors/contract.py": "all that the author of a connector must read, in one place"}

WIDE_CATCHES = {
    "cartrover/bells.py": "whatever a broker's client raises must not reach a page",
    "connectors/probing.py": "a bug in a connector's test must not take the page down; it is logged whole",
    "connectors/registry.py": "a connector that can't be imported must not take the others down",
    "connectors/watched_tests.py": "a bug in a connector's test must end the row that a page watches; it is logged whole",
    "orders/health/broker.py": "whatever a broker's client raises, the page says it in words",
    "orders/upkeep/housekeeping.py": "an account that can't be looked after must not keep others from it; it is logged whole",
    "orders/acts/jobs.py": "a bug in one job must not end the worker; it is logged whole",
    "orders/pipeline/batch_work.py": "a bug in one order's delivery must not hold up its neighbours; it is logged whole",
    "orders/pipeline/read.py": "a file that trips over a bug must not stop the other files; it is logged whole",
    "orders/scheduling/running.py": "a bug in one run must not end the worker; it is logged whole",
}

VAGUE = {"base", "common", "handler", "handlers", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

REASON = re.compile(r"#\s*(?:type:\s*ignore\[[^\]]+\]|noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)\s+(?:#|-)\s*\S+")
SILENCER = re.compile(r"#\s*(?:type:\s*ignore|noqa)\b")

MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|farm|root|home/\w+|Users/\w+)/")
TEXTS = ("*.py", "*.md", "*.toml", "*.yml", "*.html", "*.css", "*.js", "Makefile", "Dockerfile", ".env.example", ".ci/*")


def test_every_module_begins_with_its_docstring_and_lazy_annotations() -> None:
    offences = [source.path for source in everything() if source.text.strip() and not begins_well(source)]
    assert not offences


def begins_well(source: Source) -> bool:
    body = source.tree.body
    in_tests = source.parts[0] == "tests"
    if ast.get_docstring(source.tree) is not None:
        body = body[1:]
    elif not in_tests:
        return False
    return not body or (isinstance(body[0], ast.ImportFrom) and body[0].module == "__future__")


def test_wide_catches_are_known_by_name() -> None:
    found = {
        source.path
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & {ast.unparse(part) for part in ast.walk(node.type)})
        and not passes_on(node)
    }
    assert found <= set(WIDE_CATCHES)


def passes_on(node: ast.ExceptHandler) -> bool:
    """Whether it only cleans up, and raises what it caught."""
    last = node.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_error_is_swallowed_without_a_word() -> None:
    offences = [
        f"{source.path}:{node.lineno}"
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and len(node.body) == 1
        and isinstance(node.body[0], ast.Pass)
        and (node.type is None or "Exception" in ast.unparse(node.type))
    ]
    assert not offences


def test_what_machines_share_goes_by_the_hub_s_clock() -> None:
    """Model defaults stamp rows for people; where a decision hangs on a column, its writer says the time."""
    offences = [
        f"{source.path}:{node.lineno}"
        for source in product()
        if source.parts[0] in {"orders", "connectors"}
        and not {"models", "models.py", "migrations", "sandbox"} & set(source.parts)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "timezone.now"
    ]
    assert not offences, "use cartrover.clock.hub_now: clocks of machines differ"


def test_whoever_silences_a_tool_says_why() -> None:
    """In the same line, or in a comment just above."""
    offences = []
    for source in product():
        lines = source.text.splitlines()
        for number, line in enumerate(lines):
            is_explained = REASON.search(line) or (number and lines[number - 1].lstrip().startswith("# "))
            if SILENCER.search(line) and not is_explained:
                offences.append(f"{source.path}:{number + 1}")
    assert not offences


def test_names_of_files_and_classes_say_what_is_in_them() -> None:
    offences = [source.path for source in everything() if VAGUE & set(source.parts[-1].removesuffix(".py").split("_"))]
    offences += [
        f"{source.path}:{node.lineno} {node.name}"
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and is_vague(node)
    ]
    assert not offences


def is_vague(node: ast.ClassDef) -> bool:
    for ending in ("Manager", "Handler", "Helper", "Processor", "Util", "Utils"):
        if node.name.endswith(ending):
            return not any(ending in ast.unparse(base) for base in node.bases)
    return False


def test_files_are_short_enough_to_read() -> None:
    limits = {source.path: LONGEST_TEST_FILE if source.parts[0] == "tests" else LONGEST_FILE for source in everything()}
    lengths = {source.path: source.text.count("\n") for source in everything() if source.path not in LONG_ON_PURPOSE}
    assert not {path: length for path, length in lengths.items() if length > limits[path]}


def test_no_file_names_a_path_of_somebody_s_machine() -> None:
    folders = [ROOT / folder for folder in (*PRODUCT, "tests", "benchmarks", "docs", "templates", "static", ".ci")]
    paths = [path for pattern in TEXTS for folder in folders if folder.exists() for path in folder.rglob(pattern)]
    paths += [path for pattern in TEXTS for path in ROOT.glob(pattern)]
    offences = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not offences


@pytest.mark.parametrize("app", ["accounts", "connectors", "orders"])
def test_an_app_has_one_last_migration(app: str) -> None:
    graph = MigrationLoader(None).graph
    assert len(graph.leaf_nodes(app)) == 1
