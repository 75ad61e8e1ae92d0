"""Changing an order by hand, and sending it once it is right."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from orders.acts import editing
from orders.models import Order, OrderLine
from orders.order_form import OrderForm


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def order_edit(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Show the form, or save it; what can't be saved keeps what was typed and says why."""
    with transaction.atomic():
        orders = Order.objects.for_account(request.account).select_related("source", "wms")
        if request.method == "POST":
            # Locked, so that nobody sends it while it is changed.
            orders = orders.select_for_update(of=("self",))
        order = orders.filter(public_id=public_id).first()
        if order is None:
            raise Http404("This account has no such order.")
        lines = list(OrderLine.objects.for_account(request.account).filter(order=order).order_by("line_no"))
        form = OrderForm(request.POST if request.method == "POST" else None, order=order, lines=lines)
        refusal = editing.why_not(order)
        status = 200
        if request.method == "POST" and not refusal:
            status = _save(request, order, form)
            if status == 302:
                return redirect("order", slug=request.account.slug, public_id=public_id)
        elif request.method == "POST":
            status = 409
    return render(request, "orders/order_edit.html", {"order": order, "form": form, "refusal": refusal}, status=status)


def _save(request: AccountRequest, order: Order, form: OrderForm) -> int:
    """Save what is right, and return the answer's status; what isn't stands in the form."""
    if not form.is_valid():
        return 422
    send = "send" in request.POST
    try:
        changed = editing.order_edit(
            order, form.edited(), version=form.cleaned_data["version"], actor=str(request.user), send=send
        )
    except ValueError as refusal:
        form.renewed()
        form.add_error(None, str(refusal))
        return 409
    said = f"Saved: {', '.join(changed)}." if changed else "Nothing was changed."
    if send and order.hold:
        messages.warning(request, f"{said} The order is still held: {order.hold_words}")
    elif send:
        messages.success(request, f"{said} The order goes out with the next delivery.")
    else:
        messages.success(request, f"{said} The order stays held." if order.hold else said)
    return 302
