"""Pages of carts and WMS, below `/a/<slug>/connections/`."""

from __future__ import annotations

from django.urls import path

from orders.views import backfill, connection_acts, connections, files, gate, guide, support, watching

ONE = "<uuid:public_id>"

urlpatterns = [
    path("", connections.connection_list, name="connections"),
    path("new/", guide.connection_new, name="connection_new"),
    path(f"{ONE}/setup/", guide.connection_guide, name="connection_guide"),
    path(f"{ONE}/setup/jobs/", guide.connection_jobs, name="connection_jobs"),
    path(f"{ONE}/go-live/", gate.go_live_gate, name="connection_go_live"),
    path(f"{ONE}/go-live/stations/", gate.stations, name="connection_stations"),
    path(f"{ONE}/go-live/test-order/", gate.sample_order, name="connection_test_order"),
    path(f"{ONE}/help/", support.help_ask, name="connection_help"),
    path(f"{ONE}/", connections.connection_detail, name="connection"),
    path(f"{ONE}/services/now/", connections.connection_services, name="connection_services"),
    path(f"{ONE}/settings/", connections.connection_settings, name="connection_settings"),
    path(f"{ONE}/name/", connection_acts.name_save, name="connection_name"),
    path(f"{ONE}/destination/", connection_acts.destination_save, name="connection_destination"),
    path(f"{ONE}/runs/", connections.connection_runs, name="connection_runs"),
    path(f"{ONE}/test/", connection_acts.connection_test, name="connection_test"),
    path(f"{ONE}/test/steps/", watching.test_steps, name="connection_test_steps"),
    path(f"{ONE}/host-key/", connection_acts.host_key_accept, name="connection_host_key"),
    path(f"{ONE}/services/", connection_acts.services_save, name="connection_schedules"),
    path(f"{ONE}/services/<slug:name>/run/", connection_acts.service_run, name="connection_run"),
    path(f"{ONE}/secrets/<slug:name>/remove/", connection_acts.secret_remove, name="connection_secret_remove"),
    *(
        path(f"{ONE}/{act.replace('_', '-')}/", connection_acts.connection_act, {"act": act}, name=f"connection_{act}")
        for act in connection_acts.ACTS
    ),
    path(f"{ONE}/backfill/", backfill.backfill, name="connection_backfill"),
    path(f"{ONE}/backfill/<uuid:work_id>/load/", backfill.backfill_load, name="connection_backfill_load"),
    path(f"{ONE}/files/", files.file_list, name="connection_files"),
    path(f"{ONE}/files/in/<uuid:document_id>/again/", files.file_again, name="connection_file_again"),
    path(f"{ONE}/files/<slug:way>/<uuid:document_id>/", files.file_detail, name="connection_file"),
    path(f"{ONE}/files/<slug:way>/<uuid:document_id>/bytes/", files.file_download, name="connection_file_bytes"),
]
