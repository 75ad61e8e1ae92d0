"""Keys of programs that speak to the hub: made, rolled and revoked by owners, recognised at every request.

A key has two parts: `api_user` says which one it is and may be shown, the key itself is shown once. Of it the first characters
are kept to tell keys apart, and its SHA-256, which is enough for a secret of this length: there is nothing to guess.
Source: CartRover reference 1.2 and 1.3.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, Membership, OrganizationKind, Role, User
from cartrover.clock import hub_now
from cartrover.compiled_queries import CompiledQuery, columns, instance, text
from connectors.contract import Side
from connectors.models import Connection
from connectors.refusals import Refused
from orders.models import ApiKey, ApiLevel

ALPHABET = string.ascii_letters + string.digits

KEY_LENGTH = 32
"""Characters: without the shown prefix 166 bits. CartRover's own keys have 15; clients send whatever they are given."""

PREFIX_LENGTH = 4

USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact the last use is: a busy program must not cost a write at every request."""

URL_USE_SHOWN = timedelta(days=90)
"""How far back a key that came in an address is named to whoever may refuse that: programs of a season are rare guests."""

WIDE_LEVELS = {ApiLevel.WAREHOUSE: OrganizationKind.FULFILLMENT, ApiLevel.MASTER: OrganizationKind.MASTER}
"""Levels that act for many merchants, and the kind of organization that has such keys."""

OPENS = {
    ApiLevel.MERCHANT: "For the whole merchant.",
    ApiLevel.WAREHOUSE: "For all merchants of the organization.",
    ApiLevel.MASTER: "For all organizations below the master.",
}

_NOBODYS = hashlib.sha256(b"nobody has this key").hexdigest()


@transaction.atomic
def key_make(*, account: Account, name: str, level: ApiLevel, actor: str, cart: Connection | None = None) -> tuple[ApiKey, str]:
    """Make a key of the account; return it with its secret part, which nobody can be shown again.

    A cart's key opens just that cart, a merchant's key all carts, a warehouse's or a master's all merchants. Raise `Refused`
    for a name that is taken, or a level that the organization doesn't have, or that doesn't go with the cart.
    """
    if level in WIDE_LEVELS and account.organization.kind != WIDE_LEVELS[level]:
        raise Refused(f"{account.organization.name} is no {WIDE_LEVELS[level]} organization: it has no {level} keys.")
    if (level == ApiLevel.CART) != (cart is not None):
        raise Refused(
            "Choose the cart that the key is for." if cart is None else f"A {level} key is for all carts: choose none."
        )
    if cart is not None and (cart.account_id != account.pk or cart.side != Side.CART):
        raise Refused("Choose one of this account's carts.")
    secret = _drawn(KEY_LENGTH)
    try:
        with transaction.atomic():
            key = ApiKey.objects.create(
                account=account,
                name=name.strip(),
                level=level,
                cart=cart,
                api_user=_new_user(),
                created_by=actor[:254],
                **_kept(secret),
            )
    except IntegrityError as taken:
        raise Refused(f"There is a key named “{name.strip()}” already. Choose another name, or roll that one.") from taken
    words = f"For {cart.name}." if cart is not None else OPENS[level]
    audit(account=account, actor=actor, verb="api_key.made", subject=_subject(key), words=words)
    return key, secret


def wide_level_of(account: Account, user: User) -> ApiLevel | None:
    """Return the level of keys for many merchants that this person may make here; None where they may not.

    Such a key opens every account of the organization, so that only who owns them all may make one.
    """
    level = {kind: level for level, kind in WIDE_LEVELS.items()}.get(OrganizationKind(account.organization.kind))
    if level is None:
        return None
    organization = account.organization
    below = Q(organization=organization) | Q(organization__parent=organization) | Q(organization__parent__parent=organization)
    owned = Membership.objects.filter(user=user, role=Role.OWNER).values("account")
    return level if not Account.objects.filter(below).exclude(pk__in=owned).exists() else None


@transaction.atomic
def key_roll(key: ApiKey, *, actor: str) -> str:
    """Give the key a new secret part and return it; the old one is refused from now on. Raise `Refused` for a revoked key."""
    secret = _drawn(KEY_LENGTH)
    rows = ApiKey.objects.for_account(key.account_id).filter(pk=key.pk, revoked_at__isnull=True)
    if not rows.update(rolled_at=hub_now(), **_kept(secret)):
        raise Refused("This key is revoked. Make a new one.")
    audit(account=key.account, actor=actor, verb="api_key.rolled", subject=_subject(key))
    return secret


@transaction.atomic
def key_revoke(key: ApiKey, *, actor: str) -> bool:
    """Make the key useless for ever; return False when it was already."""
    rows = ApiKey.objects.for_account(key.account_id).filter(pk=key.pk, revoked_at__isnull=True)
    if not rows.update(revoked_at=hub_now()):
        return False
    audit(account=key.account, actor=actor, verb="api_key.revoked", subject=_subject(key))
    return True


@transaction.atomic
def allow_in_url(account: Account, *, allowed: bool, actor: str) -> bool:
    """Let the account's keys stand in addresses, or take them in the header alone; return whether that changed."""
    rows = Account.objects.filter(pk=account.pk).exclude(api_keys_in_url=allowed)
    if not rows.update(api_keys_in_url=allowed):
        return False
    account.api_keys_in_url = allowed
    words = "They may stand in addresses." if allowed else "They are refused in addresses."
    audit(account=account, actor=actor, verb="api_key.in_addresses", subject="API keys", words=words)
    return True


