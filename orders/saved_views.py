"""Keeping views of the list of orders, and the columns that people like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Max

from cartrover.accounts.models import Account, Membership, Role, User
from orders.models import ListColumns, SavedView

LONGEST_NAME = 60
MOST = 40
"""Views that a person sees: more tabs than that nobody reads."""


def may_change(view: SavedView, membership: Membership) -> bool:
    """Say whether a member may change a view: their own, and with the rights of an operator those for all."""
    return view.user_id == membership.user_id or (view.user_id is None and membership.may(Role.OPERATOR))


def view_add(
    *, membership: Membership, name: str, query: Mapping[str, str], columns: Sequence[str], for_all: bool
) -> SavedView:
    """Keep a view, behind the others. Raise `ValueError`, with words, for a name that is empty or taken, or one too many."""
    account, user = membership.account, membership.user
    if for_all and not membership.may(Role.OPERATOR):
        raise ValueError("Only operators and owners make views for all.")
    name = _name(name)
    mine = SavedView.objects.for_account(account).filter(user=None if for_all else user)
    if mine.count() >= MOST:
        raise ValueError(f"There are {MOST} views already. Delete one that nobody uses.")
    last = mine.aggregate(last=Max("position"))["last"]
    values = {"query": dict(query), "columns": list(columns), "position": (last or 0) + 1}
    try:
        with transaction.atomic():
            return SavedView.objects.create(account=account, user=None if for_all else user, name=name, **values)
    except IntegrityError:
        raise ValueError(f"There is a view “{name}” already. Choose another name.") from None


def view_change(
    view: SavedView,
    *,
    name: str,
    query: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    first: bool = False,
) -> None:
    """Give a view another name, and with `query` or `columns` what it shows; with `first` it stands before the others."""
    changes: dict[str, object] = {"name": _name(name)}
    changes |= {} if query is None else {"query": dict(query)}
    changes |= {} if columns is None else {"columns": list(columns)}
    rows = SavedView.objects.for_account(view.account_id)
    try:
        with transaction.atomic():
            if first:
                others = list(rows.filter(user=view.user_id).exclude(pk=view.pk).order_by("position", "pk"))
                for position, other in enumerate(others, start=2):
                    rows.filter(pk=other.pk).update(position=position)
                changes["position"] = 1
            rows.filter(pk=view.pk).update(**changes)
    except IntegrityError:
        raise ValueError(f"There is a view “{changes['name']}” already. Choose another name.") from None


def view_remove(view: SavedView) -> None:
    """Forget a view; the orders stay."""
    SavedView.objects.for_account(view.account_id).filter(pk=view.pk).delete()


def columns_choose(*, account: Account, user: User, columns: Sequence[str]) -> None:
    """Remember the columns that a person likes; none for the usual ones."""
    if columns:
        ListColumns.objects.update_or_create(account=account, user=user, defaults={"columns": list(columns)})
    else:
        ListColumns.objects.for_account(account).filter(user=user).delete()


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise ValueError("Give the view a name.")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"The name of a view has at most {LONGEST_NAME} characters.")
    return name
