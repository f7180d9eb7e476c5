"""What changed between two versions is found, named for what it is, and said in words of both texts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clauses import clauses
from ingest.types import Document, Page
from rag.align import align, words
from rag.changes import Change, Comparison, compare, longest_run
from rag.kinds import Kind
from tests.fakes import WordCountEmbedder

POLICY = """1 Scope
1.1 This policy applies to all staff of the company and to its suppliers.
2 Devices
2.1 Laptops must be encrypted by the Service Desk. Lost laptops must be reported within 24 hours.
2.2 Private tablets may be used for reading minutes of the board.
2.3 The register of devices is reviewed by the line manager every year.
3 Visitors
3.1 Visitors wear a yellow badge in all rooms and are accompanied by their host.
3.2 Deliveries above 500 pounds are signed for at the gate, see section 2.3 for the register.
"""


def document(text: str, width: int = 0) -> Document:
    """A page; its lines wrapped anew at `width` characters."""
    if width:
        text = "\n".join(_wrapped(line, width) for line in text.splitlines())
    return Document("policy.pdf", None, (Page("policy.pdf", 1, text),))


def _wrapped(line: str, width: int) -> str:
    return re.sub(rf"(.{{{width},}}?) ", r"\1\n", line)


def compared(old: str, new: str, width: int = 0) -> Comparison:
    embed = WordCountEmbedder().embed
    return compare(clauses(document(old)), clauses(document(new, width)), embed)


def changed(old: str, new: str) -> Change:
    """The one change that an edit of the policy makes."""
    assert old in POLICY
    (change,) = compared(POLICY, POLICY.replace(old, new)).changes
    return change


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("must be encrypted", "should be encrypted", Kind.OBLIGATION),
        ("may be used", "must not be used", Kind.OBLIGATION),
        ("is reviewed by", "must be reviewed by", Kind.OBLIGATION),
        ("within 24 hours", "within 2 hours", Kind.DEADLINE),
        ("every year", "every month", Kind.DEADLINE),
        ("500 pounds", "900 pounds", Kind.NUMBER),
        ("line manager", "Finance Director", Kind.ROLE),
        ("all staff of the company", "all staff of the company except trainees", Kind.SCOPE),
        ("in all rooms", "in some rooms", Kind.SCOPE),
        ("yellow badge", "golden badge", Kind.REWORDED),
        ("the gate", "the Saltbridge", Kind.NAME),
        ("3 Visitors", "3 Guests and visitors", Kind.HEADING),
    ],
)
def test_an_edit_has_its_kind(old: str, new: str, kind: Kind) -> None:
    assert changed(old, new).kind == kind


def test_the_explanation_is_made_of_words_of_both_texts() -> None:
    change = changed("within 24 hours", "within 2 hours")
    assert change.says == "The period “within 24 hours” became “within 2 hours”, shorter."
    assert change.old is not None
    assert change.new is not None
    for facet in change.facets:
        assert facet.old in change.old.text
        assert facet.new in change.new.text


def test_all_that_changed_in_a_sentence_is_told_the_weightiest_first() -> None:
    change = changed("must be reported within 24 hours", "should be reported within 3 days")
    assert [facet.kind for facet in change.facets] == [Kind.OBLIGATION, Kind.DEADLINE]


def test_another_way_to_say_the_same_duty_or_period_is_a_rewording() -> None:
    assert changed("must be encrypted", "shall be encrypted").kind == Kind.REWORDED
    assert (
        "names the same duties, figures, periods, roles and conditions" in changed("24 hours", "twenty-four hours").says
    )


def test_words_that_are_only_added_weigh_more_than_words_replaced() -> None:
    added = changed("must be encrypted", "must be encrypted and labelled")
    assert (added.kind, added.level) == (Kind.REWORDED, "medium")
    assert changed("yellow badge", "golden badge").level == "low"


@pytest.mark.parametrize("label", ["1.1 ", ""])
def test_words_in_another_order_are_never_called_the_same(label: str) -> None:
    old, new = (
        f"{label}The {a} must inform the {b} of each breach." for a, b in (("Board", "Owner"), ("Owner", "Board"))
    )
    found = compared(old, new)
    (change,) = found.changes
    assert (change.kind, change.level, found.of_substance) == (Kind.REWORDED, "medium", True)
    assert "who does what" in change.says


def test_cells_in_another_order_may_be_a_table_laid_out_anew_and_are_told() -> None:
    found = compared("Administrators Monthly Users Yearly", "Administrators Yearly Users Monthly")
    assert [change.kind for change in found.changes] == [Kind.RELAID]
    assert found.of_substance


def test_added_and_removed_clauses_say_how_they_bind() -> None:
    (change,) = compared(POLICY, POLICY + "3.3 Dogs must be left outside within sight of the porter.\n").changes
    assert (change.kind, change.old, change.level) == (Kind.ADDED, None, "high")
    assert change.says == "A clause was added; it binds by “must”."
    (change,) = compared(POLICY, re.sub(r"2\.2 .*\n2\.3", "2.2", POLICY)).changes
    assert (change.kind, change.new) == (Kind.REMOVED, None)


def test_new_numbers_new_lines_and_broken_words_change_nothing() -> None:
    assert compared(POLICY, POLICY, width=40).changes == ()
    assert compared(POLICY, POLICY.replace("encrypted", "encryp-\nted")).changes == ()
    renumbered = re.sub(r"^(\d)", lambda match: str(int(match[1]) + 3), POLICY, flags=re.M)
    assert compared(POLICY, renumbered.replace("section 2.3", "section 5.3")).changes == ()


def test_a_reference_to_another_clause_is_a_change() -> None:
    assert changed("section 2.3", "section 2.1").kind == Kind.REFERENCE


def test_an_explanation_quotes_the_old_number_of_a_clause_not_the_new_one() -> None:
    shifted = re.sub(r"^2\.(\d)", lambda match: f"2.{int(match[1]) + 1}", POLICY, flags=re.M)
    found = compared(POLICY, shifted.replace("see section 2.3 for the register", "see section 2.2 for the list"))
    (change,) = (change for change in found.changes if change.kind == Kind.REFERENCE)
    assert "“section 2.3” became “section 2.2”" in change.says


def test_another_number_to_call_is_told_as_such() -> None:
    (change,) = compared("1.1 Call the desk on extension 4400.", "1.1 Call the desk on extension 4500.").changes
    assert change.says == "The contact “extension 4400” became “extension 4500”."


def test_a_moved_clause_is_no_change_of_substance() -> None:
    line = "2.2 Private tablets may be used for reading minutes of the board.\n"
    found = compared(POLICY, POLICY.replace(line, "").replace("2.3", "2.2") + line.replace("2.2", "3.3"))
    assert [change.kind for change in found.changes] == [Kind.MOVED]
    assert found.changes[0].says == "Moved word for word: 2.2 is now 3.3."
    assert not found.of_substance


def test_split_and_merged_clauses() -> None:
    split = (
        POLICY.replace(" Lost laptops", "\n2.2 Lost laptops")
        .replace("2.3 The", "2.4 The")
        .replace("2.2 Pri", "2.3 Pri")
    )
    (change,) = compared(POLICY, split.replace("section 2.3", "section 2.4")).changes
    assert (change.kind, change.says) == (Kind.SPLIT, "2.1 was split into 2.1 and 2.2.")
    (change,) = compared(split.replace("section 2.3", "section 2.4"), POLICY).changes
    assert (change.kind, change.says) == (Kind.MERGED, "2.1 and 2.2 were merged into 2.1.")


def test_what_stands_before_the_first_heading_is_document_control() -> None:
    found = compared("Version 2.0 of May 2024\n" + POLICY, "Version 3.1 of June 2026\n" + POLICY)
    assert found.changes
    assert all(change.front for change in found.changes)
    assert not found.of_substance


def test_strangers_have_nothing_in_common() -> None:
    assert compared(POLICY, "1 Soup\n1.1 Onions are fried in butter until they are golden.\n").alike < 0.1


def test_empty_documents_can_be_compared() -> None:
    assert compared("", "").changes == ()
    assert all(change.kind == Kind.ADDED for change in compared("", POLICY).changes)


_lines = st.lists(st.sampled_from([*POLICY.splitlines(), "Staff must wear a badge.", "• Item one", ""]), max_size=12)


@given(_lines, _lines)
def test_every_sentence_is_paired_at_most_once(old: list[str], new: list[str]) -> None:
    a, b = clauses(document("\n".join(old))), clauses(document("\n".join(new)))
    found = align(a, b, WordCountEmbedder().embed)
    for side, units in (("old", found.old), ("new", found.new)):
        taken = [index for pair in found.pairs for index in getattr(pair, side)]
        assert len(taken) == len(set(taken))
        assert set(taken) <= set(range(len(units)))
    for pair in found.pairs:
        if pair.equal:
            one, other = (
                "".join("".join(units[index].key) for index in side)
                for units, side in ((found.old, pair.old), (found.new, pair.new))
            )
            assert one == other


@given(_lines)
def test_a_document_does_not_differ_from_itself(lines: list[str]) -> None:
    assert compared("\n".join(lines), "\n".join(lines)).changes == ()


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_the_longest_run_never_falls(steps: set[tuple[int, int]]) -> None:
    run = sorted(longest_run(sorted(steps), [1] * len(steps)))
    assert [j for _, j in run] == sorted(j for _, j in run)
    assert bool(run) == bool(steps)


def test_words_are_compared_without_hyphens_ligatures_and_capitals() -> None:
    assert words("Multi-factor sign-in, ﬁrst") == words("multifactor SIGNIN first")
