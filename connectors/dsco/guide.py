"""How a person connects DSCO: the steps, and the jobs to create there.

Source: DSCO reference 2 (SFTP side, jobs), 4 (automatic invoicing, cancel codes) and 7; the guide "How to Connect DSCO".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Guide, GuideStep, Job, Purpose
from connectors.dsco.fields import ORDER_EXTENSIONS
from connectors.dsco.render import pattern_parts

FORMATS: Mapping[str, str] = {
    "comma": "CSV (comma, .csv), DSCO's standard columns",
    "tab": "Tab-delimited (.tab), DSCO's standard columns",
    "pipe": "Pipe-delimited (.psv), DSCO's standard columns",
}

STEPS = (
    GuideStep(
        title="Switch other integrations off first",
        acts=(
            "Find out whether another program, an older integration or a person fetches order files from this DSCO account.",
            "Stop that now.",
        ),
        body=(
            "DSCO moves a file away as soon as anybody has downloaded it, and offers its orders only once. Two readers each "
            "get some of the orders, and orders that both read ship twice."
        ),
    ),
    GuideStep(
        title="Copy the FTP credentials",
        acts=(
            "In DSCO open Automation > FTP (newer accounts: Automation > SFTP).",
            "Copy what stands there: server, user name and password.",
            "Paste all of it here at once, in any order, or each into its field.",
        ),
        body=(
            "Your DSCO account has one login for all of its retailers. Choose SFTP unless your files lie on a server of your "
            "own that has only FTP."
        ),
        fields=("ftp_server", "ftp_username", "ftp_password", "protocol", "port"),
    ),
    GuideStep(
        title="Check the folders",
        body=(
            "DSCO gives order files in one folder and takes your files from another; both have an archive that keeps them for "
            "60 days. Change the names only if your jobs use sub-folders or a server of your own."
        ),
        fields=("order_folder", "upload_folder"),
    ),
    GuideStep(
        title="Create the jobs in DSCO",
        acts=(
            "In DSCO open Automation > Jobs.",
            "Create each import job of the table, value by value.",
            "Create the order export last, when everything else is ready: exporting an order acknowledges it to the retailer.",
        ),
        body=(
            "The order export must contain new orders only, each once, in DSCO's standard layout with a header row. A job may "
            "run as often as DSCO lets it: the hub looks for orders every five minutes. Let the inventory import run after the "
            "order export, so that DSCO has counted new orders down before it takes your stock."
        ),
        fields=("order_file_pattern",),
        lists_jobs=True,
    ),
    GuideStep(
        title="Decide about invoices and cancellations",
        body=(
            "If DSCO makes invoices by itself when you ship (the setting Automatic Invoicing in DSCO), leave the invoice job "
            "out and turn the invoice upload off here, or your retailers get two. Cancellations need a reason that the "
            "retailer accepts: choose the one that DSCO shall be told."
        ),
        fields=("cancel_code",),
    ),
    GuideStep(
        title="Close what has shipped, and test",
        acts=(
            "In DSCO close the orders that have shipped already: the first export brings them again otherwise.",
            "Press “Test connection”: each step says what it found.",
            "Ask a retailer, or DSCO's support, for a test order.",
            "Look at its SKUs, ship methods and tracking, then go live.",
        ),
        body="In test mode a test order runs through to your WMS while real orders wait.",
    ),
)


def jobs(settings: Mapping[str, Any]) -> tuple[Job, ...]:
    """Return the jobs to create in DSCO, as they must be for these settings."""
    order_pattern = str(settings["order_file_pattern"])
    if not order_pattern.casefold().endswith(ORDER_EXTENSIONS):
        order_pattern += ".csv"
    return (
        _import(settings, Purpose.SHIPMENTS, "Shipment Import", "Shipment", "Every 15 to 60 minutes"),
        _import(settings, Purpose.STOCK, "Inventory Import", "Inventory", "Hourly, after the order export"),
        _import(settings, Purpose.INVOICES, "Invoice Import", "Invoice", "Hourly, after the shipment import"),
        _import(settings, Purpose.CANCELS, "Cancel Import", "Cancel", "Hourly", required=False),
        Job(
            name="Order Export",
            workflow="Orders",
            direction="Export",
            file_format=FORMATS["comma"],
            # DSCO puts the time where its own pattern has this mark.
            file_pattern=order_pattern.replace("*", "{$ymdt}", 1),
            folder=_folder(settings["order_folder"]),
            schedule="Every 15 to 60 minutes; new orders only, each once",
            purpose="orders",
        ),
    )


def _import(
    settings: Mapping[str, Any], purpose: Purpose, name: str, workflow: str, schedule: str, *, required: bool = True
) -> Job:
    stem, extension = pattern_parts(purpose, settings)
    return Job(
        name=name,
        workflow=workflow,
        direction="Import",
        file_format=FORMATS[settings.get("delimiter") or "comma"],
        file_pattern=(stem if "*" in stem else f"{stem}_*") + extension,
        folder=_folder(settings["upload_folder"]),
        schedule=schedule,
        purpose=purpose.value,
        required=required,
    )


def _folder(path: object) -> str:
    return f"/{str(path).strip('/')}"


GUIDE = Guide(steps=STEPS, jobs=jobs)
