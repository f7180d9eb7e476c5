"""What is forgotten is gone from the bytes on disk, and the search that proves it finds what is there."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import NothingFound, RecordDamaged
from ingest.types import FileReport, FileStatus
from rag.record.entry import leaf
from rag.record.ledger import Ledger
from rag.store import collection
from rag.store import forget as module
from rag.store.catalog import Catalog
from rag.store.forget import Receipt, _Needles
from tests.rag.store.test_catalog import IN_OFFICE, put

SECRET = " ".join(f"Xanthippe{number} reported Mortimer{number}" for number in range(60))
COMMON = "Whoever notices an incident must tell the Service Desk within thirty minutes."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed collection of two files below a home, with vectors."""
    folder = tmp_path / "home" / "collections" / "default"
    with collection.changing(folder) as catalog:
        put(catalog, "kept/policy.pdf", COMMON)
        put(catalog, "secret/complaint.pdf", f"{COMMON} {SECRET}", sha256="5ec3e7" * 10)
        # The fake's vectors are nearly all zeros, which stand in any file; these are as unlike as a model's.
        ids = [number for part, _ in catalog.all_vectors() for number in part.tolist()]
        vectors = np.random.default_rng(5).normal(size=(len(ids), 64)).astype(np.float32)
        catalog.set_vectors(ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return folder


def home(folder: Path) -> Path:
    return folder.parents[1]


def ledger(folder: Path) -> Ledger:
    return Ledger(home(folder) / "record")


def forget(folder: Path, home: Path, path: str) -> Receipt:
    return module.forget(folder, home, path, ledger(folder))


def anywhere(folder: Path, *texts: str) -> list[str]:
    """Which of the texts stand in any file below the home."""
    data = [path.read_bytes().lower() for path in home(folder).rglob("*") if path.is_file()]
    return [text for text in texts if any(text.lower().encode() in one for one in data)]


TRACES = ("Xanthippe7", "mortimer59", "secret/complaint", "5ec3e75ec3e7")


def test_no_trace_is_left_and_the_rest_is(folder: Path) -> None:
    assert anywhere(folder, *TRACES) == list(TRACES)
    receipt = forget(folder, home(folder), "secret/complaint.pdf")
    assert [report.path for report in receipt.erased] == ["secret/complaint.pdf"]
    assert (receipt.found, receipt.still_held) == ((), ())
    assert receipt.pieces > 100
    assert receipt.shared > 0  # its first sentence is the other document's too
    assert receipt.files >= 5
    assert anywhere(folder, *TRACES) == []
    assert anywhere(folder, COMMON) == [COMMON]
    assert collection.problems(folder) == []
    with pytest.raises(NothingFound, match="rag status"):
        forget(folder, home(folder), "secret/complaint.pdf")


@pytest.mark.parametrize("name", ["secret", "secret/", f"{IN_OFFICE}/secret", f"{IN_OFFICE}/secret/complaint.pdf"])
def test_a_folder_or_a_place_on_disk_names_it_too(folder: Path, name: str) -> None:
    assert [report.path for report in forget(folder, home(folder), name).erased] == ["secret/complaint.pdf"]


def test_part_of_a_name_names_nothing(folder: Path) -> None:
    for name in ("sec", "complaint.pdf", "secret/complaint", "*", "/"):
        with pytest.raises(NothingFound):
            forget(folder, home(folder), name)


def test_abbreviations_go_too(folder: Path) -> None:
    with collection.changing(folder) as catalog:
        put(catalog, "secret/plan.pdf", "The Xylophone Quartet Liquidation (XQL) is planned.")
    assert anywhere(folder, "Xylophone Quartet Liquidation") == ["Xylophone Quartet Liquidation"]
    assert forget(folder, home(folder), "secret").found == ()
    assert anywhere(folder, "Xylophone Q", "XQL") == []


def ask(folder: Path, question: str, *quotes: str, path: str = "kept/policy.pdf", collection: str = "default") -> None:
    """Write an answer into the record."""
    answer = {"answer": "It does.", "citations": [{"path": path, "quote": quote} for quote in quotes]}
    ledger(folder).append("answer", {"collection": collection}, [leaf("question", question), leaf("answer", answer)])


def test_the_record_forgets_too_and_its_chain_holds(folder: Path) -> None:
    ask(folder, "Who notices an incident?", COMMON)
    ask(folder, "Who notices an incident?", COMMON, path="secret/complaint.pdf")
    ask(folder, "Did Xanthippe7 complain?")
    ask(folder, "Who complained?", SECRET[100:180])
    ask(folder, "Who complained?", f'said "{SECRET[100:140]}\\n{SECRET[140:180]}"')
    ask(folder, "Did Xanthippe7 complain?", collection="another")
    files = [leaf("file", {"path": path}) for path in ("kept/policy.pdf", "secret/complaint.pdf")]
    ledger(folder).append("ingestion", {"collection": "default"}, files)
    kept = ledger(folder).head()
    receipt = forget(folder, home(folder), "secret/complaint.pdf")
    assert receipt.redacted == (2, 3, 4, 5, 7)
    entries = {entry.number: entry for entry in ledger(folder).entries()}
    assert entries[1].content()["question"] == "Who notices an incident?"
    assert entries[2].content() == {}
    assert entries[7].content() == {"file": {"path": "kept/policy.pdf"}}
    assert ledger(folder).problems(kept) == []
    assert receipt.found == ()  # the other collection's entry holds a word, not a piece of the text
    assert anywhere(folder, "secret/complaint", SECRET[100:130], "5ec3e75ec3e7") == []


def test_text_in_the_record_that_stays_is_found(folder: Path) -> None:
    """Another collection's entry is not this one's to redact, but the search says that the text is there."""
    lines = "".join(f'"Xerxes {number}"\nsaid\n' for number in range(9))  # no piece without a sign that JSON escapes
    with collection.changing(folder) as catalog:
        put(catalog, "secret/lines.pdf", lines)
    ask(folder, "Who?", lines, collection="another")
    receipt = forget(folder, home(folder), "secret/lines.pdf")
    assert (receipt.redacted, [Path(path).name for path in receipt.found]) == ((), ["record.jsonl"])


def test_a_damaged_record_stops_the_erasure_before_it_begins(folder: Path) -> None:
    ask(folder, "Who?")
    with (home(folder) / "record" / "record.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(RecordDamaged, match="move it elsewhere"):
        forget(folder, home(folder), "secret")
    collection.open_catalog(folder, lambda _: None).close()
    assert anywhere(folder, "Xanthippe7") == ["Xanthippe7"]
    assert collection.problems(folder) == []


def test_cut_off_behind_the_record_the_file_can_be_named_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(folder, "Did Xanthippe7 complain?")
    redact = Ledger.redact

    def die(self: Ledger, *arguments: Any) -> None:
        redact(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "redact", die)
        with pytest.raises(KeyboardInterrupt):
            forget(folder, home(folder), "secret")
    collection.open_catalog(folder, lambda _: None).close()
    assert [report.path for report in forget(folder, home(folder), "secret").erased] == ["secret/complaint.pdf"]
    assert anywhere(folder, *TRACES) == []
    assert ledger(folder).problems() == []


def test_the_search_finds_what_is_there(folder: Path) -> None:
    """A copy outside the catalog: a piece of the text, across the border of two blocks of reading; a vector; a name."""
    leaks = {
        "text": b"x" * 1000 + SECRET.upper().encode()[100:180] + b"y" * 1000,
        "name": b"opened secret/complaint.pdf at noon",
    }
    with closing(Catalog(folder / "catalog.sqlite")) as catalog:
        secret = [report for report in catalog.reports() if report.path == "secret/complaint.pdf"]
        leaks["vector"] = b"\0" * 7 + catalog.sole_content(secret)[1][-1]
    for name, data in leaks.items():
        (home(folder) / f"leak-{name}.bin").write_bytes(data)
    found = forget(folder, home(folder), "secret").found
    assert sorted(Path(path).name for path in found) == ["leak-name.bin", "leak-text.bin", "leak-vector.bin"]


def test_a_text_under_two_names_stays_until_both_are_forgotten(folder: Path) -> None:
    with collection.changing(folder) as catalog:
        same = catalog.holds("5ec3e7" * 10, ".pdf")
        assert same
        detail = "same content as secret/complaint.pdf"
        catalog.note(
            FileReport("copy.pdf", IN_OFFICE, same.sha256, FileStatus.INDEXED, 1, chunks=same.chunks, detail=detail)
        )
    receipt = forget(folder, home(folder), "secret/complaint.pdf")
    assert receipt.still_held == ("copy.pdf",)
    assert anywhere(folder, "secret/complaint", "Xanthippe7") == ["Xanthippe7"]
    assert forget(folder, home(folder), "copy.pdf").found == ()
    assert anywhere(folder, *TRACES) == []


def test_cut_off_in_the_middle_nothing_is_left_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: Catalog, *, always: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "vacuum", die)
        with pytest.raises(KeyboardInterrupt):
            forget(folder, home(folder), "secret")
    collection.open_catalog(folder, lambda _: None).close()
    assert anywhere(folder, *TRACES) == []


@given(
    st.lists(st.binary(min_size=8, max_size=40), max_size=8),
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.integers(0, 7),
)
def test_exactly_the_pieces_that_occur_are_named(pieces: list[bytes], left: bytes, right: bytes, which: int) -> None:
    data = left + (pieces[which] if which < len(pieces) else b"") + right
    assert _Needles(pieces).occurring(data) == {piece for piece in pieces if piece in data}
