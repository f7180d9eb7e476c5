"""`rag tune`: what it refuses and how it says so; adapters listed, switched, carried, and named. Real models."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.bootstrap import Difference
from rag.config import resolve
from rag.models import adapters
from rag.models.adapters import Adapter, Gain
from rag.models.catalogue import EMBEDDING, READER, verify
from rag.rank import WEIGHTS
from rag.tune import reader as tuning
from rag.tune.search import MEASURES
from rag.tuned import Tuned
from tests.running import Outcome, program

Rag = Callable[..., Outcome]

GAIN = Gain("nDCG@10 of evidence pages", 0.5, 0.6, 0.02, 0.18, 0.01, 40)


@pytest.fixture
def indexed(rag: Rag, tmp_path: Path) -> Rag:
    """`rag` with a dozen short files in its index."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, matter in enumerate(("tapes", "badges", "visitors", "keys", "laptops", "phones", "cameras", "bins")):
        (folder / f"{matter}.md").write_text(
            f"# {matter.title()}\n\nThe warden of house {number} must count the {matter} every {number + 2} weeks.\n"
        )
    assert rag("ingest", str(folder)).code == 0
    return rag


def asked(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def entry(matter: str, words: str) -> dict[str, Any]:
    evidence = [{"file": f"{matter}.md", "page": None, "quote": "must count", "group": 1}]
    return {"id": f"{matter}-{words}", "question": f"{words} {matter}?", "kind": "fact", "evidence": evidence}


def place(home: Path, name: str = "mine") -> None:
    """An adapter of the search in a home, that turns every question's vector round."""
    learnt = Tuned(name, "", next(iter(READER.files.values())), -2 * np.eye(384, dtype=np.float32), WEIGHTS)
    parent = EMBEDDING.files["model.safetensors"]
    adapter = Adapter(name, "search", EMBEDDING.name, parent, "", "default", adapters.now(), 40, GAIN)
    adapters.keep(resolve(home).adapters, adapter, learnt.write)


def place_reader(home: Path, name: str = "careful") -> None:
    """The shipped reader under another name, as an adapter of its kind."""
    (file,), (parent,) = READER.files, READER.files.values()
    adapter = Adapter(name, "reader", READER.name, parent, "", "default", adapters.now(), 40, GAIN)
    adapters.keep(resolve(home).adapters, adapter, lambda path: path.write_bytes((verify(READER) / file).read_bytes()))


def test_three_pairs_are_refused_with_what_to_do(indexed: Rag, tmp_path: Path) -> None:
    rows = [entry(matter, "How often counted are the") for matter in ("tapes", "badges", "swimming-pool")]
    outcome = indexed("tune", "search", str(asked(tmp_path / "three.jsonl", rows)))
    assert outcome.code == 2
    assert "Of 3 questions 2 can be learnt from" in outcome.err
    assert "swimming-pool" in outcome.err
    assert "write further ones" in outcome.err


def test_documents_that_say_too_little_tune_no_writer(indexed: Rag) -> None:
    outcome = indexed("tune", "writer")
    assert outcome.code == 2
    assert "it takes 40 to learn from and 10 to judge by" in outcome.err


def test_a_tuning_that_wins_nothing_changes_nothing_and_one_that_is_run_says_what_it_did(
    indexed: Rag, tmp_path: Path, home: Path
) -> None:
    matters = ("tapes", "badges", "visitors", "keys", "laptops", "phones", "cameras", "bins")
    rows = [entry(matter, words) for matter in matters for words in ("How often counted are the", "Who counts")]
    path = asked(tmp_path / "many.jsonl", [*rows, entry("swimming-pool", "Who counts")])
    outcome = indexed("tune", "search", str(path), "--json")
    assert outcome.code == 1
    found = outcome.json
    assert (found["kept"], found["adapter"]) == (False, None)
    assert found["absent"] == ["swimming-pool-Who counts"]
    assert found["gain"]["questions"] == 16
    assert "this machine" in outcome.err
    assert "swimming-pool-Who counts: its evidence is not in this collection" in outcome.err
    assert indexed("tune", "list", "--json").json == {"adapters": []}
    assert list(resolve(home).adapters.iterdir()) == []  # nothing is left of the run
    assert indexed("record", "list", "--kind", "tuning", "--json").json["entries"][0]["facts"]["kept"] is False


def test_an_adapter_in_use_changes_the_search_and_stands_in_the_record(indexed: Rag, home: Path) -> None:
    before = indexed("search", "Who counts the keys?", "--json", "--explain").json["hits"][0]
    place(home)
    assert indexed("tune", "use", "mine").code == 0
    after = indexed("search", "Who counts the keys?", "--json", "--explain").json["hits"][0]
    assert before != after
    answer = indexed("ask", "Who counts the keys?", "--quotes-only", "--json").json
    assert answer["search_adapter"]["name"] == "mine"
    entry_ = indexed("record", "list", "--json").json["entries"][-1]
    assert entry_["facts"]["models"]["search adapter"]["name"] == "mine"
    assert indexed("tune", "use", "none", "--kind", "search").code == 0
    assert indexed("search", "Who counts the keys?", "--json", "--explain").json["hits"][0] == before


def test_a_reader_in_use_reads_and_a_search_tuned_for_another_is_switched_off(indexed: Rag, home: Path) -> None:
    place(home)
    place_reader(home)
    indexed("tune", "use", "mine")
    outcome = indexed("tune", "use", "careful")
    assert outcome.code == 0
    assert "mine was learnt with another reader and is switched off" in outcome.err
    assert indexed("ask", "Who counts the keys?", "--quotes-only").code == 0
    models = indexed("record", "list", "--json").json["entries"][-1]["facts"]["models"]
    assert models["reader"]["name"] == "careful"
    assert models["search adapter"] is None
    assert indexed("tune", "use", "none", "--kind", "reader").code == 0
    indexed("ask", "Who counts the keys?", "--quotes-only")
    models = indexed("record", "list", "--json").json["entries"][-1]["facts"]["models"]
    assert models["reader"]["name"] == READER.name


def test_three_pairs_tune_no_reader_either(indexed: Rag, tmp_path: Path) -> None:
    rows = [entry(matter, "How often counted are the") for matter in ("tapes", "badges", "bins")]
    outcome = indexed("tune", "reader", str(asked(tmp_path / "three.jsonl", rows)))
    assert outcome.code == 2
    assert "Of 3 questions 3 can be learnt from" in outcome.err


def test_adapters_are_listed_exported_imported_and_dropped(rag: Rag, home: Path, tmp_path: Path) -> None:
    place(home)
    rag("tune", "use", "mine")
    (listed,) = rag("tune", "list", "--json").json["adapters"]
    assert listed["used_in"] == ["default"]
    assert listed["gain"] == asdict(GAIN)
    assert "0.500 before, 0.600 after" in rag("tune", "list").out
    assert rag("tune", "export", "mine", str(tmp_path / "mine.tar")).code == 0
    assert rag("tune", "import", str(tmp_path / "mine.tar")).code == 2  # the name is taken
    assert rag("tune", "import", str(tmp_path / "mine.tar"), "--name", "theirs").code == 0
    assert rag("tune", "drop", "mine").code == 0
    assert [one["name"] for one in rag("tune", "list", "--json").json["adapters"]] == ["theirs"]


def test_an_altered_adapter_stops_a_question(indexed: Rag, home: Path) -> None:
    place(home)
    indexed("tune", "use", "mine")
    path = adapters.find(resolve(home).adapters, "mine").file(resolve(home).adapters)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    outcome = indexed("ask", "Who counts the keys?")
    assert outcome.code == 2
    assert "SHA-256 differs" in outcome.err
    assert "rag tune use none --kind search --collection default" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["use", "mine"], "There is no adapter 'mine'"),
        (["drop", "../.."], "is no name for an adapter"),
        (["use", "none"], "Say which kind"),
        (["import", "none.tar"], "no adapter that"),
        (["export", "mine", "x.tar"], "There is no adapter 'mine'"),
    ],
)
def test_what_is_not_there_is_said(rag: Rag, arguments: list[str], said: str) -> None:
    outcome = rag("tune", *arguments)
    assert outcome.code == 2
    assert said in outcome.err


