"""The connector as the registry finds it."""

from __future__ import annotations

from connectors.contract import (
    FieldKind,
    InvoiceSource,
    OrderDestination,
    ShipmentSource,
    StockSource,
)
from connectors.field_values import typed
from connectors.quickbooks_commerce.connector import SPEC, identity
from connectors.spec_rules import faults_of
from tests.connectors.quickbooks_commerce.rig import Hub


def test_the_spec_is_fit() -> None:
    assert faults_of(SPEC, "quickbooks_commerce") == []


def test_a_session_has_the_methods_of_its_roles(hub: Hub) -> None:
    session = hub.open()
    for role in (OrderDestination, ShipmentSource, InvoiceSource, StockSource):
        assert isinstance(session, role)
    session.close()


def test_only_secrets_are_secret() -> None:
    assert {field.name for field in SPEC.fields if field.kind is FieldKind.SECRET} == {"client_secret", "access_token"}


def test_a_blank_shipping_label_stays_blank_and_an_unset_one_has_its_default() -> None:
    assert typed(SPEC.fields, {"shipping_line_label": ""})["shipping_line_label"] == ""
    assert typed(SPEC.fields, {})["shipping_line_label"] == "Shipping Cost"


def test_the_guide_says_that_the_service_closed_and_that_duplicates_should_be_refused() -> None:
    text = " ".join(f"{step.title} {step.acts} {step.body}" for step in SPEC.guide.steps)
    wanted = ("31 August 2023", "reject duplicate order numbers", "user of its own", "Business plan", "Privileged Token")
    for words in wanted:
        assert words in text


def test_each_field_stands_at_one_step_of_the_guide() -> None:
    placed = [name for step in SPEC.guide.steps for name in step.fields]
    assert sorted(placed) == sorted(field.name for field in SPEC.fields)


def test_a_privileged_token_names_its_account_without_telling_the_token() -> None:
    settings = {"api_url": "https://API.example.com/"}
    name = identity(settings, {"access_token": "very-secret"})
    assert name.startswith("api.example.com ")
    assert "very-secret" not in name
    assert name != identity(settings, {"access_token": "another"})
    assert identity({**settings, "client_id": "shared-application"}, {}) == ""
