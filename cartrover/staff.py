"""The staff console's ground rules: every account's rows, history that nobody changes, and lists that stay fast."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from cartrover.tenancy import TenantQuerySet

if TYPE_CHECKING:
    # Django's classes take type arguments in their stubs only.
    Pages = Paginator[Any]
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
else:
    Pages, AnyModelAdmin, AnyInline = Paginator, admin.ModelAdmin, admin.TabularInline

COUNTED = 5_000
"""Rows that a list counts: beyond it nobody turns pages, and counting millions takes seconds."""


class BoundedPaginator(Pages):
    """Counts no further than `COUNTED`."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found: int = rows[: COUNTED + 1].count()
        return min(found, COUNTED)


class _EveryAccount:
    """Shows the rows of all accounts, to staff only: Django admits nobody else to the console."""

    model: type[Model]
    hides: tuple[str, ...] = ()
    """Fields that no page shows and no list reads: secrets, and bytes that mean nothing to people."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.model._default_manager.all()
        if isinstance(rows, TenantQuerySet):
            rows = rows.across_accounts("staff console")
        return rows.defer(*self.hides).order_by(*self.get_ordering(request))  # type: ignore[attr-defined]  # of the admin classes


class StaffAdmin(_EveryAccount, AnyModelAdmin):
    """Staff looks and changes what the class names in `changeable`; nothing is deleted, and rows are made elsewhere."""

    changeable: tuple[str, ...] = ()

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = [field.name for field in self.model._meta.fields if field.name != "id"]
        return [name for name in shown if name not in self.hides]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.changeable]

    def get_search_help_text(self, request: HttpRequest) -> str:
        return ""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.changeable) and super().has_change_permission(request, obj)


class StaffInline(_EveryAccount, AnyInline):
    """Rows below their parent, to look at."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True
    ordering: ClassVar[tuple[str, ...]] = ("pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def one_of(field: str, values: Iterable[str], title: str = "") -> type[admin.SimpleListFilter]:
    """Return a filter with known values; Django's own asks the whole table which ones there are."""
    known = [str(value) for value in values]

    class OneOf(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, value.replace("_", " ") or "none") for value in known]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = self.value()
            return queryset if value is None else queryset.filter(**{field: value})

    OneOf.title = title or field.replace("_", " ")
    return OneOf
