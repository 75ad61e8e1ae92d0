"""The made-up merchant of a fresh sandbox: account, people, two warehouses, and some forty products.

SKUs: CAP-001 to CAP-010, TEE-001 to TEE-010, MUG-001 to MUG-008, BAG-001 to BAG-006, SOX-001 to SOX-004, the bundle SET-001
(a CAP-001 and two TEE-001) and GIFT-CARD, whose stock isn't tracked. Main holds 100 of each, Overflow 20.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

from .catalog import create_variant
from .plain import add_plain
from .records import Product, Variant
from .stock import level_at
from .store import Store

PERMISSIONS = (
    "read_reports",
    "write_stocks",
    "write_orders",
    "write_products",
    "write_settings",
    "write_companies",
    "read_buy_prices",
)

APPLICATION_NAME = "Order Hub"

STOCK = {"Main": 100, "Overflow": 20}

UPC_PREFIX = "0860004"
"""Seven digits before the item number of each seeded UPC-A."""

RANGES: tuple[tuple[str, str, str, Decimal, tuple[str, ...]], ...] = (
    (
        "CAP",
        "Harbor Cap",
        "Headwear",
        Decimal("24.00"),
        ("Navy", "Sand", "Olive", "Rust", "Black", "White", "Slate", "Coral", "Moss", "Plum"),
    ),
    (
        "TEE",
        "Pinewood Tee",
        "Apparel",
        Decimal("19.50"),
        ("XS", "S", "M", "L", "XL", "2XL", "Tall M", "Tall L", "Youth S", "Youth M"),
    ),
    (
        "MUG",
        "Kettle Ridge Mug",
        "Drinkware",
        Decimal("14.25"),
        ("Cream", "Speckle", "Indigo", "Fern", "Clay", "Charcoal", "Honey", "Frost"),
    ),
    ("BAG", "Switchback Tote", "Bags", Decimal("39.00"), ("Natural", "Tan", "Graphite", "Pine", "Brick", "Ink")),
    ("SOX", "Trailhead Socks", "Apparel", Decimal("9.75"), ("S", "M", "L", "XL")),
)


def upc_a(item: int) -> str:
    """Return a UPC-A with a right check digit for an item number of at most four digits."""
    digits = f"{UPC_PREFIX}{item:04d}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(3 * odd + even) % 10}"


def seed(store: Store, client_id: str, client_secret: str) -> None:
    """Fill an empty store."""
    _seed_settings(store)
    _seed_people(store)
    store.insert(
        store.plain("applications"),
        data={
            "name": APPLICATION_NAME,
            "client_id": client_id,
            "secret_digest": hashlib.sha256(client_secret.encode()).hexdigest(),
        },
    )
    seed_catalog(store)


def _seed_settings(store: Store) -> None:
    for label, city in (("Main", "Portland"), ("Overflow", "Tacoma")):
        add_plain(store, "locations", label=label, address1="1 Dock Road", city=city, country="US", holds_stock=True)
    for iso, name, rate in (("USD", "US Dollars", "1.0"), ("CAD", "Canadian Dollars", "1.35"), ("EUR", "Euros", "0.92")):
        symbol = "€" if iso == "EUR" else "$"
        add_plain(store, "currencies", iso=iso, name=name, rate=rate, symbol=symbol)
    for name, days, start in (("Cash on Delivery", 0, "now"), ("NET10", 10, "now"), ("NET30", 30, "now"), ("EOM15", 15, "eom")):
        add_plain(store, "payment_terms", name=name, due_in_days=days, **{"from": start})
    for name in ("Cash", "Credit Card", "Bank Transfer"):
        add_plain(store, "payment_methods", name=name, is_default=name == "Cash")
    for name, code, rate in (("Tax Exempt", "EXEMPT", "0.0"), ("Sales Tax", "SALES", "8.5"), ("Zero Tax", "ZERO", "0.0")):
        tax_type = add_plain(store, "tax_types", name=name, code=code)
        add_plain(store, "tax_components", tax_type_id=tax_type.id, label=name, rate=rate, compound=False)
    for at, (key, name) in enumerate((("retail", "Retail"), ("wholesale", "Wholesale"), ("buy", "Buy"))):
        code = {"retail": "RETAIL", "wholesale": "WHOLE", "buy": "BUY"}[key]
        add_plain(
            store,
            "price_lists",
            key=key,
            name=name,
            code=code,
            is_cost=key == "buy",
            currency_id=1,
            currency_symbol="$",
            currency_iso="USD",
            is_default=True,
            position=at,
        )
    add_plain(
        store,
        "accounts",
        name="Pinewood Goods (sandbox)",
        contact_email="owner@pinewood.example",
        country="US",
        default_order_price_list_id="wholesale",
        default_purchase_order_price_list_id="buy",
        default_sales_ledger_account_on="company",
        default_tax_treatment="exclusive",
        default_document_theme_id=1,
        industry="Apparel",
        stock_level_warn=True,
        tax_label="Tax",
        tax_number_label="Tax ID",
        time_zone="America/Los_Angeles",
        primary_location_id=1,
        primary_billing_location_id=1,
        default_currency_id=1,
        default_payment_method_id=1,
        default_payment_term_id=3,
        billing_contact_id=1,
        default_sales_order_tax_type_id=1,
        default_purchase_order_tax_type_id=1,
        default_tax_exempt_id=1,
        default_tax_rate="0.0",
        default_tax_type="exclusive",
        default_tax_type_id=1,
        default_order_price_type_id="wholesale",
        default_purchase_order_price_type_id="buy",
    )


def _seed_people(store: Store) -> None:
    people = (("Olive", "Owner", PERMISSIONS), ("Wes", "Warehouse", ("read_reports", "read_products", "write_stocks")))
    for at, (first, last, permissions) in enumerate(people, start=1):
        add_plain(
            store,
            "users",
            first_name=first,
            last_name=last,
            email=f"{first.lower()}@pinewood.example",
            action_items_email="off",
            avatar_url="/assets/avatars/avatar1-0000.png",
            billing_contact=at == 1,
            last_sign_in_at=store.clock.stamp(),
            login_id=at,
            notification_email=False,
            permissions=list(permissions),
            sales_report_email=False,
            account_id=1,
        )


def seed_catalog(store: Store) -> None:
    """Add the products with their stock."""
    item = 0
    for prefix, product_name, kind, price, options in RANGES:
        product = store.insert(store.products, name=product_name, product_type=kind, brand="Pinewood", opt1="Option", tags=kind)
        for at, option in enumerate(options, start=1):
            item += 1
            _seed_variant(store, product, f"{prefix}-{at:03d}", option, upc_a(item), price)
    bundle = store.insert(store.products, name="Harbor Set", product_type="Sets", brand="Pinewood")
    made = _seed_variant(store, bundle, "SET-001", "Cap and two tees", upc_a(item + 1), Decimal("55.00"), stocked=False)
    parts = (("CAP-001", "1.0"), ("TEE-001", "2.0"))
    made.components = tuple((store.variants.having("sku", sku)[0].id, quantity) for sku, quantity in parts)
    card = store.insert(store.products, name="Gift Card", product_type="Gift cards", brand="Pinewood")
    plastic = _seed_variant(store, card, "GIFT-CARD", "Any amount", upc_a(item + 2), Decimal("25.00"), stocked=False)
    plastic.manage_stock = False


def _seed_variant(
    store: Store, product: Product, sku: str, name: str, upc: str, price: Decimal, *, stocked: bool = True
) -> Variant:
    cost = (price * Decimal("0.4")).quantize(Decimal("0.01"))
    variant = create_variant(
        store,
        {
            "product_id": product.id,
            "sku": sku,
            "name": name,
            "upc": upc,
            "opt1": name,
            "retail_price": price,
            "wholesale_price": (price * Decimal("0.6")).quantize(Decimal("0.01")),
            "buy_price": cost,
            "initial_cost_price": cost,
        },
    )
    if stocked:
        for location in store.plain("locations"):
            level_at(store, variant.id, location.id).on_hand = Decimal(STOCK.get(str(location.data["label"]), 0))
    return variant
