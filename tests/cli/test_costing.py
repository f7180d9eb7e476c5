"""`rag cost`: what an answer takes, measured with the real models; a month here and elsewhere; bad input."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Outcome

Rag = Callable[..., Outcome]

QUESTIONS = "When is an incident reported?\nWho guards the moon?\n\nWhat does the canteen charge?\n"


POLICY = """# Incidents

Incidents are reported to the Service Desk within two hours. The Service Desk informs the Head of Security at once.
"""


@pytest.fixture
def indexed(rag: Rag, tmp_path: Path) -> Rag:
    """`rag` with a short policy in its index."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "policy.md").write_text(POLICY)
    assert rag("ingest", folder).code == 0
    return rag


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text(QUESTIONS)
    return path


@pytest.fixture
def prices(rag: Rag, tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(rag("cost", "--example-prices").out)
    return path


def test_answers_are_measured_as_a_batch_gives_them(indexed: Rag, questions: Path, prices: Path) -> None:
    outcome = indexed("cost", questions, "--prices", prices, "--questions-a-month", "5000", "--json")
    assert outcome.code == 0, outcome.err
    found = outcome.json
    assert found["questions"] == {"file": "mine.txt", "there": 3, "asked": 3, "seed": 1}
    measured = found["measured"]
    answers = indexed("ask", "--batch", questions).lines
    modes = [answer["mode"] for answer in answers]
    assert measured["modes"] == {mode: modes.count(mode) for mode in ("written", "quoted", "refused")}
    asked_model = sum(answer["model"] is not None for answer in answers)
    assert measured["prompts"] == asked_model
    assert (measured["tokens_in"] > 0) == (asked_model > 0)
    assert 0 < measured["seconds"]["low"] <= measured["seconds"]["value"] <= measured["seconds"]["high"]
    assert measured["median"] <= measured["p95"]
    own = found["own"]
    assert own["machines"] == 1
    assert own["total"] == pytest.approx(own["hardware"] + own["upkeep"] + own["power"])
    assert found["cloud"][0]["total"] == pytest.approx(5000 * 0.01)


def test_the_report_says_what_it_rests_on(indexed: Rag, questions: Path, prices: Path) -> None:
    outcome = indexed("cost", questions, "--prices", prices, "--sample", "2")
    assert outcome.code == 0
    flat = " ".join(outcome.out.split())
    assert "2 questions of 3, drawn by chance, asked one after the other:" in flat
    assert "2 questions are few: give 30 or more" in flat
    assert "A month of 1,000,000 questions, in USD" in flat
    assert "45 W while it answers and 10 W while it waits, as you gave them" in flat


def test_without_prices_it_only_measures_and_says_how_to_compare(indexed: Rag, questions: Path) -> None:
    outcome = indexed("cost", questions)
    assert outcome.code == 0
    assert "A month" not in outcome.out
    assert "give --prices FILE" in outcome.err


def test_it_stands_in_the_record_beside_its_questions(indexed: Rag, questions: Path, prices: Path) -> None:
    before = indexed("record", "list", "--json", "--last", "1000").json["entries"]
    indexed("cost", questions, "--prices", prices)
    entries = indexed("record", "list", "--json", "--last", "1000").json["entries"][len(before) :]
    assert [entry["kind"] in ("answer", "refusal") for entry in entries] == [True, True, True, False]
    assert entries[-1]["kind"] == "cost"
    assert entries[-1]["facts"]["asked"] == 3
    assert entries[-1]["content"]["month"]["prices"]["currency"] == "USD"
    assert "3 questions asked" in indexed("record", "list", "--last", "1").out


def test_services_by_the_token_need_tokens(indexed: Rag, questions: Path, prices: Path) -> None:
    outcome = indexed("cost", questions, "--prices", prices, "--quotes-only")
    assert outcome.code == 2
    assert "give this [[cloud]] tokens_in and tokens_out" in outcome.err


@pytest.mark.parametrize(
    ("text", "words"), [("", "holds no question"), ("\n\n", "holds no question"), ("?\n", "line 1")]
)
def test_questions_that_are_none(indexed: Rag, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "q.txt"
    path.write_text(text)
    outcome = indexed("cost", path)
    assert outcome.code == 2
    assert words in outcome.err


def test_no_questions_and_bad_prices(indexed: Rag, questions: Path, tmp_path: Path) -> None:
    assert "Name a file of your own questions" in indexed("cost").err
    path = tmp_path / "prices.toml"
    path.write_text('currency = "USD"\n')
    outcome = indexed("cost", questions, "--prices", path)
    assert outcome.code == 2
    assert "has no [machine]" in outcome.err
