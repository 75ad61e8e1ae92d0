"""Keeps secrets out of everything that is stored or logged for people to read."""

from __future__ import annotations

import base64
import binascii
import html
import json
import logging
import re
import traceback
from collections.abc import Collection
from urllib.parse import quote, quote_plus

MASK = "***"

SHORTEST_LITERAL = 4
"""A shorter secret is masked only where it stands alone: anywhere else it would blank half of every text."""

_STEM = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|api[_\- ]?key|sessionid|session[_\-]id|cookie"
    r"|(?:access|private|secret|signing|account|auth|subscription|shared|vault)[_\- ]?key)"
)
"""How names of secrets end. What stands before (`client_`, `ftp_`) doesn't matter; what follows (`token_url`) clears it."""

_NAMED = re.compile(
    rf"""
    (?P<name> {_STEM} s? \d{{0,2}} (?:\\*["'])? \s{{0,8}} (?:=>|[:=]|%3D) \s{{0,8}} )
    (?: b?(?P<quote> \\*["'] ) (?: (?:\\.|[^\\])*? ) (?P<close> (?P=quote) | \Z )
      | (?P<bare> [^\s&"'<>{{}}\[\]]+ ) )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(
    rf"""
    (?P<name> {_STEM} s? \d{{0,2}} (?P<quote>\\+["']) \s{{0,8}} : \s{{0,8}} (?P=quote) ) .*? (?P<close> (?P=quote) | \Z )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_ELEMENT = re.compile(rf"(?P<name><[^<>\s/]{{0,60}}{_STEM}(?:\s[^<>]{{0,200}})?>)[^<]+", re.IGNORECASE)
_HEADER = re.compile(
    r"""
    (?P<name> \b (?:proxy-)?authorization | \b (?:set-)?cookie | \b x-[a-z\-]{0,30}(?:key|token|auth|secret|signature) )
    (?: (?P<opening> \\*["'] \s* [:,] \s* b?(?P<quote> \\*["'] ) ) .*? (?P<close> (?P=quote) | \Z )
      | \s* [:=] [ \t]* (?P<bare> [^\r\n"']+ (?: "[^"\r\n]*" [^\r\n"']* )* ) )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_BEARER = re.compile(r"\b(bearer\s+)(?!(?:tokens?|auth\w*|scheme|realm)\b)[^\s\"',;<>]+", re.IGNORECASE)
_BASIC = re.compile(r"\b(basic\s+)([A-Za-z0-9+/_\-]{4,}={0,2})", re.IGNORECASE)
_USERINFO = re.compile(r"""(?P<name>://[^\s/:@"'<>]{0,300}:)[^\s/"'<>]+@""")
_QUERY = re.compile(r"([?&](?:code|state|sig|signature|key)=)[^&\s\"'<>#]+", re.IGNORECASE)
_PEM = re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----).*?(-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL)
_TOKEN_SHAPED = re.compile(r"\beyJ[\w\-]{5,}\.[\w\-]{5,}(?:\.[\w\-]*)?|\bgAAAAA[\w\-]{20,}={0,2}")

_MARKS = (
    "pass", "pwd", "secret", "token", "credential", "key", "session", "cookie", "auth", "signature", "bearer", "basic", "://",
    "code=", "state=", "sig=", "-----begin", "eyj", "gaaaaa",
)  # fmt: skip
"""Whatever the patterns find has one of these in it, in small letters. Looking for them takes a hundredth of the time."""


def scrub(text: str, secrets: Collection[str] = ()) -> str:
    """Return `text` with every secret masked.

    Masked are the given `secrets` wherever they stand, also URL-encoded or escaped, and all that looks like one: authorization
    and cookie headers, bearer and basic tokens, passwords, tokens and keys in JSON, forms, XML and URLs, private keys.
    Takes time in proportion to the length of the text.
    """
    text = _without_literals(text, secrets)
    # Only of ASCII: small letters of other alphabets (the dotless i, the long s) aren't those that the patterns match.
    if text.isascii() and not _has_mark(text.lower()):
        return text
    text = _PEM.sub(rf"\1{MASK}\2", text)
    text = _HEADER.sub(_masked_header, text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _BASIC.sub(_masked_basic, text)
    text = _USERINFO.sub(rf"\g<name>{MASK}@", text)
    text = _ESCAPED.sub(rf"\g<name>{MASK}\g<close>", text)
    text = _NAMED.sub(_masked_named, text)
    text = _ELEMENT.sub(rf"\g<name>{MASK}", text)
    text = _QUERY.sub(rf"\1{MASK}", text)
    return _TOKEN_SHAPED.sub(MASK, text)


def _has_mark(text: str) -> bool:
    return any(mark in text for mark in _MARKS)


def excerpt(text: str, limit: int = 4000) -> str:
    """Return at most `limit` characters of `text` and say how many were left out. Scrub first: cutting disguises."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def _without_literals(text: str, secrets: Collection[str]) -> str:
    shapes = {shape for secret in secrets if secret.strip(MASK) for shape in _shapes(secret)}
    if not shapes:
        return text
    # Longest first: of two secrets that begin alike the longer one must win.
    return re.sub("|".join(_literal(shape) for shape in sorted(shapes, key=len, reverse=True)), MASK, text)


def _shapes(secret: str) -> set[str]:
    """How one secret may be written: as it is, in a URL or a form, in JSON with and without ASCII escapes, in HTML."""
    encodable = secret.encode(errors="surrogatepass")
    return {
        secret,
        quote(encodable, safe=""),
        quote(encodable),
        quote_plus(encodable),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
    }


def _literal(shape: str) -> str:
    pattern = re.escape(shape)
    return pattern if len(shape) >= SHORTEST_LITERAL else rf"(?<!\w){pattern}(?!\w)"


def _masked_header(match: re.Match[str]) -> str:
    if match["bare"] is not None:
        return f"{match['name']}: {MASK}"
    return f"{match['name']}{match['opening']}{MASK}{match['close']}"


def _masked_basic(match: re.Match[str]) -> str:
    """Only what really is `user:password` in base64: "basic authentication" is prose."""
    encoded = match[2].rstrip("=")
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_" if {"-", "_"} & set(encoded) else None)
    except (binascii.Error, ValueError):
        return match[0]
    return f"{match[1]}{MASK}" if b":" in decoded else match[0]


def _masked_named(match: re.Match[str]) -> str:
    bare = match["bare"]
    if bare is not None:
        return f"{match['name']}{MASK}{bare[len(bare.rstrip(',;)')) :]}"
    return f"{match['name']}{match['quote']}{MASK}{match['close']}"


class ScrubFilter(logging.Filter):
    """Scrubs a log record before any handler writes it: the message, its arguments, and the traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            words = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Logging would print the arguments as they are when it reports the mistake.
            words = f"{record.msg} {record.args!r}"
        record.msg, record.args = scrub(words), None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        if record.stack_info:
            record.stack_info = scrub(record.stack_info)
        return True
