"""Pages of an account, below `/a/<slug>/`."""

from __future__ import annotations

from django.urls import URLPattern, path

from orders.acts.order_acts import ACTS
from orders.views import (
    acts,
    alerts,
    imports,
    mappings,
    order_bulk,
    order_edit,
    order_list,
    pages,
    skipped,
    stock,
    support,
    told,
    work,
)


def _mapping(kind: str) -> list[URLPattern]:
    """The pages of products, of aliases, or of shipping codes."""
    folder, said = kind.replace("_", "-"), {"kind": kind}
    return [
        path(f"{folder}/", mappings.mapping_list, said, name=kind),
        path(f"{folder}/add/", mappings.mapping_add, said, name=f"{kind}_add"),
        path(f"{folder}/<uuid:public_id>/", mappings.mapping_change, said, name=f"{kind}_change"),
        path(f"{folder}/<uuid:public_id>/remove/", mappings.mapping_remove, said, name=f"{kind}_remove"),
        path(f"{folder}/import/", imports.import_check, said, name=f"{kind}_import"),
        path(f"{folder}/import/load/", imports.import_load, said, name=f"{kind}_import_load"),
        path(f"{folder}/export/", imports.export, said, name=f"{kind}_export"),
    ]


urlpatterns = [
    path("", pages.account_home, name="account_home"),
    path("orders/", order_list.order_list, name="orders"),
    path("orders/export/", order_list.order_export, name="orders_export"),
    path("orders/columns/", order_list.columns_save, name="orders_columns"),
    path("orders/views/", order_list.view_add, name="order_view_add"),
    path("orders/views/<uuid:public_id>/", order_list.view_change, name="order_view_change"),
    path("orders/views/<uuid:public_id>/remove/", order_list.view_remove, name="order_view_remove"),
    path("orders/bulk/", order_bulk.order_bulk, name="orders_bulk"),
    path("orders/bulk/all/", order_bulk.order_bulk_all, name="orders_bulk_all"),
    path("work/<uuid:public_id>/", work.work_detail, name="work"),
    path("work/<uuid:public_id>/now/", work.work_now, name="work_now"),
    path("work/<uuid:public_id>/stop/", work.work_stop, name="work_stop"),
    path("orders/<uuid:public_id>/", pages.order_detail, name="order"),
    path("orders/<uuid:public_id>/edit/", order_edit.order_edit, name="order_edit"),
    path("orders/<uuid:public_id>/preview/", pages.order_preview, name="order_preview"),
    *(path(f"orders/<uuid:public_id>/{act}/", acts.order_act, {"act": act}, name=f"order_{act}") for act in ACTS),
    path("skipped/", skipped.skipped_list, name="skipped"),
    path("skipped/load/", skipped.skipped_load_all, name="skipped_load_all"),
    path("skipped/<uuid:public_id>/load/", skipped.skipped_load, name="skipped_load"),
    path("shipments/", told.shipment_list, name="shipments"),
    path("shipments/<uuid:public_id>/send/", told.shipment_send, name="shipment_send"),
    path("invoices/", told.invoice_list, name="invoices"),
    path("inventory/", stock.inventory_list, name="inventory"),
    path("inventory/<uuid:public_id>/send/", stock.inventory_send, name="inventory_send"),
    *(part for kind in mappings.KINDS for part in _mapping(kind)),
    path("help/", support.help_list, name="help"),
    path("help/<uuid:public_id>/", support.help_request, name="help_request"),
    path("help/<uuid:public_id>/answer/", support.help_answer, name="help_answer"),
    path("help/<uuid:public_id>/withdraw/", support.help_withdraw, name="help_withdraw"),
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/<uuid:public_id>/dismiss/", alerts.alert_dismiss, name="alert_dismiss"),
]
