"""Who owns what, and who may do what: organizations, accounts (the tenants), people and their memberships."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from cartrover.tenancy import AccountOwned


class OrganizationKind(StrEnum):
    MERCHANT = "merchant"
    FULFILLMENT = "fulfillment"
    MASTER = "master"


class Role(StrEnum):
    """What a member may do: a viewer looks, an operator works on orders, an owner also changes connections and members."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class Organization(models.Model):
    """Owns accounts: a merchant (one), a fulfillment company (many) or a master (many organizations)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, default=OrganizationKind.MERCHANT)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(OrganizationKind)), name="organization_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """One merchant: the tenant, the border that data never crosses."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="accounts")
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=60, default="UTC")
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    api_keys_in_url = models.BooleanField("API keys in addresses", default=True, db_default=True)
    """Whether its API keys may stand in addresses, where proxies and logs see them: older programs know no other way."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes people; e-mail addresses are compared without case."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a person whose address counts as verified; without a password they can't sign in until they set one."""
        from cartrover.accounts.addresses import vouch_for

        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        vouch_for(user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who signs in with an e-mail address. Staff is our own; merchants' people have memberships.

    `str(user)` names an actor everywhere: events and the audit log. `acted_by` is set while staff acts as this person.
    """

    acted_by: str = ""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_without_case")]
        permissions = [("act_as_merchant", "Can act as a merchant's person")]

    def __str__(self) -> str:
        return f"{self.acted_by} as {self.email}" if self.acted_by else self.email


class Membership(models.Model):
    """What a person may do in one account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, default=Role.VIEWER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=list(Role)), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}: {self.role}"

    def may(self, role: Role) -> bool:
        """Tell whether this is at least that role."""
        return Role(self.role).rank >= role.rank


class SignUp(models.Model):
    """What a stranger said who signed up, until their e-mail address is verified: only then their account is made."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="sign_up")
    company = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.company}, {self.user}"


class Invitation(AccountOwned):
    """Asks whoever reads the mail at that address to become a member. Of the link only a digest is kept."""

    email = models.EmailField()
    role = models.CharField(max_length=20, default=Role.VIEWER)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=list(Role)), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account}: {self.role}"

    @property
    def is_open(self) -> bool:
        """Tell whether it can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and self.expires_at > timezone.now()


class AuditEntry(models.Model):
    """Who changed what in an account, for ever: written by actions, changed by nobody."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries")
    at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.CharField(max_length=254)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    words = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["account", "-at"], name="audit_account_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.verb} {self.subject}"
