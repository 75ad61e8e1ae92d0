"""The border that data never crosses: a query on tenant rows refuses to run until an account is named at the call site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

from cartrover.ids import new_id

if TYPE_CHECKING:
    from cartrover.accounts.models import Account

M = TypeVar("M", bound=models.Model)

_checking_uniqueness: ContextVar[bool] = ContextVar("checking_uniqueness", default=False)


class AccountNotNamed(RuntimeError):
    """A query on tenant rows ran without naming its account: a bug, never an answer."""


class TenantQuerySet(models.QuerySet[M]):
    """Refuses to touch the database until `for_account` or `across_accounts` was called.

    A filter on the account itself names it as well, and so does coming from a row of the tenant (`order.lines`). What it can't
    see are unscoped inner queries and raw SQL: `manage.py check_tenancy` compares accounts over every foreign key.
    """

    _account_id: int | None = None
    _across: bool = False
    _hints: dict[str, Any]

    def for_account(self, account: Account | int) -> Self:
        """Return only this account's rows."""
        pk = account if isinstance(account, int) else account.pk
        named = self.filter(account_id=pk)
        named._account_id = pk
        return named

    def across_accounts(self, because: str) -> Self:
        """Return the rows of all accounts; `because` tells the reader why that is right here."""
        if not because:
            raise ValueError("say why all accounts are meant")
        clone = self.all()
        clone._across = True
        return clone

    def _filter_or_exclude_inplace(self, negate: bool, args: Any, kwargs: dict[str, Any]) -> None:
        super()._filter_or_exclude_inplace(negate, args, kwargs)  # type: ignore[misc]  # private, stable since Django 3.2
        if not negate and ("account" in kwargs or "account_id" in kwargs):
            self._across = True

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # every queryset copy goes through this private method
        clone._account_id, clone._across = self._account_id, self._across
        # A copy would share its hints, and a row that is added to the one would then open the other.
        clone._hints = dict(self._hints)
        return clone

    def _is_named(self) -> bool:
        return bool(self._account_id or self._across or "instance" in self._hints or self.query.is_empty())

    def require_account(self) -> None:
        if not (self._is_named() or _checking_uniqueness.get()):
            raise AccountNotNamed(f"{self.model.__name__}: name the account with for_account() before asking the database")

    def _require_accounts_of(self, others: Collection[models.QuerySet[Any]]) -> None:
        """Of querysets that become one, each must be named: the result looks like the first."""
        for rows in (self, *others):
            if isinstance(rows, TenantQuerySet):
                rows.require_account()

    # --- everything that reads -----------------------------------------------------------------------------------------------

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self.require_account()
        super()._fetch_all()

    def iterator(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.require_account()
        return super().iterator(*args, **kwargs)

    def aiterator(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.require_account()
        return super().aiterator(*args, **kwargs)

    def count(self) -> int:
        if self._result_cache is None:
            self.require_account()
        return super().count()

    def exists(self) -> bool:
        if self._result_cache is None:
            self.require_account()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.require_account()
        return super().aggregate(*args, **kwargs)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        self.require_account()
        return super().explain(*args, **kwargs)

    def __or__(self, other: models.QuerySet[M]) -> Self:
        self._require_accounts_of([other])
        return super().__or__(other)

    def __xor__(self, other: models.QuerySet[M]) -> Self:
        self._require_accounts_of([other])
        return super().__xor__(other)

    def union(self, *others: Any, all: bool = False) -> Self:
        self._require_accounts_of(others)
        return super().union(*others, all=all)

    # --- everything that writes ----------------------------------------------------------------------------------------------

    def update(self, **kwargs: Any) -> int:
        self.require_account()
        return super().update(**kwargs)

    def _raw_delete(self, using: str | None) -> int:
        self.require_account()
        deleted: int = super()._raw_delete(using)  # delete() ends here or in _fetch_all
        return deleted

    def create(self, **kwargs: Any) -> M:
        """Make a row; through a named account it belongs to that account, and one of another account is refused."""
        if self._account_id is not None and "account" not in kwargs:
            kwargs.setdefault("account_id", self._account_id)
        owner = kwargs["account"].pk if kwargs.get("account") else kwargs.get("account_id")
        self._refuse_others([owner])
        return super().create(**kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        rows: Sequence[M] = list(objs)
        self._refuse_others([getattr(row, "account_id", None) for row in rows])
        return super().bulk_create(rows, *args, **kwargs)

    def _refuse_others(self, owners: Collection[int | None]) -> None:
        for owner in owners:
            if owner is None or (self._account_id is not None and owner != self._account_id):
                raise AccountNotNamed(f"{self.model.__name__}: a row without its account, or with another one")


@contextmanager
def _uniqueness_over_all_accounts() -> Iterator[None]:
    """Django's validation asks whether a value is taken, by whomever; it gets a yes or a no and no rows."""
    token = _checking_uniqueness.set(True)
    try:
        yield
    finally:
        _checking_uniqueness.reset(token)


TenantManager = models.Manager.from_queryset(TenantQuerySet)


class AccountOwned(models.Model):
    """A row of one account. `public_id` is what stands in URLs and answers; the database id never leaves the house."""

    # Indexes are led by the account where lists need them; one on the account alone would only slow writing down.
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="+", db_index=False)
    public_id = models.UUIDField(default=new_id, unique=True, editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True

    def validate_unique(self, *args: Any, **kwargs: Any) -> None:
        with _uniqueness_over_all_accounts():
            super().validate_unique(*args, **kwargs)

    def validate_constraints(self, *args: Any, **kwargs: Any) -> None:
        with _uniqueness_over_all_accounts():
            super().validate_constraints(*args, **kwargs)
