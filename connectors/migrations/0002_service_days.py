from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import cartrover.ids


class Migration(migrations.Migration):
    """What each service did day by day, for the pictures on home."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("connectors", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("day", models.DateField()),
                ("runs", models.PositiveIntegerField(default=0)),
                ("troubles", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(blank=True, default=dict)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="connectors.service",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "day"], name="service_day_account")],
                "constraints": [models.UniqueConstraint(fields=("service", "day"), name="service_day_once")],
            },
        ),
    ]
