"""What a QuickBooks Online connection asks for. Source: QuickBooks Online reference 9; what no source says is a choice of the
merchant."""

from __future__ import annotations

from connectors.contract import Field, FieldKind
from connectors.quickbooks_online.wire import AUTHORIZE_URL, LONGEST_NUMBER, REVOKE_URL, TOKEN_URL

YES = "true"
NO = "false"

ACCESS = (
    Field(
        name="environment",
        label="Company",
        kind=FieldKind.CHOICE,
        default="production",
        choices=(
            ("production", "Your real company"),
            ("sandbox", "A sandbox company of Intuit's"),
            ("other", "Another address"),
        ),
        help="Intuit gives every developer a sandbox company to try things in. Its keys are the development keys of your app.",
    ),
    Field(
        name="client_id",
        label="Client ID",
        help="From the keys page of your app at developer.intuit.com: production keys for a real company, development keys "
        "for a sandbox one.",
    ),
    Field(
        name="client_secret",
        label="Client secret",
        kind=FieldKind.SECRET,
        help="Stands below the client ID.",
    ),
    Field(
        name="realm_id",
        label="Company ID",
        help="Filled in when you grant access. QuickBooks Online also shows it under Settings > Account and settings > "
        "Billing, and calls it the realm in its API.",
    ),
    Field(
        name="verifier_token",
        label="Webhook verifier token",
        kind=FieldKind.SECRET,
        help="From your app's Webhooks page. Without it the hub looks by itself every few minutes, and nothing is missed.",
    ),
    Field(
        name="access_token",
        label="Access token",
        kind=FieldKind.SECRET,
        help="Instead of granting access: a token that was made elsewhere, for a try. Intuit's own last for an hour.",
        advanced=True,
    ),
    Field(
        name="api_url",
        label="API address",
        kind=FieldKind.URL,
        help="Only for another address than Intuit's own.",
        advanced=True,
    ),
    Field(name="authorize_url", label="Sign-in address", kind=FieldKind.URL, default=AUTHORIZE_URL, advanced=True),
    Field(name="token_url", label="Token address", kind=FieldKind.URL, default=TOKEN_URL, advanced=True),
    Field(
        name="revoke_url",
        label="Address at which access is given back",
        kind=FieldKind.URL,
        default=REVOKE_URL,
        advanced=True,
    ),
)

ORDERS = (
    Field(
        name="order_becomes",
        label="An order becomes",
        kind=FieldKind.CHOICE,
        default="invoice",
        choices=(("invoice", "An invoice"), ("sales_receipt", "A sales receipt (already paid)"), ("estimate", "An estimate")),
        help="Invoices and sales receipts take their pieces off the stock at once. An estimate takes none until you make an "
        "invoice of it.",
    ),
    Field(
        name="full_number_in",
        label="The full order number stands in",
        kind=FieldKind.CHOICE,
        default="po_number",
        choices=(("po_number", "The P.O. number"), ("custom_field", "A custom field"), ("memo", "The memo")),
        help="The short number is the form's own. A full one that is too long for its place stands in the memo.",
    ),
    Field(
        name="custom_field_id",
        label="Number of the custom field",
        kind=FieldKind.INTEGER,
        default="1",
        minimum=1,
        maximum=3,
        help="1, 2 or 3, as they stand under Settings > Account and settings > Sales.",
        advanced=True,
    ),
    Field(
        name="date_of_orders",
        label="Forms are dated",
        kind=FieldKind.CHOICE,
        default="order_date",
        choices=(("order_date", "On the day of the order"), ("sent", "On the day on which they are sent")),
        help="The day on which they are sent suits books that are closed soon after the end of a month.",
    ),
    Field(
        name="one_customer",
        label="Customer of all orders",
        help="Empty: each retailer is a customer of its own, made once under its name.",
        advanced=True,
    ),
    Field(
        name="missing_price",
        label="Lines without a price",
        kind=FieldKind.CHOICE,
        default="item",
        choices=(("item", "Take the product's own price"), ("zero", "Send 0.00"), ("hold", "Hold the order")),
        advanced=True,
    ),
    Field(
        name="send_shipping",
        label="Send an order's shipping charge",
        kind=FieldKind.BOOLEAN,
        default=YES,
        advanced=True,
    ),
    Field(
        name="shipping_item",
        label="Product of the shipping charge",
        help="Empty: the form's own line for shipping, which must be switched on in the company's sales settings.",
        advanced=True,
    ),
    Field(
        name="send_discount",
        label="Send an order's discount",
        kind=FieldKind.BOOLEAN,
        default=YES,
        help="As the form's discount, which must be switched on in the company's sales settings.",
        advanced=True,
    ),
    Field(
        name="tax",
        label="Prices of orders",
        kind=FieldKind.CHOICE,
        default="company",
        choices=(
            ("company", "As the company is set"),
            ("TaxExcluded", "Without tax"),
            ("TaxInclusive", "With tax"),
            ("NotApplicable", "Out of scope of tax"),
        ),
        help="Companies in the United States: leave it as it is.",
        advanced=True,
    ),
    Field(
        name="tax_code",
        label="Tax code of all lines",
        help="NON or TAX in the United States, the code's number elsewhere. Empty: as each product is set.",
        advanced=True,
    ),
    Field(
        name="other_currency",
        label="Orders in another currency than the books",
        kind=FieldKind.CHOICE,
        default="hold",
        choices=(("hold", "Hold them"), ("send", "Send their currency along")),
        help="Sending it needs multicurrency in the company, and a customer of that currency.",
        advanced=True,
    ),
    Field(
        name="notes_to",
        label="Notes of an order go to",
        kind=FieldKind.CHOICE,
        default="message",
        choices=(("message", "The message on the form"), ("memo", "The memo"), ("nowhere", "Nowhere")),
        advanced=True,
    ),
    Field(
        name="send_phone",
        label="Write the telephone number below the ship-to address",
        kind=FieldKind.BOOLEAN,
        default=YES,
        help="Forms have no field of their own for it.",
        advanced=True,
    ),
    Field(
        name="payment_method",
        label="Payment method of sales receipts",
        help="Its name in QuickBooks Online. Empty: none.",
        advanced=True,
    ),
    Field(
        name="deposit_account",
        label="Account of sales receipts",
        help="Name of the account that the money goes to. Empty: the company's default.",
        advanced=True,
    ),
    Field(
        name="cust_ref_length",
        label="Longest order number",
        kind=FieldKind.INTEGER,
        default="16",
        minimum=4,
        maximum=LONGEST_NUMBER,
        help="A longer number of the cart is shortened; the full one always goes along. QuickBooks Online takes 21 characters.",
        advanced=True,
    ),
)

PICKUP = (
    Field(
        name="shipped_when",
        label="An order counts as shipped",
        kind=FieldKind.CHOICE,
        default="tracking",
        choices=(("tracking", "With a tracking number"), ("date", "With a tracking number or a past shipping date")),
        help="Some companies fill the shipping date by themselves: then only a tracking number tells.",
    ),
)

FIELDS = (*ACCESS, *ORDERS, *PICKUP)
