"""Keys of programs: listed, made, rolled and revoked; the secret part is shown one time."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.refusals import Refused
from orders import shown_once
from orders.listings.paging import page_of
from orders.models import ApiKey
from orders.programs import api_keys
from orders.setting_forms import ApiKeyForm
from orders.views.queries import public_id_of

PAGE = "api_keys"


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def api_key_list(request: AccountRequest) -> HttpResponse:
    """List the keys, the newest first, and make another one."""
    wide = api_keys.wide_level_of(request.account, request.user)
    form = ApiKeyForm(request.POST or None, account=request.account, wide=wide)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = api_keys.key_make(
                account=request.account,
                name=form.cleaned_data["name"],
                level=form.level,
                cart=form.cart,
                actor=str(request.user),
            )
        except Refused as refused:
            form.add_error(None, refused.words)
        else:
            shown_once.put(request, page=PAGE, of=str(key.public_id), text=secret)
            return redirect("api_keys", slug=request.account.slug)
    rows = ApiKey.objects.for_account(request.account).select_related("cart")
    page = page_of(request.account, rows, along="created_at", descending=True, after=public_id_of(request.GET.get("after", "")))
    shown = {"page": page, "form": form, "new": _shown_key(request), "in_url": api_keys.came_in_url(request.account)}
    return render(request, "settings/api_keys.html", shown, status=422 if form.is_bound and form.errors else 200)


def _shown_key(request: AccountRequest) -> dict[str, object] | None:
    secret = shown_once.take(request, page=PAGE)
    if secret is None:
        return None
    key = ApiKey.objects.for_account(request.account).filter(public_id=secret.of).first()
    return None if key is None else {"key": key, "secret": secret.text}


@require_POST
@account_page(Role.OWNER)
def api_key_act(request: AccountRequest, public_id: UUID, act: str) -> HttpResponse:
    """Do one thing to a key, say how it went, and lead back to the list."""
    key = ApiKey.objects.for_account(request.account).select_related("account").filter(public_id=public_id).first()
    if key is None:
        raise Http404("This account has no such key.")
    try:
        _ACTS[act](request, key)
    except Refused as refused:
        messages.warning(request, refused.words)
    return redirect("api_keys", slug=request.account.slug)


def _roll(request: AccountRequest, key: ApiKey) -> None:
    secret = api_keys.key_roll(key, actor=str(request.user))
    shown_once.put(request, page=PAGE, of=str(key.public_id), text=secret)


def _revoke(request: AccountRequest, key: ApiKey) -> None:
    if api_keys.key_revoke(key, actor=str(request.user)):
        messages.success(request, f"“{key.name}” is revoked. Programs that use it are refused from now on.")


_ACTS: dict[str, Callable[[AccountRequest, ApiKey], None]] = {"roll": _roll, "revoke": _revoke}
ACTS = tuple(_ACTS)


@require_POST
@account_page(Role.OWNER)
def api_keys_in_addresses(request: AccountRequest, *, allowed: bool) -> HttpResponse:
    """Take the account's keys in addresses, or refuse them there, and lead back to the list."""
    if not api_keys.allow_in_url(request.account, allowed=allowed, actor=str(request.user)):
        messages.info(request, "Nothing was changed.")
    elif allowed:
        messages.success(request, "Keys may stand in addresses again.")
    else:
        messages.success(request, "Keys are refused in addresses from now on. Programs send them in the Authorization header.")
    return redirect("api_keys", slug=request.account.slug)
