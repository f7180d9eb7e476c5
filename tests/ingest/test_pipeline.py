"""The index becomes equal to the folder, whatever happened to the folder, and one bad file never stops a run."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest import pipeline, work
from ingest.errors import NothingFound, UsageError
from ingest.pipeline import Reading, ingest, totals
from ingest.types import Chunk, Document, FileReport, SourceFile
from rag.store.catalog import Catalog
from tests.fakes import Diary, Inline, WordCountEmbedder

TEXT = "Whoever notices an incident must tell the Service Desk within 30 minutes.\n"


class House:
    """A folder, a catalog, and a fake embedder that counts its work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "docs"
        self.folder.mkdir()
        self.catalog = Catalog(folder / "catalog.sqlite", create=True)
        self.embedder = WordCountEmbedder()
        self.diary = Diary()

    def write(self, name: str, content: str | bytes = TEXT) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *roots: Path) -> dict[str, str]:
        """Statuses by path."""
        self.reports = ingest(roots or [self.folder], self.catalog, self.embedder, Reading(Inline()), self.diary)
        return {report.path: str(report.status) for report in self.reports}

    def report(self, path: str) -> FileReport:
        return next(report for report in self.reports if report.path == path)

    def found(self, word: str) -> set[str]:
        """Files in which the word index finds a word."""
        ids = list(self.catalog.match(f'"{word}"', 100))
        return {stored.chunk.path for stored in self.catalog.chunks(ids).values()}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.catalog.close()


def test_new_files_go_in(house: House) -> None:
    house.write("a.txt")
    house.write("deep/er/b.md", "# Title\n\nLaptops are encrypted.\n")
    house.write("c.jsonl", '{"id": "R-1", "text": "Tapes are kept."}\n{"id": "R-2", "text": "Badges are worn."}\n')
    assert house.run() == {"a.txt": "indexed", "deep/er/b.md": "indexed", "c.jsonl": "indexed"}
    assert house.found("laptops") == {"deep/er/b.md"}
    assert house.diary.chunks == house.catalog.size() == totals(house.reports)["chunks"]
    assert house.diary.read == ["a.txt", "c.jsonl", "deep/er/b.md"]
    assert [report.path for report in house.diary.done] == house.diary.read


def test_unchanged_files_are_neither_read_nor_embedded_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house.write("a.txt")
    house.run()
    house.embedder.texts.clear()
    os.utime(path, (1, 1))  # another time of change, the same bytes

    def read(source: SourceFile, passwords: Sequence[str]) -> None:
        pytest.fail("it was read again")

    monkeypatch.setattr(work, "read", read)
    assert house.run() == {"a.txt": "unchanged"}
    assert house.embedder.texts == []
    assert house.catalog.known(str(house.folder))["a.txt"].status == "indexed"
    assert totals(house.reports)["chunks"] == 1


def test_changed_files_are_replaced_even_with_the_same_length_and_time(house: House) -> None:
    path = house.write("a.txt", "old words here\n")
    time = path.stat().st_mtime_ns
    house.run()
    house.write("a.txt", "new words here\n")
    os.utime(path, ns=(time, time))
    assert house.run() == {"a.txt": "indexed"}
    assert (house.found("old"), house.found("new")) == (set(), {"a.txt"})


def test_vanished_files_go_out_and_say_so(house: House) -> None:
    house.write("a.txt", "alpha\n")
    house.write("b.txt", "beta\n")
    house.run()
    (house.folder / "a.txt").unlink()
    assert house.run() == {"b.txt": "unchanged", "a.txt": "removed"}
    assert house.found("alpha") == set()
    assert house.run() == {"b.txt": "unchanged"}
    assert totals(house.reports)["files"] == 1


def test_a_renamed_file_is_not_embedded_again(house: House) -> None:
    path = house.write("old.txt")
    house.run()
    house.embedder.texts.clear()
    path.rename(house.folder / "new.txt")
    assert house.run() == {"new.txt": "indexed", "old.txt": "removed"}
    assert house.embedder.texts == []
    assert house.found("incident") == {"new.txt"}


