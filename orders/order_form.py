"""The form in which an order is changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from connectors.contract import Address
from orders.acts.editing import Edited, version_of
from orders.models import Order, OrderLine

PARTS: dict[str, tuple[str, int, str]] = {
    "company": ("Company", 200, "organization"),
    "first_name": ("First name", 100, "given-name"),
    "last_name": ("Last name", 100, "family-name"),
    "address_1": ("Address", 200, "address-line1"),
    "address_2": ("Address, second line", 200, "address-line2"),
    "address_3": ("Address, third line", 200, "address-line3"),
    "city": ("City", 100, "address-level2"),
    "state": ("State or province", 100, "address-level1"),
    "zip": ("ZIP or postal code", 20, "postal-code"),
    "country": ("Country", 60, "country"),
    "phone": ("Phone", 40, "tel"),
    "e_mail": ("E-mail", 254, "email"),
}
"""Label and longest text of each part of an address; browsers must not fill in the user's own."""

REQUIRED = ("address_1", "city", "country")


class OrderForm(forms.Form):
    """Everything of an order that a person may change. `version` is what the order was when the form was shown."""

    ship_code = forms.CharField(label="Shipping code", max_length=100, required=False)
    notes = forms.CharField(
        label="Notes for the WMS", max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    version = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, order: Order, lines: Sequence[OrderLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order, self.lines = order, lines
        for name, (label, longest, _) in PARTS.items():
            kind = forms.EmailField if name == "e_mail" else forms.CharField
            self.fields[name] = kind(
                label=label, max_length=longest, required=name in REQUIRED, initial=order.ship_to.get(name, "")
            )
        for line in lines:
            self.fields[f"sku_{line.line_no}"] = forms.CharField(
                label=f"WMS SKU of line {line.line_no}, {line.item}", max_length=200, required=False, initial=line.chosen_item
            )
        self.fields["ship_code"].initial, self.fields["notes"].initial = order.ship_code, order.notes
        self.fields["version"].initial = version_of(order)
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not any(said.get(name) for name in ("company", "first_name", "last_name")):
            self.add_error("last_name", "Give a name or a company: somebody must receive it.")
        for name, value in said.items():
            if name not in ("notes", "version") and isinstance(value, str) and not value.isprintable():
                self.add_error(name, "This holds a line break or another character that can't be seen.")
        return said

    def edited(self) -> Edited:
        """Return what the order is to say."""
        said = self.cleaned_data
        return Edited(
            ship_to=Address(**{name: said[name] for name in PARTS}),
            ship_code=said["ship_code"],
            notes=said["notes"].replace("\r\n", "\n"),
            skus={line.line_no: said[f"sku_{line.line_no}"] for line in self.lines},
        )

    def renewed(self) -> None:
        """Keep what was typed, but take the order as it is now for what is changed: the next save is meant."""
        self.data = {**self.data.dict(), "version": version_of(self.order)}  # type: ignore[attr-defined]  # a QueryDict

    @property
    def address(self) -> list[tuple[Any, str]]:
        """The fields of the address, each with what the order says now where that differs from what was typed."""
        return [(self[name], self._now(name, self.order.ship_to.get(name, ""))) for name in PARTS]

    @property
    def shipping(self) -> list[tuple[Any, str]]:
        now = {"ship_code": self.order.ship_code, "notes": self.order.notes}
        return [(self[name], self._now(name, value)) for name, value in now.items()]

    @property
    def skus(self) -> list[tuple[Any, str]]:
        return [(self[f"sku_{line.line_no}"], self._now(f"sku_{line.line_no}", line.chosen_item)) for line in self.lines]

    def _now(self, name: str, value: str) -> str:
        return (value or "nothing") if self.is_bound and self.data.get(name, "").strip() != value else ""
