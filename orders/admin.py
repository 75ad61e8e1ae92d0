"""Orders and all around them in the staff console, to look at: they are changed by actions, which leave an event."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html

from cartrover.redaction import scrub
from cartrover.staff import StaffAdmin, StaffInline, act_on_each, asked_once, one_of
from connectors.contract import HoldReason, Purpose, ShipmentState
from orders.models import (
    Alert,
    AlertState,
    ApiKey,
    ApiLevel,
    ApiRequest,
    ChannelKind,
    ChannelStock,
    DocumentState,
    ErrorCode,
    InboundBody,
    InboundDocument,
    InboundState,
    Invoice,
    InvoiceLine,
    Job,
    JobPart,
    JobState,
    LineCancellation,
    ListColumns,
    MessagePurpose,
    MessageState,
    Notification,
    NotificationChannel,
    NotificationEvent,
    NotificationState,
    Order,
    OrderedItem,
    OrderEvent,
    OrderLine,
    OutboundAttempt,
    OutboundDocument,
    OutboundMessage,
    Product,
    ProductAlias,
    SavedView,
    Shipment,
    ShipmentLine,
    ShipMethodMap,
    SkippedOrder,
    StockLevel,
    StockReading,
    SupportNote,
    SupportRequest,
    SupportState,
)
from orders.staff import acts, files
from orders.staff import service_admin as service_admin
from orders.states import OrderState
from orders.support import support_move, support_say
from orders.words import SUPPORT


class HeldFilter(admin.SimpleListFilter):
    title = "held"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "held, for whatever reason")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(hold="") if self.value() else queryset


class TroubleFilter(admin.SimpleListFilter):
    title = "trouble"
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "held, tried in vain, or without a known outcome")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        in_vain = Q(state=MessageState.WAITING, attempts__gt=0)
        stopped = Q(state__in=[MessageState.HELD, MessageState.UNKNOWN])
        return queryset.filter(in_vain | stopped) if self.value() else queryset


class LineInline(StaffInline):
    model = OrderLine
    fields = ("line_no", "item", "wms_item", "quantity", "shipped", "canceled", "told", "invoiced", "price")
    ordering = ("line_no",)


class EventInline(StaffInline):
    model = OrderEvent
    fields = ("at", "kind", "words", "actor", "document_name")
    ordering = ("-at", "-pk")


@admin.register(Order)
class OrderAdmin(StaffAdmin):
    list_display = ("cust_ref", "cust_po_no", "account", "source", "retailer_name", "state", "hold", "created_at")
    list_filter = (HeldFilter, one_of("state", OrderState), one_of("hold", HoldReason), "is_test")
    actions = ("release",)
    list_select_related = ("account", "source")
    search_fields = ("=cust_po_no", "=cust_ref", "=external_id", "=wms_order_id", "=public_id")
    search_help_text = "A whole number: of the cart, short, of the source or of the WMS."
    inlines = (LineInline, EventInline)

    @admin.action(description="Release the ticked orders", permissions=["act"])
    def release(self, request: HttpRequest, rows: QuerySet[Order]) -> HttpResponseBase | None:
        question = asked_once(
            self,
            request,
            rows,
            act="release",
            question="Release these orders?",
            warning="Each goes on to its WMS if nothing else stands in its way. What was sent can't be taken back from here.",
            button="Yes, release them",
        )
        if question is None:
            actor = str(request.user)
            act_on_each(self, request, rows, lambda one: acts.release(one, actor), done="released: they go on by themselves.")
        return question


@admin.register(OrderLine)
class OrderLineAdmin(StaffAdmin):
    list_display = ("order", "account", "line_no", "item", "wms_item", "quantity", "shipped", "canceled", "told", "invoiced")
    list_select_related = ("account", "order")
    search_fields = ("=item", "=wms_item", "=order__cust_ref", "=order__cust_po_no", "=external_id")


@admin.register(OrderEvent)
class OrderEventAdmin(StaffAdmin):
    list_display = ("at", "account", "order", "connection", "kind", "words", "actor")
    list_select_related = ("account", "order", "connection")
    search_fields = ("=kind", "=order__cust_ref", "=document_name")


@admin.register(SkippedOrder)
class SkippedOrderAdmin(StaffAdmin):
    list_display = ("cust_po_no", "account", "connection", "reason", "words", "created_at", "loaded_at")
    list_select_related = ("account", "connection")
    search_fields = ("=cust_po_no", "=external_id", "=reason")


@admin.register(Alert)
class AlertAdmin(StaffAdmin):
    list_display = ("cause", "subject", "account", "connection", "state", "times", "first_seen_at", "last_seen_at")
    list_filter = (one_of("state", AlertState),)
    actions = ("resolve",)
    list_select_related = ("account", "connection")
    search_fields = ("=cause", "subject", "account__slug")

    @admin.action(description="Resolve the ticked alerts", permissions=["act"])
    def resolve(self, request: HttpRequest, rows: QuerySet[Alert]) -> HttpResponseBase | None:
        question = asked_once(
            self,
            request,
            rows,
            act="resolve",
            question="Resolve these alerts?",
            warning="The merchants no longer see them. Where the cause lasts, the next run raises the alert anew.",
            button="Yes, resolve them",
        )
        if question is None:
            actor = str(request.user)
            chosen = rows.select_related("account")
            act_on_each(self, request, chosen, lambda one: acts.resolve(one, actor), done="resolved.")
        return question


class WithBytes(StaffAdmin):
    """A file, whose bytes can be downloaded; that is written down, as they hold buyers' names."""

    change_form_outer_before_template = "staff/file_bytes.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_bytes"
        return [path("<int:pk>/bytes/", self.admin_site.admin_view(self.download), name=name), *super().get_urls()]

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return files.download(self, request, pk)


