import cartrover.ids
import connectors.models
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('kind', models.CharField(max_length=60)),
                ('side', models.CharField(max_length=10)),
                ('name', models.CharField(max_length=100)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(default=connectors.models.ConnectionState['NEW'], max_length=20)),
                ('live', models.BooleanField(default=False)),
                ('activated_at', models.DateTimeField(blank=True, null=True)),
                ('remote_identity', models.CharField(blank=True, default='', max_length=300)),
                ('destination', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sources', to='connectors.connection')),
                ('broken_words', models.TextField(blank=True, default='')),
                ('needs_person', models.BooleanField(default=False)),
                ('probe_at', models.DateTimeField(blank=True, null=True)),
                ('probes', models.PositiveIntegerField(default=0)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['account', 'side'], name='connection_account_side')],
                'constraints': [models.UniqueConstraint(fields=('account', 'name'), name='connection_name_once'), models.UniqueConstraint(condition=models.Q(models.Q(('remote_identity', ''), _negated=True), models.Q(('state', connectors.models.ConnectionState['DISCONNECTED']), _negated=True)), fields=('kind', 'remote_identity'), name='connection_remote_once'), models.CheckConstraint(condition=models.Q(('state__in', [connectors.models.ConnectionState['NEW'], connectors.models.ConnectionState['OK'], connectors.models.ConnectionState['BROKEN'], connectors.models.ConnectionState['PAUSED'], connectors.models.ConnectionState['DISCONNECTED']])), name='connection_state_known'), models.CheckConstraint(condition=models.Q(('side__in', ['cart', 'wms'])), name='connection_side_known')],
            },
        ),
        migrations.CreateModel(
            name='ConnectionSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('lease_token', models.CharField(blank=True, default='', max_length=32)),
                ('lease_owner', models.CharField(blank=True, default='', max_length=200)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='connectors.connection')),
                ('name', models.CharField(max_length=60)),
                ('sealed', models.BinaryField()),
                ('version', models.PositiveIntegerField(default=1)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'name'), name='secret_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ConnectionTest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='last_test', to='connectors.connection')),
                ('by', models.CharField(max_length=254)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('steps', models.JSONField(blank=True, default=list)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='OAuthHandshake',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='handshakes', to='connectors.connection')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('state', models.CharField(max_length=100, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('lease_token', models.CharField(blank=True, default='', max_length=32)),
                ('lease_owner', models.CharField(blank=True, default='', max_length=200)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='services', to='connectors.connection')),
                ('name', models.CharField(max_length=30)),
                ('every', models.CharField(default='off', max_length=20)),
                ('cursor', models.JSONField(blank=True, default=dict)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('slowed_until', models.DateTimeField(blank=True, null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('last_run_at', models.DateTimeField(blank=True, null=True)),
                ('last_outcome', models.CharField(blank=True, default='', max_length=20)),
                ('last_words', models.TextField(blank=True, default='')),
                ('last_counts', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='service_due')],
                'constraints': [models.UniqueConstraint(fields=('connection', 'name'), name='service_once'), models.CheckConstraint(condition=models.Q(('name__in', [connectors.models.ServiceName['ORDER_DOWNLOAD'], connectors.models.ServiceName['ORDER_DELIVERY'], connectors.models.ServiceName['SHIPMENT_PICKUP'], connectors.models.ServiceName['INVENTORY_PICKUP'], connectors.models.ServiceName['SHIPMENT_UPLOAD'], connectors.models.ServiceName['INVOICE_UPLOAD'], connectors.models.ServiceName['INVENTORY_UPLOAD'], connectors.models.ServiceName['CANCEL_UPLOAD']])), name='service_name_known')],
            },
        ),
        migrations.CreateModel(
            name='ServiceRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='connectors.service')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('named', models.BooleanField(default=False)),
                ('outcome', models.CharField(blank=True, default='', max_length=20)),
                ('counts', models.JSONField(blank=True, default=dict)),
                ('words', models.TextField(blank=True, default='')),
            ],
            options={
                'indexes': [models.Index(fields=['service', '-started_at'], name='run_service_started'), models.Index(fields=['account', '-started_at'], name='run_account_started')],
            },
        ),
        migrations.CreateModel(
            name='ServiceDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('service', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='days', to='connectors.service')),
                ('day', models.DateField()),
                ('runs', models.PositiveIntegerField(default=0)),
                ('troubles', models.PositiveIntegerField(default=0)),
                ('counts', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'indexes': [models.Index(fields=['account', 'day'], name='service_day_account')],
                'constraints': [models.UniqueConstraint(fields=('service', 'day'), name='service_day_once')],
            },
        ),
        migrations.CreateModel(
            name='RemoteFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('lease_token', models.CharField(blank=True, default='', max_length=32)),
                ('lease_owner', models.CharField(blank=True, default='', max_length=200)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='facts', to='connectors.connection')),
                ('kind', models.CharField(max_length=30)),
                ('key', models.CharField(max_length=200)),
                ('value', models.CharField(blank=True, default='', max_length=200)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'kind', 'key'), name='fact_once')],
            },
        ),
        migrations.CreateModel(
            name='RequestBudget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote', models.CharField(max_length=300, unique=True)),
                ('limit', models.PositiveIntegerField(default=0)),
                ('remaining', models.IntegerField(default=0)),
                ('reset_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Pulse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('machine', models.CharField(blank=True, default='', max_length=200)),
            ],
        ),
    ]
