"""Whole runs over folders: every report made, the batch joined, compared, resumed, and nothing counted twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ReadError, UsageError
from ingest.logs.selection import Selection
from ingest.types import FileStatus
from ingest.walk import walk
from rag.batch import Job, Report, Shelf, jobs
from rag.log_batch import Looking
from rag.reporting import Result, Task, report_all


class Here:
    """A pool that works in this process, and may be told to fail at a file."""

    workers = 1

    def __init__(self) -> None:
        self.read: list[str] = []
        self.fails: dict[str, Exception] = {}

    def run(self, function: Callable[..., Any], path: Path, name: str, *args: Any, seconds: float) -> Any:
        if name in self.fails:
            raise self.fails[name]
        self.read.append(name)
        assert seconds >= 300
        return function(path, name, *args)


def line(user: str, minute: int, action: str = "open", outcome: str = "success") -> str:
    event = {"time": f"2026-03-02T10:{minute:02}:00Z", "user": user, "action": action, "outcome": outcome}
    return json.dumps(event) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    (logs / "deep").mkdir(parents=True)
    (logs / "a.jsonl").write_text(line("ann", 1) + line("bob", 2))
    (logs / "b.jsonl").write_text(line("ann", 3) + "\n" + line("eve", 4, "DeleteTrail"))
    (logs / "deep" / "c.jsonl").write_text(line("ann", 5, outcome="denied"))
    return logs


def go(
    folder: Path, pool: Here, out: Path | None = None, *, whole: bool = True, told: Any = None, **options: Any
) -> Result:
    work, _ = jobs(walk([folder]), frozenset({"log"}), out)
    looking = options.pop("looking", Looking(Selection()))
    shelf = Shelf(out, {"version": "1", **looking.made_with()}) if out is not None else None
    task = Task(work, looking, lambda: None, _no_document, whole=whole, **options)
    return report_all(task, pool, shelf, told or (lambda report: None), lambda: None, lambda size: None)


def _no_document(job: Job) -> Report:
    raise AssertionError(job.name)


def batch(result: Result) -> dict[str, Any]:
    assert result.overall is not None
    return dict(result.overall)


def test_every_file_has_its_reports_and_the_batch_adds_up(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = go(folder, Here(), out)
    overall = batch(result)
    assert (overall["logs"], overall["lines"], overall["events"], overall["blank_lines"]) == (3, 6, 5, 1)
    assert overall["counts"]["actors"] == {"ann": 3, "bob": 1, "eve": 1}
    assert sum(one["count"] for one in overall["templates"]) == 5
    assert overall["findings"][0]["path"] == "b.jsonl"
    for name in ("a.jsonl", "b.jsonl", "deep/c.jsonl", "overall"):
        assert {suffix for suffix in ("md", "html", "json") if (out / f"{name}.{suffix}").is_file()} == {
            "md",
            "html",
            "json",
        }
    assert json.loads((out / "overall.json").read_text())["overall"] == json.loads(json.dumps(overall))
    assert not list(out.rglob("*.part"))


def test_the_same_without_a_folder(folder: Path, tmp_path: Path) -> None:
    with_folder, without = go(folder, Here(), tmp_path / "out"), go(folder, Here())
    assert without.entries == with_folder.entries
    assert without.overall == with_folder.overall


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_run_that_was_cut_off_goes_on_and_counts_nothing_twice(folder: Path, tmp_path: Path, stop_after: int) -> None:
    whole = go(folder, Here(), tmp_path / "whole")
    out = tmp_path / "out"
    seen: list[str] = []

    def told(report: Report) -> None:
        if len(seen) == stop_after:
            raise KeyboardInterrupt
        seen.append(report.job.name)

    with pytest.raises(KeyboardInterrupt):
        go(folder, Here(), out, told=told)
    assert not (out / "overall.json").exists()
    pool = Here()
    result = go(folder, pool, out)
    assert result.resumed == stop_after + 1
    assert len(pool.read) == 2 - stop_after
    assert (result.overall, result.entries) == (whole.overall, whole.entries)


def test_only_what_changed_is_read_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    go(folder, Here(), out)
    with (folder / "b.jsonl").open("a") as file:
        file.write(line("ann", 6))
    pool = Here()
    result = go(folder, pool, out)
    assert pool.read == ["b.jsonl"]
    assert batch(result)["events"] == 6


def test_a_spoiled_memory_costs_reading_again_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = go(folder, Here(), out)
    (out / ".batch" / "a.jsonl.json").write_text("{}")
    (out / ".batch" / "deep" / "c.jsonl.json").unlink()
    pool = Here()
    assert go(folder, pool, out).overall == first.overall
    assert sorted(pool.read) == ["a.jsonl", "deep/c.jsonl"]


def test_the_next_batch_is_compared_with_the_one_before_and_a_repeated_run_too(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "changes" not in batch(go(folder, Here(), out))
    assert "changes" not in batch(go(folder, Here(), out))
    (folder / "d.jsonl").write_text(line("mallory", 7, "DeleteBucket"))
    pool = Here()
    second = batch(go(folder, pool, out))
    assert pool.read == ["d.jsonl"]  # the others are compared anew, without being read again
    assert [one["value"] for one in second["changes"]["new"]["actors"]["first"]] == ["mallory"]
    assert batch(go(folder, Here(), out)) == second
    report = json.loads((out / "d.jsonl.json").read_text())["report"]
    assert [one["new"] for one in report["templates"]] == [True]
    assert report["changes"]["new"]["actors"] == {"mallory": 1}
    assert "**new**" in (out / "d.jsonl.md").read_text()
    assert "**new**" not in (out / "a.jsonl.md").read_text()


def test_looking_again_in_another_way_compares_with_the_same_batch(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    go(folder, Here(), out)
    (folder / "d.jsonl").write_text(line("mallory", 7))
    go(folder, Here(), out)
    again = batch(go(folder, Here(), out, looking=Looking(Selection(actor="m*"))))
    assert [one["value"] for one in again["changes"]["new"]["actors"]["first"]] == ["mallory"]


@pytest.mark.parametrize("as_output", [True, False])
def test_a_baseline_is_an_earlier_output_or_a_folder_of_logs(folder: Path, tmp_path: Path, as_output: bool) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "old.jsonl").write_text(line("ann", 1) + line("bob", 1))
    if as_output:
        go(earlier, Here(), tmp_path / "reports")
        earlier = tmp_path / "reports"
    changed = batch(go(folder, Here(), baseline=earlier))["changes"]
    assert [one["value"] for one in changed["new"]["actors"]["first"]] == ["eve"]
    assert changed["before"]["events"] == 2


def test_a_folder_that_is_no_baseline_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("Only notes.")
    with pytest.raises(UsageError, match=r"--baseline .*empty holds neither logs"):
        go(folder, Here(), baseline=tmp_path / "empty")


def test_a_file_that_cannot_be_read_is_reported_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    pool = Here()
    pool.fails["a.jsonl"] = ReadError(FileStatus.FAILED, "reading it was given up after 300 s")
    result = go(folder, pool, tmp_path / "out")
    assert [entry.get("status") for entry in result.entries] == [FileStatus.FAILED, None, None]
    assert batch(result)["events"] == 3
    assert "given up" in (tmp_path / "out" / "a.jsonl.md").read_text()
    pool = Here()
    assert go(folder, pool, tmp_path / "out").resumed == 2  # what failed is tried again
    assert pool.read == ["a.jsonl"]


def test_templates_of_all_reports_have_the_names_of_the_batch(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    said = "Mar  2 10:00:0{} h app: session of user {} closed\n"
    (logs / "a.log").write_text(said.format(1, "ann"))
    (logs / "b.log").write_text(said.format(1, "bob") + said.format(2, "cid"))
    out = tmp_path / "out"
    result = go(logs, Here(), out)
    ids = {one["id"] for entry in result.entries for one in entry["templates"]}
    assert ids == {one["id"] for one in batch(result)["templates"]}
    assert len(ids) == 1
    assert "session of user &lt;\\*&gt; closed" in (out / "a.log.md").read_text()


def test_selected_events_alone_are_in_the_batch(folder: Path) -> None:
    overall = batch(go(folder, Here(), looking=Looking(Selection(actor="ann"))))
    assert (overall["events"], overall["left_out"], overall["lines"]) == (3, 2, 6)
    assert overall["counts"]["actors"] == {"ann": 3}


def test_entries_are_short_unless_they_are_asked_for(folder: Path, tmp_path: Path) -> None:
    result = go(folder, Here(), tmp_path / "out", whole=False)
    assert "templates" not in result.entries[0]
    assert "templates" in json.loads((tmp_path / "out" / "a.jsonl.json").read_text())["report"]
