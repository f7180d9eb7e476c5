"""How a quotation is shown: exact, without its doubled heading, and of a long one the sentences around the answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli.answering import _quotation, _shown
from rag.types import Citation

RULE = "A remote worker who loses a device must report this within two hours."
QUOTE = f"4.2 Private devices\n{RULE}"
CITATION = Citation(
    1, "a.pdf", "x", 3, "4 Devices › 4.2 Private devices", 100, 100 + len(QUOTE), QUOTE, None, "/", False
)


def shown(citation: Citation) -> str:
    return " ".join(_quotation(citation).split())


def pointing(citation: Citation, words: str) -> Citation:
    start = citation.start + citation.quote.index(words)
    return replace(citation, words=(start, start + len(words)))


def test_a_heading_that_the_source_names_is_not_said_again() -> None:
    assert shown(CITATION) == f"“… {RULE}”"
    assert shown(pointing(CITATION, "within two hours")) == f"“… {RULE}”"
    assert shown(pointing(CITATION, "Private devices")) == f"“{' '.join(QUOTE.split())}”", "it is the answer"
    alone = replace(CITATION, quote="4.2 Private devices")
    assert shown(alone) == "“4.2 Private devices”", "there is nothing else"


def test_of_a_long_quotation_the_sentences_around_the_answer_are_shown() -> None:
    filler = "Nothing of this is asked for here by anybody at all, nor was it ever. "
    long = replace(CITATION, section="", quote=f"{filler * 6}{RULE} {filler * 6}".strip())
    assert shown(pointing(long, "within two hours")) == f"“… {RULE} …”"
    assert filler.strip() in shown(long), "where no words are known, all of it is shown"


@pytest.mark.usefixtures("capsys")
@given(st.text(min_size=1), st.integers(0, 600), st.integers(1, 60), st.text(max_size=9))
def test_what_is_shown_is_a_piece_of_the_quotation_that_holds_the_answer(
    quote: str, at: int, length: int, section: str
) -> None:
    quote = quote * 9
    first = at % len(quote)
    last = min(first + length, len(quote))
    citation = replace(CITATION, quote=quote, section=section, words=(100 + first, 100 + last))
    start, end = _shown(citation)
    assert 0 <= start <= first < last <= end <= len(quote)
