"""The search learns from questions: what is true of others too, and nothing from chance."""

from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ModelError
from rag import tuned
from rag.judge import Evidence, Question
from rag.models.reader import Reading
from rag.rank import MARKS, WEIGHTS
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from rag.tune.journal import Journal
from rag.tune.questions import FOLDS, select
from rag.tune.search import MEASURES, Estimate, Material, tune
from rag.tuned import Tuned
from tests.fakes import WordCountEmbedder

DIM = 24


def material(shift: float, count: int = 200) -> Material:
    """Questions that lie beside their passages: always by the same turn, or, with a shift of 0, by chance alone."""
    random = np.random.default_rng(1)
    passages = random.standard_normal((count, DIM)).astype(np.float32)
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    turn = np.linalg.qr(random.standard_normal((DIM, DIM)))[0]
    asked = passages + shift * passages @ turn + 0.5 * random.standard_normal((count, DIM)) / DIM**0.5
    asked = (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)
    candidates = [
        np.array([row, *random.permutation(count)[:40][random.permutation(40) != row]]) for row in range(count)
    ]
    candidates = [np.array(list(dict.fromkeys(row.tolist()))) for row in candidates]
    marks = tuple(random.uniform(0, 1, (6, len(MARKS))) for _ in range(count))
    good = tuple(values[:, 3] == values[:, 3].max() for values in marks)  # meaning alone tells
    return Material(asked, passages, tuple(candidates), np.ones(count, np.int64), marks, good, "mine", "0" * 64)


def first(made: Material, residual: np.ndarray, places: range) -> float:
    """Share of questions whose own passage is the nearest of all."""
    moved = made.questions + made.questions @ residual.T
    return float(np.mean([(made.passages @ moved[place]).argmax() == place for place in places]))


def test_a_turn_that_all_questions_share_is_learnt_for_others_too() -> None:
    made = material(1.5)
    learnt = made.learn(np.arange(150))
    held = range(150, 200)
    assert first(made, learnt.residual, held) > first(made, np.zeros((DIM, DIM)), held) + 0.05


def test_what_few_questions_say_moves_little() -> None:
    made = material(1.5)
    few, many = (np.linalg.norm(made.learn(np.arange(count)).residual) for count in (5, 150))
    assert few < many / 3


def test_the_mark_that_tells_weighs_more_and_the_prior_holds_the_rest() -> None:
    made = material(0.0)
    weights = np.array(made.learn(np.arange(200)).weights)
    assert weights[3] - WEIGHTS[3] == max(weights - np.array(WEIGHTS)) > 1


def test_nothing_to_learn_from_leaves_everything_as_it_is() -> None:
    learnt = material(1.0).learn(np.array([], dtype=np.int64))
    assert not learnt.residual.any()
    assert learnt.weights == WEIGHTS


def test_what_was_learnt_is_read_back(tmp_path: Path) -> None:
    learnt = material(1.0).learn(np.arange(20))
    learnt.write(tmp_path / "search.npz")
    found = tuned.read(tmp_path / "search.npz", "mine", "f" * 64)
    assert (found.residual == learnt.residual).all()
    assert (found.weights, found.reader_sha256) == (learnt.weights, "0" * 64)


def test_a_file_that_is_no_adapter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ModelError, match="rag tune drop mine"):
        tuned.read(tmp_path / "search.npz", "mine", "")
    Tuned("mine", "", "", np.zeros((3, 3), np.float32), (1.0,)).write(tmp_path / "other.npz")
    with pytest.raises(ModelError, match="other marks"):
        tuned.read(tmp_path / "other.npz", "mine", "")


def test_the_identity_changes_no_vector() -> None:
    plain = WordCountEmbedder().embed_question("who approves")
    still = Tuned("mine", "", "", np.zeros((64, 64), np.float32), WEIGHTS)
    assert np.allclose(still.moved(plain), plain)


class Counting:
    """A reader that finds all passages alike, and counts what it was asked."""

    name, sha256 = "counting", "2" * 64

    def __init__(self) -> None:
        self.pairs = 0

    def read(self, question: str, passages: list[tuple[str, str]]) -> list[Reading]:
        """A reading for each."""
        self.pairs += len(passages)
        return [Reading(0.0, 0.0, None) for _ in passages]


def questions() -> list[Question]:
    return [
        Question(f"q{n}", f"Where goes s{n}?", "fact", "", (), (), (Evidence(f"{n}.txt", None, None, "archived", 1),))
        for n in range(20)
    ]


def test_a_run_judges_each_question_estimates_and_goes_on_where_it_was_cut(catalog: Catalog, tmp_path: Path) -> None:
    reader = Counting()
    retriever = Retriever(catalog, None, WordCountEmbedder(), reader)
    usable = select(questions(), catalog).usable
    told: list[Estimate] = []
    path = tmp_path / "run.jsonl"
    outcome = tune(retriever, usable, "mine", Journal(path), told.append)
    assert set(outcome.before) == set(outcome.after) == set(MEASURES)
    assert outcome.questions == 20
    assert [estimate.questions for estimate in told] == [20]
    assert reader.pairs > 20
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 40  # each question searched once and judged once
    path.write_text("".join(lines[:30]) + lines[30][:9])
    reader.pairs = 0
    again = tune(retriever, usable, "mine", Journal(path))
    assert (again.before, again.after, again.difference) == (outcome.before, outcome.after, outcome.difference)
    assert np.allclose(again.tuned.residual, outcome.tuned.residual)
    assert 0 < reader.pairs <= 10 * 16  # the ten that had not been judged


def test_no_question_is_judged_by_what_was_learnt_from_its_own_page(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable = select(questions(), catalog).usable
    learnt: list[set[int]] = []
    learn = Material.learn

    def watched(self: Material, chosen: np.ndarray) -> Tuned:
        learnt.append(set(chosen.tolist()))
        return learn(self, chosen)

    monkeypatch.setattr(Material, "learn", watched)
    tune(Retriever(catalog, None, WordCountEmbedder(), Counting()), usable, "mine", Journal(tmp_path / "run.jsonl"))
    for fold in range(FOLDS):
        assert learnt[fold] == {place for place, one in enumerate(usable) if one.fold != fold}
    assert learnt[FOLDS] == set(range(20))
