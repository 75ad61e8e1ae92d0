"""OAuth 2.0 as Intuit does it: a consent page that also tells the company's id, tokens of an hour, refresh tokens that change.

Source: QuickBooks Online reference 9.1. A refresh token goes on for a while after its successor was given; an older one is
refused as `invalid_grant`. Using a code twice kills the tokens of its first use. Choice: any http or https return address is
taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .answers import Answer, json_answer
from .company import Company, Row

SCOPE = "com.intuit.quickbooks.accounting"
CODE_SECONDS = 600


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def oauth_error(name: str, status: int = 400) -> Answer:
    return json_answer(status, {"error": name})


class Authority:
    """Grants and tokens of one application and one company."""

    def __init__(self, company: Company, *, client_id: str, client_secret: str, lasting: str) -> None:
        self._company = company
        self.client_id = client_id
        self._client_secret = client_secret
        self._lasting = digest_of(lasting)

    @property
    def _grants(self) -> dict[str, Row]:
        """Grants by their number: digests of the access tokens, of the refresh token that counts, and of the code."""
        found: dict[str, Row] = self._company.data.setdefault("grants", {})
        return found

    def _seconds(self) -> float:
        return self._company.now().timestamp()

    # --- consent -------------------------------------------------------------------------------------------------------------

    def problem_of(self, values: Mapping[str, str]) -> str:
        """Return what is wrong with a request for consent, "" where nothing is."""
        if not hmac.compare_digest(values.get("client_id", "").encode(), self.client_id.encode()):
            return "invalid_client"
        parts = urlsplit(values.get("redirect_uri", ""))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "invalid_redirect_uri"
        if SCOPE not in values.get("scope", "").split():
            return "invalid_scope"
        return "" if values.get("response_type") == "code" else "unsupported_response_type"

    def allow(self, redirect_uri: str) -> str:
        """Note a person's consent and return the code."""
        code = secrets.token_urlsafe(24)
        key = str(len(self._grants) + 1)
        self._grants[key] = {
            "code": digest_of(code),
            "redirect_uri": redirect_uri,
            "code_ends": self._seconds() + CODE_SECONDS,
            "used": False,
            "revoked": False,
            "access": {},
            "refresh": "",
            "before": "",
            "began": self._seconds(),
        }
        self._company.is_dirty = True
        return code

    # --- tokens --------------------------------------------------------------------------------------------------------------

    def exchange(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request to the token address, which reads forms only."""
        if "x-www-form-urlencoded" not in headers.get("content-type", ""):
            return oauth_error("invalid_request")
        values = dict(parse_qsl(body.decode("utf-8", "replace")))
        if not self._is_client(headers, values):
            return oauth_error("invalid_client", 401)
        self._company.is_dirty = True
        if values.get("grant_type") == "authorization_code":
            return self._by_code(values)
        if values.get("grant_type") == "refresh_token":
            return self._by_refresh(values)
        return oauth_error("unsupported_grant_type")

    def revoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take a grant back by one of its tokens."""
        is_form = "x-www-form-urlencoded" in headers.get("content-type", "")
        try:
            values = dict(parse_qsl(body.decode())) if is_form else json.loads(body)
        except ValueError:
            return oauth_error("invalid_request")
        if not self._is_client(headers, values):
            return oauth_error("invalid_client", 401)
        digest = digest_of(str(values.get("token", "")))
        for grant in self._grants.values():
            if digest in (grant["refresh"], grant["before"], *grant["access"]) and not grant["revoked"]:
                grant["revoked"] = True
                self._company.is_dirty = True
                return Answer(200)
        return oauth_error("invalid_request")

    def _is_client(self, headers: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        name, secret = str(values.get("client_id", "")), str(values.get("client_secret", ""))
        if kind.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(given).decode().partition(":")
            except (ValueError, binascii.Error):
                return False
        return hmac.compare_digest(name.encode(), self.client_id.encode()) and hmac.compare_digest(
            secret.encode(), self._client_secret.encode()
        )

    def _by_code(self, values: Mapping[str, str]) -> Answer:
        digest = digest_of(values.get("code", ""))
        grant = next((one for one in self._grants.values() if one["code"] == digest), None)
        if grant is None or grant["redirect_uri"] != values.get("redirect_uri") or grant["code_ends"] < self._seconds():
            return oauth_error("invalid_grant")
        if grant["used"]:
            grant["revoked"] = True
            return oauth_error("invalid_grant")
        grant["used"] = True
        return self._issue(grant)

    def _by_refresh(self, values: Mapping[str, str]) -> Answer:
        digest = digest_of(values.get("refresh_token", ""))
        for grant in self._grants.values():
            if grant["refresh"] == digest and not grant["revoked"] and grant["refresh_ends"] > self._seconds():
                return self._issue(grant)
        return oauth_error("invalid_grant")

    def _issue(self, grant: Row) -> Answer:
        options = self._company.options
        access, now = secrets.token_urlsafe(48), self._seconds()
        hard = grant["began"] + options["hard_seconds"] - now
        answer: Row = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": options["token_seconds"],
            "x_refresh_token_expires_in": int(min(options["refresh_seconds"], hard)),
            "x_refresh_token_hard_expires_in": int(hard),
        }
        grant["access"] = {**grant["access"], digest_of(access): now + options["token_seconds"]}
        if options["rotate_refresh"] or not grant["refresh"]:
            refresh = f"RT1-{secrets.token_urlsafe(24)}"
            grant["before"], grant["refresh"] = grant["refresh"], digest_of(refresh)
            grant["kept"] = refresh
        grant["refresh_ends"] = now + answer["x_refresh_token_expires_in"]
        return json_answer(200, {**answer, "refresh_token": grant["kept"]}, {"Cache-Control": "no-store"})

    # --- who may ask ---------------------------------------------------------------------------------------------------------

    def problem_with(self, header: str) -> str:
        """Return why a bearer doesn't count, "" where it does."""
        kind, _, given = header.partition(" ")
        digest = digest_of(given.strip())
        if kind.lower() != "bearer" or not given.strip():
            return "Token missing"
        if hmac.compare_digest(digest, self._lasting):
            return "Token revoked" if self._company.data.get("lasting_revoked") else ""
        for grant in self._grants.values():
            if digest in grant["access"]:
                if grant["revoked"]:
                    return "Token revoked"
                return "Token expired" if grant["access"][digest] <= self._seconds() else ""
        return "Token invalid"

    def expire(self) -> int:
        """Let all access tokens of grants end now; return how many grants had one."""
        for grant in self._grants.values():
            grant["access"] = dict.fromkeys(grant["access"], 0)
        return len(self._grants)

    def revoke_all(self) -> int:
        """Take all grants back, as a person does in the company's list of apps."""
        for grant in self._grants.values():
            grant["revoked"] = True
        return len(self._grants)


def with_query(address: str, **values: str) -> str:
    """Return the address with values added to its query."""
    parts = urlsplit(address)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *values.items()]
    return urlunsplit(parts._replace(query=urlencode(pairs)))
