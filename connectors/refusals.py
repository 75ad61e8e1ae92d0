"""What an action refuses, in words for the person or program that asked for it."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.field_values import FieldProblem


class Refused(Exception):
    """Nothing was changed; the words say why and what to do. `problems` are those of single fields or services."""

    def __init__(self, words: str, problems: Iterable[FieldProblem] = ()) -> None:
        self.problems = tuple(problems)
        self.words = words
        super().__init__(words)

    @classmethod
    def of(cls, problems: Iterable[FieldProblem]) -> Refused:
        found = tuple(problems)
        return cls(" ".join(f"{problem.field}: {problem.words}" for problem in found), found)
