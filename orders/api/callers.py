"""Who calls, and for whom: the key, its level, and the merchant whose data is meant. Source: CartRover reference 1.2 and
1.3.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from cartrover.accounts.models import Account
from connectors.models import Connection, ConnectionState
from orders.api.envelope import Fault, invalid
from orders.models import ApiKey, ApiLevel, ErrorCode
from orders.programs import api_keys

MERCHANT_HEADER = "X-Merchant-Pk"
WIDE = frozenset({ApiLevel.WAREHOUSE, ApiLevel.MASTER})
"""Levels that act for many merchants and name one in each request."""

MERCHANTS = frozenset({ApiLevel.MERCHANT, *WIDE})
CARTS = frozenset({ApiLevel.CART})
EVERYBODY = frozenset(ApiLevel)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was recognised. `account` is the merchant whose data is meant: the key's own unless a header names another."""

    key: ApiKey
    level: ApiLevel
    account: Account

    @property
    def actor(self) -> str:
        """How events and the audit log name it."""
        return f"API key {self.key.name}"

    @property
    def is_cart(self) -> bool:
        return self.level == ApiLevel.CART

    @property
    def cart(self) -> Connection:
        """The only cart of a cart's key. Raise `Fault` where it takes no orders any more."""
        cart = self.key.cart
        if cart is None or cart.state == ConnectionState.DISCONNECTED:
            raise Fault(ErrorCode.FAILURE, "The cart of this key is disconnected. Connect it again in the portal.")
        return cart


def api_user_of(request: HttpRequest) -> str:
    """Return the user that the request names, right or wrong; "" for none. Never its key."""
    return _credentials(request)[0][:40]


def caller_of(
    request: HttpRequest,
    levels: frozenset[ApiLevel],
    *,
    for_merchant: bool,
    find: Callable[[str], ApiKey | None] = api_keys.find_key,
) -> Caller:
    """Return who calls. Raise `Fault` with 401 for a wrong key, with 403 for a level or a merchant that isn't theirs.

    `for_merchant`: the request is about one merchant's data, whom a key of many has to name. `find` looks the key up; who
    asks for many requests at once gives one that does so once.
    """
    api_user, api_key, in_url = _credentials(request)
    if not api_user or not api_key:
        raise _unknown("Send the API user and the API key by basic authentication.")
    key = api_keys.authenticate(api_user, api_key, find)
    if key is None:
        raise _unknown("The API user or the API key is wrong, or the key was revoked.")
    if in_url:
        api_keys.note_in_url(key)
        if not key.account.api_keys_in_url:
            # The account that the key was made in decides, whichever merchant it acts for: there its owners see who sends it.
            raise _unknown("The account of this key refuses keys in addresses. Send it by basic authentication.")
    api_keys.note_use(key)
    level = ApiLevel(key.level)
    if level not in levels:
        names = ", ".join(one for one in ApiLevel if one in levels)
        raise Fault(ErrorCode.FAILURE, f"A {level} key can't do this. It takes one of: {names}.", status=403)
    account = _merchant(request, key, level) if level in WIDE and for_merchant else key.account
    return Caller(key, level, account)


def _unknown(words: str) -> Fault:
    return Fault(ErrorCode.FAILURE, words, status=401, headers={"WWW-Authenticate": 'Basic realm="CartRover API"'})


def _credentials(request: HttpRequest) -> tuple[str, str, bool]:
    """Return user, key, and whether they stand in the address, as older programs have it."""
    kind, _, encoded = request.headers.get("Authorization", "").strip().partition(" ")
    if kind.lower() == "basic":
        try:
            user, colon, key = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", "", False
        return (user, key, False) if colon and "\x00" not in user else ("", "", False)
    user, key = request.GET.get("api_user", ""), request.GET.get("api_key", "")
    return (user, key, True) if "\x00" not in user else ("", "", True)


# --- merchants of a warehouse or a master ------------------------------------------------------------------------------------


def merchants_of(key: ApiKey) -> QuerySet[Account]:
    """Return the accounts that a key of many may act for: those of its organization, and for a master of all below it."""
    organization = key.account.organization
    if key.level == ApiLevel.MASTER:
        below = Q(organization__parent=organization) | Q(organization__parent__parent=organization)
        return Account.objects.filter(below | Q(organization=organization))
    return Account.objects.filter(Q(organization=organization) | Q(organization__parent=organization))


def _merchant(request: HttpRequest, key: ApiKey, level: ApiLevel) -> Account:
    text = request.headers.get(MERCHANT_HEADER, "").strip()
    if not text:
        raise invalid(
            f"A {level} key names the merchant in the header {MERCHANT_HEADER}. GET /v1/wms/merchant/list lists them."
        )
    known = text.isascii() and text.isdigit() and len(text) < 19
    account = merchants_of(key).filter(pk=int(text)).first() if known else None
    if account is None:
        raise Fault(ErrorCode.FAILURE, f"There is no merchant {text[:30]} for this key.", status=403)
    return account
