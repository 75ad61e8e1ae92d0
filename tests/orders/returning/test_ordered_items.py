"""What a cart has ever ordered is kept beside its lines, and found again where an earlier version stored lines alone."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

from connectors.models import Connection
from orders.models import OrderedItem
from orders.pipeline.ordered_items import note_all_ordered
from orders.pipeline.stock_upload import sellable
from tests.hub import Hub
from tests.orders.returning.test_stock import READ, ordered


def _noted(cart: Connection) -> list[str]:
    return sorted(OrderedItem.objects.for_account(cart.account_id).filter(cart=cart).values_list("item", flat=True))


def _told_of(cart: Connection) -> list[str]:
    return [row.item for row in sellable(cart)]


def test_skus_are_noted_once_as_their_orders_come(hub: Hub) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    ordered(hub, "CAP-001")
    assert _noted(hub.cart) == ["CAP-001", "TEE-001"]
    hub.run(READ)
    assert _told_of(hub.cart) == ["CAP-001", "TEE-001"]


def test_lines_that_an_earlier_version_stored_are_noted_by_the_migration_and_at_night(hub: Hub) -> None:
    ordered(hub, "CAP-001", "TEE-001")
    hub.run(READ)
    migration = import_module("orders.migrations.0011_skus_ordered_so_far")
    for mend in (lambda: migration.note_all(apps, None), lambda: note_all_ordered(hub.cart)):
        OrderedItem.objects.for_account(hub.account).delete()
        assert _told_of(hub.cart) == []
        mend()
        mend()
        assert _told_of(hub.cart) == ["CAP-001", "TEE-001"]
