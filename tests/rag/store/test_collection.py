"""A collection is trusted, refused or finished, and never believed by half: whatever was cut, flipped or taken away."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import IndexDamaged, LockedError, NothingFound, StrongroomError, UsageError
from rag.retrieve import Retriever
from rag.store import collection, seal
from rag.store.catalog import Catalog
from rag.store.collection import ASIDE, changing, mend_index, open_catalog, open_index, problems, replacing
from rag.store.lock import write_lock
from rag.store.seal import CATALOG
from rag.store.vectors import FOLDER, VectorIndex, disagreement
from tests.fakes import WordCountEmbedder
from tests.killing import die_at, in_child
from tests.rag.store.test_catalog import IN_OFFICE, put
from tests.running import without_privileges

EMBEDDER = WordCountEmbedder()
GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon"
LATIN = "unus duo tres quattuor quinque sex septem octo novem decem"
QUERIES = ("alpha", "tau", "septem", "visitors", "alpha decem")

Answers = list[list[Any]]


def fill(folder: Path) -> None:
    """A collection of two files."""
    with write_lock(folder), changing(folder) as catalog:
        put(catalog, "greek.pdf", GREEK)
        put(catalog, "latin.pdf", LATIN)


def update(folder: Path) -> None:
    """One file out, one changed, one in."""
    with write_lock(folder), changing(folder) as catalog:
        catalog.remove(IN_OFFICE, "greek.pdf")
        put(catalog, "latin.pdf", f"{LATIN} undecim")
        put(catalog, "badges.pdf", "visitors wear badges")


def rebuild(folder: Path) -> None:
    """The collection of `update`, made anew beside the old one."""
    with write_lock(folder), replacing(folder) as aside, changing(aside) as catalog:
        put(catalog, "latin.pdf", f"{LATIN} undecim")
        put(catalog, "badges.pdf", "visitors wear badges")


def opened(folder: Path) -> Answers:
    """What a reader finds: for each query the places and texts of its passages, best first."""
    with closing(open_catalog(folder, lambda _: None)) as catalog:
        index = open_index(catalog, folder, lambda _: None)
        try:
            retriever = Retriever(catalog, index, EMBEDDER)  # type: ignore[arg-type]
            return [
                [[hit.stored.chunk.path, hit.stored.chunk.start, hit.stored.chunk.text] for hit in found]
                for found in (retriever.search(query, 5) for query in QUERIES)
            ]
        finally:
            if index is not None:
                index.close()


def read(folder: Path, result: Path) -> None:
    """Write what a reader finds, or why it is refused."""
    try:
        said: Any = opened(folder)
    except StrongroomError as error:
        said = {"code": error.exit_code, "said": str(error)}
    result.write_text(json.dumps(said))


def answers(folder: Path) -> Any:
    """What a process of its own finds: Chroma may crash, and keeps state of what it opened."""
    result = folder.with_name(f"{folder.name}.json")
    assert in_child(read, folder, result) == 0
    return json.loads(result.read_text())


def contents(folder: Path) -> list[tuple[Any, ...]]:
    """What the catalog says, ids left out."""
    with closing(sqlite3.connect(folder / CATALOG)) as database:
        return database.execute(
            "SELECT files.path, files.status, files.chunks, pages.text, chunks.start, chunks.end, section, vector "
            "FROM files JOIN pages USING (document) JOIN chunks ON chunks.page = pages.id ORDER BY 1, 5"
        ).fetchall()


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and bytes of every file."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed collection, to be copied."""
    folder = tmp_path_factory.mktemp("office") / "index"
    assert in_child(fill, folder) == 0
    return folder


@pytest.fixture(scope="module")
def true(office: Path) -> Any:
    """What it answers."""
    found = answers(office)
    assert found[0][0] == ["greek.pdf", 0, "alpha"]
    return found


@pytest.fixture
def folder(office: Path, tmp_path: Path) -> Path:
    """A sealed collection of the test's own."""
    return Path(shutil.copytree(office, tmp_path / "index"))


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_where_nothing_was_changed_nothing_is_written(folder: Path) -> None:
    before = snapshot(folder)
    with changing(folder) as catalog:
        assert catalog.size() == 30
        catalog.set_identity(catalog.identity())
        catalog.problems()
    assert snapshot(folder) == before


