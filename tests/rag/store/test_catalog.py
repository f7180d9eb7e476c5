"""The catalog keeps its promises: all of a file or nothing, exact offsets, deleted words gone, nothing lost."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IndexDamaged, StorageError, UsageError
from ingest.types import Chunk, Document, FileReport, FileStatus, Page
from rag.store.catalog import PAGE, Catalog
from tests.fakes import WordCountEmbedder
from tests.running import ROOT, without_privileges

EMBEDDER = WordCountEmbedder()
IN_OFFICE = "/office"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    yield catalog
    catalog.close()


def put(catalog: Catalog, path: str, *texts: str, root: str = IN_OFFICE, sha256: str = "", title: str = "") -> None:
    """Store a file with a page for each text; every word is a chunk."""
    pages = tuple(Page(path, number, text) for number, text in enumerate(texts, start=1))
    chunks = [
        Chunk(path, page.number, None, f"Section {page.number}", start, end, page.text[start:end])
        for page in pages
        for start, end in EMBEDDER.tokenizer.offsets(page.text)
    ]
    report = FileReport(path, root, sha256 or f"hash of {texts}", FileStatus.INDEXED, len(pages), chunks=len(chunks))
    catalog.put(report, Document(path, title or None, pages), chunks)
    embed(catalog)


def embed(catalog: Catalog) -> None:
    """Give every chunk that waits for its vector that of its text, headings left out."""
    while ids := [chunk for chunk, _ in catalog.without_vector(1000)]:
        stored = catalog.chunks(ids)
        catalog.set_vectors(ids, EMBEDDER.embed([stored[chunk].chunk.text for chunk in ids]))


def rows(catalog: Catalog, query: str) -> list[tuple]:  # type: ignore[type-arg]
    """What another program would read from the file."""
    with sqlite3.connect(catalog.path) as database:
        found = database.execute(query).fetchall()
    database.close()
    return found


def matching(catalog: Catalog, word: str) -> list[str]:
    """Texts of the chunks that the word index finds for a word."""
    ids = list(catalog.match(f'"{word}"', 100))
    return [stored.chunk.text for stored in catalog.chunks(ids).values()]


def consistent(catalog: Catalog) -> None:
    """FTS5 compares its index with the text itself; SQLite compares its own pages; the journal names real changes."""
    with sqlite3.connect(catalog.path) as database:
        database.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    database.close()
    assert catalog.problems() == []
    assert rows(catalog, "SELECT id FROM documents WHERE id NOT IN (SELECT document FROM files)") == []


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_comes_back_as_it_was_put(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha beta", "gamma", title="The Title")
    assert catalog.size() == 3
    report = catalog.known(IN_OFFICE)["a.pdf"]
    assert (report.status, report.pages, report.chunks) == (FileStatus.INDEXED, 2, 3)
    root, _, page = catalog.page("a.pdf", 2) or pytest.fail("no page")
    assert (root, page.text, page.number) == (IN_OFFICE, "gamma", 2)
    (stored,) = catalog.chunks(list(catalog.match('"beta"', 5))).values()
    assert (stored.chunk.path, stored.chunk.page, stored.chunk.section) == ("a.pdf", 1, "Section 1")
    assert stored.title == "The Title"
    consistent(catalog)


def test_replacing_a_file_leaves_nothing_of_the_old_one(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "old words stand here")
    put(catalog, "a.pdf", "new words")
    assert catalog.size() == 2
    assert matching(catalog, "old") == []
    assert len(catalog.reports()) == 1
    consistent(catalog)


def test_removing_a_file_removes_its_text(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha")
    put(catalog, "b.pdf", "beta")
    catalog.remove(IN_OFFICE, "a.pdf")
    catalog.remove(IN_OFFICE, "never-was.pdf")
    assert [report.path for report in catalog.reports()] == ["b.pdf"]
    assert matching(catalog, "alpha") == []
    assert catalog.page("a.pdf", 1) is None
    consistent(catalog)


def test_deleted_words_are_not_left_in_the_file(catalog: Catalog) -> None:
    """A whistleblower's name has to be gone from the disk, not only from the index."""
    put(catalog, "kept.pdf", "ordinary words")
    put(catalog, "secret.pdf", " ".join(f"Xanthippe{number}" for number in range(200)))
    catalog.remove(IN_OFFICE, "secret.pdf")
    catalog.compact()
    catalog.checkpoint()
    for path in catalog.path.parent.iterdir():
        assert b"xanthippe" not in path.read_bytes().lower(), path


