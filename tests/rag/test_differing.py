"""Two versions of a rule are told apart by what they say, and by nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from rag.differing import differences
from rag.types import Citation

OLD = "4.2.2 A remote worker who loses a managed device must report this to the Service Desk within 24 hours."
NEW = "4.2.3 A remote worker who loses a managed device must report this to the Service Desk within two hours."


def told(*quotes: str, same: bool = False) -> list[str]:
    """What is said of quotations, each from a document of its own, or all from the same."""
    return list(
        differences(
            [
                Citation(
                    number, f"{number}.pdf", "x" if same else str(number), 1, "", 0, len(text), text, None, "/", False
                )
                for number, text in enumerate(quotes, start=1)
            ]
        )
    )


def test_another_deadline_is_named_and_another_clause_number_is_not() -> None:
    assert told(OLD, NEW) == ["[1] and [2] say nearly the same, but differ: “within 24 hours” / “within two hours”."]


def test_a_negation_and_a_modal_verb_are_differences() -> None:
    assert (
        "“may lend” / “may not lend”"
        in told("A remote worker may lend it to others now.", "A remote worker may not lend it to others now.")[0]
    )
    assert "“this should be”" in told("All of this must be kept for ever.", "All of this should be kept for ever.")[0]


def test_other_wording_of_the_same_is_none() -> None:
    assert told(OLD, OLD.replace("Service Desk", "help desk")) == []
    assert told(OLD, f"{OLD} It is then locked within 5 minutes.") == []


def test_passages_about_other_things_are_not_compared() -> None:
    assert told(OLD, "The cafeteria serves soup within 2 hours of opening on Mondays and Fridays.") == []


def test_one_document_may_say_both() -> None:
    assert told(OLD, NEW, same=True) == []


@given(st.lists(st.text(), max_size=4))
def test_any_text_can_be_compared(quotes: list[str]) -> None:
    assert all(line.startswith("[") for line in told(*quotes))
    assert told(*quotes[:1] * 3) == []
