"""Turns lean on each other, keep their sources, and make a transcript in which nothing is markup."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.answer import Answerer
from rag.conversation import Conversation, transcript
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from tests.fakes import WordCountEmbedder
from tests.rag.test_answer import ALWAYS, NEVER, POLICY
from tests.rag.test_evidence import hits
from tests.rag.test_term import HOSTILE, acts


@pytest.fixture
def retriever(tmp_path: Path) -> Iterator[Retriever]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    hits(catalog, POLICY, (0, len(POLICY)))
    yield Retriever(catalog, None, WordCountEmbedder())
    catalog.close()


def test_a_follow_up_is_understood_and_shown(retriever: Retriever) -> None:
    talk = Conversation(Answerer(retriever, None, ALWAYS))
    first = talk.ask("Within how many minutes must an incident be told?")
    second = talk.ask("And by telephone?")
    third = talk.ask("Why?")
    assert first.understood == first.asked
    assert second.understood == "Within how many minutes must an incident be told by telephone?"
    assert third.understood == "Why (an incident be told by telephone)?", "it leans on what was understood before"
    assert second.hits
    assert second.sources == second.answer.citations
    assert talk.turns == [first, second, third]


def test_a_refusals_sources_are_what_came_near(retriever: Retriever) -> None:
    turn = Conversation(Answerer(retriever, None, NEVER)).ask("Who encrypts laptops before they leave?")
    assert turn.answer.citations == ()
    assert turn.sources == turn.answer.nearest


def test_what_cannot_be_asked_is_no_turn(retriever: Retriever) -> None:
    talk = Conversation(Answerer(retriever, None, ALWAYS))
    with pytest.raises(UsageError):
        talk.ask("?!")
    assert talk.turns == []


def test_a_transcript_has_every_quotation_with_its_place(retriever: Retriever) -> None:
    talk = Conversation(Answerer(retriever, None, ALWAYS))
    turn = talk.ask(f"Within how many minutes must an incident be told? {HOSTILE} <b>*x*</b>")
    text = transcript(talk.turns)
    assert set(acts(text)) <= {"\n"}
    assert "<b>" not in text
    assert "*x*" not in text
    assert text.count("   > ") == len(turn.sources) > 0
    assert transcript([]).startswith("# ")
