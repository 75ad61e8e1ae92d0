"""A QuickBooks Commerce that runs on this machine: its API, its OAuth, its merchant's warehouse, and its bad days.

`start_sandbox(folder, {"http": 0})` serves on 127.0.0.1 in a thread of its own and returns what a connection to it must be set
to (`settings`, `secrets`), a page for people (`page`), `drive` and `stop`. All state lies in `folder`: what was there at a stop
is there at the next start. Another process may drive as well: `POST /_sandbox/drive` with JSON `{"command", "arguments"}`, the
header `X-Sandbox-Token` with the content of `folder/drive-token`; `folder/running.json` tells the address.

**The merchant.** Locations Main and Overflow; 40 SKUs: CAP-001 to CAP-010, TEE-001 to TEE-010, MUG-001 to MUG-008, BAG-001 to
BAG-006, SOX-001 to SOX-004 (100 pieces each at Main, 20 at Overflow), SET-001, a bundle of a CAP-001 and two TEE-001, and
GIFT-CARD, whose stock isn't tracked. UPCs are valid. People: Olive (1), who may do everything, and Wes (2), who may not write
orders. Prices have no tax by default; the currencies are USD, CAD and EUR.

**Commands of `drive`.** Arguments and results are plain JSON values; whatever can't be done raises ValueError with words. An
order is named by `order_number`, `reference_number` or `order_id`; `line` is a SKU, a line's id or `{"position": n}`; `lines`
are `{sku: quantity}` or `[{"line", "quantity"}]`, none = all that is open.

* Looking: `state` (of one order when named), `counts`, `requests(limit, clear)`, `clear_requests`, `faults`, `deliveries`.
* Shipping: `pack_and_ship(order or all=True, lines, packages, tracking, carrier, service, url, without_tracking,
  without_shipped_at, shipped_at, pack_only)`, where `packages` is a number of boxes or a list of `{"lines", "tracking",
  "carrier", "service", "url"}`; `ship(fulfillment_id, ...)`, `set_tracking(fulfillment_id, tracking, ...)`,
  `void_fulfillment(fulfillment_id)`; `auto_ship(every, invoice=True)` lets the warehouse ship and invoice by itself each so
  many seconds (0 stops it).
* Invoices: `invoice(order or all=True, lines, invoice_number, invoiced_at, due_at)`, `void_invoice(invoice_id or
  invoice_number)`, `pay(order)`.
* Orders: `finalize`, `void(force=False)`, `delete_order`, `delete_line(line)`, `cut_line(line, quantity)`, `add_line(sku,
  quantity, price)`, `add_stranger_order(order_number, reference_number, lines, company_name, company_code, status, count)`.
* Products: `set_stock(sku, quantity, location="Main")`, `set_product(sku, **attributes)`, `add_products(products)`,
  `archive_products(skus)`, `remove_products(skus)`, `add_location(label)`.
* Access: `authorize(redirect_uri, user=1)` gives a code as if that person had pressed Allow; `expire_tokens(privileged=False)`,
  `revoke_tokens(privileged=False)`, `set_permissions(user, permissions)`.
* Manners: `set(**options)` (see `options.py`), `advance(seconds)` moves the clock ahead, `reset` makes the merchant fresh.
* Faults: `fault(name, path=None, method=None, times=1, skip=0, done=None, **more)`, `chaos(seed, rates, path, method, **more)`,
  `clear_faults`. Names, and whether the request is carried out before the fault shows, stand in `faults.py`; `done` overrules
  it, `times=0` means until cleared, `path` is a pattern such as `/orders/*`. More: `seconds` (stall, delay, slow_drip, 429),
  `status` (html, broken_json, empty), `upper` (401), `errors` (422).

**Chosen where no source tells.** A used label of a nested address is refused as `shipping_address.label`; unknown variants,
companies and addresses "can't be blank" under the name of the association; only finalized orders are packed, shipped or
invoiced; `void` refuses once something has shipped or been paid; an action answers 201 with the child it made (`void`: the
order); `updated_at_min` is inclusive; changes of lines, fulfilments and invoices touch the order's `updated_at`, stock moves
don't touch a variant's (option `stock_touches_variant`); an idempotency key counts once its request succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping

from .server import Sandbox

__all__ = ["Sandbox", "start_sandbox"]


def start_sandbox(folder: str, ports: Mapping[str, int]) -> Sandbox:
    """Start a sandbox on 127.0.0.1 (contract.StartSandbox); its one port is called "http".

    Raise OSError when the port is taken, RuntimeError when another sandbox runs in the folder.
    """
    return Sandbox(folder, ports)
