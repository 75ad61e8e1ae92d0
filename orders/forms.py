"""What people fill in about products, aliases and shipping codes, and the files that they bring."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from cartrover.accounts.models import Account
from connectors.contract import Side
from connectors.models import Connection, ConnectionState

LARGEST_UPLOAD = 2_000_000
"""Bytes of a file that the browser carries: about 40,000 rows. `import_csv` takes files of any size."""

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def _text(label: str, longest: int, *, required: bool = True, help_text: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs=PLAIN)
    return forms.CharField(label=label, max_length=longest, required=required, help_text=help_text, widget=widget)


class MappingForm(forms.Form):
    """A form about rows of one account. `key` are the fields that name a row: they can't be changed, only given anew."""

    key: tuple[str, ...] = ()

    def __init__(self, *args: Any, account: Account, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "cart" in self.fields:
            carts = Connection.objects.for_account(account).filter(side=Side.CART).exclude(state=ConnectionState.DISCONNECTED)
            cast(Any, self.fields["cart"]).queryset = carts.order_by("name")
        if not is_new:
            for name in self.key:
                del self.fields[name]


def _cart(*, required: bool) -> Any:
    return forms.ModelChoiceField(
        label="Cart", queryset=None, required=required, to_field_name="public_id", empty_label=None if required else "All carts"
    )


class AliasForm(MappingForm):
    key = ("cart", "cart_sku")
    cart = _cart(required=False)
    cart_sku = _text("SKU of the cart", 200)
    wms_sku = _text("is the WMS's SKU", 200)


class ShipMethodForm(MappingForm):
    key = ("cart", "cart_code")
    cart = _cart(required=True)
    cart_code = _text("Code of the cart", 100)
    wms_code = _text("becomes at the WMS", 100, required=False)


class ProductForm(MappingForm):
    key = ("sku",)
    sku = _text("SKU", 200)
    name = _text("Name", 1000, required=False)
    upc = _text("UPC", 40, required=False)


class ImportForm(forms.Form):
    """A CSV file from the browser."""

    file = forms.FileField(label="CSV file", widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_UPLOAD:
            raise forms.ValidationError("The file is larger than 2 MB. Split it, or ask support to load it with import_csv.")
        return file
