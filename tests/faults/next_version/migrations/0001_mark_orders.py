from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Adds a column and indexes to the busiest tables, as versions do: what runs may neither fail nor notice."""

    atomic = False
    """One lock at a time: a transaction that holds one busy table and waits for another may be in a deadlock with what runs."""

    dependencies = [("orders", "0001_initial"), ("connectors", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE orders_order ADD COLUMN mark varchar(20) NOT NULL DEFAULT ''",
                "ALTER TABLE orders_outboundmessage ADD COLUMN mark varchar(20) NOT NULL DEFAULT ''",
                "ALTER TABLE connectors_service ADD COLUMN mark varchar(20) NOT NULL DEFAULT ''",
                "CREATE INDEX order_mark ON orders_order (account_id, mark)",
            ]
        ),
    ]