@admin.register(InboundDocument)
class InboundDocumentAdmin(WithBytes):
    list_display = ("name", "account", "connection", "state", "size", "modified_at", "seen_at", "read_at", "counts")
    list_filter = (one_of("state", InboundState),)
    list_select_related = ("account", "connection")
    search_fields = ("name", "=sha256", "account__slug")


@admin.register(InboundBody)
class InboundBodyAdmin(StaffAdmin):
    hides = ("deflated",)
    list_display = ("document", "account", "seq")
    list_select_related = ("account", "document")
    search_fields = ("=document__name",)


class AttemptInline(StaffInline):
    model = OutboundAttempt
    fields = ("started_at", "finished_at", "outcome", "status", "elapsed_ms", "words")


@admin.register(OutboundMessage)
class OutboundMessageAdmin(StaffAdmin):
    hides = ("lease_token",)
    list_display = ("order", "account", "connection", "purpose", "state", "generation", "attempts", "due_at", "words")
    list_filter = (TroubleFilter, one_of("state", MessageState), one_of("purpose", MessagePurpose))
    actions = ("send_now",)
    list_select_related = ("account", "connection", "order")
    search_fields = ("=order__cust_ref", "=order__cust_po_no", "=public_id")
    inlines = (AttemptInline,)

    @admin.action(description="Try the ticked messages now", permissions=["act"])
    def send_now(self, request: HttpRequest, rows: QuerySet[OutboundMessage]) -> HttpResponseBase | None:
        question = asked_once(
            self,
            request,
            rows,
            act="send_now",
            question="Try these messages now?",
            warning="Each is sent to its WMS by the next delivery; where the last outcome isn't known, the WMS is asked first.",
            button="Yes, try them now",
        )
        if question is None:
            actor = str(request.user)
            act_on_each(self, request, rows, lambda one: acts.send_now(one, actor), done="due now.")
        return question


@admin.register(OutboundDocument)
class OutboundDocumentAdmin(WithBytes):
    hides = ("deflated", "lease_token")
    list_display = ("name", "account", "connection", "purpose", "state", "rows", "size", "attempts", "created_at", "taken_at")
    list_filter = (one_of("state", DocumentState), one_of("purpose", Purpose))
    list_select_related = ("account", "connection")
    search_fields = ("name", "account__slug")
    inlines = (AttemptInline,)


@admin.register(OutboundAttempt)
class OutboundAttemptAdmin(StaffAdmin):
    """What was sent and answered is stored without secrets; it is scrubbed once more, for what was stored by older versions."""

    hides = ("request", "answer")
    list_display = ("started_at", "account", "message", "document", "outcome", "status", "elapsed_ms", "words")
    list_select_related = ("account", "message", "document")
    search_fields = ("=outcome", "=message__order__cust_ref", "=document__name")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_fields(request, obj), "sent", "answered"]

    @admin.display
    def sent(self, attempt: OutboundAttempt) -> str:
        return format_html('<pre class="staff-text" tabindex="0">{}</pre>', scrub(attempt.request)) if attempt.request else "–"

    @admin.display
    def answered(self, attempt: OutboundAttempt) -> str:
        return format_html('<pre class="staff-text" tabindex="0">{}</pre>', scrub(attempt.answer)) if attempt.answer else "–"


