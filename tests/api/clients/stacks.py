"""The languages that known clients are written in: a small program of ours in each sends what it is told, in its own way."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.conftest import Program

FOLDER = Path(__file__).parent

COMMANDS: Mapping[str, Sequence[str]] = {
    "php": ("php", "send.php"),
    "ruby": ("ruby", "send.rb"),
    "node": ("node", "send.mjs"),
    "python": (sys.executable, "send.py"),
}


@dataclass(frozen=True)
class Call:
    """What a program sends: `text` goes as it is, `body` as JSON."""

    path: str
    body: Any = None
    query: Mapping[str, Any] | None = None
    headers: Sequence[str] = ()
    text: str | None = None
    gzip: bool = False
    stream: bool = False

    @property
    def sent(self) -> str | None:
        return self.text if self.text is not None else None if self.body is None else json.dumps(self.body)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str
    connections: int = 0

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """A program in a language with a key: how it proves who it is, and what it sends with every call."""

    language: str
    address: str
    program: Program
    in_url: bool = False
    headers: Sequence[str] = ()
    asks_always: bool = False
    """It puts a question mark behind every address."""
    keep: bool = False

    def send(self, *calls: Call) -> list[Reply]:
        """Send these calls one after the other; return what came back of each."""
        job = {"keep": self.keep, "calls": [self._told(call) for call in calls]}
        command, script = COMMANDS[self.language]
        require(command)
        done = subprocess.run(
            [command, str(FOLDER / script)], input=json.dumps(job), capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stderr
        return [Reply(**one) for one in json.loads(done.stdout)]

    def one(self, path: str, body: Any = None, **more: Any) -> Reply:
        (reply,) = self.send(Call(path, body, **more))
        return reply

    def _told(self, call: Call) -> dict[str, Any]:
        user, key = self.program.key.api_user, self.program.secret
        query = {**({"api_user": user, "api_key": key} if self.in_url else {}), **(call.query or {})}
        mark = "?" if query or self.asks_always else ""
        return {
            "method": "GET" if call.sent is None else "POST",
            "url": f"{self.address}{call.path}{mark}{urlencode(query)}",
            "headers": [*self.headers, *call.headers],
            "user": None if self.in_url else f"{user}:{key}",
            "body": call.sent,
            "gzip": call.gzip,
            "stream": call.stream,
        }


def require(command: str) -> None:
    """Skip the test where the language isn't installed."""
    if shutil.which(command) is None:
        pytest.skip(f"{command} isn't installed here; Debian has it as php-cli with php-curl, ruby, nodejs or curl")
