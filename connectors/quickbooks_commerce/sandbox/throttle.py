"""The rate limit: so many requests per application and account in each window that is aligned to the clock.

Source: QuickBooks Commerce reference 2.6.
"""

from __future__ import annotations

from .store import Store


class Throttle:
    """Counts requests by application; there is one account."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._window = 0
        self._used: dict[int, int] = {}

    def take(self, application_id: int) -> bool:
        """Count a request and return whether it is within the limit."""
        window = self.reset_at()
        if window != self._window:
            self._window = window
            self._used.clear()
        used = self._used.get(application_id, 0) + 1
        self._used[application_id] = used
        return used <= self._store.options.rate_limit

    def reset_at(self) -> int:
        """Return the end of the present window, in seconds since 1970."""
        length = max(1, self._store.options.rate_window)
        return (int(self._store.clock.seconds()) // length + 1) * length

    def exhaust(self, application_id: int) -> None:
        """Use up what is left of the window."""
        self._window = self.reset_at()
        self._used[application_id] = max(self._used.get(application_id, 0), self._store.options.rate_limit)

    def headers(self, application_id: int) -> dict[str, str]:
        limit = self._store.options.rate_limit
        return {
            "X-Rate-Limit-Limit": str(limit),
            "X-Rate-Limit-Remaining": str(max(0, limit - self._used.get(application_id, 0))),
            "X-Rate-Limit-Reset": str(self.reset_at()),
        }
