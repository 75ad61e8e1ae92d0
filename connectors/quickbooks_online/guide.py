"""How a person connects QuickBooks Online. Source: QuickBooks Online reference 9."""

from __future__ import annotations

from connectors.contract import Guide, GuideStep

GUIDE = Guide(
    steps=(
        GuideStep(
            title="Make an app at Intuit",
            acts=(
                "Sign in at developer.intuit.com.",
                "Create an app for QuickBooks Online and Payments with the scope Accounting.",
                "Open its keys page.",
            ),
            body=(
                "Production keys open a real company, development keys a sandbox one; choose here "
                "which of the two you connect. Whoever runs this hub may have an app already: then ask for its keys."
            ),
            fields=("environment", "api_url", "authorize_url", "token_url", "revoke_url"),
        ),
        GuideStep(
            title="Grant access to your company",
            acts=(
                "Register the return address that this page shows under Redirect URIs of your app, letter by letter.",
                "Copy its client ID and secret here.",
                "Allow pop-ups here, press “Grant API access” and sign in to Intuit as an administrator of the company.",
                "Choose the company and press Connect.",
            ),
            body=(
                "The company's ID comes back by "
                "itself. Access renews itself; Intuit lets a grant end after five years, or after a hundred days in which "
                "nobody used it, and the hub tells you a month, a week and a day before."
            ),
            fields=("client_id", "client_secret", "realm_id"),
        ),
        GuideStep(
            title="Let the company use numbers, shipping and discounts",
            acts=(
                "In QuickBooks Online open Settings > Account and settings > Sales > Sales form content.",
                "Switch on Custom transaction numbers, Shipping and Discount.",
                "Leave the warning about duplicate numbers on.",
            ),
            body=(
                "Without custom numbers the company numbers forms by itself, and "
                "without shipping there is no field for a tracking number. If "
                "another integration still sends the same orders, switch that off first."
            ),
        ),
        GuideStep(
            title="Choose what an order becomes",
            body=(
                "An invoice for the retailer, who pays later; a sales receipt where the money is there already; or an "
                "estimate that somebody looks at first. The retailer becomes a customer, made once under its name."
            ),
            fields=(
                "order_becomes",
                "full_number_in",
                "custom_field_id",
                "date_of_orders",
                "one_customer",
                "missing_price",
                "send_shipping",
                "shipping_item",
                "send_discount",
                "tax",
                "tax_code",
                "other_currency",
                "notes_to",
                "send_phone",
                "payment_method",
                "deposit_account",
                "cust_ref_length",
            ),
        ),
        GuideStep(
            title="Check SKUs",
            body=(
                "Each SKU that your carts sell must stand in the SKU field of exactly one active product or bundle, letter "
                "for letter. Where a cart uses another code, add an alias in the hub. An order with a SKU that is missing "
                "waits in the hub and goes out by itself once it is there. Products that came from QuickBooks Commerce are "
                "often services without a quantity: their stock isn't told until you track it."
            ),
        ),
        GuideStep(
            title="Say when an order is shipped",
            body=(
                "QuickBooks Online knows no packages. Whoever ships types the tracking number into the form's Tracking no. "
                "and saves; two packages are two numbers with a comma between them. Type the number when everything has left: "
                "a part of an order can't be told."
            ),
            fields=("shipped_when",),
        ),
        GuideStep(
            title="Let Intuit call the hub",
            body=(
                "Optional. On your app's Webhooks page enter the address that this page shows, choose Invoice, SalesReceipt, "
                "Estimate and Item, and copy the verifier token here. The hub then looks within a minute of a change."
            ),
            fields=("verifier_token",),
        ),
        GuideStep(
            title="Test it",
            body=(
                "Press “Test connection”; each step says what it found. Then let a test order run through and look at the "
                "form in QuickBooks Online: customer, products, prices, address and the way to ship, before you go live."
            ),
        ),
    ),
    to_ship="type a tracking number into form {number} and save it",
)
