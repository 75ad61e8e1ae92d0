"""Reading files of a cart once more: what would become of them first, and then doing it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.contract import Side
from connectors.models import Connection
from orders.acts.backfilling import LOAD, LOOK, upload_keep
from orders.acts.jobs import job_begin
from orders.models import Job, JobState
from orders.views.connections import around, connection_or_404

LARGEST_UPLOAD = 20_000_000
"""Bytes of a file that a browser brings: about 50,000 orders."""


class BackfillForm(forms.Form):
    """Some days, or a file."""

    since = forms.DateField(label="Files written from", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="until", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    archive = forms.BooleanField(label="Also files of the cart's archive that the hub never had", required=False)
    file = forms.FileField(label="or one file of yours", required=False)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        file, since, until = said.get("file"), said.get("since"), said.get("until")
        if file is not None:
            if (file.size or 0) > LARGEST_UPLOAD:
                self.add_error("file", "The file is larger than 20 MB. Split it, or put it where the cart's own files are.")
        elif not (since and until):
            self.add_error("since", "Choose the first and the last day, or a file.")
        elif until < since:
            self.add_error("until", "The last day is before the first one.")
        return said


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OPERATOR)
def backfill(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Ask which files are meant, and look into them in the background."""
    cart = _cart_or_404(request, public_id)
    today = timezone.localdate()
    form = BackfillForm(
        request.POST or None, request.FILES or None, initial={"since": today - timedelta(days=7), "until": today}
    )
    if request.method == "POST" and form.is_valid():
        job = job_begin(account=request.account, kind=LOOK, asked=_asked(cart, form), actor=str(request.user), connection=cart)
        return redirect("work", slug=request.account.slug, public_id=job.public_id)
    shown = {"form": form, "tab": "connection_backfill", **around(request, cart)}
    return render(request, "connections/backfill.html", shown, status=422 if form.is_bound else 200)


@require_POST
@account_page(Role.OPERATOR)
def backfill_load(request: AccountRequest, public_id: UUID, work_id: UUID) -> HttpResponse:
    """Read the files that were looked into."""
    cart = _cart_or_404(request, public_id)
    looked = Job.objects.for_account(request.account).filter(connection=cart, kind=LOOK, public_id=work_id).first()
    if looked is None:
        raise Http404("This cart has no such work.")
    if looked.state != JobState.DONE:
        messages.warning(request, "Wait until every file was looked into.")
        return redirect("work", slug=request.account.slug, public_id=work_id)
    asked = {"looked": str(work_id)}
    job = job_begin(account=request.account, kind=LOAD, asked=asked, actor=str(request.user), connection=cart)
    return redirect("work", slug=request.account.slug, public_id=job.public_id)


def _asked(cart: Connection, form: BackfillForm) -> dict[str, Any]:
    said = form.cleaned_data
    if said["file"] is not None:
        document = upload_keep(cart, name=said["file"].name, body=said["file"].read())
        return {"document": str(document.public_id), "name": document.name}
    return {"since": str(said["since"]), "until": str(said["until"]), "archive": said["archive"]}


def _cart_or_404(request: AccountRequest, public_id: UUID) -> Connection:
    cart = connection_or_404(request, public_id)
    if cart.side != Side.CART:
        raise Http404("Only carts have files of orders.")
    return cart
