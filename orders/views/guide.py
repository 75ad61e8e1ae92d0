"""Setting up: choosing what to connect, and the guide that leads through it step by step. What was entered is kept."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings as hub_settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from cartrover.vault import SealBroken
from connectors import actions, registry
from connectors.contract import ConnectorSpec, Field, FieldKind, Side
from connectors.field_values import texts
from connectors.hook_views import hook_address
from connectors.host_keys import HostKeys, host_keys_of
from connectors.hub_fields import fields_of
from connectors.models import Connection
from connectors.oauth_views import redirect_uri
from connectors.pasted import read_pasted
from connectors.readers import secret_names_of
from connectors.refusals import Refused
from connectors.setup_forms import group_of, rows_of, typed_in, without_untouched
from connectors.watched_tests import last_test, test_now
from orders.listings import guide
from orders.views.connections import around, connection_or_404
from orders.views.watching import begin_test, is_watched


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def connection_new(request: AccountRequest) -> HttpResponse:
    """Show the two steps of the set-up; begin a connection of the kind that was chosen, and lead to its guide."""
    refusal, kind, name = "", request.POST.get("kind", ""), request.POST.get("name", "")
    steps = guide.side_steps(request.account)
    if request.method == "POST":
        try:
            if Connection.objects.for_account(request.account).filter(name=" ".join(name.split())).exists():
                raise Refused(f"“{name}” is there already. Choose another name, or go on with that connection.")
            made = actions.connection_save(account=request.account, kind=kind, name=name, actor=str(request.user))
        except Refused as refused:
            refusal = refused.words
        else:
            return redirect("connection_guide", slug=request.account.slug, public_id=made.public_id)
    shown = {"steps": steps, "refusal": refusal, "kind": kind, "name": name}
    return render(request, "connections/new.html", shown, status=422 if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def connection_guide(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Show one step of the guide; save its fields, read a pasted text, test, or go on to granting access."""
    connection = connection_or_404(request, public_id)
    spec = _spec_or_404(connection)
    steps = guide.steps_of(connection, spec)
    step = _step_of(steps, request.GET.get("step", ""))
    shown, problems, refusal = texts(fields_of(spec), connection.settings), {}, ""
    if request.method == "POST":
        try:
            saved = _save(request, connection, spec, step)
        except Refused as refused:
            problems = {problem.field: problem.words for problem in refused.problems if _is_of(step, problem.field)}
            refusal = refused.words if len(problems) < max(1, len(refused.problems)) else ""
            shown = {**shown, **typed_in(step.fields, request.POST)[0]}
        else:
            return _onward(request, saved, steps, step)
    page = {
        "steps": steps,
        "step": step,
        "group": group_of(step.title, rows_of(step.fields, shown, secret_names_of(connection), problems)),
        "refusal": refusal,
        "test": last_test(connection),
        "keys": _host_keys(connection),
        "jobs": guide.jobs_of(connection, spec) if step.lists_jobs else [],
        "rules": guide.rules_for(connection, request.GET.get("number", "").strip()[:200]) if step.is_last else None,
        "grants": _grants(spec, step.fields),
        "leads_to_cart": _leads_to_cart(connection, step),
        "redirect_uri": redirect_uri(),
        "hook_address": _hook_address(spec, step.fields),
        "addresses": hub_settings.OUTGOING_ADDRESSES if step.names_a_place else [],
    }
    is_wrong = bool(problems or refusal)
    answer = render(request, "connections/guide.html", {**page, **around(request, connection)}, status=422 if is_wrong else 200)
    if is_wrong and is_watched(request):
        # The page asked for a test alone: what is wrong with the form is shown in place of the whole page.
        answer.status_code, answer["HX-Retarget"], answer["HX-Reswap"] = 200, "body", "innerHTML"
    return answer


