"""Invented retailers, buyers, streets and products: nothing here belongs to anybody.

Telephone numbers are of the range kept for fiction (555-01xx), mail addresses of a domain kept for examples.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

RETAILERS = (
    ("1000011436", "Nordholm & Finch"),
    ("1000012077", "Larkfield Outfitters"),
    ("1000013520", "Pinewater Home"),
    ("1000014981", "Bluebarrow Kids"),
    ("1000016243", "Quarry Lane Sports"),
    ("1000017709", "Ostrander's Garden & Pet"),
    ("1000018855", "Maison Valrive, Ltd."),
    ("1000019302", "Hatch and Hollow"),
)
"""Ids and names of the trading partners that are there from the start."""

SERVICES = {
    "FECG": ("FedEx", "Ground"),
    "UPCG": ("UPS", "Ground"),
    "FEHD": ("FedEx", "Home Delivery"),
    "FE2D": ("FedEx", "2Day"),
    "GCG": ("Generic", "Ground"),
    "FESD": ("FedEx", "SameDay"),
    "FSDC": ("FedEx", "SameDay City"),
    "FEFO": ("FedEx", "First Overnight"),
    "FEPO": ("FedEx", "Priority Overnight"),
    "FESO": ("FedEx", "Standard Overnight"),
    "F2DA": ("FedEx", "2Day A.M."),
    "FEES": ("FedEx", "Express Saver"),
    "FESP": ("FedEx", "SmartPost"),
    "U3DS": ("UPS", "3 Day Select"),
    "U2DA": ("UPS", "2nd Day Air"),
    "U2AA": ("UPS", "2nd Day Air A.M."),
    "UNAS": ("UPS", "Next Day Air Saver"),
    "UPSP": ("UPS", "SurePost"),
}
"""Standard service codes with carrier and method, as far as they are known (Source: DSCO reference 4, Shipment)."""

USUAL_SERVICES = ("FECG", "UPCG", "FEHD", "FE2D", "GCG")

FIRST_NAMES = (
    *("Orla", "Tamsin", "Beckett", "Ines", "Corwin", "Maren", "Jovan", "Thea", "Alaric", "Wren", "Soren", "Noemi"),
    *("Caspian", "Lior", "Petra", "Anselm", "Yara", "Dorian", "Briony", "Evander", "Zelie", "Marlow", "Isolde", "Rurik"),
)
LAST_NAMES = (
    *("Brandvik", "Oakhollow", "Tarrow", "Fennimore", "Quillon", "Marsdale", "Ostberg", "Velasco-Reyne", "Harrowgate"),
    *("Lindqvane", "Pemberlin", "Sorrelby", "Thackwood", "Ummerstad", "Corriveau-Hale", "Windrell", "Ashgrove", "O'Fallowby"),
)
STREETS = ("Alder", "Ferry", "Larkspur", "Old Mill", "Copperfield", "Juniper", "Tannery", "Marigold", "Harbour", "Windmill")
STREET_KINDS = ("St", "Ave", "Rd", "Ln", "Ct", "Blvd")
PLACES = (
    ("Franklin", "IN", "46131"),
    ("Boise", "ID", "83702"),
    ("Dover", "DE", "19901"),
    ("Concord", "NH", "03301"),
    ("Tempe", "AZ", "85281"),
    ("Salem", "OR", "97301"),
    ("Worcester", "MA", "01608"),
    ("Mobile", "AL", "36602"),
    ("Duluth", "MN", "55802"),
    ("Reno", "NV", "89501-1234"),
    ("Trenton", "NJ", "08608"),
    ("Laredo", "TX", "78040"),
)
"""Real towns with a postcode of theirs, so that address checks pass; several begin with a nought."""

GOODS = ("Canvas Tote", "Wool Throw", "Ceramic Planter", "Brass Lantern", "Oak Tray", "Linen Apron", "Travel Mug", "Desk Lamp")
COLORS = ("Sand", "Slate", "Moss", "Rust", "Ivory", "Navy")
SIZES = ("S", "M", "L", "One Size")


class Product(NamedTuple):
    """A product as DSCO's catalogue has it; `cost` in dollars with two decimals."""

    sku: str
    upc: str
    title: str
    color: str
    size: str
    cost: str
    price: str
    partner_sku: str
    dsco_item_id: str


def product(sku: str, *, upc: str = "", title: str = "", cost: str = "") -> Product:
    """Return the product of a SKU; the same SKU always gives the same one."""
    made = Random(sku)
    cents = made.randrange(450, 9_900)
    color, size = made.choice(COLORS), made.choice(SIZES)
    return Product(
        sku=sku,
        upc=upc or _upc(made),
        title=title or f"{color} {made.choice(GOODS)}",
        color=color,
        size=size,
        cost=cost or money(cents),
        price=money(cents * 2 + 99),
        partner_sku=f"R{made.randrange(10**6, 10**7)}",
        dsco_item_id=str(made.randrange(13 * 10**8, 14 * 10**8)),
    )


def products(count: int) -> list[Product]:
    """Return so many products of the sandbox's own range, SB-00001 and on."""
    return [product(f"SB-{number:05}") for number in range(1, count + 1)]


def money(cents: int) -> str:
    """Return an amount as DSCO writes it: two decimals, no separators, no symbol."""
    return f"{cents // 100}.{cents % 100:02}"


def _upc(made: Random) -> str:
    digits = f"0{made.randrange(10**10):010}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd * 3 + even) % 10}"


def address(made: Random) -> dict[str, str]:
    """Return an invented buyer's ship-to by DSCO's column names."""
    first, last = made.choice(FIRST_NAMES), made.choice(LAST_NAMES)
    city, region, postal = made.choice(PLACES)
    street = f"{made.randrange(1, 9_900)} {made.choice(STREETS)} {made.choice(STREET_KINDS)}"
    found = {
        "ship_name": f"{first} {last}",
        "ship_first_name": first,
        "ship_last_name": last,
        "ship_address_1": street,
        "ship_city": city,
        "ship_region": region,
        "ship_postal": postal,
        "ship_country": "US",
        "ship_phone": f"{made.randrange(201, 990)}55501{made.randrange(100):02}",
        "ship_email": f"{first}.{last}@example.com".lower().replace("'", ""),
    }
    if made.random() < 0.25:
        found["ship_address_2"] = f"Apt {made.randrange(1, 400)}"
    return found
