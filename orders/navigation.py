"""What stands in the portal's menu: at the side of a wide screen, at the foot of a narrow one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu. `also` are the pages that lie behind it; `icon` is drawn on a field of 16 by 16.

    `at_foot`: stands in the bar at the foot of a narrow screen; the others are behind More there.
    """

    page: str
    words: str
    icon: str
    also: tuple[str, ...] = ()
    at_foot: bool = False


def _of(kind: str) -> tuple[str, ...]:
    return tuple(f"{kind}_{act}" for act in ("add", "change", "import", "import_load"))


@dataclass(frozen=True, slots=True)
class SettingsEntry:
    """A page of the settings. `for_everybody`: every member opens it; the others are for owners."""

    page: str
    words: str
    also: tuple[str, ...] = ()
    for_everybody: bool = False


SETTINGS: Sequence[SettingsEntry] = (
    SettingsEntry("account_settings", "Account", for_everybody=True),
    SettingsEntry("members", "Members", ("member_invite",), for_everybody=True),
    SettingsEntry(
        "notifications",
        "Notifications",
        ("channel", "channel_new_email", "channel_new_slack", "channel_new_webhook"),
        for_everybody=True,
    ),
    SettingsEntry("api_keys", "API keys"),
    SettingsEntry("audit_log", "Audit log"),
    SettingsEntry("account_export", "Export"),
)

_SETTINGS_PAGES = tuple(page for entry in SETTINGS for page in (entry.page, *entry.also))

MENU: Sequence[Sequence[Entry]] = (
    (
        Entry("account_home", "Home", "M2 8l6-5.5L14 8M4 6.5V13.5h8V6.5", at_foot=True),
        Entry(
            "orders",
            "Orders",
            "M3 2.5h10v11H3zM5.5 6h5M5.5 9h5",
            ("order", "order_preview", "orders_bulk_all", "work", "order_edit"),
            at_foot=True,
        ),
        Entry("skipped", "Skipped", "M2.5 4.5h7M2.5 8h5M2.5 11.5h7M10.5 6l4 4M14.5 6l-4 4"),
        Entry("shipments", "Shipments", "M2.5 5h11v8h-11zM2.5 5l1.5-2.5h8L13.5 5M6 8h4"),
        Entry("invoices", "Invoices", "M3.5 2h9v12l-2.2-1.3L8 14l-2.3-1.3L3.5 14zM6 5.5h4M6 8.5h4"),
        Entry("inventory", "Inventory", "M2.5 8.5h5v5h-5zM8.5 8.5h5v5h-5zM5.5 2.5h5v5h-5z"),
        Entry("products", "Products", "M2.5 5L8 2l5.5 3v6L8 14l-5.5-3zM2.5 5L8 8l5.5-3M8 8v6", _of("products")),
    ),
    (
        Entry(
            "connections",
            "Carts, WMS",
            "M6 10l4-4M4.5 7.5l-1 1a2.8 2.8 0 0 0 4 4l1-1M11.5 8.5l1-1a2.8 2.8 0 0 0-4-4l-1 1",
            (
                "connection",
                "connection_settings",
                "connection_files",
                "connection_file",
                "connection_runs",
                "connection_backfill",
                "connection_new",
                "connection_guide",
                "connection_go_live",
                "connection_help",
                "help",
                "help_request",
            ),
        ),
    ),
    (
        Entry("aliases", "Aliases", "M2.5 5.5h9M9 3l2.5 2.5L9 8M13.5 10.5h-9M7 8l-2.5 2.5L7 13", _of("aliases")),
        Entry(
            "ship_methods", "Shipping codes", "M1.5 4h8v7h-8zM9.5 6.5h3l2 2.5v2h-5M4 13.5h.01M12 13.5h.01", _of("ship_methods")
        ),
    ),
    (Entry("alerts", "Alerts", "M8 2.5a4 4 0 0 0-4 4v3L2.5 12h11L12 9.5v-3a4 4 0 0 0-4-4zM6.5 14h3", at_foot=True),),
    (
        Entry(
            "account_settings",
            "Settings",
            "M2.5 4.5h6M12.5 4.5h1M2.5 8h1M7.5 8h6M2.5 11.5h5M11.5 11.5h2M10.5 3v3M5.5 6.5v3M9.5 10v3",
            _SETTINGS_PAGES,
        ),
    ),
)
"""In groups, in the order in which people look."""
