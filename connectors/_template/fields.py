"""What a connection asks the merchant for. The hub adds its own fields, as earliest order date or minimum stock, by itself."""

from __future__ import annotations

from connectors.contract import Field, FieldKind

FIELDS = (
    Field(name="api_url", label="API address", kind=FieldKind.URL, default="https://api.example.com", required=True),
    Field(name="shop", label="Shop number", required=True, help="In the shop's settings under “About”."),
    Field(name="api_key", label="API key", kind=FieldKind.SECRET, required=True),
)
