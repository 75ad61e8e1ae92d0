"""Pictures that a text shows are there, and small enough to lie in the repository."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def test_every_picture_that_a_text_shows_is_there() -> None:
    shown = [(text, name) for text in TEXTS for name in PICTURE.findall(text.read_text())]
    assert len([text for text, _ in shown if text.name == "README.md"]) >= 4
    assert [name for text, name in shown if not (text.parent / name).is_file()] == []


def test_no_picture_is_larger_than_150_kb() -> None:
    assert [one.name for one in (ROOT / "docs").rglob("*.png") if one.stat().st_size > 150 * 1024] == []
