from __future__ import annotations

import django.db.models.deletion
import orders.models.notification
from django.db import migrations, models


class Migration(migrations.Migration):
    """Webhooks are told of what happens to orders, packages and stock, beside alerts."""

    dependencies = [
        ('accounts', '0001_initial'),
        ('orders', '0004_programs_that_call'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='notification',
            name='notification_event_known',
        ),
        migrations.AddField(
            model_name='notification',
            name='reading',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.stockreading'),
        ),
        migrations.AddField(
            model_name='notification',
            name='replayed',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='notification',
            name='story',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.orderevent'),
        ),
        migrations.AddField(
            model_name='notificationchannel',
            name='looked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notificationchannel',
            name='tell_alerts',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='notificationchannel',
            name='tell_orders',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='notificationchannel',
            name='tell_shipments',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='notificationchannel',
            name='tell_stock',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='notification',
            name='alert',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='orders.alert'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(fields=['channel', '-created_at', '-id'], name='notification_channel_created'),
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.UniqueConstraint(fields=('channel', 'story'), name='notification_story_once'),
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.UniqueConstraint(fields=('channel', 'reading'), name='notification_reading_once'),
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('alert__isnull', False), ('event__in', ['opened', 'resolved'])), models.Q(('event', 'happened'), ('story__isnull', False)), models.Q(('event', 'stock'), ('reading__isnull', False)), _connector='OR'), name='notification_of_something'),
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.CheckConstraint(condition=models.Q(('event__in', [orders.models.notification.NotificationEvent['OPENED'], orders.models.notification.NotificationEvent['RESOLVED'], orders.models.notification.NotificationEvent['HAPPENED'], orders.models.notification.NotificationEvent['STOCK']])), name='notification_event_known'),
        ),
    ]