@admin.register(LineCancellation)
class LineCancellationAdmin(StaffAdmin):
    list_display = ("line", "account", "quantity", "because", "created_at", "document")
    list_select_related = ("account", "line", "document")
    search_fields = ("=line__order__cust_ref", "=line__item")


class ShipmentLineInline(StaffInline):
    model = ShipmentLine
    fields = ("external_id", "external_line_id", "line", "quantity", "told")


@admin.register(Shipment)
class ShipmentAdmin(StaffAdmin):
    list_display = ("tracking_number", "account", "order", "carrier", "state", "shipped_at", "seen_at", "document")
    list_filter = (one_of("state", ShipmentState),)
    list_select_related = ("account", "order", "document")
    search_fields = ("=tracking_number", "=external_id", "=external_order_id", "=order__cust_ref")
    inlines = (ShipmentLineInline,)


@admin.register(ShipmentLine)
class ShipmentLineAdmin(StaffAdmin):
    list_display = ("shipment", "account", "line", "quantity", "told")
    list_select_related = ("account", "shipment", "line")
    search_fields = ("=shipment__tracking_number", "=line__item")


class InvoiceLineInline(StaffInline):
    model = InvoiceLine
    fields = ("external_id", "external_line_id", "line", "quantity", "told")


@admin.register(Invoice)
class InvoiceAdmin(StaffAdmin):
    list_display = ("number", "told_id", "account", "order", "total", "currency", "is_void", "seen_at", "document")
    list_filter = ("is_void",)
    list_select_related = ("account", "order", "document")
    search_fields = ("=number", "=told_id", "=external_id", "=order__cust_ref")
    inlines = (InvoiceLineInline,)


@admin.register(InvoiceLine)
class InvoiceLineAdmin(StaffAdmin):
    list_display = ("invoice", "account", "line", "quantity", "told")
    list_select_related = ("account", "invoice", "line")
    search_fields = ("=invoice__number", "=line__item")


@admin.register(Product)
class ProductAdmin(StaffAdmin):
    list_display = ("sku", "account", "name", "upc", "connection", "tracked", "gone", "updated_at")
    list_filter = ("gone", "tracked")
    list_select_related = ("account", "connection")
    search_fields = ("=sku", "=upc", "account__slug")


@admin.register(ProductAlias)
class ProductAliasAdmin(StaffAdmin):
    list_display = ("cart_sku", "wms_sku", "cart", "account", "created_at")
    list_select_related = ("account", "cart")
    search_fields = ("=cart_sku", "=wms_sku", "account__slug")


@admin.register(ShipMethodMap)
class ShipMethodMapAdmin(StaffAdmin):
    list_display = ("cart_code", "wms_code", "cart", "account", "first_seen_at")
    list_select_related = ("account", "cart")
    search_fields = ("=cart_code", "=wms_code", "account__slug")


@admin.register(StockReading)
class StockReadingAdmin(StaffAdmin):
    list_display = ("connection", "account", "started_at", "finished_at", "rows")
    list_select_related = ("account", "connection")
    search_fields = ("connection__name", "account__slug")


@admin.register(StockLevel)
class StockLevelAdmin(StaffAdmin):
    list_display = ("sku", "warehouse", "account", "connection", "available", "gone", "as_of")
    list_filter = ("gone",)
    list_select_related = ("account", "connection")
    search_fields = ("=sku", "account__slug")


@admin.register(OrderedItem)
class OrderedItemAdmin(StaffAdmin):
    list_display = ("item", "cart", "account")
    list_select_related = ("account", "cart")
    search_fields = ("=item", "account__slug")


@admin.register(ChannelStock)
class ChannelStockAdmin(StaffAdmin):
    list_display = ("item", "cart", "account", "quantity", "status", "sure", "told_at", "document")
    list_filter = ("sure",)
    list_select_related = ("account", "cart", "document")
    search_fields = ("=item", "account__slug")


@admin.register(ApiKey)
class ApiKeyAdmin(StaffAdmin):
    """That a key exists and when it was used; of its secret part not even the digest."""

    hides = ("digest",)
    list_display = ("name", "account", "level", "cart", "api_user", "last_used_at", "revoked_at", "created_at")
    list_filter = (one_of("level", ApiLevel),)
    list_select_related = ("account", "cart")
    search_fields = ("name", "=api_user", "account__slug")


