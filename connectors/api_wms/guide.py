"""The set-up guide."""

from __future__ import annotations

from connectors.contract import Guide, GuideStep

GUIDE = Guide(
    steps=(
        GuideStep(
            title="Make a key for the warehouse",
            body=(
                "Open Settings, then API keys, and make a merchant key. Copy the API user and the API key: the key is "
                "shown one time. A "
                "warehouse that ships for many merchants has one key for all of them instead, and names the merchant in "
                "each call."
            ),
        ),
        GuideStep(
            title="Enter it in the warehouse's program",
            body=(
                "The program reads orders at /v1/merchant/orders/list/new, takes each with order_status at_wms, and posts "
                "packages with "
                "order_status shipped. Stock goes to /v1/merchant/inventory. The description of all calls is at /api/ on "
                "this hub."
            ),
        ),
        GuideStep(
            title="Set the order number that fits",
            body=(
                "Orders are known under a short number of at most 16 letters, digits and hyphens. If the warehouse takes "
                "longer ones, set "
                "that under the connection's settings before the first order comes."
            ),
        ),
    ),
    to_ship="post a package of order {number} through the API",
)
