from __future__ import annotations

from django.db import migrations

from cartrover import tenant_keys
from cartrover.ids import new_id

AT_ONCE = 1_000


def note_all(apps, schema_editor):
    lines = apps.get_model("orders", "OrderLine")._base_manager
    items = apps.get_model("orders", "OrderedItem")
    ordered = lines.values_list("account_id", "order__source_id", "item").distinct().order_by()
    rows = (
        items(account_id=account, public_id=new_id(), cart_id=cart, item=item) for account, cart, item in ordered.iterator()
    )
    items._base_manager.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)


class Migration(migrations.Migration):
    """Binds the SKUs that carts have ordered to their own account, and notes those of all lines that are there.

    What a process of the earlier version stores after this is noted in the night.
    """

    dependencies = [
        ("orders", "0010_skus_ever_ordered"),
    ]

    operations = [
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
        migrations.RunPython(note_all, migrations.RunPython.noop),
    ]
