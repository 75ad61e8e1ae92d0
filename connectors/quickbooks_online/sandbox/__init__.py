"""A QuickBooks Online company that runs on this machine: its API, its OAuth, its people, and its bad days.

`start_sandbox(folder, {"http": 0})` serves on 127.0.0.1 in a thread of its own. All state lies in `folder`: what was there at a
stop is there at the next start.

**The company.** 38 products with 120 pieces each (CAP-001 ... SOX-004), the bundle SET-001 of a CAP-001 and two TEE-001,
GIFT-CARD and Hours without a quantity; two customers, a vendor and an employee, whose names nobody else can have.

**Commands of `drive`.** Arguments and results are plain JSON; whatever can't be done raises ValueError with words. An order is
named by `order_number`, `reference_number` or `order_id`; `line` is a position among the products, from 1.

* Looking: `state`, `requests(limit, clear)`, `clear_requests`, `deliveries`, `faults`, `notice(changes, form)`.
* People: `pack_and_ship(order or all=True, packages, tracking, carrier, ship_date)` types tracking numbers, `set_tracking`,
  `invoice` makes invoices of estimates, `void`, `delete_order`, `pay`, `cut_line`, `delete_line`, `add_line`,
  `add_stranger_order`, `set_stock`, `set_product`, `add_products`, `add_name`, `set_customer`, `set_preference`,
  `auto_ship(every)`; `finalize` has nothing to do.
* Manners: `set(**options)` (see `company.OPTIONS`), `advance(seconds)`, `reset`.
* Access: `authorize(redirect_uri)` gives a code as if a person had pressed Connect; `expire_tokens`, `revoke_tokens`.
* Faults: `fault(name, path, method, times, skip, done, **more)`, `chaos(seed, rates)`, `clear_faults`; names stand in
  `faults.py`, paths begin behind the company's id, such as `/invoice`.

**Chosen where no source tells.** A document number has 21 characters, a tracking field 31, a PO number 25; a repeated document
number is 6140; a closed period 6210; stock that an invoice takes doesn't touch the item's time of change; lines keep their ids
when a form is changed (option `new_line_ids`: all get new ones); a bundle on an invoice may name its own quantities and prices.
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
