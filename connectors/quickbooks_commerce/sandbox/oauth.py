"""OAuth 2.0 as a Doorkeeper of that age does it: authorization codes, tokens that rotate, and privileged tokens.

Source: QuickBooks Commerce reference 1. Errors of the token address are 401 with `error` and `error_description`. Choice: any
http or https redirect address is taken, as the made-up application doesn't know where the hub runs.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .answers import EXPIRED, REVOKED, UNKNOWN, Answer, json_answer, unauthorized
from .records import Plain, Token
from .store import Store

CODE_SECONDS = 600
"""How long a code may be exchanged, Doorkeeper's default."""

WORDS = {
    "invalid_request": (
        "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed."
    ),
    "invalid_grant": (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the"
        " authorization request, or was issued to another client."
    ),
    "invalid_client": (
        "Client authentication failed due to unknown client, no client authentication included, or unsupported"
        " authentication method."
    ),
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server.",
    "unsupported_response_type": "The authorization server does not support this response type.",
    "invalid_redirect_uri": "The redirect uri included is not valid.",
}


APPLICATION_WORDS = (
    "<p><b>{application}</b> asks for access to <b>{account}</b>: orders, shipments, invoices, products and stock, with the"
    " rights of the person you choose.</p>"
)


class Unauthorized(Exception):
    """An API call without a token that counts; `answer` is the 401."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Grant:
    """A code that waits to be exchanged."""

    application_id: int
    user_id: int
    redirect_uri: str
    expires_at: float


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def oauth_error(name: str) -> Answer:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return json_answer(401, {"error": name, "error_description": WORDS[name]}, headers)


class Authority:
    """Grants, tokens and who they belong to. Codes live in memory only: a restart in between asks for consent again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._codes: dict[str, Grant] = {}

    def application(self, client_id: str) -> Plain | None:
        for row in self._store.plain("applications"):
            if hmac.compare_digest(str(row.data["client_id"]).encode(), client_id.encode()):
                return row
        return None

    def check_request(self, values: Mapping[str, str]) -> str:
        """Return the name of what is wrong with a request for consent, or an empty text."""
        if self.application(values.get("client_id", "")) is None:
            return "invalid_client"
        parts = urlsplit(values.get("redirect_uri", ""))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
            return "invalid_redirect_uri"
        return "" if values.get("response_type") == "code" else "unsupported_response_type"

    def allow(self, values: Mapping[str, str], user_id: int) -> str:
        """Note the consent of a user and return the code."""
        application = self.application(values["client_id"])
        if application is None:
            raise ValueError("There is no such application.")
        code = secrets.token_hex(32)
        expires_at = self._store.clock.seconds() + CODE_SECONDS
        self._codes[digest_of(code)] = Grant(application.id, user_id, values["redirect_uri"], expires_at)
        return code

    def exchange(self, values: Mapping[str, str]) -> Answer:
        """Answer a request to the token address."""
        grant_type = values.get("grant_type")
        if not grant_type or not values.get("client_id"):
            return oauth_error("invalid_request")
        application = self.application(values["client_id"])
        secret = digest_of(values.get("client_secret", ""))
        if application is None or not hmac.compare_digest(secret, str(application.data["secret_digest"])):
            return oauth_error("invalid_client")
        if grant_type == "authorization_code":
            return self._exchange_code(application, values)
        if grant_type == "refresh_token":
            return self._refresh(application, values)
        return oauth_error("unsupported_grant_type")

    def _exchange_code(self, application: Plain, values: Mapping[str, str]) -> Answer:
        if not values.get("code") or not values.get("redirect_uri"):
            return oauth_error("invalid_request")
        grant = self._codes.pop(digest_of(values["code"]), None)
        if (
            grant is None
            or grant.application_id != application.id
            or grant.redirect_uri != values["redirect_uri"]
            or grant.expires_at < self._store.clock.seconds()
        ):
            return oauth_error("invalid_grant")
        return self._issue(application.id, grant.user_id)

    def _refresh(self, application: Plain, values: Mapping[str, str]) -> Answer:
        """Renew a token; the old pair is dead from then on. The redirect address isn't asked for."""
        if not values.get("refresh_token"):
            return oauth_error("invalid_request")
        known = self._store.tokens.having("refresh_digest", digest_of(values["refresh_token"]))
        if not known or known[0].revoked or known[0].application_id != application.id:
            return oauth_error("invalid_grant")
        return self._issue(application.id, known[0].user_id)

    def _issue(self, application_id: int, user_id: int) -> Answer:
        """Make a token; an application has one connection with a user, so whatever it had before is revoked."""
        for token in self._store.tokens:
            if token.application_id == application_id and token.user_id == user_id and not token.privileged:
                self._store.change(self._store.tokens, token, revoked=True)
        access, refresh = secrets.token_hex(32), secrets.token_hex(32)
        now, life = int(self._store.clock.seconds()), self._store.options.token_seconds
        self._store.insert(
            self._store.tokens,
            application_id=application_id,
            user_id=user_id,
            digest=digest_of(access),
            refresh_digest=digest_of(refresh),
            expires_at=now + life,
        )
        self._forget_old_tokens()
        body = {
            "access_token": access,
            "expires_in": life,
            "refresh_token": refresh,
            "scope": "public",
            "token_type": "bearer",
            "created_at": now,
        }
        return json_answer(200, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _forget_old_tokens(self) -> None:
        """Drop the oldest revoked tokens, of which a busy test could make thousands."""
        dead = [token for token in self._store.tokens if token.revoked]
        for token in dead[:-100]:
            self._store.remove(self._store.tokens, token)

    def add_privileged(self, access: str) -> None:
        """Know a token that never expires and may do everything."""
        self._store.insert(
            self._store.tokens, application_id=1, user_id=1, digest=digest_of(access), privileged=True, expires_at=0
        )

    def token_of(self, header: str) -> Token:
        """Return the token that an Authorization header names. Raise Unauthorized when it doesn't count."""
        kind, _, access = header.partition(" ")
        found = self._store.tokens.by_value["digest"].get(digest_of(access.strip())) if kind.lower() == "bearer" else ()
        type_words = self._store.options.unauthorized_type
        for token_id in found:
            token = self._store.tokens.rows[token_id]
            if token.revoked:
                raise Unauthorized(unauthorized(REVOKED, type_words))
            if token.expires_at and token.expires_at <= self._store.clock.seconds():
                raise Unauthorized(unauthorized(EXPIRED, type_words))
            return token
        raise Unauthorized(unauthorized(UNKNOWN, type_words))

    def may(self, token: Token, permission: str) -> bool:
        """Return whether the user behind a token has a permission ("" = everybody)."""
        if token.privileged or not permission:
            return True
        user = self._store.plain("users").get(token.user_id)
        permissions = user.data["permissions"] if user else []
        return isinstance(permissions, list) and permission in permissions

    def expire(self, *, privileged: bool) -> int:
        """Make the tokens expired and return how many were alive."""
        alive = self._alive(privileged=privileged)
        for token in alive:
            self._store.change(self._store.tokens, token, expires_at=1)
        return len(alive)

    def revoke(self, *, privileged: bool) -> int:
        alive = self._alive(privileged=privileged)
        for token in alive:
            self._store.change(self._store.tokens, token, revoked=True)
        return len(alive)

    def _alive(self, *, privileged: bool) -> list[Token]:
        return [token for token in self._store.tokens if not token.revoked and (privileged or not token.privileged)]


def with_query(address: str, **values: str) -> str:
    """Return the address with values added to its query; empty ones are left out."""
    parts = urlsplit(address)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *((name, value) for name, value in values.items() if value)]
    return urlunsplit(parts._replace(query=urlencode(pairs)))
