"""Idempotency keys: a POST or PUT with a key is carried out once in 24 hours.

Source: QuickBooks Commerce reference 2.8. What a repeat answers is the option `idempotency`: 422 (the default), 409, or the
first answer again. Choice: a key counts once its request was carried out, so a refused one may be mended and sent again
(option `remember_failed_keys` turns that off).
"""

from __future__ import annotations

from .answers import DUPLICATE_KEY_WORDS, Answer, problem
from .store import Store

HOURS_24 = 24 * 3600


class Keys:
    """The keys that were used, by application."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def repeat_of(self, application_id: int, key: str) -> Answer | None:
        """Return the answer to a repeated key, or None when it is new."""
        self._forget_old()
        for used in self._store.used_keys.having("key", key):
            if used.application_id != application_id:
                continue
            if self._store.options.idempotency == "replay" and used.answer is not None:
                return Answer(used.code, used.answer.encode())
            if self._store.options.idempotency == "conflict":
                return problem(409, "Conflict", DUPLICATE_KEY_WORDS)
            return problem(422, "Unprocessable Entity", DUPLICATE_KEY_WORDS)
        return None

    def remember(self, application_id: int, key: str, answer: Answer) -> None:
        """Note that a key's request was answered."""
        if answer.status >= 300 and not self._store.options.remember_failed_keys:
            return
        replay = self._store.options.idempotency == "replay"
        self._store.insert(
            self._store.used_keys,
            application_id=application_id,
            key=key,
            expires_at=int(self._store.clock.seconds()) + HOURS_24,
            code=answer.status,
            answer=answer.body.decode() if replay else None,
        )

    def _forget_old(self) -> None:
        """Drop the keys that are over; they stand in the order in which they expire."""
        now = self._store.clock.seconds()
        table = self._store.used_keys
        while table.rows:
            oldest = next(iter(table.rows.values()))
            if oldest.expires_at > now:
                return
            self._store.remove(table, oldest)
