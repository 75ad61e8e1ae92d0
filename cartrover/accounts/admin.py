"""Accounts and people in the staff console. Whatever staff changes here leaves a trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from cartrover.accounts import acting, staff_views
from cartrover.accounts.actions import audit
from cartrover.accounts.addresses import vouch_for
from cartrover.accounts.changing import retention_of
from cartrover.accounts.models import (
    Account,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    OrganizationKind,
    Role,
    SignUp,
    User,
)
from cartrover.staff import StaffAdmin, StaffInline, StaffPage, one_of

if TYPE_CHECKING:
    # Django's classes take type arguments in their stubs only.
    AnyModelForm = forms.ModelForm[Any]
    AnyUserCreationForm = BaseUserCreationForm[User]
    AnyUserAdmin = UserAdmin[User]
else:
    AnyModelForm, AnyUserCreationForm, AnyUserAdmin = forms.ModelForm, UserCreationForm, UserAdmin


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(str(value), str(value)) for value in values]


class _Trail:
    """Leaves an audit entry for each row that staff makes, changes or deletes."""

    def _account_of(self, obj: Any) -> Account | None:
        return obj if isinstance(obj, Account) else getattr(obj, "account", None)

    def save_model(self, request: HttpRequest, obj: Any, form: AnyModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]  # of ModelAdmin
        # Names of fields only: values may be passwords.
        words = f"Changed: {', '.join(form.changed_data)}." if change else ""
        self._leave(request, obj, "staff.changed" if change else "staff.made", words)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._leave(request, obj, "staff.deleted")
        super().delete_model(request, obj)  # type: ignore[misc]  # of ModelAdmin

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self._leave(request, obj, "staff.deleted")
        super().delete_queryset(request, queryset)  # type: ignore[misc]  # of ModelAdmin

    def _leave(self, request: HttpRequest, obj: Any, verb: str, words: str = "") -> None:
        subject = f"{obj._meta.verbose_name} {obj}"
        audit(account=self._account_of(obj), actor=str(request.user), verb=verb, subject=subject, words=words)


class OrganizationForm(AnyModelForm):
    kind = forms.ChoiceField(choices=_choices(OrganizationKind), widget=UnfoldAdminSelectWidget)


@admin.register(Organization)
class OrganizationAdmin(_Trail, StaffPage):
    form = OrganizationForm
    fields = ("name", "kind", "parent", "public_id", "created_at")
    readonly_fields = ("public_id", "created_at")
    list_display = ("name", "kind", "parent", "created_at")
    list_filter = (one_of("kind", OrganizationKind),)
    list_select_related = ("parent",)
    search_fields = ("name",)
    autocomplete_fields = ("parent",)
    ordering = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AccountForm(AnyModelForm):
    def clean_time_zone(self) -> str:
        from zoneinfo import available_timezones

        name: str = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise forms.ValidationError("Enter a time zone's name, as Europe/Berlin or America/Chicago.")
        return name


class MembersInline(StaffInline):
    model = Membership
    verbose_name_plural = "members"
    fields = ("user", "role", "created_at")


@admin.register(Account)
class AccountAdmin(_Trail, StaffPage):
    form = AccountForm
    fields = ("name", "slug", "organization", "time_zone", "retention_days", "public_id", "created_at")
    readonly_fields = ("public_id", "created_at")
    list_display = ("name", "slug", "organization", "people", "kept_for", "time_zone", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name", "slug", "organization__name", "=public_id", "=memberships__user__email")
    autocomplete_fields = ("organization",)
    ordering = ("name",)
    inlines = (MembersInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        accounts: QuerySet[Account] = super().get_queryset(request)
        return accounts.annotate(people=Count("memberships", distinct=True))

    @admin.display(description="members", ordering="people")
    def people(self, account: Any) -> int:
        count: int = account.people
        return count

    @admin.display(description="data is kept", ordering="retention_days")
    def kept_for(self, account: Account) -> str:
        return f"{retention_of(account)} days"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PersonForm(UserChangeForm):  # type: ignore[type-arg]  # takes arguments in its stubs only
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        return email


class NewUserForm(AnyUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        return email


class OwnMembershipsInline(StaffInline):
    model = Membership
    fields = ("account", "role", "created_at")


@admin.register(User)
class PersonAdmin(_Trail, AnyUserAdmin, StaffPage):
    """People. Nobody sets the password of another person: who forgot it resets it by e-mail."""

    add_form = NewUserForm
    form = PersonForm
    fieldsets = (
        (None, {"fields": ("email", "name")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("Seen", {"fields": ("last_login", "created_at", "public_id")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),)
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "act_as")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name", "=public_id", "=memberships__account__slug")
    filter_horizontal = ("user_permissions",)
    ordering = ("email",)
    inlines = (OwnMembershipsInline,)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ["last_login", "created_at", "public_id"]
        if not request.user.is_superuser:
            # Who may change people must not make themselves more than they are.
            fixed += ["is_staff", "is_superuser", "user_permissions"]
        return fixed

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ours = obj is not None and (obj.is_staff or obj.is_superuser)
        return super().has_change_permission(request, obj) and (request.user.is_superuser or not ours)

    def save_model(self, request: HttpRequest, obj: Any, form: AnyModelForm, change: bool) -> None:
        """An address that staff enters counts as verified; one that waits to be verified still does after other changes."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            vouch_for(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        raise Http404("People set their passwords themselves.")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(staff_views.ActAs.as_view())
        return [path("<int:pk>/act-as/", view, name="accounts_user_act_as"), *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if request.user.has_perm(acting.PERMISSION) else [name for name in shown if name != "act_as"]

    @admin.display(description="")
    def act_as(self, user: User) -> str:
        if not user.is_active or user.is_staff or user.is_superuser:
            return ""
        return format_html('<a href="{}/act-as/">Act as …</a>', user.pk)


class MembershipForm(AnyModelForm):
    role = forms.ChoiceField(choices=_choices(Role), widget=UnfoldAdminSelectWidget)


@admin.register(Membership)
class MembershipAdmin(_Trail, StaffPage):
    """How staff gets into an account, too: by a membership that everybody can see."""

    form = MembershipForm
    fields = ("account", "user", "role", "created_at")
    readonly_fields = ("created_at",)
    list_display = ("account", "user", "role", "created_at")
    list_filter = (one_of("role", Role),)
    list_select_related = ("account", "user")
    search_fields = ("account__name", "account__slug", "user__email")
    autocomplete_fields = ("account", "user")
    ordering = ("account__name", "user__email")


@admin.register(SignUp)
class SignUpAdmin(StaffAdmin):
    """Who signed up and hasn't verified their address yet."""

    list_display = ("user", "company", "created_at")
    list_select_related = ("user",)
    search_fields = ("company", "user__email")
    ordering = ("-created_at", "-pk")


@admin.register(Invitation)
class InvitationAdmin(StaffAdmin):
    hides = ("token_digest",)
    list_display = ("account", "email", "role", "sent_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = (one_of("role", Role),)
    list_select_related = ("account",)
    search_fields = ("account__slug", "email", "invited_by")
    ordering = ("-created_at", "-pk")


@admin.register(EmailAddress)
class EmailAddressAdmin(StaffAdmin):
    """Whether people have verified their addresses. Staff changes an address at the person."""

    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    search_fields = ("email", "user__email")


@admin.register(Authenticator)
class AuthenticatorAdmin(_Trail, StaffAdmin):
    """Second steps. Staff deletes those of somebody who lost their phone and whom they know by another way."""

    hides = ("data",)
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = (one_of("type", Authenticator.Type),)
    list_select_related = ("user",)
    search_fields = ("user__email",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("mfa.delete_authenticator")


@admin.register(AuditEntry)
class AuditEntryAdmin(StaffAdmin):
    list_display = ("at", "account", "actor", "verb", "subject", "words")
    list_select_related = ("account",)
    search_fields = ("actor", "subject", "=verb", "=account__slug")
    ordering = ("-at", "-pk")
