"""The real Chroma over a catalog: it is caught up after any cut, and never believed where it disagrees."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import IndexDamaged
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex, catch_up, discard, open_index, problems, rebuild
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import IN_OFFICE, put

EMBEDDER = WordCountEmbedder()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    catalog.set_identity({"embedding_model": "word counts"})
    put(catalog, "a.pdf", "alpha beta gamma delta")
    yield catalog
    catalog.close()


def nearest(catalog: Catalog, index: VectorIndex, word: str, limit: int = 1) -> list[str]:
    """Texts of the chunks nearest to a word."""
    found = catalog.chunks(list(index.nearest(EMBEDDER.embed([word])[0], limit)))
    return [stored.chunk.text for stored in found.values()]


def caught_up(catalog: Catalog) -> VectorIndex:
    index = VectorIndex(catalog.path.parent)
    catch_up(catalog, index)
    return index


def test_the_nearest_chunk_is_found_with_its_cosine(catalog: Catalog) -> None:
    index = caught_up(catalog)
    (cosine,) = index.nearest(EMBEDDER.embed(["beta"])[0], 1).values()
    assert nearest(catalog, index, "beta") == ["beta"]
    assert cosine == pytest.approx(1.0, abs=1e-3)
    assert len(index.nearest(EMBEDDER.embed(["beta"])[0], 100)) == 4


def test_a_filter_is_kept(catalog: Catalog) -> None:
    put(catalog, "b.pdf", "beta epsilon")
    index = caught_up(catalog)
    only = catalog.ids_below("b.pdf")
    assert set(index.nearest(EMBEDDER.embed(["alpha"])[0], 10, only)) == only
    assert index.nearest(EMBEDDER.embed(["alpha"])[0], 10, set()) == {}


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    assert VectorIndex(tmp_path).nearest(EMBEDDER.embed(["x"])[0], 10) == {}


def test_removed_chunks_are_found_no_more(catalog: Catalog) -> None:
    caught_up(catalog)
    put(catalog, "b.pdf", "epsilon")
    catalog.remove(IN_OFFICE, "a.pdf")
    index = caught_up(catalog)
    assert index.count() == catalog.size() == 1
    assert nearest(catalog, index, "beta", 10) == ["epsilon"]
    open_index(catalog, catalog.path.parent)


def test_catching_up_again_after_a_cut_changes_nothing(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies when Chroma has the vectors and the journal does not know it yet."""
    index = VectorIndex(catalog.path.parent)

    def die(ids: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            catch_up(catalog, index)
    assert index.count() == 4
    assert len(catalog.owed()[0]) == 4
    open_index(catalog, catalog.path.parent)  # no damage: the journal says that work is left
    told: list[int] = []
    catch_up(catalog, index, told.append)
    assert (index.count(), sum(told), catalog.owed()) == (4, 4, ([], []))
    assert nearest(catalog, index, "gamma") == ["gamma"]


def test_chunks_that_went_before_they_came_are_no_error(catalog: Catalog) -> None:
    catalog.remove(IN_OFFICE, "a.pdf")  # never told of, and gone already
    assert caught_up(catalog).count() == 0


def test_another_number_of_vectors_is_damage(catalog: Catalog) -> None:
    index = caught_up(catalog)
    index.remove(sorted(catalog.ids_below("*"))[:1])
    with pytest.raises(IndexDamaged, match="holds 3 vectors, the catalog 4; run `rag verify --repair`"):
        open_index(catalog, catalog.path.parent)
    assert problems(catalog, catalog.path.parent)


def test_an_index_of_another_catalog_is_damage(catalog: Catalog) -> None:
    caught_up(catalog)
    catalog.set_identity({"embedding_model": "another"})
    with pytest.raises(IndexDamaged, match="not built from the catalog beside it"):
        open_index(catalog, catalog.path.parent)


def test_an_index_that_is_gone_is_damage_and_is_built_again(catalog: Catalog) -> None:
    folder = catalog.path.parent
    caught_up(catalog).close()
    shutil.rmtree(folder / "chroma")
    assert "holds 0 vectors, the catalog 4" in problems(catalog, folder)[0]
    rebuild(catalog, folder)
    assert problems(catalog, folder) == []
    assert nearest(catalog, open_index(catalog, folder), "delta") == ["delta"]


def test_rebuilding_mends_every_disagreement(catalog: Catalog) -> None:
    folder = catalog.path.parent
    index = caught_up(catalog)
    index.add([999], EMBEDDER.embed(["stray"]))
    index.remove(sorted(catalog.ids_below("*"))[:2])
    index.close()
    assert problems(catalog, folder)
    rebuild(catalog, folder)
    assert problems(catalog, folder) == []
    mended = open_index(catalog, folder)
    assert [nearest(catalog, mended, word) for word in ("alpha", "delta")] == [["alpha"], ["delta"]]


def test_an_index_that_chroma_cannot_read_is_built_again(catalog: Catalog) -> None:
    folder = catalog.path.parent
    caught_up(catalog).close()
    (folder / "chroma" / "chroma.sqlite3").write_bytes(b"no database" * 500)
    assert "run `rag verify --repair`" in problems(catalog, folder)[0]
    rebuild(catalog, folder)
    assert nearest(catalog, open_index(catalog, folder), "delta") == ["delta"]


def test_deleted_words_leave_both_stores(catalog: Catalog) -> None:
    put(catalog, "secret.pdf", " ".join(f"Xanthippe{number}" for number in range(200)))
    caught_up(catalog)
    catalog.remove(IN_OFFICE, "secret.pdf")
    caught_up(catalog)
    for path in catalog.path.parent.rglob("*"):
        assert not path.is_file() or b"xanthippe" not in path.read_bytes().lower(), path


def test_a_broken_folder_is_damage(tmp_path: Path) -> None:
    (tmp_path / "chroma").mkdir()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"no database" * 500)
    with pytest.raises(IndexDamaged, match="rag verify --repair"):
        VectorIndex(tmp_path)


def test_no_text_reaches_chroma(catalog: Catalog) -> None:
    caught_up(catalog)
    for path in (catalog.path.parent / "chroma").rglob("*"):
        assert not path.is_file() or b"gamma" not in path.read_bytes()


def test_discarding_leaves_nothing(catalog: Catalog) -> None:
    caught_up(catalog)
    folder = catalog.path.parent
    catalog.close()
    discard(folder)
    assert list(folder.iterdir()) == []


def test_near_neighbours_are_the_exact_ones(tmp_path: Path) -> None:
    """Recall@20 of the approximate index against all cosines, on a few thousand vectors of little structure."""
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(3000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = VectorIndex(tmp_path)
    index.add(range(3000), vectors)
    right = 0
    for query in vectors[:40] + 0.3 * vectors[40:80]:
        exact = set(np.argsort(-(vectors @ query))[:20].tolist())
        right += len(exact & set(index.nearest(query, 20)))
    assert right / 800 > 0.98
