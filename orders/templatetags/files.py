"""Links to files, from wherever something came or went in one."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cartrover.accounts.access import AccountRequest
from orders.listings.story_entries import Entry, FilePlace
from orders.models import InboundDocument, OutboundDocument
from orders.templatetags.portal import ago, file_state

register = template.Library()


@register.simple_tag(takes_context=True)
def file_link(context: dict[str, Any], file: FilePlace | InboundDocument | OutboundDocument) -> SafeString:
    """Link to the page of a file, which shows its bytes, by the file's name. A row comes with its connection."""
    request: AccountRequest = context["request"]
    place = file if isinstance(file, FilePlace) else FilePlace.of(file)
    ids = {"public_id": place.connection_id, "way": place.way, "document_id": place.document_id}
    address = reverse("connection_file", kwargs={"slug": request.account.slug, **ids})
    return format_html('<a class="break" href="{}">{}</a>', address, place.name)


@register.simple_tag(takes_context=True)
def entry_words(context: dict[str, Any], entry: Entry) -> SafeString | str:
    """Write a sentence of a story; the file that it names is a link."""
    if entry.file is None or entry.names_file_apart:
        return entry.event.words
    before, _, after = entry.event.words.partition(entry.event.document_name)
    return format_html("{}{}{}", before, file_link(context, entry.file), after)


@register.simple_tag(takes_context=True)
def told_in(context: dict[str, Any], document: OutboundDocument, cart: str) -> SafeString:
    """Say which file tells a cart of something, and how that file stands."""
    when = format_html("told {} {}", cart, ago(document.sent_at)) if document.sent_at else f"for {cart}"
    link = file_link(context, document)
    return format_html('{}<br><span class="muted">{}, {}</span>', when, link, file_state(document.state))
