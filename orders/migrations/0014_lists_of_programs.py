from django.db import migrations, models


def since(status, moment):
    return migrations.AddIndex(
        model_name="order",
        index=models.Index(
            condition=models.Q(("standing", status)),
            fields=["account", moment, "id", "source"],
            name=f"order_since_{status}",
        ),
    )


class Migration(migrations.Migration):
    """Gives the lists that programs read an index each, by the moment at which orders came into them."""

    dependencies = [
        ("accounts", "0002_api_keys_in_addresses"),
        ("connectors", "0003_requests_at_once"),
        ("orders", "0013_accounts_by_way_of_other_rows"),
    ]

    operations = [
        since("at_wms", "delivered_at"),
        since("confirmed", "confirmed_at"),
        since("error", "held_at"),
        since("canceled", "canceled_at"),
    ]
