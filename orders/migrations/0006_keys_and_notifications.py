from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import cartrover.ids
from cartrover import tenant_keys


class Migration(migrations.Migration):
    """Keys of programs, and who is told of alerts."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("connectors", "0002_service_days"),
        ("orders", "0005_test_orders"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease_token", models.CharField(blank=True, default="", max_length=32)),
                ("lease_owner", models.CharField(blank=True, default="", max_length=200)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("kind", models.CharField(default="email", max_length=20)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("address", models.EmailField(blank=True, default="", max_length=254)),
                ("sealed_address", models.BinaryField(blank=True, null=True)),
                ("shown", models.CharField(blank=True, default="", max_length=300)),
                ("sealed_secret", models.BinaryField(blank=True, null=True)),
                ("scope", models.CharField(default="person", max_length=20)),
                ("pace", models.CharField(default="at_once", max_length=20)),
                (
                    "hour",
                    models.PositiveSmallIntegerField(default=8, validators=[django.core.validators.MaxValueValidator(23)]),
                ),
                ("tell_resolved", models.BooleanField(default=False)),
                ("active", models.BooleanField(default=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("last_sent_at", models.DateTimeField(blank=True, null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("last_words", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_channels",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("event", models.CharField(max_length=20)),
                ("state", models.CharField(default="waiting", max_length=20)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notifications", to="orders.alert"
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="orders.notificationchannel",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("level", models.CharField(max_length=20)),
                ("api_user", models.CharField(max_length=40, unique=True)),
                ("prefix", models.CharField(max_length=8)),
                ("digest", models.CharField(max_length=64)),
                ("allow_in_url", models.BooleanField(default=True)),
                ("created_by", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("rolled_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "cart",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="connectors.connection",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "indexes": [models.Index(fields=["account", "-created_at"], name="api_key_account_created")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)), fields=("account", "name"), name="api_key_name_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "level__in",
                                [
                                    "cart",
                                    "merchant",
                                    "warehouse",
                                    "master",
                                ],
                            )
                        ),
                        name="api_key_level_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cart__isnull", False), ("level", "cart")),
                            models.Q(
                                models.Q(("level", "cart"), _negated=True),
                                ("cart__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="api_key_cart_of_carts_only",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)), fields=("account", "user"), name="channel_user_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", True)), fields=("account", "name"), name="channel_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "email",
                            "slack",
                            "webhook",
                        ],
                    )
                ),
                name="channel_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["all", "person"])),
                name="channel_scope_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.CheckConstraint(
                condition=models.Q(("pace__in", ["at_once", "daily"])),
                name="channel_pace_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.CheckConstraint(condition=models.Q(("hour__lte", 23)), name="channel_hour_of_day"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["channel", "id"], name="notification_waiting"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("channel", "alert", "event"), name="notification_once"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event__in",
                        [
                            "opened",
                            "resolved",
                        ],
                    )
                ),
                name="notification_event_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "waiting",
                            "sent",
                            "dropped",
                        ],
                    )
                ),
                name="notification_state_known",
            ),
        ),
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
    ]
