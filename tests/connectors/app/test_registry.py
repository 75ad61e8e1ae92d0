"""Connectors are found by their folders, and a broken one takes no other down."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from connectors import registry
from connectors.contract import FieldKind, Side
from connectors.hub_fields import fields_of

HEAD = """
from connectors.contract import *
FIELDS = {{"kind": "{kind}", "name": "Shop", "side": Side.CART, "roles": frozenset({{Role.ORDER_SOURCE}}), "fields": (),
           "open_session": lambda opening: None, "parse_orders": lambda body, name, settings: iter(())}}
"""

BROKEN = {
    "wrong_name": ('SPEC = ConnectorSpec(**{**FIELDS, "kind": "other"})', "named like its folder"),
    "no_spec": ("", "has no SPEC"),
    "no_connector": ("SPEC = 3", "SPEC is a int"),
    "does_not_import": ("import a_module_that_nobody_has", "can't be imported: ModuleNotFoundError"),
    "does_not_parse": ("def", "can't be imported: SyntaxError"),
    "no_parser": ('SPEC = ConnectorSpec(**{**FIELDS, "parse_orders": None})', "needs SPEC.parse_orders"),
    "wrong_side": ('SPEC = ConnectorSpec(**{**FIELDS, "side": Side.WMS})', "order_source is none of a connector on side wms"),
    "no_roles": ('SPEC = ConnectorSpec(**{**FIELDS, "roles": frozenset()})', "roles is empty"),
    "no_renderer": ('SPEC = ConnectorSpec(**{**FIELDS, "roles": {Role.STOCK_SINK}})', r"renderers\[Purpose.STOCK\]"),
    "no_file_name": (
        'SPEC = ConnectorSpec(**{**FIELDS, "roles": {Role.STOCK_SINK}, "renderers": {Purpose.STOCK: bytes}})',
        "needs SPEC.name_document",
    ),
    "field_twice": ('SPEC = ConnectorSpec(**{**FIELDS, "fields": (Field(name="a", label="A"),) * 2})', "a is declared twice"),
    "field_taken": ('SPEC = ConnectorSpec(**{**FIELDS, "fields": (Field(name="host_key", label="A"),)})', "keeps for itself"),
    "field_default": (
        'SPEC = ConnectorSpec(**{**FIELDS, "fields": (Field(name="n", label="N", kind=FieldKind.INTEGER, default="x"),)})',
        "n has a default that must be a whole number",
    ),
    "field_other_kind": (
        'SPEC = ConnectorSpec(**{**FIELDS, "fields": (Field(name="minimum_stock", label="M"),)})',
        "replaces the hub's own and must be of its kind, integer",
    ),
    "field_choices": (
        'SPEC = ConnectorSpec(**{**FIELDS, "fields": (Field(name="c", label="C", kind=FieldKind.CHOICE),)})',
        "must have choices",
    ),
    "step_unknown": (
        'SPEC = ConnectorSpec(**{**FIELDS, "guide": Guide(steps=(GuideStep(title="T", body="B", fields=("zip",)),))})',
        "asks for zip, which is no field",
    ),
    "oauth_unknown": ('SPEC = ConnectorSpec(**{**FIELDS, "oauth": OAuthSpec()})', "token_url, which is no field"),
    "no_requests": ('SPEC = ConnectorSpec(**{**FIELDS, "limits": RateLimit(requests=0, window_seconds=1)})', "one request"),
    "no_batches": (
        'SPEC = ConnectorSpec(**{**FIELDS, "limits": RateLimit(requests=1, window_seconds=1, apart={"batch": 0})})',
        "one request",
    ),
    "fewer_at_once": (
        'SPEC = ConnectorSpec(**{**FIELDS, "sends_at_once": 3, "limits": RateLimit(requests=1, window_seconds=1, at_once=2)})',
        "sends_at_once is more than SPEC.limits.at_once",
    ),
    "whose_month": (
        'SPEC = ConnectorSpec(**{**FIELDS, "limits": RateLimit(requests=1, window_seconds=1, monthly=9, monthly_of="app")})',
        "monthly_of names app, which is no setting",
    ),
}  # fmt: skip


def write_kind(folders: Path, kind: str, text: str) -> None:
    folder = folders / kind
    folder.mkdir()
    (folder / "connector.py").write_text(HEAD.format(kind=kind) + text)


@pytest.fixture
def broken(tmp_path: Path, added_kinds) -> None:
    """All broken kinds there are, and a good one in the middle of them."""
    for kind, (text, _) in BROKEN.items():
        write_kind(tmp_path, kind, text)
    write_kind(tmp_path, "good_shop", "SPEC = ConnectorSpec(**FIELDS)")
    write_kind(tmp_path, "_not_a_kind", "raise RuntimeError")
    added_kinds(tmp_path)


def test_an_added_folder_is_found_without_another_edit(toy):
    assert registry.get("toy_cart") is toy.SPEC
    assert toy.SPEC in registry.all_specs()
    assert registry.find("toy_cart") is toy.SPEC


def test_a_broken_folder_is_left_out_with_its_fault_and_takes_no_other_down(broken):
    assert registry.get("good_shop").name == "Shop"
    faults = {connector.folder: " ".join(connector.faults) for connector in registry.broken()}
    assert set(faults) == set(BROKEN)
    for kind, (_, words) in BROKEN.items():
        assert re.search(words, faults[kind]), f"{kind}: {faults[kind]}"
        assert registry.find(kind) is None


def test_the_check_at_start_names_each_broken_folder_in_words(broken):
    warnings = [message for message in run_checks() if message.id == "connectors.W001"]
    assert {str(message.obj).removeprefix("connectors.") for message in warnings} == set(BROKEN)
    assert all("was left out" in message.msg for message in warnings)


def test_commands_still_run_beside_a_broken_folder(broken):
    errors = StringIO()
    call_command("check", stderr=errors)
    assert "wrong_name" in errors.getvalue()


def test_an_unknown_kind_is_refused_with_those_that_are_there(toy):
    with pytest.raises(registry.UnknownKind, match=r"no connector “sopify”\. It has: .*toy_cart"):
        registry.get("sopify")
    assert registry.find("sopify") is None


def test_the_template_is_no_connector():
    assert registry.find("_template") is None


def test_the_hub_adds_its_own_fields_after_the_kinds(toy):
    names = [field.name for field in fields_of(toy.SPEC)]
    assert names[0] == "server"
    assert {"earliest_order_date", "minimum_stock", "invoices_from"} <= set(names)
    assert "cust_ref_length" not in names
    assert len(names) == len(set(names))


def test_every_installed_connector_is_fit():
    assert registry.broken() == ()
    for spec in registry.all_specs():
        assert spec.side in Side
        assert all(field.help or field.label for field in spec.fields)
        assert not any(field.default for field in spec.fields if field.kind is FieldKind.SECRET)
