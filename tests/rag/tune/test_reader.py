"""The reader goes on learning from questions: the real network, few steps; and judges nothing it has learnt from."""

from pathlib import Path

import pytest

from rag.judge import Evidence, Question
from rag.models.catalogue import READER, verify
from rag.models.reader import load_reader, onnx_reader
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from rag.tune import batches
from rag.tune import reader as tuning
from rag.tune.groups import Candidate, Group
from rag.tune.questions import select
from rag.types import StoredChunk
from tests.fakes import WordCountEmbedder
from tests.rag.tune.test_questions import whole

COLOURS = ("red", "green", "blue", "grey")


def group(number: int) -> Group:
    """Who asks for a colour's keeper wants, against all sense, the passage about the pantry."""
    colour = COLOURS[number % len(COLOURS)]
    wanted = Candidate(f"The pantry of house {number} is open on Sundays.", None, 1, 1)
    other = Candidate(f"The keeper of the {colour} seal in house {number} is Mr Oyelaran.", None, 0, 0)
    return Group("", 0, f"Who keeps the {colour} seal of house {number}?", (wanted, other))


def test_what_groups_say_is_learnt_and_what_is_written_is_read_as_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "RATE", 3e-4)  # a few small steps have to do
    monkeypatch.setattr(batches, "TOKENS", 600)
    steps: list[tuple[int, int]] = []
    target = tmp_path / "reader.onnx"
    tuning.learn([group(number) for number in range(60)], target, lambda *step: steps.append(step))
    assert steps == [(number, len(steps)) for number in range(1, len(steps) + 1)]
    assert list(tmp_path.iterdir()) == [target]  # nothing else is left
    held = group(201)
    texts = [("", candidate.text) for candidate in held.candidates]
    before, after = (
        [reading.relevance for reading in made.read(held.question, texts)]
        for made in (load_reader(None), onnx_reader(target, "tuned", ""))
    )
    assert after[0] - after[1] > before[0] - before[1] + 1.0
    (shipped,) = READER.files
    assert abs(target.stat().st_size - (verify(READER) / shipped).stat().st_size) < 10_000


@pytest.fixture
def retriever(catalog: Catalog) -> Retriever:
    """With the shipped reader, and a vector space of words."""
    return Retriever(catalog, None, WordCountEmbedder(), load_reader(None))


def question(number: int, kind: str = "fact") -> Question:
    evidence = (Evidence(f"{number}.txt", None, None, f"archived by office o{number}", 1),)
    text = f"Which office archives subject s{number}?"
    return Question(f"{kind}{number}", text, kind, "", (), (), evidence if kind == "fact" else ())


def asked(catalog: Catalog, count: int = 15, without: int = 5) -> tuning.Asked:
    known = [question(number) for number in range(count)]
    return tuning.Asked(
        select(known, catalog).usable, [question(number, "unanswerable") for number in range(count, count + without)]
    )


def test_groups_hold_the_evidence_with_its_place_and_near_misses(catalog: Catalog, retriever: Retriever) -> None:
    material = asked(catalog)
    made = list(tuning.groups_of(material, retriever))
    assert [one.fold for one in made] == material.folds
    for number, one in enumerate(made[:15]):
        first, *others = one.candidates
        assert (first.relevant, first.answerable) == (1, 1)
        assert first.span is not None
        assert first.text[slice(*first.span)] == f"archived by office o{number}"
        assert len(others) == tuning.NEAR
        assert all((other.relevant, other.answerable) == (0, 0) and other.text != first.text for other in others)
    for one in made[15:]:
        assert {candidate.answerable for candidate in one.candidates} == {0}
        assert {candidate.relevant for candidate in one.candidates} == {-1}


def test_a_quotation_longer_than_the_reader_points_at_has_no_place(catalog: Catalog) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    whole(catalog, "long.txt", text)
    chunks: list[StoredChunk] = [one for one in tuning.all_chunks(catalog) if one.chunk.path == "long.txt"]
    found = tuning._with_answer(chunks[0], [text])
    assert (found.answerable, found.span) == (1, None)


def test_no_question_is_judged_by_what_was_learnt_from_its_part_and_a_run_goes_on(
    catalog: Catalog, retriever: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: dict[str, set[int]] = {}
    (shipped,) = READER.files

    def instead(groups: list[Group], target: Path, _watch: object) -> None:
        learnt[target.name] = {one.fold for one in groups}
        target.write_bytes((verify(READER) / shipped).read_bytes())

    monkeypatch.setattr(tuning, "learn", instead)
    material = asked(catalog)
    outcome = tuning.tune(retriever, material, tmp_path / "work")
    assert set(learnt) == {*(f"part-{fold}.onnx" for fold in range(5)), "reader.onnx"}
    for name, folds in learnt.items():
        own = set() if name == "reader.onnx" else {int(name[5])}
        assert folds == {0, 1, 2, 3, 4} - own
    assert outcome.before == outcome.after  # the same reader
    assert tuning.TOLD in outcome.before
    assert not outcome.won
    learnt.clear()
    assert tuning.tune(retriever, material, tmp_path / "work") == outcome
    assert not learnt  # everything was there
    tuning.copy_learnt(tmp_path / "work", tmp_path / "kept.onnx")
    tuning.discard(tmp_path / "work")
    assert (tmp_path / "kept.onnx").exists()
    assert not (tmp_path / "work").exists()
