"""What people fill in on the pages of settings."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from cartrover.accounts.changing import LONGEST_RETENTION, SHORTEST_RETENTION, time_zone_named
from cartrover.accounts.models import Account
from connectors.contract import Side
from connectors.models import Connection, ConnectionState
from orders.models import ApiLevel, ChannelKind, Pace, Scope

PLAIN = {"autocomplete": "off", "spellcheck": "false"}

SCOPES = ((Scope.PERSON, "Alerts that need a person"), (Scope.ALL, "All alerts, also those that mend themselves"))
PACES = ((Pace.AT_ONCE, "At once"), (Pace.DAILY, "Once a day"))
OFF = "off"
HOURS = tuple((hour, f"{hour:02}:00") for hour in range(24))


class AccountForm(forms.Form):
    """Name, time zone and retention of an account."""

    name = forms.CharField(label="Account name", max_length=200)
    time_zone = forms.CharField(
        label="Time zone",
        max_length=60,
        help_text="Type a city, as Chicago or Berlin. Times and days are shown and reckoned in it.",
        widget=forms.TextInput(attrs={**PLAIN, "list": "time-zones"}),
    )
    retention_days = forms.IntegerField(
        label="Keep files and personal data for (days)",
        min_value=SHORTEST_RETENTION,
        max_value=LONGEST_RETENTION,
        help_text=f"Between {SHORTEST_RETENTION} and {LONGEST_RETENTION:,} days.",
    )

    def clean_time_zone(self) -> str:
        name = time_zone_named(self.cleaned_data["time_zone"])
        if name is None:
            raise forms.ValidationError("There is no such time zone. Choose one of the list, as Europe/Berlin.")
        return name


class ApiKeyForm(forms.Form):
    """A new API key: for one cart, or for the whole merchant."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="Who will use it, as “Shop plug-in”.", widget=forms.TextInput(attrs=PLAIN)
    )
    opens = forms.ChoiceField(label="Opens")

    def __init__(self, *args: Any, account: Account, wide: ApiLevel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wide = wide
        carts = Connection.objects.for_account(account).filter(side=Side.CART).exclude(state=ConnectionState.DISCONNECTED)
        self.carts = {str(cart.public_id): cart for cart in carts.order_by("name")}
        opens = [(ApiLevel.MERCHANT, f"Merchant: all carts of {account.name}")]
        cast(Any, self.fields["opens"]).choices = [
            *opens,
            *((public_id, f"Cart: {cart.name} alone") for public_id, cart in self.carts.items()),
            *([(wide, f"{wide.title()}: all merchants of {account.organization.name}")] if wide is not None else []),
        ]

    @property
    def level(self) -> ApiLevel:
        """The level that was chosen."""
        chosen = self.cleaned_data["opens"]
        return ApiLevel.CART if self.cart is not None else self.wide if chosen == self.wide and self.wide else ApiLevel.MERCHANT

    @property
    def cart(self) -> Connection | None:
        """The cart that was chosen; None for a merchant's key."""
        return self.carts.get(self.cleaned_data["opens"])


def _hour() -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label="Hour of the daily digest", choices=HOURS, coerce=int, initial=8, help_text="In the account's time zone."
    )


class OwnMailForm(forms.Form):
    """What a member is told of by their own e-mail."""

    pace = forms.ChoiceField(label="E-mail me", choices=(*PACES, (OFF, "Never")))
    scope = forms.ChoiceField(label="About", choices=SCOPES)
    hour = _hour()
    tell_resolved = forms.BooleanField(label="Also tell me when an alert is over", required=False)

    def chosen(self) -> dict[str, Any]:
        """Return the settings of a channel; “never” leaves the pace as it was."""
        fields = dict(self.cleaned_data)
        fields["active"] = fields["pace"] != OFF
        if not fields["active"]:
            del fields["pace"]
        return fields


KINDS = {ChannelKind.EMAIL: "e-mail", ChannelKind.SLACK: "Slack", ChannelKind.WEBHOOK: "webhook"}

ADDRESS_LABELS = {
    ChannelKind.EMAIL: ("E-mail address", ""),
    ChannelKind.SLACK: (
        "Webhook address",
        "Of an incoming webhook of Slack, Mattermost or anything that takes the same. It is stored sealed and never shown.",
    ),
    ChannelKind.WEBHOOK: (
        "Address",
        "Alerts are posted there as JSON, signed with a secret of the channel. It is stored sealed and never shown.",
    ),
}


TELLS = {
    "tell_alerts": "Tell alerts",
    "tell_orders": "Tell what happens to orders",
    "tell_shipments": "Tell packages",
    "tell_stock": "Tell that stock has changed",
}


class ReplayForm(forms.Form):
    """From when on a webhook is told again."""

    since = forms.DateTimeField(
        label="Since (UTC)",
        help_text="Everything from then on goes out once more under the same ids.",
        widget=forms.DateTimeInput(attrs={**PLAIN, "type": "datetime-local"}),
    )


class ChannelForm(forms.Form):
    """A channel of the account. A stored webhook address stays when the field is left empty."""

    name = forms.CharField(label="Name", max_length=100, widget=forms.TextInput(attrs=PLAIN))
    address = forms.CharField(max_length=2000)
    scope = forms.ChoiceField(label="About", choices=SCOPES)
    pace = forms.ChoiceField(label="When", choices=PACES)
    hour = _hour()
    tell_resolved = forms.BooleanField(label="Also tell when an alert is over", required=False)

    def __init__(self, *args: Any, kind: ChannelKind, is_stored: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label, help_text = ADDRESS_LABELS[kind]
        if kind == ChannelKind.EMAIL:
            self.fields["address"] = forms.EmailField(label=label, max_length=254)
            return
        attrs = {**PLAIN, "placeholder": "Stored; paste a new one to replace it"} if is_stored else PLAIN
        self.fields["address"] = forms.CharField(
            label=label,
            max_length=2000,
            required=not is_stored,
            help_text=help_text,
            # What was pasted is a secret: it doesn't come back in the page.
            widget=forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password"}),
        )
        if kind == ChannelKind.WEBHOOK:
            for name, what in TELLS.items():
                self.fields[name] = forms.BooleanField(label=what, required=False, initial=name == "tell_alerts")
