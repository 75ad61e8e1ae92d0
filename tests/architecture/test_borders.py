"""Who may import and name whom, where it must hold for connectors and kernel modules that nobody has written yet."""

from __future__ import annotations

import ast

from tests.architecture.sources import everything, kinds, product, sources

OPEN_TO_CONNECTORS = ("connectors.contract", "connectors.errors", "connectors.transports")
OPEN_TO_SANDBOXES = (*OPEN_TO_CONNECTORS, "connectors.simulating")

COMPOSITION = {"cartrover/urls.py", "cartrover/settings.py"}
"""Where the project is put together from its apps."""

UNGUARDED = {
    "cartrover/tenancy.py": "the guard itself",
    "cartrover/leasing.py": "claims rows of any table by primary key and token",
    "cartrover/staff.py": "makes the console of our own staff, and says so to the guard",
    "orders/management/commands/check_tenancy.py": "looks for what the guard can't see",
}
"""Who may go round the tenancy guard through a model's base manager."""

RAW_SQL = {
    "cartrover/checks.py": "asks SQLite for its journal mode",
    "cartrover/clock.py": "asks PostgreSQL for its clock",
    "cartrover/compiled_queries.py": "runs what Django made of a queryset that names its account",
    "cartrover/planner_facts.py": "tells SQLite how full the tables will be, and PostgreSQL to look",
    "cartrover/tenant_keys.py": "constraints that Django can't declare",
    "orders/health/machine.py": "asks the database for its size and version",
    "orders/listings/orders.py": "a step in the index for each retailer, the account in each condition",
    "orders/pipeline/loader.py": "COPY and bulk inserts, the account in each row",
}


def kind_of(parts: tuple[str, ...]) -> str:
    """Return the connector that a file belongs to, or "" for the hub's own."""
    return parts[1] if parts[0] == "connectors" and parts[1] in kinds() else ""


def open_to(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return what of the hub a connector's file may import."""
    return OPEN_TO_SANDBOXES if parts[2].startswith("sandbox") else OPEN_TO_CONNECTORS


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_connectors_import_the_contract_the_errors_the_transports_and_themselves() -> None:
    offences = [
        f"{source.path}:{line} imports {name}"
        for source in sources("connectors")
        if (kind := kind_of(source.parts))
        for line, name in source.imports()
        if is_within(name, "django", "celery", "cartrover", "orders", "connectors")
        and not is_within(name, *open_to(source.parts), f"connectors.{kind}")
    ]
    assert not offences


def test_nothing_outside_a_connector_names_it() -> None:
    named = set(kinds())
    offences = []
    for source in product():
        if kind_of(source.parts):
            continue
        offences += [
            f"{source.path}:{line} imports {name}"
            for line, name in source.imports()
            if is_within(name, *(f"connectors.{kind}" for kind in named))
        ]
        offences += [
            f"{source.path}:{node.lineno} says {node.value!r}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Constant) and node.value in named
        ]
    assert not offences


def test_modules_of_the_kernel_import_no_app() -> None:
    offences = [
        f"{source.path}:{line} imports {name}"
        for source in sources("cartrover")
        if source.parts[1] != "accounts" and source.path not in COMPOSITION
        for line, name in source.imports()
        if is_within(name, "connectors", "orders")
        or (is_within(name, "cartrover.accounts") and not only_for_types(source.tree, line))
    ]
    assert not offences


def only_for_types(tree: ast.Module, line: int) -> bool:
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and node.lineno <= line <= (node.end_lineno or 0)
        for node in tree.body
    )


def test_nobody_goes_round_the_tenancy_guard() -> None:
    offences = [
        f"{source.path}:{node.lineno}"
        for source in product()
        if source.path not in UNGUARDED
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"_base_manager", "_default_manager"}
    ]
    assert not offences


def test_raw_sql_stands_in_known_places() -> None:
    offences = [
        f"{source.path}:{node.lineno}"
        for source in product()
        if source.path not in RAW_SQL and not kind_of(source.parts)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr in {"raw", "extra", "execute", "executemany"})
    ]
    assert not offences


def test_tests_of_the_hub_use_no_connector_but_through_its_sandbox() -> None:
    """A connector's own tests and the contract suite know it; the hub's meet it over the wire."""
    offences = [
        f"{source.path}:{line} imports {name}"
        for source in everything()
        if source.parts[0] == "tests" and source.parts[1] in {"orders", "accounts", "kernel"}
        for line, name in source.imports()
        if is_within(name, *(f"connectors.{kind}" for kind in kinds()))
        and not is_within(name, *(f"connectors.{kind}.sandbox" for kind in kinds()))
    ]
    assert not offences
