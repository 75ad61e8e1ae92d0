"""The border that data never crosses: a query on tenant rows refuses to run until an account is named at the call site."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from cartrover.accounts.models import Account

M = TypeVar("M", bound=models.Model)


class AccountNotNamed(RuntimeError):
    """A query on tenant rows ran without naming its account: a bug, never an answer."""


class TenantQuerySet(models.QuerySet[M]):
    """Refuses to touch the database until `for_account` or `across_accounts` was called.

    A filter on the account itself names it as well, and so does coming from a row of the tenant (`order.lines`). What it can't
    see are unscoped inner queries and raw SQL: `manage.py check_tenancy` compares accounts over every foreign key.
    """

    _account_id: int | None = None
    _across: bool = False

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
        clone = self._chain()
        clone._across = True
        return clone

    def _filter_or_exclude_inplace(self, negate: bool, args: Any, kwargs: dict[str, Any]) -> None:
        super()._filter_or_exclude_inplace(negate, args, kwargs)  # type: ignore[misc]  # private, stable since Django 3.2
        if not negate and ("account" in kwargs or "account_id" in kwargs):
            self._across = True

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]  # every queryset copy goes through this private method
        clone._account_id, clone._across = self._account_id, self._across
        return clone  # type: ignore[no-any-return]  # the stubs don't know _clone

    def _require_account(self) -> None:
        if not (self._account_id or self._across or "instance" in self._hints):
            raise AccountNotNamed(f"{self.model.__name__}: name the account with for_account() before asking the database")

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._require_account()
        super()._fetch_all()  # type: ignore[misc]  # the one place where rows are read

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        self._require_account()
        return super().iterator(*args, **kwargs)

    def count(self) -> int:
        if self._result_cache is None:
            self._require_account()
        return super().count()

    def exists(self) -> bool:
        if self._result_cache is None:
            self._require_account()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require_account()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_account()
        return super().update(**kwargs)

    def _raw_delete(self, using: str | None) -> int:
        self._require_account()
        return super()._raw_delete(using)  # type: ignore[misc,no-any-return]  # private; delete() ends here or in _fetch_all

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        rows: Sequence[M] = list(objs)
        for row in rows:
            owner = getattr(row, "account_id", None)
            if owner is None or (self._account_id is not None and owner != self._account_id):
                raise AccountNotNamed(f"{self.model.__name__}: a row without its account, or with another one")
        return super().bulk_create(rows, *args, **kwargs)


class AccountOwned(models.Model):
    """A row of one account. `public_id` is what stands in URLs and answers; the database id never leaves the house."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="+")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True
