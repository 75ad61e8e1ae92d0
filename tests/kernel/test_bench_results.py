from __future__ import annotations

from benchmarks.results import with_section

BEFORE = "# Results\n\nWords.\n\n<!-- one: written by make bench -->\nold\n<!-- end of one -->\n\nMore words.\n"


def test_a_benchmark_rewrites_its_own_section_and_leaves_the_words_of_people_alone() -> None:
    assert with_section(BEFORE, "one", r"new \1") == BEFORE.replace("old", r"new \1")


def test_a_benchmark_without_a_section_gets_one_at_the_end_and_the_same_one_the_next_time() -> None:
    once = with_section(BEFORE, "two", "first")
    assert once.startswith(BEFORE)
    assert with_section(once, "two", "second") == once.replace("first", "second")
