"""The real Chroma over a catalog: it is told of every change after any cut, and never believed where it disagrees."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import IndexDamaged
from rag.retrieve import by_meaning, nearest
from rag.store.catalog import Catalog
from rag.store.vectors import (
    COARSE,
    DIRECTIONS,
    FOLDER,
    HNSW,
    NAME,
    Coarse,
    VectorIndex,
    canaries,
    disagreement,
    discard,
    hears,
    rebuild,
    update,
)
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import IN_OFFICE, put

EMBEDDER = WordCountEmbedder()


def everything(catalog: Catalog) -> list[int]:
    """Ids of all chunks."""
    return [chunk for ids, _ in catalog.all_vectors() for chunk in ids.tolist()]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    put(catalog, "a.pdf", "alpha beta gamma delta")
    yield catalog
    catalog.close()


def found(catalog: Catalog, word: str, limit: int = 1) -> list[str]:
    """Texts of the chunks nearest to a word, as the index names them."""
    with closing(VectorIndex(catalog.path.parent)) as index:
        scores = by_meaning(catalog, index, EMBEDDER.embed([word])[0], limit)
    stored = catalog.chunks(list(scores))
    return [stored[chunk].chunk.text for chunk in scores]


def updated(catalog: Catalog) -> Path:
    """The folder of the catalog, its index told of everything."""
    update(catalog, catalog.path.parent)
    return catalog.path.parent


def test_chromas_own_client_opens_the_store_and_finds_the_same(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, "b.pdf", "epsilon zeta eta theta")
    folder = updated(catalog)
    with closing(VectorIndex(folder)) as index:
        vector = EMBEDDER.embed(["zeta"])[0]
        ours = index.candidates(vector, 2)
        coarse = index.coarse.of(vector[None, :])
    program = f"""
