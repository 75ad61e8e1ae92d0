"""OAuth 2.0 for far sides that merchants grant access to: the grant itself, and tokens that stay fresh for all workers.

The protocol is Authlib's; requests go out through the hub's own HTTP client, so that the guard against private addresses, the
deadlines and the limit on answers hold here as well.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client

from connectors.contract import Network, OAuthSpec, Opening, Token
from connectors.errors import ConnectorError, FixConnection, TryLater
from connectors.transports.http import Answer, Bearer, HttpClient

RENEW_BEFORE = timedelta(seconds=60)
"""How long before its end a token is renewed: longer than a call may take, so that none expires on the way."""


def new_state() -> str:
    """Return a fresh secret that ties the browser's return to the grant that it began."""
    return randomness.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """The hub as a client of one far side.

    `json_body` sends token requests as JSON, otherwise as a form. `client_auth` is `client_secret_post`, `client_secret_basic`
    or `none`.
    """

    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str = ""
    scope: str = ""
    json_body: bool = True
    client_auth: str = "client_secret_post"
    refresh_ends: tuple[str, ...] = ()
    revoke_url: str = ""

    @classmethod
    def of(
        cls,
        spec: OAuthSpec,
        settings: Mapping[str, Any],
        secrets: Mapping[str, str],
        *,
        redirect_uri: str = "",
    ) -> OAuthClient:
        """Build the client from a connection's settings. Raise `FixConnection` when one is missing."""

        def entered(name: str) -> str:
            value = str(secrets.get(name) or settings.get(name) or "").strip()
            if not value:
                raise FixConnection(f"The connection's {name.replace('_', ' ')} is missing. Enter it and grant access again.")
            return value

        return cls(
            authorize_url=entered(spec.authorize_url),
            token_url=entered(spec.token_url),
            client_id=entered(spec.client_id),
            client_secret=entered(spec.client_secret),
            redirect_uri=redirect_uri,
            scope=spec.scope,
            json_body=not spec.form_body,
            client_auth=spec.client_auth,
            refresh_ends=spec.refresh_ends,
            revoke_url=str(settings.get(spec.revoke_url) or "").strip() if spec.revoke_url else "",
        )

    def authorization_url(self, state: str, *, code_verifier: str = "") -> str:
        """Return where the merchant's browser grants access; `code_verifier` adds PKCE (S256) where the far side knows it."""
        url, _ = self._authlib(None).create_authorization_url(
            self.authorize_url, state=state, code_verifier=code_verifier or None
        )
        return str(url)

    def exchange(self, code: str, *, network: Network, now: Callable[[], datetime], code_verifier: str = "") -> Token:
        """Turn the code that the browser brought back into a token. Raise `FixConnection` or `TryLater`."""
        extra = {"code_verifier": code_verifier} if code_verifier else {}
        return self._ask(
            network, now, lambda client: client.fetch_token(self.token_url, grant_type="authorization_code", code=code, **extra)
        )

    def refresh(self, token: Token, *, network: Network, now: Callable[[], datetime]) -> Token:
        """Return a new token. The far side's new refresh token replaces the old one, which stays where none came.

        Raise `FixConnection` when access was revoked or never granted, `TryLater` when the far side can't be asked.
        """
        if not token.refresh:
            raise FixConnection("Access has run out and can't be renewed. Grant API access again.")
        extra = {"redirect_uri": self.redirect_uri} if self.redirect_uri else {}
        return self._ask(
            network, now, lambda client: client.refresh_token(self.token_url, refresh_token=token.refresh, **extra)
        )

    def revoke(self, token: Token, *, network: Network) -> None:
        """Give access back, where the far side knows how. Raise what kept it from hearing of it; a token that it doesn't know
        any more is success."""
        if not self.revoke_url:
            return
        desk = _TokenDesk(self.revoke_url, network, self.json_body)
        try:
            given = token.refresh or token.access
            self._authlib(desk).revoke_token(self.revoke_url, token=given, token_type_hint="")
        finally:
            desk.close()
        if desk.status >= 500 or desk.status in (401, 403):
            raise TryLater(f"The far side did not take access back ({desk.status}).")

    def _authlib(self, session: Any) -> OAuth2Client:
        return OAuth2Client(
            session=session,
            client_id=self.client_id,
            client_secret=self.client_secret,
            token_endpoint_auth_method=self.client_auth,
            scope=self.scope or None,
            redirect_uri=self.redirect_uri or None,
            code_challenge_method="S256",
        )

    def _ask(self, network: Network, now: Callable[[], datetime], grant: Callable[[OAuth2Client], dict[str, Any]]) -> Token:
        asked_at = now()
        desk = _TokenDesk(self.token_url, network, self.json_body)
        failure: ConnectorError | None = None
        try:
            given = grant(self._authlib(desk))
        except AuthlibBaseError as error:
            failure = _grant_failure(str(error.error), desk.status)
        except (ValueError, TypeError, AttributeError):
            failure = TryLater("The token address answered with something that is no token. It is tried again later.")
        finally:
            desk.close()
        if failure is not None:
            raise failure
        return _token(given, asked_at, self.refresh_ends)


