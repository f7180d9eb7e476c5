"""A run that was cut off goes on: what is done is not done again, what was half written is."""

from pathlib import Path

from rag.tune.journal import Journal


def test_what_is_done_is_done_once_also_in_the_next_run(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    path = tmp_path / "run.jsonl"
    journal = Journal(path)
    assert [journal.once("a", make), journal.once("a", make)] == [1, 1]
    assert Journal(path).once("a", make) == 1
    assert made == [1]


def test_a_line_that_was_cut_off_is_made_again_and_those_before_it_stay(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    journal = Journal(path)
    for key in "abc":
        journal.once(key, lambda: [1.5, None])
    path.write_bytes(path.read_bytes()[:-4])
    again = Journal(path)
    assert ["a" in again, "b" in again, "c" in again] == [True, True, False]
    assert again.once("c", lambda: "anew") == "anew"
    assert Journal(path).once("c", lambda: "lost") == "anew"


def test_discarded_it_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.jsonl")
    journal.once("a", lambda: 1)
    journal.discard()
    assert list(tmp_path.iterdir()) == []
