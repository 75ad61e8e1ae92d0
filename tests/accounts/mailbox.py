"""Reads what the hub sent by e-mail."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage


def link_in(mails: Sequence[EmailMessage]) -> str:
    """Return the path of the first link in the last mail; all links lead to the portal."""
    text = mails[-1].body
    [first, *others] = re.findall(r"https?://\S+", text)
    assert all(link.startswith(settings.PORTAL_URL) for link in (first, *others)), text
    return first.removeprefix(settings.PORTAL_URL)
