"""How a person connects QuickBooks Commerce. Source: CartRover reference 3.2; QuickBooks Commerce reference sections 0 and
1."""

from __future__ import annotations

from connectors.contract import Guide, GuideStep

GUIDE = Guide(
    steps=(
        GuideStep(
            title="Say where your QuickBooks Commerce is",
            body=(
                "Intuit closed QuickBooks Commerce (formerly TradeGecko) on 31 August 2023, and its own addresses answer no "
                "more. This connection therefore works with a host that you name, one that still serves the same API, or with "
                "the sandbox that comes with the hub. Write the address of the API as it begins before /orders."
            ),
            fields=("api_url",),
        ),
        GuideStep(
            title="Grant API access",
            acts=(
                "Register an application in QuickBooks Commerce, with the return address that this page shows.",
                "Copy its application ID and secret here.",
                "Press “Grant API access”, sign in in the window that opens, and allow the hub. Allow pop-ups for this site.",
            ),
            body=(
                "The hub gets the rights of the user who signs in, so take one who may read "
                "products and stock and write orders and companies. Use a user of its own for each connection: when the same "
                "user grants the same application access a second time, the first connection stops working within the hour. "
                "API access needs the Business plan or higher, or a word with their support."
            ),
            fields=("authorize_url", "token_url", "client_id", "client_secret"),
        ),
        GuideStep(
            title="Or paste a privileged token",
            acts=("Instead of signing in press “Create Privileged Token” on your application's page.", "Paste the token here."),
            body=(
                "It never expires and opens the whole account: keep it as you keep a password, and replace it when "
                "somebody who knows it leaves. With a token here the fields of the step before may stay empty."
            ),
            fields=("access_token",),
        ),
        GuideStep(
            title="Let QuickBooks Commerce refuse duplicate order numbers",
            body=(
                "By default it takes two orders with the same number. Ask its support to reject duplicate order numbers for "
                "your account. The hub looks for an order before it sends one a second time; with this set, nobody else can "
                "double it either. If another integration still sends the same orders, switch that off first."
            ),
        ),
        GuideStep(
            title="Choose how orders arrive",
            body=(
                "Active orders reserve stock and can be edited. Finalized ones can be packed, shipped and invoiced at once. "
                "Drafts reserve nothing until somebody activates them. Orders go to a customer named after the retailer, "
                "which the hub makes once; the full order number stands in the reference, the short one is the order number."
            ),
            fields=(
                "order_status",
                "create_invoice",
                "pack_orders",
                "tax_treatment",
                "currency",
                "send_order_discount",
                "shipping_line_label",
                "ship_code_tag",
                "missing_price",
            ),
        ),
        GuideStep(
            title="Check SKUs and order numbers",
            body=(
                "Each SKU that your carts sell must stand in QuickBooks Commerce exactly once, letter for letter. Where a "
                "cart uses another code, add an alias in the hub. An order with a SKU that is missing there, or that two "
                "products share, waits in the hub until that is mended, and goes out by itself afterwards. Order numbers are "
                "shortened to what fits; make sure that no other source of orders uses the same numbers."
            ),
        ),
        GuideStep(
            title="Choose whose stock is told",
            body=(
                "The carts are told what is available: on hand less what is committed, over all locations or over those that "
                "you name here. Products whose stock isn't tracked are not told, and no more than a product's “max online”."
            ),
            fields=("stock_location", "page_size"),
        ),
        GuideStep(
            title="Test it",
            acts=(
                "Press “Test connection”; each step says what it found.",
                "Let a test order run through.",
                "Look at it in QuickBooks Commerce: products, prices, address and the way to ship.",
            ),
            body="Do all of it before you go live.",
        ),
    ),
    to_ship="finalize, pack and ship order {number}",
)
