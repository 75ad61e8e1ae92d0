from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Keeps when a key last came in an address, so that an owner sees which programs still send it there."""

    dependencies = [
        ('accounts', '0002_api_keys_in_addresses'),
        ('orders', '0006_webhook_keys_within_the_account'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='url_used_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
