"""Sign-ups that wait for their address, invitations, and the table of limits; whoever is there already counts as verified."""

from __future__ import annotations

import cartrover.accounts.models
import cartrover.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.core.management import call_command
from django.db import migrations, models


def make_table_of_limits(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


def vouch_for_everybody(apps, schema_editor):
    EmailAddress = apps.get_model("account", "EmailAddress")
    people = apps.get_model("accounts", "User").objects.values_list("pk", "email")
    rows = [EmailAddress(user_id=pk, email=email.lower(), verified=True, primary=True) for pk, email in people]
    EmailAddress.objects.bulk_create(rows, batch_size=1000)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('account', '0009_emailaddress_unique_primary_email'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('company', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_up', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(default=cartrover.accounts.models.Role['VIEWER'], max_length=20)),
                ('token_digest', models.CharField(max_length=64, unique=True)),
                ('invited_by', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('sent_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('account', 'email'), name='invitation_open_once'), models.CheckConstraint(condition=models.Q(('role__in', [cartrover.accounts.models.Role['VIEWER'], cartrover.accounts.models.Role['OPERATOR'], cartrover.accounts.models.Role['OWNER']])), name='invitation_role_known')],
            },
        ),
        migrations.RunPython(make_table_of_limits, migrations.RunPython.noop),
        migrations.RunPython(vouch_for_everybody, migrations.RunPython.noop),
    ]
