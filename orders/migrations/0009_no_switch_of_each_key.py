from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Takes away each key's own switch for addresses, which its account has now."""

    dependencies = [
        ('orders', '0008_accounts_decide_on_keys_in_addresses'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='apikey',
            name='allow_in_url',
        ),
    ]
