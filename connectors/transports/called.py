"""The session of a connection whose far side is a program that calls the hub: nothing is opened, and nothing is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.contract import CheckStep, Opening


class CalledSession:
    """A connection that the far side opens. `key` says what its program needs, as "a merchant key"."""

    seen_host_key = ""

    def __init__(self, key: str) -> None:
        self._key = key

    def check(self) -> Iterator[CheckStep]:
        """Say what a test can say: whether the program works shows when its key is used."""
        yield CheckStep(
            "Ready",
            True,
            f"The hub waits for calls. Make {self._key} under Settings, API keys; its last use there shows that the program "
            "works.",
        )

    def close(self) -> None:
        """Nothing is open."""


def called_with(key: str) -> Callable[[Opening], CalledSession]:
    """Return what opens the session of a connector whose program calls with such a key; it can only be tested."""
    return lambda opening: CalledSession(key)
