"""How the staff console looks: the portal's mark and accent, and a menu by topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import lazy


def _joined(address: Any, query: str) -> str:
    return f"{address}{query}"


_with_query = lazy(_joined, str)

STUCK, BADLY, BROKEN, OPEN, TROUBLE, HELD = (
    "?stuck=any",
    "?ended=badly",
    "?state=broken",
    "?state=open",
    "?trouble=yes",
    "?held=yes",
)
"""What lists are narrowed to that stand in the menu twice."""


def _mark(request: HttpRequest) -> str:
    return static("portal/mark.svg")


def _styles(request: HttpRequest) -> str:
    return static("portal/staff.css")


def _scripts(request: HttpRequest) -> str:
    return static("portal/staff.js")


def _may_look(app: str, model: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(f"{app}.view_{model}")


def _is_here(address: Any, query: str) -> Callable[[HttpRequest], bool]:
    """Tell a list from the same list narrowed down: only one of them is marked."""

    def here(request: HttpRequest) -> bool:
        asked = f"?{request.META.get('QUERY_STRING', '')}"
        if query:
            return request.path == str(address) and asked == query
        return request.path.startswith(str(address)) and asked not in (STUCK, BADLY, BROKEN, OPEN, TROUBLE, HELD)

    return here


def _list(title: str, icon: str, app: str, model: str, query: str = "") -> dict[str, Any]:
    address = reverse_lazy(f"admin:{app}_{model}_changelist")
    return {
        "title": title,
        "icon": icon,
        "link": _with_query(address, query),
        "active": _is_here(address, query),
        "permission": _may_look(app, model),
    }


def _group(title: str, *items: dict[str, Any], folded: bool = False) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": folded, "items": list(items)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "CartRover staff console",
    "SITE_HEADER": "CartRover",
    "SITE_SUBHEADER": "Staff console",
    "SITE_URL": "/",
    "SITE_ICON": _mark,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _mark}],
    "DASHBOARD_CALLBACK": "orders.staff.home.fill",
    "STYLES": [_styles],
    "SCRIPTS": [_scripts],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    # Neighbours of the portal's --accent (#1d5bb8 on light, #82b4ff on dark) and of its greys.
    "COLORS": {
        "base": {
            "50": "#f5f6f8",
            "100": "#eceff3",
            "200": "#d8dde4",
            "300": "#b9c1cb",
            "400": "#9eaab8",
            "500": "#586271",
            "600": "#454e5b",
            "700": "#303a45",
            "800": "#222a33",
            "900": "#191f26",
            "950": "#11151a",
        },
        "primary": {
            "50": "#eff5fd",
            "100": "#e5eefb",
            "200": "#c6dbf7",
            "300": "#a4c6f6",
            "400": "#82b4ff",
            "500": "#5b95e8",
            "600": "#1d5bb8",
            "700": "#184c9a",
            "800": "#143e7e",
            "900": "#102f5f",
            "950": "#0c1a2e",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    {"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")},
                    {"title": "Health", "icon": "monitor_heart", "link": reverse_lazy("staff_health")},
                ]
            },
            _group(
                "What needs us",
                _list("Stuck services", "hourglass_disabled", "connectors", "service", STUCK),
                _list("Failing runs", "error", "connectors", "servicerun", BADLY),
                _list("Broken connections", "link_off", "connectors", "connection", BROKEN),
                _list("Open alerts", "notifications_active", "orders", "alert", OPEN),
                _list("Failing messages", "outgoing_mail", "orders", "outboundmessage", TROUBLE),
                _list("Held orders", "front_hand", "orders", "order", HELD),
                _list("Support requests", "support_agent", "orders", "supportrequest"),
            ),
            _group(
                "Merchants",
                _list("Organizations", "domain", "accounts", "organization"),
                _list("Accounts", "storefront", "accounts", "account"),
                _list("Connections", "cable", "connectors", "connection"),
                _list("Services", "sync", "connectors", "service"),
                _list("Runs", "play_circle", "connectors", "servicerun"),
                _list("Alerts", "notifications", "orders", "alert"),
                _list("Bulk work", "checklist", "orders", "job"),
            ),
            _group(
                "People",
                _list("Users", "person", "accounts", "user"),
                _list("Memberships", "group", "accounts", "membership"),
                _list("Invitations", "mail", "accounts", "invitation"),
                _list("Second steps", "phonelink_lock", "mfa", "authenticator"),
                _list("Audit log", "history_edu", "accounts", "auditentry"),
                _list("API keys", "key", "orders", "apikey"),
                _list("Notification channels", "campaign", "orders", "notificationchannel"),
            ),
            _group(
                "Orders",
                _list("Orders", "receipt_long", "orders", "order"),
                _list("Skipped", "playlist_remove", "orders", "skippedorder"),
                _list("Messages to WMS", "outbox", "orders", "outboundmessage"),
                _list("Attempts", "swap_horiz", "orders", "outboundattempt"),
                _list("Files in", "download", "orders", "inbounddocument"),
                _list("Files out", "upload", "orders", "outbounddocument"),
                _list("Shipments", "local_shipping", "orders", "shipment"),
                _list("Invoices", "request_quote", "orders", "invoice"),
                _list("Events", "timeline", "orders", "orderevent"),
            ),
            _group(
                "Products and stock",
                _list("Products", "inventory_2", "orders", "product"),
                _list("Aliases", "alt_route", "orders", "productalias"),
                _list("Shipping codes", "conversion_path", "orders", "shipmethodmap"),
                _list("Stock at WMS", "warehouse", "orders", "stocklevel"),
                _list("Stock told", "sell", "orders", "channelstock"),
                folded=True,
            ),
        ],
    },
}
"""Settings of the console's theme, as its package reads them."""
