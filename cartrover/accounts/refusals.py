"""What an action on people refuses, in words for whoever asked for it."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was changed; the words say why and what to do."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)
