"""Accounts and people in the staff console. Whatever staff changes here leaves a trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest

from cartrover.accounts.actions import audit
from cartrover.accounts.addresses import vouch_for
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
from cartrover.staff import AnyModelAdmin, StaffAdmin, one_of

if TYPE_CHECKING:
    # Django's classes take type arguments in their stubs only.
    AnyModelForm = forms.ModelForm[Any]
    AnyUserCreationForm = BaseUserCreationForm[User]
    AnyUserAdmin = UserAdmin[User]
else:
    AnyModelForm, AnyUserCreationForm, AnyUserAdmin = forms.ModelForm, BaseUserCreationForm, UserAdmin

admin.site.site_header = admin.site.site_title = "CartRover staff console"
admin.site.index_title = "All accounts"
admin.site.site_url = "/"
# Nobody uses groups here: members have roles, staff has permissions of its own.
admin.site.unregister(Group)
# allauth's own pages would show keys of sessions and sealed secrets. Its addresses and authenticators are shown below.
admin.site.unregister([EmailAddress, Authenticator, UserSession])


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
    kind = forms.ChoiceField(choices=_choices(OrganizationKind))


@admin.register(Organization)
class OrganizationAdmin(_Trail, AnyModelAdmin):
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


@admin.register(Account)
class AccountAdmin(_Trail, AnyModelAdmin):
    form = AccountForm
    fields = ("name", "slug", "organization", "time_zone", "retention_days", "public_id", "created_at")
    readonly_fields = ("public_id", "created_at")
    list_display = ("name", "slug", "organization", "time_zone", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name", "slug", "organization__name")
    autocomplete_fields = ("organization",)
    ordering = ("name",)

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


@admin.register(User)
class PersonAdmin(_Trail, AnyUserAdmin):
    add_form = NewUserForm
    form = PersonForm
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("Seen", {"fields": ("last_login", "created_at", "public_id")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),)
    readonly_fields = ("last_login", "created_at", "public_id")
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    filter_horizontal = ("user_permissions",)
    ordering = ("email",)

    def save_model(self, request: HttpRequest, obj: Any, form: AnyModelForm, change: bool) -> None:
        """An address that staff enters counts as verified; one that waits to be verified still does after other changes."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            vouch_for(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipForm(AnyModelForm):
    role = forms.ChoiceField(choices=_choices(Role))


@admin.register(Membership)
class MembershipAdmin(_Trail, AnyModelAdmin):
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
    search_fields = ("actor", "subject", "verb", "account__slug")
    date_hierarchy = None
    ordering = ("-at", "-pk")
