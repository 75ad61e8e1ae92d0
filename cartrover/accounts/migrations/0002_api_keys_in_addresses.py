from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An account decides whether its API keys may stand in addresses; until it does, they may."""

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='account',
            name='api_keys_in_url',
            field=models.BooleanField(db_default=True, default=True, verbose_name='API keys in addresses'),
        ),
    ]
