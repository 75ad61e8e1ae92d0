"""The staff console's ground rules: every account's rows, history that nobody changes, and lists that stay fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList

from cartrover.tenancy import TenantQuerySet

if TYPE_CHECKING:
    # Django's classes take type arguments in their stubs only; the theme's build on them.
    Pages = Paginator[Any]
    OnePage = Page[Any]
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
else:
    Pages, OnePage, AnyModelAdmin, AnyInline = Paginator, Page, ModelAdmin, TabularInline

DEEPEST_PAGE = 100
"""Nobody turns more pages; each costs the database the rows before it."""


class PageAhead(Pages):
    """Never counts: it reads the one page that is wanted and one row more, which tells whether another page follows."""

    template_name = "staff/pages.html"

    def __init__(self, *args: Any, wanted: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = min(max(wanted, 1), DEEPEST_PAGE)

    @cached_property
    def found(self) -> list[Any]:
        start = (self.wanted - 1) * self.per_page
        return list(self.object_list[start : start + self.per_page + 1])

    @property
    def has_more(self) -> bool:
        return len(self.found) > self.per_page and self.wanted < DEEPEST_PAGE

    @cached_property
    def count(self) -> int:
        return (self.wanted - 1) * self.per_page + len(self.found)

    def page(self, number: int | str) -> OnePage:
        try:
            asked = int(number)
        except ValueError:
            raise PageNotAnInteger("That is no number of a page.") from None
        if asked != self.wanted or (asked > 1 and not self.found):
            raise EmptyPage("There is no such page.")
        return Page(self.found[: self.per_page], asked, self)


class StaffList(ChangeList):  # type: ignore[misc]  # the theme has no types
    """A list whose rows were read by its paginator: once, however many there are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Equal, so that no number of results is shown: it is known only for this page.
        self.full_result_count = self.result_count
        if not self.multi_page and self.page_num == 1:
            self.result_list = self.paginator.page(1).object_list


class StaffPage(AnyModelAdmin):
    """What all lists have in common."""

    written_for_staff = True

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_fullwidth = True
    list_disable_select_all = True
    list_filter_sheet = True
    actions_selection_counter = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[Any]:
        return StaffList

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, orphans: int = 0, allow_empty_first_page: bool = True
    ) -> Pages:
        asked = request.GET.get("p", "1")
        wanted = int(asked) if asked.isascii() and asked.isdigit() else 1
        return PageAhead(queryset, per_page, orphans, allow_empty_first_page, wanted=wanted)

    def get_actions(self, request: HttpRequest) -> Any:
        """Deleting many at once is not offered: of what may be deleted each leaves a trail."""
        return {name: act for name, act in super().get_actions(request).items() if name != "delete_selected"}

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Tell whether this person may act on rows of this list, for actions with `permissions=["act"]`."""
        names = self.model._meta
        return request.user.has_perm(f"{names.app_label}.change_{names.model_name}")


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


class StaffAdmin(_EveryAccount, StaffPage):
    """Staff looks and changes what the class names in `changeable`; nothing is deleted, and rows are made elsewhere."""

    changeable: tuple[str, ...] = ()
    sortable_by: ClassVar[tuple[str, ...]] = ()
    """Columns to sort by: none, as most have no index and some of these tables have millions of rows."""

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
    hide_title = True
    per_page = 50
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


# --- acts on many rows ----------------------------------------------------------------------------------------------------

AT_ONCE = 200
"""Rows of one act: they are done while the page loads, each in a transaction of its own."""


def act_on_each(
    page: StaffPage,
    request: HttpRequest,
    rows: Iterable[Any],
    do: Callable[[Any], tuple[bool, str]],
    *,
    done: str,
) -> None:
    """Do something to each row and say how many went as meant, and of the others which words came back, each once.

    `done` ends the sentence "3 ...".
    """
    good, refused = 0, dict[str, int]()
    for row in list(rows)[:AT_ONCE]:
        went, said = do(row)
        if went:
            good += 1
        else:
            refused[said] = refused.get(said, 0) + 1
    if good:
        page.message_user(request, f"{good} {done}", messages.SUCCESS)
    for said, times in refused.items():
        page.message_user(request, f"{times} not: {said}" if times > 1 else f"Not: {said}", messages.WARNING)


def asked_once(
    page: StaffPage, request: HttpRequest, rows: Any, *, act: str, question: str, warning: str, button: str
) -> HttpResponse | None:
    """Return the page that asks before an act is done; None once the person has said yes."""
    if request.POST.get("sure") == "yes":
        return None
    chosen = list(rows[:AT_ONCE])
    return TemplateResponse(
        request,
        "staff/sure.html",
        {
            **page.admin_site.each_context(request),
            "title": question,
            "opts": page.model._meta,
            "rows": chosen,
            "act": act,
            "box": ACTION_CHECKBOX_NAME,
            "warning": warning,
            "button": button,
        },
    )
