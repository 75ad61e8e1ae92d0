"""What stands behind the question mark of a request, read leniently. Source: CartRover reference 1.6 and 1.7, (3) and (5)."""

from __future__ import annotations

from django.http import HttpRequest

from orders.api.envelope import invalid
from orders.api.order_out import Include
from orders.api.order_reading import DEFAULT_PAGE, LARGEST_PAGE, LAST_PAGE, Asked
from orders.api.values import flag_in, moment_in


def include_of(request: HttpRequest) -> Include:
    """Return what the `include_*` switches ask for."""
    return Include(
        order_extras=flag_in(request.GET, "include_order_extras"),
        line_extras=flag_in(request.GET, "include_line_extras"),
        aliases=flag_in(request.GET, "include_aliases"),
        filtered_items=flag_in(request.GET, "include_filtered_items"),
    )


def asked_of(request: HttpRequest, status: str) -> Asked:
    """Return the page of the list that is asked for. Raise `Fault` for bounds and numbers that can't be read."""
    limit, page = paging_of(request, LARGEST_PAGE)
    return Asked(
        status=status,
        since=moment_in(_text(request, "from_date"), "from_date"),
        until=moment_in(_text(request, "to_date"), "to_date", is_end=True),
        order_source=_text(request, "order_source"),
        limit=limit,
        page=page,
    )


def paging_of(request: HttpRequest, largest: int) -> tuple[int, int]:
    """Return size and number of the page; one that is too large is made as large as allowed."""
    limit = _whole(request, "limit", DEFAULT_PAGE)
    page = _whole(request, "page", 1)
    if page > LAST_PAGE:
        raise invalid(f"page must not be above {LAST_PAGE}. Ask for less with from_date and to_date.")
    return min(limit, largest), page


def _text(request: HttpRequest, name: str) -> str:
    text = request.GET.get(name, "").strip()
    if "\x00" in text or len(text) > 200:
        raise invalid(f"{name} can't be read.")
    return text


def _whole(request: HttpRequest, name: str, default: int) -> int:
    text = request.GET.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise invalid(f"{name} must be a whole number from 1 on.")
    return int(text)