class _TokenDesk:
    """What Authlib takes for a session: posts token requests through the hub's HTTP client, and remembers the last status."""

    def __init__(self, token_url: str, network: Network, json_body: bool) -> None:
        parts = urlsplit(token_url)
        self._http = HttpClient(f"{parts.scheme}://{parts.netloc}", network=network, far_side="The token address")
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._json_body = json_body
        self.status = 0

    def post(self, url: str, data: dict[str, str], headers: Mapping[str, str], auth: Any, **_: Any) -> _TokenAnswer:
        _, signed, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        signed = {name: value for name, value in signed.items() if name.lower() == "authorization"}
        fields = dict(parse_qsl(body, keep_blank_values=True))
        content: dict[str, Any] = {"json": fields} if self._json_body else {"form": fields}
        # Not counted as a write: an unreadable answer leaves nothing behind that could be looked up.
        answer = self._http.request("POST", self._path, is_write=False, headers=signed, **content)
        self.status = answer.status
        return _TokenAnswer(answer)

    def close(self) -> None:
        self._http.close()


class _TokenAnswer:
    """As much of a requests.Response as Authlib reads."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.status_code = answer.status

    def json(self) -> Any:
        value = self._answer.json_or_none()
        # Authlib would take a refusal without the field `error` for a token.
        if isinstance(value, dict) and not self._answer.ok:
            return {"error": "refused", **value}
        return value

    def raise_for_status(self) -> None:
        if not self._answer.ok:
            raise ValueError(f"status {self.status_code}")


def _grant_failure(error: str, status: int) -> FixConnection:
    if error == "invalid_grant":
        return FixConnection("Access was revoked, or the grant has run out. Grant API access again.")
    if error in ("invalid_client", "unauthorized_client"):
        return FixConnection("The far side doesn't know this application. Check client id and secret, then grant access again.")
    name = error if error.replace("_", "").isalnum() and len(error) <= 60 else "unknown reason"
    return FixConnection(f"The far side gave no token ({status}, {name}). Check the settings and grant access again.")


def _token(given: Mapping[str, Any], asked_at: datetime, refresh_ends: tuple[str, ...] = ()) -> Token:
    access, refresh = given.get("access_token"), given.get("refresh_token")
    if not isinstance(access, str) or not is_sendable(access):
        raise TryLater("The token address answered without a token. It is tried again later.")
    try:
        lifetime = None if given.get("expires_in") is None else timedelta(seconds=float(given["expires_in"]))
        ends = None if lifetime is None else asked_at.astimezone(UTC) + lifetime
    except (TypeError, ValueError, OverflowError):
        # Better renewed once too often than used when it has ended.
        ends = asked_at.astimezone(UTC)
    return Token(access, refresh if isinstance(refresh, str) else "", ends, _ends_at(given, asked_at, refresh_ends))


def _ends_at(given: Mapping[str, Any], asked_at: datetime, names: tuple[str, ...]) -> datetime | None:
    """Return when the refresh token ends: the first of the moments that the answer names; None where it names none."""
    moments: list[datetime] = []
    for name in names:
        try:
            moments.append(asked_at.astimezone(UTC) + timedelta(seconds=float(given[name])))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return min(moments, default=None)


def is_sendable(access: str) -> bool:
    """Tell whether a token can stand in a header: visible ASCII without blanks."""
    return bool(access) and all("!" <= letter <= "~" for letter in access)


class PrivilegedToken:
    """A token that a person made in the far side's console: it never expires and is never renewed."""

    def __init__(self, access: str) -> None:
        """Raise `FixConnection` when the text can't be a token."""
        self._access = access.strip()
        if not is_sendable(self._access):
            raise FixConnection("The access token is empty or holds blanks or line breaks. Copy it anew from the far side.")

    def access_token(self) -> str:
        return self._access

    def refused(self, access: str) -> bool:
        return False


class TokenSource:
    """Valid tokens of a connection, renewed by one worker for all."""

    def __init__(self, opening: Opening, client: OAuthClient) -> None:
        self._opening, self._client = opening, client

    def access_token(self) -> str:
        """Return an access token that is good for another minute at least, renewing it where needed."""
        token = self._opening.tokens.current()
        if token is None:
            raise FixConnection("API access was not granted yet. Grant it on the connection's page.")
        if token.expires_at is not None and token.expires_at - self._opening.now() <= RENEW_BEFORE:
            token = self._opening.tokens.replace(token, self._renew)
        return token.access

    def refused(self, access: str) -> bool:
        """Renew the token after a 401, unless another worker has already done so."""
        token = self._opening.tokens.current()
        if token is None:
            return False
        if token.access != access:
            return True
        return self._opening.tokens.replace(token, self._renew).access != access

    def _renew(self, stale: Token) -> Token:
        self._opening.progress()
        return self._client.refresh(stale, network=self._opening.network, now=self._opening.now)


def bearer(opening: Opening, spec: OAuthSpec, *, privileged: str = "access_token", redirect_uri: str = "") -> Bearer:
    """Return where a connection's tokens come from: the secret `privileged` where one was entered, else the granted access."""
    entered = opening.secrets.get(privileged, "")
    if entered.strip():
        return PrivilegedToken(entered)
    return TokenSource(opening, OAuthClient.of(spec, opening.settings, opening.secrets, redirect_uri=redirect_uri))


def bearer_or_missing(opening: Opening, spec: OAuthSpec, *, privileged: str = "access_token") -> Bearer:
    """Return the same, and where neither was entered a source that says so to the first who asks: a session opens even then, so
    that its test can name the step that is missing."""
    try:
        return bearer(opening, spec, privileged=privileged)
    except FixConnection as error:
        return _NoAccess(error)


class _NoAccess:
    """Stands where neither a token nor an application was entered."""

    def __init__(self, error: FixConnection) -> None:
        self._words = error.words

    def access_token(self) -> str:
        raise FixConnection(self._words)

    def refused(self, access: str) -> bool:
        return False