def test_forgetting_names_what_was_learnt_from_the_collection(indexed: Rag, home: Path) -> None:
    place(home)
    outcome = indexed("forget", "keys.md")
    assert outcome.code == 0
    assert "mine was learnt from this collection and may hold traces" in outcome.err


def test_the_program_itself_may_write_an_adapter_where_it_is_told(home: Path, tmp_path: Path) -> None:
    """Bounds of writing: the home and the file that is named."""
    place(home)
    done = program("--home", str(home), "tune", "export", "mine", str(tmp_path / "out.tar"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.tar").stat().st_size > 384 * 384 * 4


def test_a_reader_that_wins_is_kept_and_reads_from_now_on(
    indexed: Rag, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = READER.files
    before = dict.fromkeys((*MEASURES, tuning.QUOTED), 0.5)

    def instead(_retriever: object, asked: tuning.Asked, work: Path, *_: object) -> tuning.Outcome:
        work.mkdir(parents=True)
        tuning.learnt_file(work).write_bytes((verify(READER) / file).read_bytes())
        return tuning.Outcome(before, dict.fromkeys(before, 0.75), Difference(0.25, 0.1, 0.4, 0.01, 16), 16)

    monkeypatch.setattr(tuning, "tune", instead)
    matters = ("tapes", "badges", "visitors", "keys", "laptops", "phones", "cameras", "bins")
    rows = [entry(matter, words) for matter in matters for words in ("How often counted are the", "Who counts")]
    outcome = indexed("tune", "reader", str(asked(tmp_path / "many.jsonl", rows)))
    assert outcome.code == 0, outcome.err
    assert "Kept as reader-default, and in use from now on." in outcome.out
    (listed,) = indexed("tune", "list", "--json").json["adapters"]
    assert (listed["kind"], listed["parent"], listed["used_in"]) == ("reader", READER.name, ["default"])
    assert [path.name for path in resolve(home).adapters.glob(".*")] == []  # nothing is left of the run
    indexed("ask", "Who counts the keys?", "--quotes-only")
    models = indexed("record", "list", "--json").json["entries"][-1]["facts"]["models"]
    assert models["reader"]["name"] == "reader-default"
