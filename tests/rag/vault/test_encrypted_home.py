"""A home behind encryption: as trustworthy as one in plain, whatever is cut off; and its files tell nothing."""

import random
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import IndexDamaged, RecordDamaged
from rag.record.entry import leaf
from rag.record.ledger import HEAD, HEAD_FILE, RECORD, Ledger
from rag.retrieve import Retriever
from rag.store import collection, last, seal
from rag.store.collection import changing, mend_index, open_catalog, open_index, problems, replacing
from rag.store.forget import forget
from rag.store.lock import write_lock
from rag.store.seal import CATALOG
from rag.types import Citation
from rag.vault.cipher import Key, encoded
from rag.vault.convert import check, convert, holds_anything, strangers
from rag.vault.files import TYPED, TYPED_ABOUT
from tests.fakes import WordCountEmbedder
from tests.killing import die_at, in_child
from tests.rag.record import altered
from tests.rag.store.test_catalog import IN_OFFICE, put

SECRET = bytes(range(32))  # a key cannot be handed to another process; its bytes can, in a test
KEY = Key(SECRET)
WORDS = "Xanthippe reported the falsified calibration of Mortimer on Tuesday"
KEPT = "whoever notices an incident tells the desk"
TRACES = (b"xanthippe", b"mortimer", b"secret-complaint", b"incident", b"office", b"who complained", b"policy.pdf")


def index(home: Path) -> Path:
    return home / "collections" / "default"