def test_reading_changes_nothing_that_is_sealed(folder: Path, true: Any) -> None:
    before = snapshot(folder)
    for _ in range(3):
        assert answers(folder) == true
        assert problems(folder) == []
    after = snapshot(folder)
    assert {name for name in before if before[name] != after.get(name)} <= {f"{FOLDER}/chroma.sqlite3"}


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_small_collections_can_be_opened_as_often_as_large_ones(tmp_path: Path, number: int) -> None:
    """Chroma writes no graph for one vector, and would make the files for it anew at each opening."""
    words = GREEK.split()
    with changing(tmp_path) as catalog:
        put(catalog, "a.pdf", " ".join(words[:number]))
    for _ in range(3):
        opened(tmp_path)
        assert problems(tmp_path) == []
    with changing(tmp_path) as catalog:  # and one change alone is fewer than Chroma writes its graph for
        put(catalog, "b.pdf", words[number])
    for _ in range(3):
        assert words[number] in [text for _, _, text in opened(tmp_path)[0]]
        assert problems(tmp_path) == []


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingFound):
        open_catalog(tmp_path, print)
    assert not collection.exists(tmp_path)


# --- damaged ----------------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def flip_first(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [flip, flip_first, halve, empty, Path.unlink], ids=lambda damage: damage.__name__)
def test_every_file_damaged_is_refused_or_harmless_and_mended(
    office: Path, true: Any, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    names = [path.relative_to(office).as_posix() for path in office.rglob("*") if path.is_file()]
    names = [name for name in names if (office / name).stat().st_size]
    assert len(names) >= 8
    for number, name in enumerate(names):
        folder = Path(shutil.copytree(office, tmp_path / str(number)))
        damage(folder / name)
        found = answers(folder)
        if name == "lock" or (name == seal.NAME and damage is Path.unlink):
            assert found == true
        else:
            assert isinstance(found, dict), name
            assert found["code"] == 4, name
            assert "rag verify --repair" in found["said"]
            assert problems(folder), name
            with pytest.raises(IndexDamaged), changing(folder):
                pytest.fail("a damaged collection was changed")
        if damage not in (flip, Path.unlink):
            continue  # it is mended alike
        if name == CATALOG:
            assert not mend_index(folder)
            assert collection.roots(folder) == [IN_OFFICE], "the seal tells what to make it anew from"
        else:
            assert mend_index(folder), name
            assert answers(folder) == true
            assert problems(folder) == []


def test_a_catalog_is_not_mended_by_sealing_it(folder: Path) -> None:
    """With the seal gone too, SQLite itself says that a page is broken."""
    flip_first(folder / CATALOG)
    (folder / seal.NAME).unlink()
    assert answers(folder)["code"] == 4
    assert not mend_index(folder)


def test_an_index_that_lost_vectors_is_noticed_even_when_it_is_sealed(folder: Path) -> None:
    sealed = seal.read(folder)
    assert sealed is not None
    with closing(VectorIndex(folder)) as index:
        index.remove(range(1, 26))
    seal.write(folder, sealed.canaries, sealed.roots, sealed.identity)
    found = answers(folder)
    assert found["code"] == 4
    assert "known neighbours" in found["said"]


def test_an_index_whose_catalog_was_deleted_is_not_taken_over(folder: Path) -> None:
    (folder / CATALOG).unlink()
    (folder / seal.NAME).unlink()
    with changing(folder) as catalog:
        put(catalog, "latin.pdf", LATIN)
    with closing(Catalog(folder / CATALOG)) as catalog:
        assert disagreement(catalog, folder) == ""


def test_an_older_format_says_what_to_do_and_which_folders_it_held(folder: Path) -> None:
    with closing(sqlite3.connect(folder / CATALOG)) as database:
        database.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
        database.commit()
    (folder / seal.NAME).unlink()  # that format had none
    with pytest.raises(UsageError, match="rag ingest --rebuild"):
        open_catalog(folder, lambda _: None)
    assert collection.roots(folder) == [IN_OFFICE]


# --- cut off ----------------------------------------------------------------------------------------------------------


def test_what_was_committed_before_an_error_is_kept_and_settled(folder: Path) -> None:
    with suppress(ZeroDivisionError), changing(folder) as catalog:
        put(catalog, "badges.pdf", "visitors wear badges")
        raise ZeroDivisionError
    assert seal.read(folder) is None
    said: list[str] = []
    with closing(open_catalog(folder, said.append)) as catalog:
        assert "cut off" in said[0]
        assert "badges.pdf" in catalog.known(IN_OFFICE)
    assert problems(folder) == []


def test_what_was_cut_off_is_settled_before_it_is_judged(folder: Path) -> None:
    with suppress(ZeroDivisionError), changing(folder) as catalog:
        put(catalog, "badges.pdf", "visitors wear badges")
        raise ZeroDivisionError
    assert problems(folder) == []
    assert seal.read(folder) is not None


def killed(run: Callable[[Path], None], number: int, folder: Path, tally: Path) -> None:
    """Run something that changes a collection, and die at a write."""
    die_at(number, tally, folder)
    run(folder)


RUNS: Sequence[tuple[Callable[[Path], None], bool]] = ((fill, False), (update, True), (rebuild, True))


@pytest.mark.parametrize(("run", "exists"), RUNS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_kill_at_any_write_leaves_the_old_or_the_new_and_can_be_ended(
    office: Path, true: Any, tmp_path: Path, run: Callable[[Path], None], exists: bool
) -> None:
    """A sample of all writes here; benchmarks/unkillable.py takes every one."""
    tally = tmp_path / "tally"

    def start(name: str) -> Path:
        return Path(shutil.copytree(office, tmp_path / name)) if exists else tmp_path / name

    whole = start("whole")
    assert in_child(killed, run, 0, whole, tally) == 0
    writes, after, expected = int(tally.read_text()), answers(whole), contents(whole)
    assert writes > 20
    for number in sorted({*range(1, writes, writes // 4), writes - 1, writes}):
        folder = start(str(number))
        assert in_child(killed, run, number, folder, tally) == -signal.SIGKILL, number
        found = answers(folder)
        if run is rebuild:
            assert found in (true, after), number
        if isinstance(found, dict):  # nothing is there yet
            assert (run, found["code"]) == (fill, 2), number
        else:
            assert problems(folder) == [], number
            assert all(count == len([row for row in contents(folder) if row[0] == path])
                       for path, _, count, *_ in contents(folder))  # fmt: skip
        assert in_child(run, folder) == 0
        assert contents(folder) == expected, number
        assert answers(folder) == after, number
        assert problems(folder) == []
        assert not (folder / ASIDE).exists()


def test_a_rebuild_that_fails_leaves_the_old_one_and_its_remains_go(folder: Path, true: Any) -> None:
    with suppress(ZeroDivisionError), replacing(folder) as aside, changing(aside) as catalog:
        put(catalog, "badges.pdf", "visitors wear badges")
        raise ZeroDivisionError
    assert answers(folder) == true
    assert (folder / ASIDE).exists()
    with changing(folder):
        pass
    assert not (folder / ASIDE).exists()
    assert answers(folder) == true


@pytest.mark.parametrize("full", ["at once", "when the index is told", "when it is sealed"])
def test_a_disk_that_fills_up_loses_nothing(folder: Path, true: Any, tmp_path: Path, full: str) -> None:
    """The kernel refuses longer files, as a full disk or a quota does."""
    result = tmp_path / "said"
    assert in_child(update_on_a_full_disk, folder, full, result) == 0
    assert result.read_text().startswith("2 ")
    assert "free some space" in result.read_text()
    found = answers(folder)
    assert isinstance(found, list)
    assert in_child(update, folder) == 0
    assert answers(folder)[3][0] == ["badges.pdf", 0, "visitors"]
    assert problems(folder) == []


def update_on_a_full_disk(folder: Path, full: str, result: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    def first(function: Callable[..., None]) -> Callable[..., None]:
        return lambda *arguments: (fill_up(), function(*arguments))[1]

    if full == "at once":
        fill_up()
    elif full == "when the index is told":
        collection.update = first(collection.update)
    else:
        seal.write = first(seal.write)
    try:
        update(folder)
    except StrongroomError as error:
        result.write_text(f"{error.exit_code} {error}"[:600])


# --- while another process writes, and where nobody may ---------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from rag.store.collection import changing
from rag.store.lock import write_lock
from tests.rag.store.test_catalog import put
folder = Path(sys.argv[1])
with write_lock(folder), changing(folder) as catalog:
    put(catalog, "badges.pdf", "visitors wear badges")
    print("written", flush=True)
    sys.stdin.read()
"""


def test_readers_see_what_is_committed_while_another_process_writes(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "written\n"
        said: list[str] = []
        with closing(open_catalog(folder, said.append)) as catalog:
            assert "badges.pdf" in catalog.known(IN_OFFICE)
            assert open_index(catalog, folder, said.append) is None
            assert "written just now" in said[-1]
            found = Retriever(catalog, None, EMBEDDER).search("visitors", 1)  # type: ignore[arg-type]
            assert found[0].stored.chunk.path == "badges.pdf"
        with pytest.raises(LockedError, match="being changed"):
            problems(folder)
        with pytest.raises(LockedError, match=f"process {writer.pid}"), write_lock(folder):
            pytest.fail("two writers")
        writer.stdin.close()
        assert writer.wait(30) == 0
    assert problems(folder) == []


def read_without_privileges(folder: Path, result: Path) -> None:
    without_privileges()
    assert not os.access(folder, os.W_OK)
    read(folder, result)


@pytest.mark.skipif(sys.platform != "linux", reason="rights are given up the way Linux has it")
def test_a_folder_that_cannot_be_written_is_read(folder: Path, true: Any, tmp_path: Path) -> None:
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o500)
    try:
        assert in_child(read_without_privileges, folder, tmp_path / "said") == 0
    finally:
        for place in places:
            place.chmod(0o700)
    assert json.loads((tmp_path / "said").read_text()) == true
