"""What `manage.py check` says about the installation: only what would hurt and can be mended."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http.request import validate_host

from cartrover import vault


@register(Tags.security)
def check_vault_keys(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """No credential can be sealed or opened with a key that isn't one."""
    try:
        vault.seal("")
    except ImproperlyConfigured as problem:
        return [Error(str(problem), id="cartrover.E001")]
    return []


@register(Tags.security)
def check_allowed_networks(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Connections check every address against these networks."""
    return [
        Error(
            f"OUTBOUND_ALLOWED_NETWORKS holds “{network}”, which is no network.",
            hint="Write networks as 10.0.0.0/8 or fd00::/8, separated by commas; the bits behind the mask must be zero.",
            id="cartrover.E002",
        )
        for network in settings.OUTBOUND_ALLOWED_NETWORKS
        if not _is_network(network)
    ]


@register(Tags.urls)
def check_portal_url(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Links in messages and the way back from a grant of access begin with PORTAL_URL."""
    parts = urlsplit(settings.PORTAL_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hint = "Write it as browsers do, as https://hub.example.com."
        return [Error(f"PORTAL_URL is “{settings.PORTAL_URL}”, which is no address.", hint=hint, id="cartrover.E003")]
    if not settings.DEBUG and not validate_host(parts.hostname, settings.ALLOWED_HOSTS):
        return [
            Warning(
                f"PORTAL_URL leads to {parts.hostname}, which is not in ALLOWED_HOSTS: its pages answer 400.",
                hint=f"Add {parts.hostname} to ALLOWED_HOSTS.",
                id="cartrover.W003",
            )
        ]
    return []


@register(Tags.database)
def check_sqlite_journal(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> Sequence[CheckMessage]:
    """Without write-ahead logging readers and writers of one file wait for each other, and runs fail with "locked"."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]  # of SQLite's backend
            continue
        with connection.cursor() as cursor:
            mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            problems.append(
                Warning(
                    f"SQLite can't keep a write-ahead log for {connection.settings_dict['NAME']} (its mode is “{mode}”).",
                    hint="Put the file on a local disk, not on a network share, or use PostgreSQL.",
                    id="cartrover.W004",
                )
            )
    return problems


@register(Tags.security, deploy=True)
def check_for_production(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Hints for an installation that others can reach; `manage.py check --deploy` shows them."""
    hints = []
    if not settings.PORTAL_URL.startswith("https://"):
        hints.append(("W010", "PORTAL_URL isn't https: passwords and sessions travel in the clear.", "Put TLS in front."))
    if not settings.VAULT_KEYS:
        words = "Stored credentials are sealed with a key made from SECRET_KEY; whoever learns that one opens them all."
        hints.append(("W011", words, "Set VAULT_KEYS and run manage.py rotate_secrets."))
    if settings.OUTBOUND_ALLOWED_NETWORKS:
        words = "OUTBOUND_ALLOWED_NETWORKS lets merchants' connections reach private addresses."
        hints.append(("W012", words, "Empty it unless every merchant may reach what is behind it."))
    return [Warning(words, hint=hint, id=f"cartrover.{number}") for number, words, hint in hints]


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