def test_a_second_name_shares_the_text_and_outlives_the_first(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "shared words", sha256="same")
    same = catalog.holds("same", ".pdf") or pytest.fail("not found")
    catalog.note(FileReport("copy.pdf", IN_OFFICE, "same", FileStatus.INDEXED, 1, chunks=same.chunks))
    assert catalog.size() == 2
    assert (catalog.page("copy.pdf", 1) or pytest.fail("no page"))[2].text == "shared words"
    catalog.remove(IN_OFFICE, "a.pdf")
    (stored,) = catalog.chunks(list(catalog.match('"shared"', 5))).values()
    assert stored.chunk.path == "copy.pdf"
    catalog.remove(IN_OFFICE, "copy.pdf")
    assert catalog.size() == 0
    consistent(catalog)


def test_a_renamed_file_keeps_its_chunks(catalog: Catalog) -> None:
    put(catalog, "old.pdf", "the words", sha256="same")
    before = catalog.match('"words"', 5)
    catalog.note(FileReport("new.pdf", IN_OFFICE, "same", FileStatus.INDEXED, 1, chunks=2))
    catalog.remove(IN_OFFICE, "old.pdf")
    assert catalog.match('"words"', 5) == before
    consistent(catalog)


def test_noting_a_file_again_under_its_own_name_keeps_its_text(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "the words", sha256="same")
    catalog.note(FileReport("a.pdf", IN_OFFICE, "same", FileStatus.INDEXED, 1, chunks=2))
    assert catalog.size() == 2
    consistent(catalog)


def test_the_same_bytes_under_another_suffix_are_another_document(catalog: Catalog) -> None:
    put(catalog, "a.md", "words", sha256="same")
    assert catalog.holds("same", ".txt") is None
    put(catalog, "a.txt", "words", sha256="same")
    assert catalog.size() == 2


def test_a_file_that_turned_unreadable_loses_its_text(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "stale words")
    catalog.note(FileReport("a.pdf", IN_OFFICE, "other", FileStatus.DAMAGED, detail="broken"))
    assert catalog.size() == 0
    assert catalog.known(IN_OFFICE)["a.pdf"].status is FileStatus.DAMAGED
    consistent(catalog)


