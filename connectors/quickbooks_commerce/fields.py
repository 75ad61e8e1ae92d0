"""What a QuickBooks Commerce connection asks for. Source: CartRover reference 3.2; QuickBooks Commerce reference sections 1
and 3.12.

Not offered: a tax rate computed per line ("Dynamic Item Tax Rate"). Orders for a retailer carry costs without tax and say
nothing of tax by line; a rate guessed from an order's total would be wrong on every order with two rates, and wrong taxes are
worse than the default rate that QuickBooks Commerce takes by itself.
"""

from __future__ import annotations

from connectors.contract import Field, FieldKind
from connectors.quickbooks_commerce.wire import API_URL, AUTHORIZE_URL, MOST_PER_PAGE, TOKEN_URL

YES = "true"
NO = "false"

FIELDS = (
    Field(
        name="api_url",
        label="API address",
        kind=FieldKind.URL,
        default=API_URL,
        required=True,
        help="The API of your QuickBooks Commerce. Intuit's own host closed on 2023-08-31: name the host that serves yours.",
    ),
    Field(
        name="authorize_url",
        label="Sign-in address",
        kind=FieldKind.URL,
        default=AUTHORIZE_URL,
        help="The page on which a QuickBooks Commerce user grants access. Not needed with a privileged token.",
    ),
    Field(
        name="token_url",
        label="Token address",
        kind=FieldKind.URL,
        default=TOKEN_URL,
        help="Where access tokens are issued and renewed. Not needed with a privileged token.",
    ),
    Field(
        name="client_id",
        label="Application ID",
        help="From the application that you registered in QuickBooks Commerce. Not needed with a privileged token.",
    ),
    Field(
        name="client_secret",
        label="Application secret",
        kind=FieldKind.SECRET,
        help="Stands beside the application ID.",
    ),
    Field(
        name="access_token",
        label="Privileged access token",
        kind=FieldKind.SECRET,
        help="Instead of granting access: a token that never expires, made with “Create Privileged Token” on its page.",
    ),
    Field(
        name="order_status",
        label="Status of new orders",
        kind=FieldKind.CHOICE,
        default="active",
        choices=(("draft", "Draft"), ("active", "Active"), ("finalized", "Finalized")),
        help="A draft reserves no stock. Only finalized orders can be packed, shipped and invoiced.",
    ),
    Field(
        name="stock_location",
        label="Stock locations",
        help="Names of the locations whose stock the carts are told, separated by commas. Empty: all locations.",
    ),
    Field(
        name="create_invoice",
        label="Create an invoice at once",
        kind=FieldKind.BOOLEAN,
        default=NO,
        help="Only where new orders are finalized. Costs one more request an order.",
        advanced=True,
    ),
    Field(
        name="pack_orders",
        label="Pack orders at once",
        kind=FieldKind.BOOLEAN,
        default=NO,
        help="Only where new orders are finalized. Costs one more request an order.",
        advanced=True,
    ),
    Field(
        name="tax_treatment",
        label="Prices of orders",
        kind=FieldKind.CHOICE,
        default="default",
        choices=(("default", "As QuickBooks Commerce is set"), ("exclusive", "Without tax"), ("inclusive", "With tax")),
        advanced=True,
    ),
    Field(
        name="currency",
        label="Currency",
        help="Code or name, as under Settings > Configuration > Currencies. Empty: QuickBooks Commerce's default.",
        advanced=True,
    ),
    Field(
        name="send_order_discount",
        label="Send an order's discount",
        kind=FieldKind.BOOLEAN,
        default=YES,
        help="As a line of free text with a negative price.",
        advanced=True,
    ),
    Field(
        name="shipping_line_label",
        label="Label of the shipping charge",
        default="Shipping Cost",
        help="The shipping charge goes out as a line of free text with this label. Empty: it isn't sent.",
        advanced=True,
    ),
    Field(
        name="ship_code_tag",
        label="Tag orders with the shipping code",
        kind=FieldKind.BOOLEAN,
        default=YES,
        help="QuickBooks Commerce's orders have no field for the way to ship; as a tag the warehouse sees it and can filter.",
        advanced=True,
    ),
    Field(
        name="missing_price",
        label="Lines without a price",
        kind=FieldKind.CHOICE,
        default="price_list",
        choices=(("price_list", "Take QuickBooks Commerce's own price"), ("zero", "Send 0.00")),
        help="With 0.00 the invoices of such lines come to nothing.",
        advanced=True,
    ),
    Field(
        name="page_size",
        label="Records per request",
        kind=FieldKind.INTEGER,
        default=str(MOST_PER_PAGE),
        minimum=1,
        maximum=MOST_PER_PAGE,
        help="Fewer make slow answers smaller, and use up the request limit sooner.",
        advanced=True,
    ),
)
