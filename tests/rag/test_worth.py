"""Whether a sentence is worth writing and showing: the reader decides, and without one the vectors do."""

from typing import Any

import pytest

from rag.models.reader import load_reader
from rag.worth import one_thing, promising, responsive

QUOTATION = "4.2.2 A remote worker who loses a managed device must report this to the Service Desk within two hours."


@pytest.mark.parametrize(
    ("question", "one"),
    [
        ("How quickly must a lost laptop be reported?", True),
        ("Who approves remote access and exceptions?", True),
        ("How long are logs kept, and who may read them?", False),
        ("Which three forms of training are there?", False),
        ("What are the four levels of classification?", False),
        ("Which form must be filled in by the two of us?", False),  # an error on the careful side: quotations answer it
    ],
)
def test_one_sentence_answers_one_thing(question: str, one: bool) -> None:
    assert one_thing(question) is one


def test_a_sentence_that_answers_is_told_from_one_that_does_not(embedder: Any) -> None:
    reader = load_reader(None)
    question = "How quickly must a lost device be reported?"
    for judge in (reader, None):
        assert responsive(question, "A lost managed device must be reported within two hours.", judge, embedder)
        assert not responsive(question, "A full count of keys is made every six months.", judge, embedder)
    assert promising(question, "4.2 Private devices", QUOTATION, reader)
    assert not promising("Which colour has the bin?", "4.2 Private devices", QUOTATION, reader)
    assert promising("Which colour has the bin?", "4.2 Private devices", QUOTATION, None), "nobody says otherwise"
