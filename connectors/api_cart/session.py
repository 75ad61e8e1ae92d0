"""Nothing is called: the cart's program calls the hub."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import CheckStep, Opening


class Session:
    """A connection that the far side opens."""

    seen_host_key = ""

    def check(self) -> Iterator[CheckStep]:
        """Say what a test can say: whether the program works shows when its key is used."""
        yield CheckStep(
            "Ready",
            True,
            "The hub waits for calls. Make a key for this cart under Settings, API keys; its last use there shows that "
            "the program works.",
        )

    def close(self) -> None:
        """Nothing is open."""


def open_session(opening: Opening) -> Session:
    """Return a session that can only be tested."""
    return Session()
