from __future__ import annotations

from django.db import migrations, models
from django.db.models import Case, Q, Value, When

from cartrover import planner_facts


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


STANDING = Case(
    When(~Q(hold__in=["", "not_live"]), then=Value("error")),
    When(state__in=["new", "ready"], then=Value("new")),
    When(state="sent", shipped_quantity=0, then=Value("at_wms")),
    When(state="sent", then=Value("partial")),
    default="state",
)


class Migration(migrations.Migration):
    """Keeps the status of orders in a column, and an index along the time for each thing that lists of orders are asked."""

    dependencies = [
        ("orders", "0008_views_and_jobs"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="order", name="order_account_state"),
        migrations.RemoveIndex(model_name="order", name="order_account_hold"),
        migrations.RemoveIndex(model_name="orderline", name="line_account_item"),
        migrations.AddField(
            model_name="order",
            name="standing",
            field=models.GeneratedField(db_persist=True, expression=STANDING, output_field=models.CharField(max_length=20)),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["account", "standing", "-created_at", "-id"], name="order_account_standing"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=~Q(hold=""), fields=["account", "hold", "-created_at", "-id"], name="order_account_held"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["account", "retailer_name", "-created_at", "-id"], name="order_account_retailer"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["source", "-created_at", "-id"], name="order_source_created"),
        ),
        migrations.AddIndex(
            model_name="orderline",
            index=models.Index(fields=["account", "item", "-order"], name="line_account_item_order"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=Q(state="sent", wms_state="draft"), fields=["wms"], name="order_draft"),
        ),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
