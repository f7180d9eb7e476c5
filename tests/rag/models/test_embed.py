"""The int8 network says the same as sentence-transformers, whatever stands beside a text in its batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ingest.errors import ModelError
from rag.models import export
from rag.models.catalogue import EMBEDDING, locate
from rag.models.embed import MAX_TOKENS, load_embedder

ROOT = Path(__file__).parents[3]

SENTENCES = (
    "Whoever notices an incident must tell the Service Desk within 30 minutes.",
    "Backups are tested every quarter.",
    "AU-6(1)",
    "164.308(a)(1)(ii)(D)",
    "Die Aufbewahrungsfrist beträgt zehn Jahre.",
    "監査ログは一年間保存する。",
    "👩‍⚕️ naïve café — “quoted” … 5 µg/L ≤ 10 %",
    "   spaces \t and\nlines   ",
)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Sentences, and passages of the office of all lengths up to far beyond the model's limit."""
    source = (ROOT / "data/source/policies/incident-response-procedure.md").read_text(encoding="utf-8")
    return [*SENTENCES, *(source[start : start + 40 * number] for number, start in enumerate(range(0, 8000, 400), 1))]


@pytest.fixture(scope="module")
def reference(models: Path, texts: list[str]) -> NDArray[np.float32]:
    """The same texts by sentence-transformers in fp32, through the way of a folder that the user names."""
    named = load_embedder(models, locate(EMBEDDING), lambda _: None)
    assert named.sha256 == EMBEDDING.files["model.safetensors"]
    return named.embed(texts)


def test_int8_is_near_the_reference(embedder: Any, texts: list[str], reference: NDArray[np.float32]) -> None:
    cosines = (embedder.embed(texts) * reference).sum(axis=1)
    assert cosines.min() > 0.975, texts[int(cosines.argmin())]
    assert cosines.mean() > 0.99


def test_single_words_are_less_near_and_near_enough(models: Path, embedder: Any) -> None:
    """A word of three tokens has little to average over. Measured on these: .973 to .994."""
    words = ["ok", "backup", "vpn", "retention", "dpia", "passwords", "who signs?"]
    alone = np.concatenate([embedder.embed([word]) for word in words])
    named = load_embedder(models, locate(EMBEDDING), lambda _: None)
    assert (alone * named.embed(words)).sum(axis=1).min() > 0.965


def test_neighbours_rank_alike(embedder: Any, texts: list[str], reference: NDArray[np.float32]) -> None:
    """What retrieval sees: the nearest other text is the same one, or one that is as near within .05."""
    vectors = embedder.embed(texts)
    mine = vectors @ vectors.T - 2 * np.eye(len(texts))
    right = reference @ reference.T - 2 * np.eye(len(texts))
    rows = np.arange(len(texts))
    assert (right[rows, right.argmax(axis=1)] - right[rows, mine.argmax(axis=1)]).max() < 0.05


def test_vectors_have_length_one(embedder: Any, texts: list[str]) -> None:
    vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_order_and_company_change_little(embedder: Any, texts: list[str]) -> None:
    """Activations are quantised by batch, so that a text's company moves its vector a little; never its meaning."""
    together = embedder.embed(texts)
    backwards = embedder.embed(texts[::-1])[::-1]
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert (together * backwards).sum(axis=1).min() > 0.995
    assert (together * alone).sum(axis=1).min() > 0.98


def test_the_same_texts_give_the_same_vectors(embedder: Any) -> None:
    assert np.array_equal(embedder.embed(SENTENCES), embedder.embed(SENTENCES))


def test_a_question_is_nearer_to_its_answer_than_to_its_likeness(embedder: Any) -> None:
    """Which is what its own network is for: the packaged one prefers the sentence that is worded like it."""
    question = "How low does a grown-up's sugar have to be before we must ring?"
    answer = "The consultant is telephoned when the glucose of an adult is below 2.2 mmol/l."
    likeness = "How high does the sugar in a fruit have to be before it is ripe?"
    passages = embedder.embed([answer, likeness])

    def lead(vector: NDArray[np.float32]) -> float:
        right, wrong = (passages @ vector).tolist()
        return float(right - wrong)

    assert lead(embedder.embed_question(question)) > lead(embedder.embed([question])[0])


@pytest.mark.parametrize("question", [*SENTENCES, "", "x" * 3000])
def test_a_questions_vector_is_a_unit_in_the_passages_space(embedder: Any, question: str) -> None:
    vector = embedder.embed_question(question)
    assert vector.shape == embedder.embed(["a passage"])[0].shape
    assert vector.dtype == np.float32
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-5)
    assert np.array_equal(vector, embedder.embed_question(question))


def test_a_folder_has_one_network_for_questions_and_passages(models: Path) -> None:
    named = load_embedder(models, locate(EMBEDDING), lambda _: None)
    assert np.allclose(named.embed_question(SENTENCES[0]), named.embed(SENTENCES[:1])[0], atol=1e-5)


def test_odd_input(embedder: Any) -> None:
    assert embedder.embed([]).shape[0] == 0
    assert np.isfinite(embedder.embed(["", " ", "\n", "x" * 300, "\x00\x13", "\U000e0041"])).all()


def test_what_stands_beyond_the_limit_is_not_read_and_the_tokenizer_counts_it(embedder: Any) -> None:
    start = "one two three " * 200
    assert np.array_equal(embedder.embed([start]), embedder.embed([start + "something else entirely"]))
    assert len(embedder.tokenizer.offsets(start)) == 600
    assert max(len(row) for row in embedder.tokenizer.encode([start])) == MAX_TOKENS


def test_token_offsets_are_spans_of_the_text(embedder: Any, texts: list[str]) -> None:
    for text in texts:
        spans = embedder.tokenizer.offsets(text)
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert spans == sorted(spans)
    assert [("Ärzte 𝒜 b")[slice(*span)] for span in embedder.tokenizer.offsets("Ärzte 𝒜 b")][-1] == "b"


@pytest.mark.parametrize("content", [None, "{}"])
def test_a_folder_that_is_no_model_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "modules.json").write_text(content)
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_embedder(tmp_path / "models", tmp_path, lambda _: None)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_embedder(tmp_path / "models", tmp_path / "nowhere", lambda _: None)


def test_a_graphics_processor_takes_over_for_bulk_work(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch sees one, ingestion embeds on it; the model keeps its name and hash, since its vectors fit."""
    devices = []
    monkeypatch.setattr(export, "_GPU_NODES", (str(models),))  # a path that exists
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(export.platform, "system", lambda: "Linux")
    real = export.load
    monkeypatch.setattr(export, "load", lambda folder, device: devices.append(device) or real(folder))
    bulk = load_embedder(models, None, lambda _: None, bulk=True)
    few = load_embedder(models, None, lambda _: None)
    assert devices == ["cuda"]
    assert (bulk.name, bulk.sha256) == (few.name, few.sha256)
    assert (bulk.embed(SENTENCES[:2]) * few.embed(SENTENCES[:2])).sum(axis=1).min() > 0.975


def test_without_one_torch_is_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export.platform, "system", lambda: "Linux")
    monkeypatch.setattr(export, "_GPU_NODES", ("/nowhere/at/all",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("asked"))
    assert export.accelerator() is None
    monkeypatch.setattr(export, "_GPU_NODES", ("/",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # a card whose driver torch does not fit
    assert export.accelerator() is None