def test_the_same_text_twice_is_stored_once_and_found_as_long_as_one_is_there(house: House) -> None:
    house.write("a.txt")
    house.write("copy/a.txt")
    assert set(house.run().values()) == {"indexed"}
    assert "same content as a.txt" in house.report("copy/a.txt").detail
    assert house.catalog.size() == 1
    (house.folder / "a.txt").unlink()
    house.run()
    assert house.found("incident") == {"copy/a.txt"}


def test_a_copys_note_names_its_twin_once(house: House) -> None:
    """The note must not grow by one with every copy of a copy."""
    for name in "abcd":
        house.write(f"{name}.txt")
    house.run()
    assert house.report("d.txt").detail == "same content as a.txt"


def test_one_bad_file_never_stops_the_run(house: House) -> None:
    house.write("a.txt", "alpha\n")
    house.write("bad.pdf", b"%PDF-1.7\nnothing that a reader could follow")
    house.write("binary.txt", bytes(range(256)) * 40)
    house.write("empty.txt", b"")
    house.write("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
    house.write("z.txt", "omega\n")
    assert house.run() == {
        "a.txt": "indexed",
        "bad.pdf": "damaged",
        "binary.txt": "unsupported",
        "empty.txt": "empty",
        "picture.png": "unsupported",
        "z.txt": "indexed",
    }
    assert all(house.report(name).detail for name in ("bad.pdf", "binary.txt", "empty.txt", "picture.png"))


def test_text_that_no_database_can_hold_stops_nothing(house: House) -> None:
    """JSON can write half a surrogate pair and a null character."""
    house.write("a.jsonl", '{"id": "R-1", "text": "half \\ud800 a pair"}\n')
    house.write("b.jsonl", '{"id": "R-\\udfff", "text": "an odd id"}\n')
    house.write("c.jsonl", '{"id": "R-1", "text": "a null \\u0000 inside", "title": "and \\ud800 here"}\n')
    house.write("z.txt", "omega\n")
    assert house.run() == {"a.jsonl": "indexed", "b.jsonl": "damaged", "c.jsonl": "damaged", "z.txt": "indexed"}
    for stored in house.catalog.chunks(house.catalog.owed()[0]).values():
        found = house.catalog.page(stored.chunk.path, None, stored.chunk.record)
        assert found is not None
        assert found[2].text[stored.chunk.start : stored.chunk.end] == stored.chunk.text


def test_a_name_that_is_no_text_is_said_and_stops_nothing(house: House) -> None:
    """Names are bytes on Linux: an old archive may hold "Prüfung.txt" in Latin-1."""
    try:
        (Path(os.fsdecode(os.fsencode(house.folder) + b"/Pr\xfcfung.txt"))).write_text(TEXT)
        Path(os.fsdecode(os.fsencode(house.folder) + b"/l\xefnk.txt")).symlink_to("/nowhere")
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    house.write("z.txt", "omega\n")
    assert house.run() == house.run() | {"z.txt": "indexed"}
    assert house.report("Pr\\udcfcfung.txt").status == "failed"
    assert "rename it" in house.report("Pr\\udcfcfung.txt").detail


def test_what_cannot_be_read_is_said_every_time(house: House) -> None:
    house.write("bad.pdf", b"%PDF-1.7\nnothing")
    assert house.run() == house.run() == {"bad.pdf": "damaged"}
    assert house.report("bad.pdf").detail


def test_a_file_that_turned_bad_loses_its_old_text(house: House) -> None:
    house.write("a.txt", "alpha\n")
    house.run()
    house.write("a.txt", bytes(range(256)) * 40)
    assert house.run() == {"a.txt": "unsupported"}
    assert house.found("alpha") == set()


def test_a_file_that_changes_while_it_is_read_fails_and_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("a.txt", "first\n")
    read = work.read

    def read_slowly(source: SourceFile, passwords: Sequence[str]) -> Document:
        document = read(source, passwords)
        house.write("a.txt", "second\n")
        return document

    with monkeypatch.context() as patch:
        patch.setattr(work, "read", read_slowly)
        assert house.run() == {"a.txt": "failed"}
    assert "changed while it was read" in house.report("a.txt").detail
    assert house.catalog.size() == 0
    assert house.run() == {"a.txt": "indexed"}


def test_a_file_that_is_gone_between_the_walk_and_the_reading_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = house.write("a.txt")
    house.write("b.txt", "other\n")
    monkeypatch.setattr(Diary, "found", lambda self, files, size: path.unlink())
    assert house.run() == {"a.txt": "failed", "b.txt": "indexed"}


def test_failed_files_are_tried_again_though_their_bytes_are_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("a.txt")

    def fail(source: SourceFile, passwords: Sequence[str]) -> None:
        raise pipeline.ReadError(pipeline.FileStatus.FAILED, "took too long")

    with monkeypatch.context() as patch:
        patch.setattr(work, "read", fail)
        assert house.run() == {"a.txt": "failed"}
    assert house.run() == {"a.txt": "indexed"}


def test_a_missing_or_empty_root_changes_nothing(house: House) -> None:
    path = house.write("a.txt", "alpha\n")
    house.run()
    with pytest.raises(UsageError, match="Nothing was changed"):
        house.run(house.folder, house.folder.parent / "not-mounted")
    path.unlink()
    with pytest.raises(NothingFound, match="Nothing was changed"):
        house.run()
    assert house.found("alpha") == {"a.txt"}


def test_each_root_is_its_own(house: House, tmp_path: Path) -> None:
    house.write("a.txt", "alpha\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("omega\n")
    house.run()
    assert house.run(other) == {"a.txt": "indexed"}
    assert (house.found("alpha"), house.found("omega")) == ({"a.txt"}, {"a.txt"})
    assert len(house.catalog.reports()) == 2


def test_a_lone_file_is_a_root(house: House) -> None:
    path = house.write("a.txt")
    assert house.run(path) == {"a.txt": "indexed"}
    assert house.run(path) == {"a.txt": "unchanged"}


def test_pages_without_text_are_listed(house: House, tmp_path: Path) -> None:
    canvas = pytest.importorskip("reportlab.pdfgen.canvas")
    drawing = canvas.Canvas(str(house.folder / "mixed.pdf"))
    drawing.drawString(72, 720, "Only the first page of this document holds any text at all.")
    drawing.showPage()
    drawing.rect(72, 72, 100, 100)
    drawing.showPage()
    drawing.save()
    drawing = canvas.Canvas(str(house.folder / "scan.pdf"))
    drawing.rect(72, 72, 100, 100)
    drawing.save()
    assert house.run() == {"mixed.pdf": "indexed", "scan.pdf": "no-text"}
    assert house.report("mixed.pdf").pages_without_text == (2,)
    assert "1 of 2 pages hold no text" in house.report("mixed.pdf").detail
    assert totals(house.reports)["pages_without_text"] == 2


def test_chunks_are_their_pages_text_at_their_offsets(house: House) -> None:
    house.write("a.txt", "\ufeffPrüfung 𝒜 und 監査.\r\n\r\nZweiter Absatz, 👩‍⚕️ mit Zeichen.\r\n" * 40)
    house.run()
    stored = house.catalog.chunks(house.catalog.owed()[0]).values()
    assert len(stored) > 1
    for chunk in (item.chunk for item in stored):
        page = house.catalog.page("a.txt", None) or pytest.fail("no page")
        assert page[2].text[chunk.start : chunk.end] == chunk.text


def test_a_vector_is_made_of_the_text_in_its_place() -> None:
    chunk = Chunk("a.pdf", 1, None, "3 Reporting", 0, 4, "text")
    assert chunk.embedded == "3 Reporting\ntext"
    assert Chunk("a.pdf", 1, None, "", 0, 4, "text").embedded == "text"


def test_an_interrupted_run_keeps_what_it_finished(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("a.txt", "alpha\n")
    house.write("b.txt", "beta\n")
    read = work.read

    def interrupted(source: SourceFile, passwords: Sequence[str]) -> Document:
        if source.path == "b.txt":
            raise KeyboardInterrupt
        return read(source, passwords)

    with monkeypatch.context() as patch:
        patch.setattr(work, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            house.run()
    assert house.found("alpha") == {"a.txt"}
    assert house.run() == {"a.txt": "unchanged", "b.txt": "indexed"}


# --- words first, vectors once ----------------------------------------------------------------------------------------

PARAGRAPHS = [" ".join(f"word{number}x{place}" for place in range(120)) + "." for number in range(6)]
"""Each is a passage of its own."""


def test_words_are_found_before_there_are_vectors(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[set[str]] = []
    embed = WordCountEmbedder.embed

    def look(self: WordCountEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        found.append(house.found("incident"))
        assert house.catalog.vectors_size() == 0
        return embed(self, texts)

    monkeypatch.setattr(WordCountEmbedder, "embed", look)
    house.write("a.txt")
    house.run()
    assert found == [{"a.txt"}]
    assert house.catalog.vectors_size() == house.catalog.size() == 1


def test_a_file_changed_in_one_place_is_embedded_in_one_place(house: House) -> None:
    house.write("a.txt", "\n\n".join(PARAGRAPHS[:5]))
    house.run()
    before = len(house.embedder.texts)
    assert before >= 5
    house.embedder.texts.clear()
    house.write("a.txt", "\n\n".join([*PARAGRAPHS[:2], PARAGRAPHS[5], *PARAGRAPHS[3:5]]))
    assert house.run() == {"a.txt": "indexed"}
    assert len(house.embedder.texts) == 1
    assert "word5x0" in house.embedder.texts[0]
    assert house.catalog.vectors_size() == house.catalog.size() == before


def test_the_same_paragraph_in_two_files_is_embedded_once(house: House) -> None:
    house.write("a.txt", "\n\n".join(PARAGRAPHS[:3]))
    house.run()
    house.embedder.texts.clear()
    house.write("b.txt", "\n\n".join(PARAGRAPHS[1:4]))
    house.run()
    assert len(house.embedder.texts) == 1
    (one, other) = [vector for _, vector in sorted(vectors(house.catalog.path).items()) if "word1x0 " in vector[0]]
    assert one == other


# --- interrupted anywhere ---------------------------------------------------------------------------------------------


def facts(catalog: Path) -> list[tuple[Any, ...]]:
    """Everything a catalog says of its files, but for ids and notes: "same content as" names whichever came first."""
    with closing(sqlite3.connect(catalog)) as database:
        return database.execute(
            "SELECT files.path, files.sha256, status, files.pages, files.chunks, documents.sha256, suffix, number, "
            "record, text, start, end, section, vector IS NOT NULL FROM files LEFT JOIN documents "
            "ON documents.id = files.document LEFT JOIN pages ON pages.document = documents.id "
            "LEFT JOIN chunks ON chunks.page = pages.id ORDER BY 1, 9, 11"
        ).fetchall()


def vectors(catalog: Path) -> dict[tuple[Any, ...], tuple[str, bytes]]:
    """The text and the vector of each passage, by its place."""
    query = (
        "SELECT files.path, number, record, start, end, substr(text, start + 1, end - start), vector FROM chunks "
        "JOIN pages ON pages.id = chunks.page JOIN files USING (document)"
    )
    with closing(sqlite3.connect(catalog)) as database:
        return {row[:5]: row[5:] for row in database.execute(query)}


class Interrupted:
    """A catalog at whose n-th change somebody presses Ctrl-C."""

    def __init__(self, catalog: Catalog, number: int) -> None:
        self._catalog = catalog
        self.left = number

    def __getattr__(self, name: str) -> Any:
        if name in ("put", "note", "remove", "set_vectors"):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return getattr(self._catalog, name)


def write_first(house: House) -> None:
    house.write("a.txt", "\n\n".join(PARAGRAPHS[:3]))
    house.write("b.txt", "beta\n")
    house.write("c/old.txt", "gamma\n")
    house.write("d.jsonl", '{"id": "R-1", "text": "Tapes are kept."}\n{"id": "R-2", "text": "Badges are worn."}\n')
    house.write("e.pdf", b"%PDF-1.7\nnothing that a reader could follow")


def write_second(house: House) -> None:
    house.write("a.txt", "\n\n".join([PARAGRAPHS[0], PARAGRAPHS[3]]))
    (house.folder / "b.txt").unlink()
    (house.folder / "c/old.txt").rename(house.folder / "c/new.txt")
    house.write("copy.txt", "\n\n".join([PARAGRAPHS[0], PARAGRAPHS[3]]))
    house.write("e.pdf", b"%PDF-1.7\nsomething else that a reader could not follow")


def test_interrupted_at_any_change_and_run_again_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    def start(name: str) -> House:
        (tmp_path / name).mkdir()
        house = House(tmp_path / name)
        write_first(house)
        house.run()
        write_second(house)
        return house

    whole = start("whole")
    counted = Interrupted(whole.catalog, 0)
    ingest([whole.folder], counted, whole.embedder, Reading(Inline()), whole.diary)  # type: ignore[arg-type]
    changes = -counted.left
    assert changes >= 6
    for number in range(1, changes + 1):
        house = start(str(number))
        with pytest.raises(KeyboardInterrupt):
            ingest(
                [house.folder],
                Interrupted(house.catalog, number),  # type: ignore[arg-type]
                house.embedder,
                Reading(Inline()),
                house.diary,
            )
        assert house.catalog.problems() == []
        house.run()
        assert facts(house.catalog.path) == facts(whole.catalog.path)
        assert vectors(house.catalog.path) == vectors(whole.catalog.path)
        assert [report.path for report in house.catalog.reports()] == [
            report.path for report in whole.catalog.reports()
        ]
        house.catalog.close()
    whole.catalog.close()


names = st.sampled_from(["a.txt", "b.txt", "c.md", "d/e.txt"])
texts = st.sampled_from(["alpha\n", "beta\n", "", "\n\n".join(PARAGRAPHS[:2]), "\n\n".join(PARAGRAPHS[1:3])])
folders = st.dictionaries(names, texts, min_size=1)


@settings(max_examples=25)
@given(st.lists(st.tuples(folders, st.integers(0, 6)), min_size=1, max_size=4))
def test_whatever_came_before_the_catalog_ends_equal_to_the_folder(states: list[tuple[dict[str, str], int]]) -> None:
    """A folder that changes between runs, each of which may be interrupted, is indexed in the end as if it were new."""

    def lay_out(house: House, files: dict[str, str]) -> None:
        shutil.rmtree(house.folder)
        house.folder.mkdir()
        for name, text in files.items():
            house.write(name, text)

    with TemporaryDirectory() as old, TemporaryDirectory() as new:
        house, fresh = House(Path(old)), House(Path(new))
        for files, number in states:
            lay_out(house, files)
            catalog: Any = Interrupted(house.catalog, number)
            with suppress(KeyboardInterrupt):
                ingest([house.folder], catalog, house.embedder, Reading(Inline()), house.diary)
        house.run()
        lay_out(fresh, states[-1][0])
        fresh.run()
        assert facts(house.catalog.path) == facts(fresh.catalog.path)
        assert vectors(house.catalog.path) == vectors(fresh.catalog.path)
        assert house.catalog.problems() == []
        house.catalog.close()
        fresh.catalog.close()