def test_the_same_path_below_two_roots_is_two_files(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha", root="/one")
    put(catalog, "a.pdf", "beta", root="/two")
    catalog.remove("/one", "a.pdf")
    assert [(report.root, report.path) for report in catalog.reports()] == [("/two", "a.pdf")]
    assert catalog.roots() == ["/one", "/two"]


def test_a_cut_in_the_middle_of_a_file_keeps_the_old_one_whole(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "old words")
    page = Page("a.pdf", 1, "new")
    chunks = [Chunk("a.pdf", number, None, "", 0, 3, "new") for number in (1, 2)]  # the second of no page
    with pytest.raises(KeyError):
        catalog.put(FileReport("a.pdf", IN_OFFICE, "x", FileStatus.INDEXED), Document("a.pdf", None, (page,)), chunks)
    assert matching(catalog, "old") == ["old"]
    consistent(catalog)


# --- words ------------------------------------------------------------------------------------------------------------


def test_abbreviations_come_with_a_document_and_go_with_it(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "The plan of action and milestones (POA&M) is due.", "A service level agreement (SLA).")
    put(catalog, "b.pdf", "POA&M: plan of action and milestones")
    milestones = ("POA&M", "plan of action and milestones")
    assert catalog.abbreviations(["poa&m"]) == [milestones]
    assert catalog.abbreviations(["Plan of Action and Milestones", "sla", "other"]) == [
        milestones,  # two documents say so
        ("SLA", "service level agreement"),
    ]
    catalog.remove(IN_OFFICE, "a.pdf")
    assert catalog.abbreviations(["poa&m", "sla"]) == [milestones]
    put(catalog, "b.pdf", "nothing")
    assert rows(catalog, "SELECT * FROM abbreviations") == []
    consistent(catalog)


def test_the_vocabulary_holds_stems_by_their_first_letter(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "incidents incident ID policies")
    assert catalog.vocabulary("i") == [("id", 1), ("incid", 2)]
    assert catalog.vocabulary("x") == []


# --- offsets ----------------------------------------------------------------------------------------------------------

# SQLite stores neither lone surrogates nor reads past a null character in substr(); no reader hands on either.
page_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


@given(page_texts, st.data())
def test_a_stored_chunk_is_its_pages_text_at_its_offsets(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    chunk = Chunk("a.txt", None, None, "", start, end, text[start:end])
    report = FileReport("a.txt", IN_OFFICE, "x", FileStatus.INDEXED, 1, chunks=1)
    with TemporaryDirectory() as folder, closing(Catalog(Path(folder) / "c.sqlite", create=True)) as catalog:
        catalog.put(report, Document("a.txt", None, (Page("a.txt", None, text),)), [chunk])
        ((number, embedded),) = catalog.without_vector(10)
        assert catalog.chunks([number])[number].chunk == chunk
        assert embedded == chunk.text
        found = catalog.page("a.txt", None)
        assert found is not None
        assert found[2].text == text


def test_letters_beyond_the_basic_plane_count_as_one(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "𝒜𝒷𝒸 👩‍⚕️ précis e\u0301t\u0301 end")
    text = (catalog.page("a.pdf", 1) or pytest.fail("no page"))[2].text
    for stored in catalog.chunks(catalog.owed()[0]).values():
        assert text[stored.chunk.start : stored.chunk.end] == stored.chunk.text


# --- words ------------------------------------------------------------------------------------------------------------


def test_scores_are_positive_and_rarer_words_weigh_more(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "common common common rare")
    scores = catalog.match('"common" OR "rare"', 10)
    texts = {stored.chunk.text: scores[number] for number, stored in catalog.chunks(list(scores)).items()}
    assert texts["rare"] > texts["common"] >= 0


def test_limits_and_filters(catalog: Catalog) -> None:
    put(catalog, "a/x.pdf", "word word")
    put(catalog, "b/y.pdf", "word")
    assert len(catalog.match('"word"', 2)) == 2
    documents = {file.path: file.document for file in catalog.stored_files()}
    only = {chunk for chunk, _ in catalog.sections_of({documents["b/y.pdf"]})}
    assert len(only) == 1
    assert set(catalog.match('"word"', 10, only)) == only
    assert catalog.sections_of(set()) == []
    assert catalog.match_among('"word"', sorted(only)).keys() == only
    assert catalog.match_among("", [1]) == catalog.match_among('"word"', []) == {}
    assert catalog.document_frequency(['"word"', '"none"']) == {'"word"': 3, '"none"': 0}


def test_more_ids_than_fit_into_one_query(catalog: Catalog) -> None:
    put(catalog, "a.pdf", " ".join(f"w{number}" for number in range(1200)))
    ids = sorted(catalog.owed()[0])
    assert list(catalog.chunks(ids)) == list(catalog.vectors(ids)) == ids


# --- the journal ------------------------------------------------------------------------------------------------------


def test_the_journal_owes_what_changed_and_nothing_else(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha beta")
    added, gone = catalog.owed()
    assert (len(added), gone) == (2, [])
    catalog.settle(added)
    assert catalog.owed() == ([], [])
    catalog.remove(IN_OFFICE, "a.pdf")
    assert catalog.owed() == ([], added)
    catalog.settle(added)
    put(catalog, "b.pdf", "gamma")
    assert not set(catalog.owed()[0]) & set(added), "ids are never used twice"
    catalog.settle(catalog.owed()[0])
    catalog.owe_everything()
    assert len(catalog.owed()[0]) == catalog.size() == 1


def test_vectors_keep_their_direction(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha beta gamma")
    ids = catalog.owed()[0]
    held = np.stack([catalog.vectors(ids)[number] for number in ids])
    assert ((held * EMBEDDER.embed(["alpha", "beta", "gamma"])).sum(axis=1) > 0.999).all()


# --- bad disks and bad files ------------------------------------------------------------------------------------------


def test_identity_survives(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c.sqlite", create=True)
    assert catalog.identity() == {}
    catalog.set_identity({"embedding_model": "one"})
    catalog.set_identity({"embedding_model": "two", "chunker": "1"})
    catalog.close()
    catalog = Catalog(tmp_path / "c.sqlite")
    assert catalog.identity() == {"embedding_model": "two", "chunker": "1"}
    catalog.close()


def test_another_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c.sqlite", create=True)
    catalog.set_identity({"format": "99"})
    catalog.close()
    with pytest.raises(UsageError, match="--rebuild"):
        Catalog(tmp_path / "c.sqlite")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\x00" * 2000])
def test_a_file_that_is_no_catalog_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.sqlite").write_bytes(content)
    with pytest.raises(IndexDamaged, match="The documents themselves are untouched"):
        Catalog(tmp_path / "c.sqlite")


def test_an_empty_file_is_damaged_and_not_a_new_catalog(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").touch()
    with pytest.raises(IndexDamaged):
        Catalog(tmp_path / "c.sqlite")


def test_a_catalog_cut_to_half_is_damaged(catalog: Catalog) -> None:
    for number in range(30):
        put(catalog, f"{number}.pdf", " ".join(f"word{number}x{other}" for other in range(60)))
    catalog.close()
    data = catalog.path.read_bytes()
    catalog.path.write_bytes(data[: len(data) // 2])

    def read_all() -> None:
        half = Catalog(catalog.path)
        half.reports()
        half.chunks(list(range(2000)))

    with pytest.raises(IndexDamaged, match="damaged"):
        read_all()


def test_overwritten_pages_are_found_by_problems(catalog: Catalog) -> None:
    for number in range(30):
        put(catalog, f"{number}.pdf", " ".join(f"word{number}x{other}" for other in range(60)))
    catalog.close()
    data = bytearray(catalog.path.read_bytes())
    data[10 * PAGE : 12 * PAGE] = bytes(2 * PAGE)
    catalog.path.write_bytes(data)
    try:
        found = Catalog(catalog.path).problems()
    except IndexDamaged as error:
        found = [str(error)]
    assert found
    assert "rag verify --repair" in found[0]


def test_a_full_disk_is_said_and_what_was_there_is_kept(catalog: Catalog) -> None:
    put(catalog, "kept.pdf", "alpha beta")
    catalog._db.execute(f"PRAGMA max_page_count = {catalog._db.execute('PRAGMA page_count').fetchone()[0] + 2}")
    with pytest.raises(StorageError, match="free some space"):
        put(catalog, "large.pdf", *[f"word{number} " * 2000 for number in range(20)])
    assert [report.path for report in catalog.reports()] == ["kept.pdf"]
    assert matching(catalog, "alpha") == ["alpha"]
    consistent(catalog)
    put(catalog, "small.pdf", "gamma")  # and the catalog is of use again
    assert matching(catalog, "gamma") == ["gamma"]


CHILD = """
import resource, signal, sys
from pathlib import Path
from tests.rag.store.test_catalog import Catalog, put
from ingest.errors import StorageError
catalog = Catalog(Path(sys.argv[1]), create=True)
put(catalog, "kept.pdf", "alpha beta")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    put(catalog, "large.pdf", *[f"word{number} " * 2000 for number in range(20)])
except StorageError as error:
    print("told:", error)
print([report.path for report in catalog.reports()])
"""


def test_a_disk_that_refuses_to_grow_a_file_loses_nothing(tmp_path: Path) -> None:
    """The kernel's own refusal, as a full disk or a quota gives it, in the middle of the write-ahead log."""
    path = tmp_path / "catalog.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "told:" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "['kept.pdf']"
    catalog = Catalog(path)
    assert [report.path for report in catalog.reports()] == ["kept.pdf"]
    consistent(catalog)
    catalog.close()


KILLED = """
import os, sys
from pathlib import Path
from tests.rag.store.test_catalog import Catalog, put
catalog = Catalog(Path(sys.argv[1]), create=True)
put(catalog, "kept.pdf", "alpha beta")
insert = catalog._insert_file
catalog._insert_file = lambda *arguments: os.kill(os.getpid(), 9)
put(catalog, "half.pdf", *["many words " * 2000] * 20)
"""


def test_a_process_killed_in_the_middle_of_a_file_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == -9, done.stderr
    catalog = Catalog(path)
    assert [report.path for report in catalog.reports()] == ["kept.pdf"]
    assert catalog.size() == 2
    consistent(catalog)
    catalog.close()


READER = """
import sys
from pathlib import Path
from rag.store.catalog import PAGE, Catalog
from ingest.errors import StorageError
try:
    catalog = Catalog(Path(sys.argv[1]))
    print(len(catalog.reports()))
    catalog.set_identity({"a": "b"})
except StorageError as error:
    print("told:", error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="rights are given up the way Linux has it")
def test_a_home_that_cannot_be_written_is_said(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha")
    catalog.close()
    folder = catalog.path.parent
    catalog.path.chmod(0o400)
    folder.chmod(0o500)
    try:
        done = subprocess.run(
            [sys.executable, "-c", READER, str(catalog.path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            preexec_fn=without_privileges,
        )
    finally:
        folder.chmod(0o700)
    assert "told:" in done.stdout, done.stderr
    assert "check its permissions" in done.stdout


def test_a_reader_sees_the_last_commit_while_a_writer_writes(catalog: Catalog) -> None:
    put(catalog, "a.pdf", "alpha")
    reader = Catalog(catalog.path)
    with catalog._write():
        catalog._forget_file(IN_OFFICE, "a.pdf")
        assert matching(reader, "alpha") == ["alpha"]
    assert matching(reader, "alpha") == []
    reader.close()