@require_safe
@account_page(Role.OWNER)
def connection_jobs(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """What was seen of the jobs, for the page that shows them and asks again now and then."""
    connection = connection_or_404(request, public_id)
    jobs = guide.jobs_of(connection, _spec_or_404(connection))
    return render(request, "connections/_jobs_seen.html", {"jobs": jobs, "connection": connection})


def _spec_or_404(connection: Connection) -> ConnectorSpec:
    spec = registry.find(connection.kind)
    if spec is None:
        raise Http404("This hub has no connector of that kind any more.")
    return spec


def _step_of(steps: Sequence[guide.Step], text: str) -> guide.Step:
    """The step that the address names; without one, the first that lacks something."""
    if text.isdecimal() and 1 <= int(text[:4]) <= len(steps):
        return steps[int(text[:4]) - 1]
    return next((step for step in steps if not step.is_done and any(field.required for field in step.fields)), steps[0])


def _is_of(step: guide.Step, name: str) -> bool:
    return any(field.name == name for field in step.fields)


def _save(request: AccountRequest, connection: Connection, spec: ConnectorSpec, step: guide.Step) -> Connection:
    """Save what was typed and what was pasted; the pasted wins. Raise `Refused` when one of it can't be taken."""
    typed, secrets = typed_in(step.fields, request.POST)
    shown = texts(fields_of(spec), connection.settings)
    changed = without_untouched(typed, shown)
    pasted, read_words = request.POST.get("pasted", ""), ""
    if not pasted.strip() and request.POST.get("do") == "read" and not (changed or any(secrets.values())):
        raise Refused(f"Nothing was pasted. Copy the lines that {spec.name} shows you, and paste them into the box.")
    if pasted.strip():
        found = read_pasted(spec.fields, pasted)
        if not found:
            raise Refused(
                "The pasted text names none of these fields. Paste the lines that hold them, as “Server: …”; for safety it is "
                "not kept here."
            )
        kinds = {field.name: field.kind for field in spec.fields}
        changed |= {name: text for name, text in found.items() if kinds[name] is not FieldKind.SECRET}
        secrets |= {name: text for name, text in found.items() if kinds[name] is FieldKind.SECRET}
        read_words = _read_words(spec.fields, found)
    saved = actions.connection_save(
        account=request.account,
        kind=connection.kind,
        name=connection.name,
        settings=changed,
        secrets=secrets,
        actor=str(request.user),
    )
    if read_words:
        messages.success(request, read_words)
    return saved


def _read_words(fields: Sequence[Field], found: dict[str, str]) -> str:
    """What was read, so that a person sees whether it is right; of secrets only their length."""
    parts = [
        f"{field.label} ({len(found[field.name])} characters, kept sealed)"
        if field.kind is FieldKind.SECRET
        else f"{field.label} {found[field.name]}"
        for field in fields
        if field.name in found
    ]
    return f"Read from the pasted text: {', '.join(parts)}."


def _onward(request: AccountRequest, connection: Connection, steps: Sequence[guide.Step], step: guide.Step) -> HttpResponse:
    """Lead to what the pressed button asks for: the next step, this one again, its test, or granting access."""
    here = reverse("connection_guide", kwargs={"slug": request.account.slug, "public_id": connection.public_id})
    match request.POST.get("do", "next"):
        case "test":
            if is_watched(request):
                return begin_test(request, connection)
            test_now(connection, actor=str(request.user))
            return redirect(f"{here}?step={step.number}#test")
        case "grant":
            return redirect("grant_access", slug=request.account.slug, public_id=connection.public_id)
        case "read":
            return redirect(f"{here}?step={step.number}")
        case _ if _leads_to_cart(connection, step):
            return redirect("connection_new", slug=request.account.slug)
        case _ if step.is_last:
            page = "connection_go_live" if connection.side == Side.CART else "connection"
            return redirect(page, slug=request.account.slug, public_id=connection.public_id)
        case _:
            return redirect(f"{here}?step={step.number + 1}")


def _leads_to_cart(connection: Connection, step: guide.Step) -> bool:
    """Say whether the set-up goes on with a cart: after the last step of a WMS, while there is none."""
    return step.is_last and connection.side == Side.WMS and guide.lacks_cart(connection.account)


def _host_keys(connection: Connection) -> HostKeys:
    try:
        return host_keys_of(connection)
    except SealBroken:  # the test says so in words
        return HostKeys(None, None)


def _hook_address(spec: ConnectorSpec, fields: Sequence[Field]) -> str:
    """Return the address that the far side may call, where this step asks for what its calls are signed with; else ""."""
    hook = spec.webhook
    return hook_address(spec.kind) if hook is not None and any(field.name == hook.secret for field in fields) else ""


def _grants(spec: ConnectorSpec, fields: Sequence[Field]) -> bool:
    """Say whether access is granted at the step of these fields: where the client of the grant is entered."""
    return spec.oauth is not None and any(field.name in (spec.oauth.client_id, spec.oauth.client_secret) for field in fields)