import chromadb, json, sys
client = chromadb.PersistentClient({str(folder / FOLDER)!r}, settings=chromadb.Settings(anonymized_telemetry=False))
(one,) = client.list_collections()
found = one.query(query_embeddings=json.loads(sys.argv[1]), n_results=2)
print(json.dumps([one.name, one.configuration["hnsw"], found["ids"][0], found["distances"][0]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(coarse.tolist())], capture_output=True, text=True, check=True
    )
    name, how, ids, distances = json.loads(done.stdout.splitlines()[-1])
    assert name == NAME
    assert how.items() >= HNSW.items()
    assert [int(chunk) for chunk in ids] == list(ours)
    assert [1 - distance for distance in distances] == pytest.approx(list(ours.values()))


def count(folder: Path) -> int:
    with closing(VectorIndex(folder)) as index:
        return index.count()


def test_the_nearest_chunk_is_found_with_its_cosine(catalog: Catalog) -> None:
    folder = updated(catalog)
    vector = EMBEDDER.embed(["beta"])[0]
    with closing(VectorIndex(folder)) as index:
        ((chunk, cosine),) = by_meaning(catalog, index, vector, 1).items()
        assert catalog.chunks([chunk])[chunk].chunk.text == "beta"
        assert cosine == pytest.approx(1.0, abs=1e-3)
        assert len(index.candidates(vector, 100)) == 4
        assert all(-1.001 <= near <= 1.001 for near in index.candidates(vector, 100).values())


def test_an_empty_catalog_has_an_index_that_finds_nothing(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as catalog:
        update(catalog, tmp_path)
        with closing(VectorIndex(tmp_path)) as index:
            assert index.candidates(EMBEDDER.embed(["x"])[0], 10) == {}
        assert disagreement(catalog, tmp_path) == ""
        assert canaries(catalog, tmp_path) == []


def test_an_index_that_began_empty_takes_vectors(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as catalog:
        update(catalog, tmp_path)
        put(catalog, "a.pdf", "alpha beta")
        update(catalog, tmp_path)
        assert found(catalog, "beta") == ["beta"]


def test_removed_chunks_are_found_no_more(catalog: Catalog) -> None:
    updated(catalog)
    put(catalog, "b.pdf", "epsilon")
    catalog.remove(IN_OFFICE, "a.pdf")
    folder = updated(catalog)
    assert count(folder) == catalog.size() == 1
    assert found(catalog, "beta", 10) == ["epsilon"]
    assert disagreement(catalog, folder) == ""


def test_updating_again_after_a_cut_changes_nothing(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies when Chroma has the vectors and the journal does not know it yet."""
    folder = catalog.path.parent

    def die(ids: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            update(catalog, folder)
    assert count(folder) == 4
    assert len(catalog.owed()[0]) == 4
    told: list[int] = []
    update(catalog, folder, told.append)
    assert (count(folder), sum(told), catalog.owed()) == (4, 4, ([], []))
    assert found(catalog, "gamma") == ["gamma"]
    assert disagreement(catalog, folder) == ""


def test_chunks_that_went_before_they_came_are_no_error(catalog: Catalog) -> None:
    put(catalog, "b.pdf", "epsilon")
    updated(catalog)
    put(catalog, "c.pdf", "zeta")
    catalog.remove(IN_OFFICE, "c.pdf")  # never told of, and gone already
    assert count(updated(catalog)) == 5


def test_another_number_of_vectors_is_a_disagreement(catalog: Catalog) -> None:
    folder = updated(catalog)
    with closing(VectorIndex(folder)) as index:
        index.remove(sorted(everything(catalog))[:1])
    assert disagreement(catalog, folder) == "it holds 3 vectors, the catalog 4"


def test_another_vector_is_a_disagreement(catalog: Catalog) -> None:
    folder = updated(catalog)
    with closing(VectorIndex(folder)) as index:
        index.add(sorted(everything(catalog))[:1], EMBEDDER.embed(["something else"]))
    assert disagreement(catalog, folder) == "1 of its vectors are not the catalog's"


def test_an_index_that_is_gone_is_a_disagreement_and_is_built_again(catalog: Catalog) -> None:
    folder = updated(catalog)
    shutil.rmtree(folder / FOLDER)
    assert disagreement(catalog, folder) == "it holds 0 vectors, the catalog 4"
    rebuild(catalog, folder)
    assert disagreement(catalog, folder) == ""
    assert found(catalog, "delta") == ["delta"]


def test_rebuilding_mends_every_disagreement(catalog: Catalog) -> None:
    folder = updated(catalog)
    with closing(VectorIndex(folder)) as index:
        index.add([999], EMBEDDER.embed(["stray"]))
        index.remove(sorted(everything(catalog))[:2])
    assert disagreement(catalog, folder)
    rebuild(catalog, folder)
    assert disagreement(catalog, folder) == ""
    assert [found(catalog, word) for word in ("alpha", "delta")] == [["alpha"], ["delta"]]


@pytest.mark.parametrize("name", [f"{FOLDER}/chroma.sqlite3", COARSE])
def test_an_index_that_cannot_be_read_is_built_again(catalog: Catalog, name: str) -> None:
    folder = updated(catalog)
    (folder / name).write_bytes(b"no database" * 500)
    with pytest.raises(IndexDamaged, match="run `rag verify --repair`"):
        VectorIndex(folder)
    rebuild(catalog, folder)
    assert found(catalog, "delta") == ["delta"]


def test_deleted_words_leave_both_stores(catalog: Catalog) -> None:
    put(catalog, "secret.pdf", " ".join(f"Xanthippe{number}" for number in range(200)))
    updated(catalog)
    catalog.remove(IN_OFFICE, "secret.pdf")
    updated(catalog)
    catalog.compact()
    catalog.checkpoint()
    for path in catalog.path.parent.rglob("*"):
        assert not path.is_file() or b"xanthippe" not in path.read_bytes().lower(), path


def test_no_text_reaches_chroma(catalog: Catalog) -> None:
    for path in (updated(catalog) / FOLDER).rglob("*"):
        assert not path.is_file() or b"gamma" not in path.read_bytes()


def test_discarding_leaves_nothing(catalog: Catalog) -> None:
    folder = updated(catalog)
    catalog.close()
    discard(folder)
    discard(folder)
    assert [path.name for path in folder.iterdir()] == ["catalog.sqlite"]


# --- coarse vectors and canaries --------------------------------------------------------------------------------------


def random_vectors(number: int, dim: int, strong: int) -> np.ndarray:
    """Unit rows `(number, dim)` that differ in `strong` directions and a little in all."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(number, strong)) @ random.normal(size=(strong, dim))
    vectors += random.normal(size=(number, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def with_vectors(folder: Path, vectors: np.ndarray) -> Catalog:
    """A catalog whose chunks have these vectors, and its index."""
    catalog = Catalog(folder / "catalog.sqlite", create=True)
    put(catalog, "a.pdf", " ".join(f"w{number}" for number in range(len(vectors))))
    ids = sorted(everything(catalog))
    catalog.set_vectors(ids, vectors)
    update(catalog, folder)
    return catalog


def test_near_neighbours_are_the_exact_ones(tmp_path: Path) -> None:
    """Recall@20 through coarse vectors and the approximate index, against all cosines."""
    vectors = random_vectors(3000, 96, 40)
    catalog = with_vectors(tmp_path, vectors)
    with closing(catalog), closing(VectorIndex(tmp_path)) as index:
        right = 0
        for query in vectors[:40] + 0.3 * vectors[40:80]:
            unit = query / np.linalg.norm(query)
            right += len(nearest(catalog, unit, 20).keys() & by_meaning(catalog, index, unit, 20).keys())
    assert right / 800 > 0.98


def test_directions_are_chosen_anew_when_the_collection_has_doubled(catalog: Catalog) -> None:
    folder = updated(catalog)
    first = (folder / COARSE).read_bytes()
    put(catalog, "b.pdf", "epsilon")
    assert (updated(catalog) / COARSE).read_bytes() == first
    put(catalog, "c.pdf", "zeta eta theta")
    assert (updated(catalog) / COARSE).read_bytes() != first
    assert disagreement(catalog, folder) == ""


def test_coarse_vectors_are_unit_rows_of_few_directions() -> None:
    vectors = random_vectors(50, 96, 10)
    directions = np.linalg.qr(np.random.default_rng(1).normal(size=(96, DIRECTIONS)))[0].astype(np.float32)
    coarse = Coarse(directions, 50).of(vectors)
    assert coarse.shape == (50, DIRECTIONS)
    assert np.allclose(np.linalg.norm(coarse, axis=1), 1, atol=1e-5)


def test_canaries_are_heard_by_a_sound_index(tmp_path: Path) -> None:
    with closing(with_vectors(tmp_path, random_vectors(400, 96, 40))) as catalog:
        birds = canaries(catalog, tmp_path)
        assert len({bird.chunk for bird in birds}) == 5
        with closing(VectorIndex(tmp_path)) as index:
            assert all(hears(catalog, index, bird) for bird in birds)


def test_canaries_are_not_heard_where_vectors_are_lost(tmp_path: Path) -> None:
    with closing(with_vectors(tmp_path, random_vectors(400, 96, 40))) as catalog:
        birds = canaries(catalog, tmp_path)
        ids = sorted(everything(catalog))
        with closing(VectorIndex(tmp_path)) as index:
            index.remove(ids[::2])
            assert not any(hears(catalog, index, bird) for bird in birds)
            index.remove(ids[1::2])
            assert not any(hears(catalog, index, bird) for bird in birds)


def test_a_canary_whose_chunk_is_gone_is_not_heard(catalog: Catalog) -> None:
    folder = updated(catalog)
    birds = canaries(catalog, folder)
    put(catalog, "b.pdf", "epsilon")
    catalog.remove(IN_OFFICE, "a.pdf")
    with closing(VectorIndex(folder)) as index:
        assert not any(hears(catalog, index, bird) for bird in birds)
