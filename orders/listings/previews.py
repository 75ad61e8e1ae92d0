"""What would be sent of an order, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.contract import RenderedRequest
from connectors.models import Connection
from orders import words
from orders.models import Order
from orders.previewing import foresee


@dataclass(frozen=True, slots=True)
class RequestShown:
    """A request; `pretty` is its body with line breaks, `raw` to the byte as it would go."""

    request: RenderedRequest
    pretty: str
    raw: str


@dataclass(frozen=True, slots=True)
class FileShown:
    """Rows for the cart, with the header of their file."""

    about: str
    rows: int
    text: str


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """Everything that would be sent. `words` say why nothing would go to the WMS."""

    wms: Connection | None
    requests: Sequence[RequestShown]
    words: str
    files: Sequence[FileShown]


def preview_page(order: Order) -> PreviewPage:
    """Return what would be sent of this order now; asks the WMS what it must."""
    seen = foresee(order)
    return PreviewPage(
        seen.wms,
        [RequestShown(one, _pretty(one.body), one.body.decode("utf-8", errors="replace")) for one in seen.requests],
        seen.words,
        [FileShown(words.FILE_ABOUT[file.purpose], file.rows, file.body.decode()) for file in seen.files],
    )


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", errors="replace")