def fill(home: Path) -> None:
    """Two files, and what commands write beside them."""
    folder = index(home)
    with write_lock(folder), changing(folder, key=KEY) as catalog:
        put(catalog, "policy.pdf", KEPT)
        put(catalog, "secret-complaint.pdf", WORDS)
        ids = [number for part, _ in catalog.all_vectors() for number in part.tolist()]
        vectors = np.random.default_rng(5).normal(size=(len(ids), 64)).astype(np.float32)
        catalog.set_vectors(ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    ledger = Ledger(home / "record", KEY)
    ledger.append("ingestion", {"collection": "default"}, [leaf("file", {"path": "secret-complaint.pdf"})])
    ledger.append("answer", {"collection": "default"}, [leaf("question", "Who complained?"), leaf("answer", WORDS)])
    ledger.append("answer", {"collection": "default"}, [leaf("question", "Who is told?"), leaf("answer", KEPT)])
    last.keep(folder, [Citation(1, "policy.pdf", "0" * 64, None, "", 0, 8, KEPT[:8], None, IN_OFFICE, False)], KEY)
    (home / TYPED).write_bytes(encoded(KEY, b"Who complained?\n", TYPED_ABOUT))


def update(home: Path) -> None:
    """One file out, one in."""
    folder = index(home)
    with write_lock(folder), changing(folder, key=KEY) as catalog:
        catalog.remove(IN_OFFICE, "secret-complaint.pdf")
        put(catalog, "badges.pdf", "visitors wear badges")


def rebuild(home: Path) -> None:
    """The collection made anew beside the old one."""
    folder = index(home)
    with write_lock(folder), replacing(folder) as aside, changing(aside, key=KEY) as catalog:
        put(catalog, "badges.pdf", "visitors wear badges")


def encrypt(home: Path) -> None:
    convert(home, None, KEY)


def decrypt(home: Path) -> None:
    convert(home, KEY, None)


def said(home: Path, key: Key | None) -> object:
    """All that a home holds, as its readers see it."""
    folder, ledger = index(home), Ledger(home / "record", key)
    with closing(open_catalog(folder, lambda _: None, key)) as catalog:
        pages = [(path, page.text) for _, path, page in catalog.pages()]
        vectors = [(ids.tolist(), part.tobytes()) for ids, part in catalog.all_vectors()]
        found = catalog.match("xanthippe OR visitors OR desk", 9)
    entries = [entry.line() for entry in ledger.entries()]
    remembered = last.recall(folder, 1, key) if (folder / last.NAME).exists() else None
    return pages, vectors, sorted(found), entries, ledger.head().hash, remembered


def anywhere(home: Path) -> list[bytes]:
    """Which traces stand in any file below the home, or in a file's name."""
    files = [path for path in home.rglob("*") if path.is_file()]
    raw = b"\n".join([path.read_bytes() + str(path.relative_to(home)).encode() for path in files]).lower()
    return [trace for trace in TRACES if trace in raw]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encrypted home, to be copied."""
    home = tmp_path_factory.mktemp("encrypted") / "home"
    fill(home)
    return home


@pytest.fixture
def home(encrypted: Path, tmp_path: Path) -> Path:
    """An encrypted home of the test's own."""
    return Path(shutil.copytree(encrypted, tmp_path / "home"))


@pytest.fixture(scope="module")
def plain(encrypted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in plain."""
    home = Path(shutil.copytree(encrypted, tmp_path_factory.mktemp("plain") / "home"))
    decrypt(home)
    return home


# --- what its files tell ----------------------------------------------------------------------------------------------


def test_files_tell_nothing_and_in_plain_all(encrypted: Path, plain: Path) -> None:
    assert anywhere(encrypted) == []
    assert anywhere(plain) == list(TRACES)
    assert not (index(encrypted) / "chroma").exists()


def test_encrypted_and_in_plain_a_home_says_the_same(home: Path, encrypted: Path, plain: Path) -> None:
    assert said(encrypted, KEY) == said(plain, None)
    decrypt(home)
    other = Key(SECRET[::-1])
    convert(home, None, other)
    assert said(home, other) == said(plain, None)
    assert anywhere(home) == []
    assert problems(index(home), other) == []
    with pytest.raises(IndexDamaged):
        open_catalog(index(home), lambda _: None, KEY)


def test_every_passage_is_compared_without_a_vector_index(home: Path) -> None:
    with closing(open_catalog(index(home), lambda _: None, KEY)) as catalog:
        assert open_index(catalog, index(home), pytest.fail, KEY) is None
        assert catalog.owed() == ([], [])
        hits = Retriever(catalog, None, WordCountEmbedder()).search("calibration", 3)  # type: ignore[arg-type]
        assert hits[0].stored.chunk.text == "calibration"


# --- damage -----------------------------------------------------------------------------------------------------------


def test_any_damage_is_refused_and_mended(home: Path) -> None:
    for name in (CATALOG, seal.NAME):
        path = index(home) / name
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(IndexDamaged, match="rag verify --repair"):
                open_catalog(index(home), lambda _: None, KEY)
            assert problems(index(home), KEY)
            assert mend_index(index(home), key=KEY) == (name == seal.NAME)
            assert collection.roots(index(home), KEY) == [IN_OFFICE]
            if name == seal.NAME:
                assert problems(index(home), KEY) == []
                whole = path.read_bytes()
        path.write_bytes(whole)
    assert problems(index(home), KEY) == []


def test_without_its_seal_a_damaged_page_is_known_by_its_own_code(home: Path) -> None:
    path = index(home) / CATALOG
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    seal.remove(index(home))
    with pytest.raises(IndexDamaged):
        open_catalog(index(home), lambda _: None, KEY)


@pytest.mark.parametrize("edit", altered.EDITS[:7], ids=lambda edit: edit.__name__)
def test_edits_of_the_encrypted_record_are_detected(home: Path, edit: altered.Edit) -> None:
    """Those that whoever has no key can make."""
    path, ledger = home / "record" / RECORD, Ledger(home / "record", KEY)
    data, made = path.read_bytes(), 0
    for number in range(30):
        try:
            changed = edit(data, random.Random(number))
        except ValueError:  # it would have to read an entry
            continue
        if changed != data:
            path.write_bytes(changed)
            made += 1
            assert ledger.problems(), number
    assert made > 9
    path.write_bytes(data)
    assert ledger.problems() == []


def test_a_plain_entry_or_head_is_not_taken_into_an_encrypted_record(home: Path, plain: Path) -> None:
    ledger = Ledger(home / "record", KEY)
    for name in (RECORD, HEAD_FILE):
        whole = (home / "record" / name).read_bytes()
        (home / "record" / name).write_bytes((plain / "record" / name).read_bytes())
        assert ledger.problems()
        with pytest.raises(RecordDamaged):
            list(ledger.entries())
        (home / "record" / name).write_bytes(whole)
    assert (home / "record" / HEAD_FILE).stat().st_size == HEAD
    assert ledger.append("refusal", {}).number == 4
    assert ledger.problems() == []


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_gone_from_behind_the_encryption(home: Path) -> None:
    (home / TYPED).unlink()
    ledger = Ledger(home / "record", KEY)
    receipt = forget(index(home), home, "secret-complaint.pdf", ledger, key=KEY)
    assert [report.path for report in receipt.erased] == ["secret-complaint.pdf"]
    assert (receipt.found, receipt.redacted) == ((), (1, 2))
    assert receipt.pieces > 5
    assert ledger.problems() == []
    assert problems(index(home), KEY) == []
    behind = b"".join(KEY.pages(index(home) / CATALOG)).lower()
    assert b"incident" in behind
    assert re.findall(rb"xanthippe|mortimer|secret-complaint", behind) == []
    decrypt(home)
    assert anywhere(home) == [b"incident", b"office", b"policy.pdf"]


def test_the_search_of_an_erasure_looks_behind_the_encryption(home: Path) -> None:
    (home / TYPED).write_bytes(encoded(KEY, f"{WORDS}?\n".encode(), TYPED_ABOUT))
    receipt = forget(index(home), home, "secret-complaint.pdf", Ledger(home / "record", KEY), key=KEY)
    assert [Path(path).name for path in receipt.found] == [TYPED]


# --- cut off ----------------------------------------------------------------------------------------------------------


def killed(run: Callable[[Path], None], number: int, home: Path, tally: Path) -> None:
    """Run something that changes a home, and die at a write."""
    die_at(number, tally, home)
    run(home)


def places(writes: int) -> Iterator[int]:
    """A sample of all writes."""
    yield from sorted({*range(2, writes, max(writes // 4, 1)), writes})


@pytest.mark.parametrize("run", [update, rebuild], ids=lambda run: run.__name__)
def test_a_kill_at_any_write_leaves_the_old_or_the_new_and_no_trace(
    encrypted: Path, tmp_path: Path, run: Callable[[Path], None]
) -> None:
    tally, whole = tmp_path / "tally", Path(shutil.copytree(encrypted, tmp_path / "whole"))
    assert in_child(killed, run, 0, whole, tally) == 0
    expected = said(whole, KEY)
    for number in places(int(tally.read_text())):
        home = Path(shutil.copytree(encrypted, tmp_path / str(number)))
        assert in_child(killed, run, number, home, tally) == -signal.SIGKILL, number
        assert anywhere(home) == [], number
        said(home, KEY)  # settles it
        assert problems(index(home), KEY) == [], number
        run(home)
        assert said(home, KEY)[0] == expected[0], number  # type: ignore[index]
        assert anywhere(home) == [], number


@pytest.mark.parametrize("run", [encrypt, decrypt], ids=lambda run: run.__name__)
def test_cut_off_anywhere_a_conversion_is_ended_by_repeating_it_or_by_turning_back(
    encrypted: Path, plain: Path, tmp_path: Path, run: Callable[[Path], None]
) -> None:
    before, after = (plain, KEY) if run is encrypt else (encrypted, None)
    back = decrypt if run is encrypt else encrypt
    tally, whole = tmp_path / "tally", Path(shutil.copytree(before, tmp_path / "whole"))
    assert in_child(killed, run, 0, whole, tally) == 0
    expected = said(plain, None)
    assert said(whole, after) == expected
    for number in places(int(tally.read_text())):
        home = Path(shutil.copytree(before, tmp_path / str(number)))
        assert in_child(killed, run, number, home, tally) == -signal.SIGKILL, number
        other = Path(shutil.copytree(home, tmp_path / f"{number}-back"))
        for repeated, place, key in ((run, home, after), (back, other, None if run is encrypt else KEY)):
            assert in_child(repeated, place) == 0, number
            assert said(place, key) == expected, number
            assert problems(index(place), key) == [], number
            assert (anywhere(place) == []) == (key is not None), number
            assert {path.name for path in place.rglob("*.new")} == set(), number


def test_what_is_damaged_is_not_converted(home: Path, plain: Path, tmp_path: Path) -> None:
    path = index(home) / CATALOG
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexDamaged):
        check(home, KEY)
    other = Path(shutil.copytree(plain, tmp_path / "other"))
    check(other, None)
    with (other / "record" / RECORD).open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(RecordDamaged, match=r"move .* elsewhere"):
        check(other, None)


def test_what_is_not_the_programs_own_is_named(home: Path, tmp_path: Path) -> None:
    assert strangers(home) == []
    (home / "reports").mkdir()
    assert strangers(home) == ["reports"]
    assert holds_anything(home)
    assert not holds_anything(tmp_path / "nothing")
