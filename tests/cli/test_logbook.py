"""`rag logs`: a folder of logs, a command, what it prints and writes, and its exit code."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running import PROGRAM, ROOT, Outcome, run_rag

Rag = Callable[..., Outcome]


@pytest.fixture
def rag(tmp_path: Path) -> Rag:
    """`rag --home HOME …`: counting logs needs no model."""
    return lambda *arguments: run_rag("--home", str(tmp_path / "home"), *map(str, arguments))


def line(user: str, minute: int, action: str = "open", outcome: str = "success", day: int = 2) -> str:
    time = f"2026-03-{day:02}T10:{minute:02}:00Z"
    return json.dumps({"time": time, "user": user, "action": action, "outcome": outcome}) + "\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    (folder / "old").mkdir(parents=True)
    (folder / "app.jsonl").write_text(line("ann", 1) + line("ann", 2) + line("eve", 3, "StopLogging"))
    (folder / "old" / "app.jsonl.gz").write_bytes(gzip.compress((line("bob", 1, day=1) * 2).encode()))
    (folder / "notes.txt").write_text("Notes of a meeting, which are no log.")
    return folder


def test_a_folder_is_counted_and_summed_up(rag: Rag, logs: Path) -> None:
    outcome = rag("logs", logs, "--json")
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert [entry["path"] for entry in result["files"]] == ["app.jsonl", "old/app.jsonl.gz"]
    assert result["not_logs"] == ["notes.txt"]
    assert "1 file is no log and was left out (documents are for `rag summarize`): notes.txt" in outcome.err
    overall = result["overall"]
    assert (overall["logs"], overall["events"]) == (2, 5)
    assert overall["counts"]["actors"] == {"ann": 2, "bob": 2, "eve": 1}
    assert overall["counts"]["hours"] == {"10": 5}
    assert overall["seen"]["actors"]["bob"] == {
        "path": "old/app.jsonl.gz",
        "line": 1,
        "files": 1,
        "first": "2026-03-01T10:01:00Z",
        "last": "2026-03-01T10:01:00Z",
    }
    assert overall["timeline"] == [["2026-03-01T10:00:00Z", 2, 0], ["2026-03-02T10:00:00Z", 3, 0]]


def test_reports_are_written_and_a_second_run_keeps_them(rag: Rag, logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = rag("logs", logs, "--out", out)
    assert first.code == 0, first.err
    assert first.out == f"2 reports, 0 of them from an earlier run; begin with {out}/overall.html\n"
    assert "  done  app.jsonl\n" in first.err
    assert "High severity" in (out / "overall.md").read_text()
    second = rag("logs", logs, "--out", out)
    assert second.out.startswith("2 reports, 2 of them from an earlier run")
    assert "  kept  old/app.jsonl.gz\n" in second.err


@pytest.mark.parametrize(
    ("options", "events", "left_out"),
    [
        (["--since", "2026-03-02"], 3, 2),
        (["--until", "2026-03-02T11:02+01:00"], 3, 2),
        (["--actor", "EVE"], 1, 4),
        (["--actor", "?ob", "--since", "2026-03-02"], 0, 5),
    ],
)
def test_a_part_of_the_events_is_looked_at(
    rag: Rag, logs: Path, options: list[str], events: int, left_out: int
) -> None:
    overall = rag("logs", logs, "--json", *options).json["overall"]
    assert (overall["events"], overall["left_out"]) == (events, left_out)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "soon"], "--since 'soon' is no time; write 2026-03-02"),
        (["--since", "2026-03-03", "--until", "2026-03-02"], "--since 2026-03-03 is not before --until 2026-03-02"),
        (["--baseline", "nowhere"], "nowhere"),
        (["--follow"], "--follow watches one file"),
        (["--follow", "--out", "reports"], "leave --out, --baseline and --format html out"),
        (["--format", "pdf"], "pdf"),
    ],
)
def test_errors_say_what_to_do(rag: Rag, logs: Path, options: list[str], said: str) -> None:
    outcome = rag("logs", logs, *options)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(("severity", "code"), [("low", 5), ("high", 5), ("critical", 0)])
def test_fail_on(rag: Rag, logs: Path, severity: str, code: int) -> None:
    outcome = rag("logs", logs, "--fail-on", severity, "--json")
    assert outcome.code == code
    assert outcome.json["files"]
    assert ("--fail-on" in outcome.err) == (code == 5)


def test_rules_of_ones_own(rag: Rag, logs: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yml").write_text(
        "title: Somebody opened it\nid: own-open\nlevel: critical\ndescription: It should stay shut.\n"
        "detection:\n  selection:\n    action: open\n  condition: selection\n"
    )
    outcome = rag("logs", logs, "--rules", rules, "--fail-on", "critical", "--json")
    assert outcome.code == 5, outcome.err
    titles = [finding["title"] for finding in outcome.json["files"][0]["findings"]]
    assert "Somebody opened it" in titles
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "own.yml").write_text("title: broken\ndetection: 7\n")
    outcome = rag("logs", logs, "--rules", broken)
    assert (outcome.code, outcome.out) == (2, "")
    assert "own.yml" in outcome.err


def test_a_log_that_cannot_be_read_is_named_and_the_rest_is_counted(rag: Rag, logs: Path, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress("".join(line(f"u{n}", n % 60) for n in range(40_000)).encode()))
    packed[-30_000:-29_900] = bytes(100)
    (logs / "torn.log.gz").write_bytes(packed)
    outcome = rag("logs", logs, "--out", tmp_path / "out")
    assert outcome.code == 3
    assert "damaged torn.log.gz" in outcome.out
    assert "**not read (damaged)**" in (tmp_path / "out" / "overall.md").read_text()


def test_html_on_stdout_is_one_page(rag: Rag, logs: Path) -> None:
    outcome = rag("logs", logs, "--format", "html")
    assert outcome.out.startswith("<!doctype html>")
    assert outcome.out.rstrip().endswith("</html>")
    assert "href" not in outcome.out.replace("hreflang", "")


def test_nothing_from_a_log_acts_on_the_terminal(rag: Rag, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\u202e"
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / f"a{evil}.jsonl").write_text(line(evil, 1, f"StopLogging {evil}") * 3)
    (folder / "b.jsonl").write_text(line("ann", 1))
    for options in ([], ["--json"], ["--format", "html"], ["--out", tmp_path / "out"], ["--baseline", folder]):
        outcome = rag("logs", folder, *options)
        assert outcome.code == 0, outcome.err
        assert not {"\x1b", "\x07", "\u202e"} & set(outcome.out + outcome.err), options


def _start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_following_tells_new_findings_and_ends_with_130(logs: Path, tmp_path: Path) -> None:
    path = logs / "app.jsonl"
    path.write_text(line("ann", 1))
    with _start("--home", str(tmp_path / "home"), "logs", str(path), "--follow", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Watching" in process.stderr.readline()
        with path.open("a") as file:
            file.write(line("eve", 2, "StopLogging"))
        finding: dict[str, Any] = json.loads(process.stdout.readline())
        assert (finding["severity"], finding["lines"]) == ("high", [2])
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_following_ends_when_fail_on_is_met(logs: Path, tmp_path: Path) -> None:
    arguments = ("--home", str(tmp_path / "home"), "logs", str(logs / "app.jsonl"), "--follow", "--fail-on", "high")
    with _start(*arguments) as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 5
        assert "high" in out


def test_a_run_that_is_killed_goes_on_and_counts_nothing_twice(rag: Rag, tmp_path: Path) -> None:
    folder, out = tmp_path / "logs", tmp_path / "out"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jsonl").write_text("".join(line(f"u{n % 7}", n % 60) for n in range(2000)))
    with _start("--home", str(tmp_path / "home"), "logs", str(folder), "--out", str(out)) as process:
        while not list(out.glob("*.jsonl.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.wait(60)
    whole = rag("logs", folder, "--json").json
    again = rag("logs", folder, "--out", out, "--json")
    assert again.json["resumed"] >= 1
    assert again.json["overall"] == whole["overall"]
    assert again.json["overall"]["events"] == 10_000