@admin.register(ApiRequest)
class ApiRequestAdmin(StaffAdmin):
    """What a program asked, found by the number of its answer; secrets and payment data were left out when it was kept."""

    hides = ("deflated",)
    list_display = ("at", "account", "api_user", "method", "path", "status", "error_code", "words", "elapsed_ms")
    list_filter = (one_of("error_code", ErrorCode),)
    list_select_related = ("account",)
    search_fields = ("=public_id", "=api_user", "=path", "account__slug")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_fields(request, obj), "sent"]

    @admin.display
    def sent(self, kept: ApiRequest) -> str:
        return format_html('<pre class="staff-text" tabindex="0">{}</pre>', scrub(kept.body)) if kept.deflated else "–"


@admin.register(NotificationChannel)
class NotificationChannelAdmin(StaffAdmin):
    """Who is told; addresses of webhooks and what signs their bodies are shown nowhere, not even sealed."""

    hides = ("sealed_address", "sealed_secret", "lease_token")
    list_display = ("kind", "name", "user", "account", "shown", "active", "failures", "failing_since", "last_sent_at")
    list_filter = (one_of("kind", ChannelKind),)
    list_select_related = ("account", "user")
    search_fields = ("name", "shown", "user__email", "account__slug")


@admin.register(Notification)
class NotificationAdmin(StaffAdmin):
    list_display = ("created_at", "account", "channel", "event", "alert", "state", "sent_at")
    list_filter = (one_of("state", NotificationState), one_of("event", NotificationEvent))
    list_select_related = ("account", "channel__user", "alert")
    search_fields = ("=public_id", "=alert__cause", "account__slug")


class SupportNoteInline(StaffInline):
    model = SupportNote
    fields = ("at", "who", "by_support", "words")
    ordering = ("at", "pk")
    show_change_link = False


class AnswerInline(StaffInline):
    """Room for one more thing to say."""

    model = SupportNote
    fields = ("words",)
    verbose_name_plural = "Answer (is mailed to whoever asked)"
    extra = 1
    max_num = 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).none()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orders.change_supportrequest")


@admin.register(SupportRequest)
class SupportRequestAdmin(StaffAdmin):
    changeable = ("state",)
    list_display = ("number", "account", "connection", "state", "fee", "created_by", "created_at", "updated_at")
    list_filter = (one_of("state", SupportState),)
    list_select_related = ("account", "connection")
    search_fields = ("account__slug", "created_by", "=public_id")
    ordering = ("-updated_at",)
    inlines = (SupportNoteInline, AnswerInline)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "state":
            return forms.ChoiceField(choices=[(state.value, SUPPORT[state]) for state in SupportState])
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: SupportRequest, form: ModelForm[Any], change: bool) -> None:
        """Move it by the action, which keeps a trail."""
        support_move(obj, state=SupportState(form.cleaned_data["state"]), actor=str(request.user))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for note in formset.save(commit=False):
            support_say(form.instance, words=note.words, actor=str(request.user))


@admin.register(SupportNote)
class SupportNoteAdmin(StaffAdmin):
    list_display = ("at", "account", "request", "who", "by_support", "words")
    list_select_related = ("account", "request")
    search_fields = ("who", "account__slug")


@admin.register(Job)
class JobAdmin(StaffAdmin):
    """Work on many rows that a merchant asked for."""

    hides = ("lease_token",)
    list_display = ("kind", "account", "actor", "state", "total", "done", "refused", "failures", "created_at", "finished_at")
    list_filter = (one_of("state", JobState),)
    list_select_related = ("account",)
    search_fields = ("actor", "=public_id", "account__slug")


@admin.register(JobPart)
class JobPartAdmin(StaffAdmin):
    list_display = ("job", "account", "seq")
    list_select_related = ("account", "job")
    search_fields = ("=job__public_id",)


@admin.register(SavedView)
class SavedViewAdmin(StaffAdmin):
    list_display = ("name", "account", "user")
    list_select_related = ("account", "user")
    search_fields = ("name", "account__slug", "user__email")


@admin.register(ListColumns)
class ListColumnsAdmin(StaffAdmin):
    list_display = ("user", "account")
    list_select_related = ("account", "user")
    search_fields = ("account__slug", "user__email")
