"""What is said to somebody who is told of alerts: pure, and without any buyer's data, as alerts are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SHOWN = 20
"""Alerts that one message spells out; a storm's others are counted."""

LONGEST_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class Said:
    """One alert as it is told: whether it opened or is over, what happened, and where it is mended."""

    id: str
    is_open: bool
    words: str
    link_words: str
    link: str
    facts: Mapping[str, Any]
    """What a program is told of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """Everything that one message tells. `elsewhere` are alerts that stay open and were told before."""

    account: str
    slug: str
    said: Sequence[Said]
    portal: str
    at: datetime
    elsewhere: int = 0
    is_test: bool = False
    events: Sequence[Mapping[str, Any]] = ()
    """What a program is told beside alerts."""

    @property
    def opened(self) -> Sequence[Said]:
        return [one for one in self.said if one.is_open]

    @property
    def resolved(self) -> Sequence[Said]:
        return [one for one in self.said if not one.is_open]


TEST_WORDS = "This is a test from CartRover. Alerts will come this way."


def subject(message: Message) -> str:
    """Return the subject of a mail: the one thing that happened, or how many."""
    opened, resolved = message.opened, message.resolved
    if message.is_test:
        text = "A test: alerts will come this way"
    elif len(message.said) == 1:
        text = ("" if opened else "Over: ") + _first_sentence(message.said[0].words)
    elif opened:
        text = f"{len(opened)} alert{_s(opened)}" + (f", {len(resolved)} over" if resolved else "")
    else:
        text = f"{len(resolved)} alerts are over"
    whole = " ".join(f"[{message.account}] {text}".split())
    return whole if len(whole) <= LONGEST_SUBJECT else f"{whole[: LONGEST_SUBJECT - 1]}…"


def mail(message: Message) -> str:
    """Return the text of a mail: each alert with the one link that leads to where it is mended."""
    if message.is_test:
        parts = [TEST_WORDS, f"{message.account}: {message.portal}"]
    else:
        parts = [
            *_part("", message.opened),
            *_part("Over, nothing to do:", message.resolved),
            *([f"{message.elsewhere:,} more are open since before: {message.portal}alerts/"] if message.elsewhere else []),
        ]
    foot = f"-- \nCartRover, {message.account}. Change what you are told: {message.portal}settings/notifications/"
    return "\n\n".join([*parts, foot]) + "\n"


def _part(title: str, said: Sequence[Said]) -> list[str]:
    if not said:
        return []
    told = [f"{one.words}\n{one.link_words}: {one.link}" if one.is_open else f"{one.words}\n{one.link}" for one in said[:SHOWN]]
    more = [f"And {len(said) - SHOWN:,} more."] if len(said) > SHOWN else []
    return [*([title] if title else []), *told, *more]


def slack(message: Message) -> bytes:
    """Return the body of a Slack-compatible incoming webhook."""
    lines = [f"*{_escaped(message.account)}*"]
    if message.is_test:
        lines.append(TEST_WORDS)
    for one in message.said[:SHOWN]:
        words = _escaped(one.words) if one.is_open else f"Over: {_escaped(one.words)}"
        lines.append(f"• {words} <{one.link}|{_escaped(one.link_words)}>")
    more = len(message.said) - SHOWN + message.elsewhere if len(message.said) > SHOWN else message.elsewhere
    if more:
        lines.append(f"And {more:,} more: <{message.portal}alerts/|Look at all alerts>")
    return json.dumps({"text": "\n".join(lines)}, ensure_ascii=False).encode()


def webhook(message: Message) -> bytes:
    """Return the body of a plain webhook: every event with an id that stays the same when it is sent again."""
    events = [{"id": one.id, "type": "alert.opened" if one.is_open else "alert.resolved", **one.facts} for one in message.said]
    events += [dict(event) for event in message.events]
    if message.is_test:
        events = [{"id": "test", "type": "test", "words": TEST_WORDS}]
    body = {"account": message.slug, "sent_at": message.at.isoformat(timespec="seconds"), "events": events}
    return json.dumps(body, ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    """Escape Slack's three signs, so that links and mentions stay text. Source: Slack, "Formatting text for app surfaces"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _first_sentence(words: str) -> str:
    return words.split(". ")[0].rstrip(".")


def _s(things: Sequence[Any]) -> str:
    return "" if len(things) == 1 else "s"
