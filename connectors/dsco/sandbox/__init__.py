r"""A faithful simulation of DSCO on loopback: a real SFTP server, its folders and jobs, and a page to drive it.

    box = start_sandbox("/some/folder", {"sftp": 0, "http": 0})
    box.settings, box.secrets, box.page        # what a connection needs; the page for a person
    box.drive("place_orders", count=3)
    box.drive("export")
    box.stop()

The folder keeps everything: `files/` (in, in/processing, in/archive, out, out/archive, misc), `sandbox.sqlite3`, `host_key`,
and for other processes `endpoint.json`, `login.json` and `token`, the latter two readable by their owner only. A port that
isn't asked for is the one of the last time when it is free.

`drive(command, **arguments)` may be called from any thread; what can't be done raises `SandboxError` with words. From another
process: `POST {page}drive` with the header `Authorization: Bearer <token>` and the JSON body `{"command": ..., "arguments":
{...}}`; it answers 200 `{"result": ...}`, 400 `{"error": words}` or 403.

Orders
======
place_orders(count=1, retailers=1, lines=1, quantity=1, skus=None, items=None, test=False, columns=None, same_po_numbers=False,
        po_numbers=None, placed_at=None, order=None, line=None, service=None, currency="USD", full_name_quirk=False, seed=None,
        quiet=False)
    Returns the orders as `state` shows them, or {"count", "first", "last"} when quiet. `count` orders in all are dealt in
    turn to the `retailers`: a number (at most 8 built-in ones) or names. `same_po_numbers`: each PO number once per retailer.
    `lines`, `quantity`: a number or [least, most]. `skus`: size of a made-up range, or SKUs. `items`: exactly these lines, as
    [{"sku", "quantity", "cost", "upc", "title", "line_number"}]. `order`, `line`: further columns by DSCO's names. DSCO's
    stock goes down at once.
change_orders(orders, order=None, lines=None, add_items=None, remove_lines=None)
    `orders` are dsco_order_ids; `lines` is {"1": {"line_item_quantity": "3"}}. The next export of these orders shows it.
cancel_orders(orders, reason="CXRR")
    The retailer cancels what hasn't shipped.
export(orders=None, columns=None, scattered=False, name=None, delimiter=None, extension=None, gzip=False, bom=False,
        encoding="utf-8", line_end="\r\n", quote_all=False, settled=True, pieces=1, every=0, without=None, extra=None,
        shuffle_columns=False, padded_header=False, part_of_lines=None, number_of_line_items=None, empty=False, limit=100000,
        seed=None)
    Returns {"name", "path", "orders", "rows", "columns", "size", "pieces_left"}, or None when nothing waits. Without `orders`
    all that are still created; a list of ids or "all" exports again. `columns` 123, 143, 223 (remembered) or names. `settled`
    dates the file 60 s back; a number so many seconds. `pieces=3` writes the first third, `grow` or `every` seconds the next
    ones. `part_of_lines` "first" or "rest" leaves lines to another file; `number_of_line_items` lies; `limit` cuts.
grow(name=None)
    Writes the next piece of a growing file: {"name", "size", "pieces_left"}.
stock(levels)
    Sets DSCO's own quantities by SKU.
retailer(name, require=None)
    Opens an account; `require={"shipment": ["package_warehouse_code"]}` are columns that it demands.

Imports
=======
A file that matches a job's pattern goes from /in over /in/processing to /in/archive; each row gets a result.
Others stay in /in. A file whose upload broke off under its final name is taken as it is, as the real one may do.

job(workflow, pattern=None, folder=None, delimiter=None, enabled=None)
    Workflows: order (the export), shipment, invoice, inventory, cancel.
settings(**values)
    Returns all: pick_up (automatic, paused), pick_up_after and processing_seconds, archive_after_download, archive_half_read,
    cancel_policy (line, order), create_unknown_skus, client_may_rename, client_may_remove, export_every and place_every
    (seconds, 0 = never), place_count, opening_stock, columns. They are kept.
process()
    Takes all that waits at once, whatever the settings; returns every import so far, oldest first.
wait(seconds=5)
    Returns every import so far when nothing of a job is left in /in and /in/processing.

A row's `outcome` is ok, warning or error; its `code`, in our words, is one of ok created status_corrected
unknown_service_code; warnings carrier_missing tracking_on_other_order total_differs price_differs not_shipped_yet sku_twice
ambiguous_line; errors missing unknown_order ambiguous_order order_mismatch unknown_line line_mismatch bad_quantity too_many
repeated bad_date bad_money bad_sku bad_code_length bad_status bad_reason already_shipped order_cancelled retailer_requires
invoice_id_used header_differs invoice_refused bad_row. A line told twice with one tracking number is `repeated`. An invoice
is taken whole or not at all.

Faults
======
fault(name, times=None, path="*", ...), clear_faults(name=None), faults()
    `times` is how often it happens (None = until cleared), `path` a pattern of far names like "/in/*". Faults end with the
    sandbox. refuse_login; refuse_connections(seconds); change_host_key; drop(during=read|write|any, after_bytes);
    stall(operation=open|read|write|close|rename|remove|list|stat|any, after_bytes, seconds); slow(seconds, bytes_per_second);
    refuse_rename, refuse_write, refuse_read, refuse_list, refuse_remove; disk_full(after_bytes); archive_early(after_bytes):
    the file goes to /out/archive before it was read whole; swallow(operation=open|write|close|rename|remove,
    how=drop|silence): it is done, the answer never comes; fail_import: the job fails and takes no row.

Looking
=======
state(only=None)
    account, orders, tracking, invoices, cancels, inventory, processes, problems (rows that aren't ok), files, jobs, settings,
    faults, activity, connections.
order(order), process_of(id)
    One order with all its columns; one process with its rows.
put_file(path, text=None, base64=None, age=60), read_file(path, base64=False), remove_file(path)
    As DSCO's staff, anywhere in the tree.
disconnect(), change_password(password=None), reset()
    Cut all connections; a new password; everything as at the first start but for login, token and host key.
"""

from __future__ import annotations

from connectors.dsco.sandbox.running import DscoSandbox, start_sandbox
from connectors.dsco.sandbox.state import SandboxError

__all__ = ["DscoSandbox", "SandboxError", "start_sandbox"]
