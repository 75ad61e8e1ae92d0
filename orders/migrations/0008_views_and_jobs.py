from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import cartrover.ids
import orders.models.job
from cartrover import planner_facts, tenant_keys


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Views of the list of orders that people keep, work on many rows, and what a person chooses for one order."""

    dependencies = [
        ("accounts", "0002_sign_up_and_invitations"),
        ("connectors", "0002_service_days"),
        ("orders", "0007_support_requests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="linecancellation",
            name="code",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="orderline",
            name="chosen_item",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="outboundmessage",
            name="telling",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("lease_token", models.CharField(blank=True, default="", max_length=32)),
                ("lease_owner", models.CharField(blank=True, default="", max_length=200)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("kind", models.CharField(max_length=30)),
                ("asked", models.JSONField(blank=True, default=dict)),
                ("actor", models.CharField(max_length=254)),
                ("state", models.CharField(default=orders.models.job.JobState["WAITING"], max_length=20)),
                ("total", models.PositiveIntegerField(blank=True, null=True)),
                ("done", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("reasons", models.JSONField(blank=True, default=dict)),
                ("found", models.JSONField(blank=True, default=list)),
                ("words", models.TextField(blank=True, default="")),
                ("failures", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="connectors.connection",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="JobPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("seq", models.PositiveIntegerField()),
                ("rows", models.JSONField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="orders.job"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ListColumns",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("columns", models.JSONField(default=list)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.account"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ("name", models.CharField(max_length=60)),
                ("query", models.JSONField(blank=True, default=dict)),
                ("columns", models.JSONField(blank=True, default=list)),
                ("position", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["account", "-created_at"], name="job_account_created"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(
                    ("state__in", [orders.models.job.JobState["WAITING"], orders.models.job.JobState["RUNNING"]])
                ),
                fields=["created_at"],
                name="job_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            orders.models.job.JobState["WAITING"],
                            orders.models.job.JobState["RUNNING"],
                            orders.models.job.JobState["DONE"],
                            orders.models.job.JobState["STOPPED"],
                            orders.models.job.JobState["FAILED"],
                        ],
                    )
                ),
                name="job_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobpart",
            constraint=models.UniqueConstraint(fields=("job", "seq"), name="job_part_once"),
        ),
        migrations.AddConstraint(
            model_name="listcolumns",
            constraint=models.UniqueConstraint(fields=("account", "user"), name="columns_once_for_a_person"),
        ),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(fields=["account", "position"], name="view_account_position"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("account", "user", "name"), name="view_name_once_for_a_person"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", True)), fields=("account", "name"), name="view_name_once_for_all"
            ),
        ),
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
