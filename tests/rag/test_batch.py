"""Many files, one report each: finished ones are kept, half-made ones are not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import StorageError
from ingest.walk import walk
from rag.batch import Job, Kind, Report, Shelf, jobs, run, write_file

MADE_WITH = {"version": "1", "language_model": "default"}


class Maker:
    """Reports a file's length and puts the report on a shelf; may stop at a file."""

    def __init__(self, out: Path | None, stop_at: str | None = None, made_with: dict[str, str] = MADE_WITH) -> None:
        self.made: list[str] = []
        self.stop_at = stop_at
        self.shelf = Shelf(out, made_with) if out is not None else None

    def gather(self, job: Job) -> int:
        return len(job.source.absolute.read_bytes())

    def make(self, job: Job, length: int) -> Report:
        if job.name == self.stop_at:
            raise KeyboardInterrupt
        self.made.append(job.name)
        report = Report(job, {"path": job.name, "length": length}, f"# {job.name}\n")
        if self.shelf is not None:
            self.shelf.put(report)
        return report

    def run(self, work: list[Job]) -> Iterator[Report]:
        return run(work, self.gather, self.make, self.shelf)


def of_kind(folder: Path, *kinds: Kind) -> list[Job]:
    return jobs(walk([folder]), frozenset(kinds))[0]


@pytest.fixture
def work(tmp_path: Path) -> list[Job]:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("alpha")
    (folder / "b.txt").write_text("beta")
    (folder / "deep" / "a.txt").write_text("gamma")
    return of_kind(folder, "document")


def names(reports: Iterator[Report]) -> list[tuple[str, bool]]:
    return [(report.job.name, report.resumed) for report in reports]


def test_each_file_gets_two_reports_under_its_own_path(work: list[Job], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert names(Maker(out).run(work)) == [("a.txt", False), ("b.txt", False), ("deep/a.txt", False)]
    assert (out / "deep" / "a.txt.md").read_text() == "# deep/a.txt\n"
    held = json.loads((out / "a.txt.json").read_text())
    assert held["report"] == {"path": "a.txt", "length": 5}
    assert held["key"]["version"] == "1"
    assert sorted(path.suffix for path in out.rglob("*") if path.is_file()) == [".json"] * 3 + [".md"] * 3


def test_a_second_run_does_nothing_again_and_says_the_same(work: list[Job], tmp_path: Path) -> None:
    first = list(Maker(tmp_path / "out").run(work))
    maker = Maker(tmp_path / "out")
    second = list(maker.run(work))
    assert maker.made == []
    assert [(report.entry, report.markdown) for report in second] == [
        (report.entry, report.markdown) for report in first
    ]
    assert all(report.resumed for report in second)


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(work: list[Job], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(Maker(tmp_path / "out", stop_at="b.txt").run(work))
    maker = Maker(tmp_path / "out")
    assert names(maker.run(work))[0] == ("a.txt", True)
    assert maker.made == ["b.txt", "deep/a.txt"]


def test_changed_files_and_other_models_are_done_again(work: list[Job], tmp_path: Path) -> None:
    list(Maker(tmp_path / "out").run(work))
    work[1].source.absolute.write_text("changed")
    maker = Maker(tmp_path / "out")
    list(maker.run(work))
    assert maker.made == ["b.txt"]
    other = Maker(tmp_path / "out", made_with=MADE_WITH | {"version": "2"})
    list(other.run(work))
    assert len(other.made) == 3


@pytest.mark.parametrize("suffix", [".md", ".json"])
def test_a_report_of_which_half_is_missing_is_made_again(work: list[Job], tmp_path: Path, suffix: str) -> None:
    """The process may have died between the two files."""
    list(Maker(tmp_path / "out").run(work))
    (tmp_path / "out" / f"b.txt{suffix}").unlink()
    maker = Maker(tmp_path / "out")
    list(maker.run(work))
    assert maker.made == ["b.txt"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"key": 3}', '{"key": {}}'])
def test_a_spoiled_report_is_made_again(work: list[Job], tmp_path: Path, content: str) -> None:
    list(Maker(tmp_path / "out").run(work))
    (tmp_path / "out" / "a.txt.json").write_text(content)
    maker = Maker(tmp_path / "out")
    list(maker.run(work))
    assert maker.made == ["a.txt"]


def test_without_a_folder_everything_is_made_and_nothing_written(work: list[Job], tmp_path: Path) -> None:
    maker = Maker(None)
    assert len(list(maker.run(work))) == len(maker.made) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_reports_come_one_by_one(work: list[Job], tmp_path: Path) -> None:
    maker = Maker(tmp_path / "out")
    reports = maker.run(work)
    next(reports)
    assert maker.made == ["a.txt"]
    assert (tmp_path / "out" / "a.txt.json").is_file()


def test_several_at_once_make_the_same_reports(work: list[Job], tmp_path: Path) -> None:
    maker = Maker(tmp_path / "out")
    reports = list(run(work, maker.gather, maker.make, maker.shelf, at_once=3))
    assert sorted(report.job.number for report in reports) == [0, 1, 2]
    assert sorted(maker.made) == ["a.txt", "b.txt", "deep/a.txt"]


def test_two_roots_with_the_same_names_get_reports_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text(f"of {name}")
    work, _ = jobs(walk([tmp_path / "one", tmp_path / "two"]), frozenset({"document"}))
    made = list(Maker(tmp_path / "out").run(work))
    assert len({report.job.name for report in made}) == 2
    assert len(list((tmp_path / "out").rglob("*.md"))) == 2
    again = Maker(tmp_path / "out")
    list(again.run(work))
    assert again.made == []


def test_a_file_named_like_the_overall_report_does_not_clash_with_it(tmp_path: Path) -> None:
    (tmp_path / "overall").write_text("text without a suffix")
    (job,) = of_kind(tmp_path, "document")
    assert job.name.endswith("/overall")


def test_reports_inside_the_folder_are_no_documents(work: list[Job], tmp_path: Path) -> None:
    out = tmp_path / "in" / "reports"
    list(Maker(out).run(work))
    assert jobs(walk([tmp_path / "in"]), frozenset({"document"}), out) == (work, [])


def test_logs_and_documents_are_told_apart(tmp_path: Path) -> None:
    line = "Mar  1 00:00:0{} host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n"
    (tmp_path / "auth.log").write_text("".join(line.format(second) for second in range(9)))
    (tmp_path / "notes.txt").write_text("Only some notes.")
    work, others = jobs(walk([tmp_path]), frozenset({"log"}))
    assert [job.name for job in work] == ["auth.log"]
    assert [source.path for source in others] == ["notes.txt"]
    assert [job.name for job in of_kind(tmp_path, "document")] == ["notes.txt"]
    assert [job.number for job in of_kind(tmp_path, "log", "document")] == [0, 1]


def test_a_folder_that_cannot_be_written_is_named(work: list[Job], tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(StorageError, match="choose another folder with --out"):
        list(Maker(tmp_path / "out").run(work))


def test_files_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.md"
    write_file(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rag.batch.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        write_file(path, "new")
    assert path.read_text() == "old"


def test_text_that_no_encoding_carries_is_written_out(tmp_path: Path) -> None:
    write_file(tmp_path / "report.md", "lone \ud800 surrogate, ü")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "lone \\ud800 surrogate, ü"
