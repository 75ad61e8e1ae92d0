"""Sends e-mail; one that can't be sent is logged and never takes a page down."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def send(to: str, name: str, context: Mapping[str, Any]) -> bool:
    """Send the mail of that name (`accounts/mail/NAME.txt`, its subject in the first line); tell whether it went out."""
    text = render_to_string(f"accounts/mail/{name}.txt", {"portal_url": settings.PORTAL_URL, **context})
    subject, _, body = text.strip().partition("\n")
    return deliver(EmailMessage(subject=subject.strip(), body=body.strip() + "\n", to=[to]), name)


def deliver(message: EmailMessage, name: str) -> bool:
    """Hand the mail over; tell whether it went out. `name` is what the log calls it: addresses don't belong there."""
    try:
        message.send()
    except (SMTPException, OSError) as problem:
        logger.error("The mail “%s” could not be sent: %s", name, type(problem).__name__)
        return False
    return True