def came_in_url(account: Account) -> list[ApiKey]:
    """Return the account's working keys that came in addresses within `URL_USE_SHOWN`, the last one first."""
    rows = ApiKey.objects.for_account(account).filter(revoked_at__isnull=True, url_used_at__gte=hub_now() - URL_USE_SHOWN)
    return list(rows.select_related("cart").order_by("-url_used_at"))


def find_key(api_user: str) -> ApiKey | None:
    """Return the key that this user names, with its account and cart, whoever asks and revoked or not."""
    for values in _KEY_OF.rows(api_user=api_user[:40]):
        of_account, of_cart = len(columns(ApiKey)), len(columns(ApiKey)) + len(columns(Account))
        key = instance(ApiKey, values[:of_account])
        key.account = instance(Account, values[of_account:of_cart])
        key.cart = instance(Connection, values[of_cart:]) if key.cart_id is not None else None
        return key
    return None


def _key_of() -> QuerySet[ApiKey, Any]:
    rows = ApiKey.objects.across_accounts("who is asking is found out by the key").filter(api_user=text("api_user"))
    return rows.values_list(*columns(ApiKey), *columns(Account, "account"), *columns(Connection, "cart"))


_KEY_OF = CompiledQuery(_key_of)


def authenticate(api_user: str, api_key: str, find: Callable[[str], ApiKey | None] = find_key) -> ApiKey | None:
    """Return the key that these two parts are, with its account and cart; None for wrong and for revoked ones alike.

    One query, by `api_user`; the comparison takes the same time whether the user exists or not, and wherever the key differs.
    Whether the account's keys may stand in addresses (`api_keys_in_url`) is for the caller to ask, who knows where it stood.
    """
    key = find(api_user)
    is_right = hmac.compare_digest(key.digest if key is not None else _NOBODYS, _digest(api_key))
    return key if key is not None and is_right and key.revoked_at is None else None


def note_use(key: ApiKey) -> None:
    """Remember that the key was used just now, to the minute."""
    _note(key, "last_used_at")


def note_in_url(key: ApiKey) -> None:
    """Remember that the key came in an address just now, to the minute, also where it is refused there."""
    _note(key, "url_used_at")


def _note(key: ApiKey, column: str) -> None:
    now, noted = hub_now(), getattr(key, column)
    if noted is not None and now - noted < USE_NOTED_EVERY:
        return
    stale = Q((f"{column}__isnull", True)) | Q((f"{column}__lt", now))
    ApiKey.objects.for_account(key.account_id).filter(stale, pk=key.pk).update(**{column: now})
    setattr(key, column, now)


def _kept(secret: str) -> dict[str, str]:
    return {"prefix": secret[:PREFIX_LENGTH], "digest": _digest(secret)}


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _new_user() -> str:
    """Four digits and eight letters or digits, as programs know it."""
    return f"{1000 + secrets.randbelow(9000)}{_drawn(8)}"


def _drawn(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _subject(key: ApiKey) -> str:
    return f"API key {key.name} ({key.api_user})"
