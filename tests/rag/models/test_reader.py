"""Readings: a distribution over spans of a passage, whatever the logits say."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ModelError
from rag.models.catalogue import EMBEDDING, verify
from rag.models.pairs import MAX_TOKENS, encode
from rag.models.reader import MAX_ANSWER, Reader, Spans, load_reader
from rag.models.wordpiece import WordPiece

TOKENS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), min_size=1, max_size=60)
LOGIT = st.floats(-20, 20, width=32)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Spans, int]:
    """Spans over a made-up passage, and its length in code points."""
    offsets, at = [], 0
    for gap, width in draw(TOKENS):
        offsets.append((at + gap, at + gap + width))
        at += gap + width
    count = len(offsets)
    starts = np.array(draw(st.lists(LOGIT, min_size=count, max_size=count)), dtype=np.float32)
    ends = np.array(draw(st.lists(LOGIT, min_size=count, max_size=count)), dtype=np.float32)
    return Spans(np.array(offsets, dtype=np.int64), starts, ends, draw(LOGIT)), at


@given(spans())
def test_the_best_span_lies_inside_the_passage_and_is_short_enough(made: tuple[Spans, int]) -> None:
    found, length = made
    start, end = found.best()
    assert 0 <= start < end <= length
    inside = [offset for offset in found.offsets.tolist() if start <= offset[0] and offset[1] <= end]
    assert 1 <= len(inside) <= MAX_ANSWER


@given(spans(), st.data())
def test_places_that_do_not_overlap_share_one_probability(made: tuple[Spans, int], data: st.DataObject) -> None:
    found, length = made
    cuts = sorted(data.draw(st.sets(st.integers(0, length), max_size=5)) | {0, length})
    places = list(pairwise(cuts))
    chances = np.exp(found.inside(places))
    assert (chances >= 0).all()
    assert chances.sum() <= 1 + 1e-6
    assert np.exp(found.inside([(0, length)]))[0] >= chances.max() - 1e-9


@given(spans())
def test_the_margin_agrees_with_the_distribution(made: tuple[Spans, int]) -> None:
    found, _ = made
    place = found.best()
    best, nowhere = found.inside([place])[0], found.nowhere
    # The place of the best span holds at least that span's probability, which is its score over everything.
    everything = np.logaddexp(nowhere, nowhere + found.margin)
    assert best <= 0
    assert found.margin + nowhere <= everything + 1e-9


def test_a_known_case() -> None:
    offsets = np.array([(0, 3), (4, 9), (10, 12)], dtype=np.int64)
    starts, ends = np.array([0, 5, 0], dtype=np.float32), np.array([0, 1, 5], dtype=np.float32)
    found = Spans(offsets, starts, ends, 4.0)
    assert found.best() == (4, 12)
    assert found.margin == pytest.approx(6.0)
    first, whole = found.inside([(0, 3), (4, 12)])
    assert whole > -0.1 > first


def test_a_passage_without_tokens_has_no_answer() -> None:
    empty = np.empty(0, dtype=np.float32)
    found = Spans(np.empty((0, 2), dtype=np.int64), empty, empty, 0.0)
    assert found.best() == (0, 0)
    assert found.margin == -np.inf
    assert found.inside([(0, 5)]) == [-np.inf]


QUESTION = "How soon must a stolen laptop be reported?"
ANSWERS = (
    "Whoever loses a laptop tells the Service Desk within 30 minutes. Tapes are kept for seven years in the vault."
)
OTHER = "The canteen is open from eleven to two. Visitors pay with a card, and guests of the board are invited."


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader(None)


def test_the_passage_that_answers_is_told_from_one_that_does_not(reader: Reader) -> None:
    good, bad = reader.read(QUESTION, [("Incident policy › Reporting", ANSWERS), ("Canteen", OTHER)])
    assert good.relevance > bad.relevance
    assert good.answerable > bad.answerable
    assert good.spans is not None
    assert "30 minutes" in ANSWERS[slice(*good.spans.best())]


def test_company_and_order_change_nothing(reader: Reader) -> None:
    alone = reader.read(QUESTION, [("", ANSWERS)])[0]
    later = reader.read(QUESTION, [("Canteen", OTHER), ("", ANSWERS)])[1]
    assert alone.relevance == later.relevance
    assert alone.spans is not None
    assert later.spans is not None
    assert (alone.spans.starts == later.spans.starts).all()


@pytest.mark.parametrize("text", ["", " ", "\n", "🙂", "ə" * 5000, "word " * 3000])
def test_odd_input_is_read(reader: Reader, text: str) -> None:
    for question, passage in ((QUESTION, text), (text, ANSWERS)):
        (reading,) = reader.read(question, [(text[:300], passage)])
        assert np.isfinite(reading.relevance)
        assert reading.spans is not None
        start, end = reading.spans.best()
        assert 0 <= start <= end <= len(passage)


def test_no_passages_no_readings(reader: Reader) -> None:
    assert reader.read(QUESTION, []) == []


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece(verify(EMBEDDING, "tokenizer.json"), MAX_TOKENS)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=400))
def test_a_pair_keeps_the_passages_offsets_and_its_limit(
    tokenizer: WordPiece, question: str, context: str, passage: str
) -> None:
    pair = encode(tokenizer, question, context, passage)
    assert len(pair.ids) == len(pair.types) <= MAX_TOKENS
    assert pair.first + len(pair.offsets) + 1 == len(pair.ids)
    assert all(0 <= start <= end <= len(passage) for start, end in pair.offsets)
    assert sorted(pair.types) == pair.types


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders as transformers writes them: small networks of random weights, of both kinds and of a foreign one."""
    transformers = pytest.importorskip("transformers")
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    made = {}
    for kind in ("BertForSequenceClassification", "BertForQuestionAnswering", "BertForMaskedLM"):
        folder = tmp_path_factory.mktemp(kind)
        config = transformers.BertConfig(**size, num_labels=1 if kind.endswith("Classification") else 2)
        getattr(transformers, kind)(config).save_pretrained(folder)
        words = verify(EMBEDDING, "tokenizer.json") / "tokenizer.json"
        transformers.PreTrainedTokenizerFast(tokenizer_file=str(words), model_max_length=128).save_pretrained(folder)
        made[kind] = folder
    return made


def test_a_cross_encoder_of_the_users_ranks_and_points_nowhere(folders: dict[str, Path]) -> None:
    first, second = load_reader(folders["BertForSequenceClassification"]).read(QUESTION, [("", ANSWERS), ("", OTHER)])
    assert first.spans is None
    assert first.relevance == first.answerable != second.relevance


def test_a_question_answering_model_of_the_users_points(folders: dict[str, Path]) -> None:
    (reading,) = load_reader(folders["BertForQuestionAnswering"]).read(QUESTION, [("Incident policy", ANSWERS)])
    assert reading.spans is not None
    start, end = reading.spans.best()
    assert 0 <= start < end <= len(ANSWERS)
    assert reading.spans.offsets[0].tolist() == [0, 7]  # "Whoever": the context before it is no part of the passage


def test_a_folder_of_another_kind_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="BertForMaskedLM"):
        load_reader(folders["BertForMaskedLM"])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_reader(tmp_path)
