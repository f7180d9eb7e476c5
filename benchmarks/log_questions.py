"""Questions about logs: how many are answered rightly, and are the lines that are cited and counted the true ones?

    python benchmarks/log_questions.py [--bench ../shared/bench] [--split report] [--show] [--home FOLDER]

Two sets: the sample office, whose policies lie beside its logs (`data/log_questions.jsonl`), and public logs alone
(`log_questions.jsonl` here; loghub's logs, and the audit events as one log for each service). Questions have the form
of `data/questions.jsonl`; "lines" of their evidence are those of every event that the question asks for, found by
regular expressions over the raw lines and not by the program. `--home` keeps the indexes.
"""

import argparse
import json
import shutil
import statistics
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from answers import RAG, ask
from measure import BENCH, ROOT, headline, note, table, workspace

from rag.answer import validate
from rag.judge import UNANSWERABLE, read_questions, verdict

Row = Mapping[str, Any]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH)
    parser.add_argument("--split", choices=("dev", "report"), default="report")
    parser.add_argument("--home", type=Path, help="keep the indexes here instead of in a temporary folder")
    parser.add_argument("--show", action="store_true", help="print every question with its answer")
    options = parser.parse_args()
    print(headline("Questions about logs"))
    rows = []
    with workspace(options.home) as home:
        public = home / "public"
        write_public(options.bench, public)
        sets = (
            ("sample office", ROOT / "data/office", ROOT / "data/log_questions.jsonl"),
            ("public logs", public, Path(__file__).with_name("log_questions.jsonl")),
        )
        for name, folder, questions in sets:
            note(f"{name}: ingesting")
            own = home / name.replace(" ", "-")
            command = [*RAG, "--home", own, "ingest", folder, "--no-ocr"]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            rows += judged(name, own, folder, questions, options.split, options.show)
    header = ("set", "n", "right", "wrong", "refused", "cited lines true", "counted lines exact", "median ms")
    print(table(header, rows))


def write_public(bench: Path, folder: Path) -> None:
    """The public logs as files: loghub's as they are, audit events by service, in the order in which they stand."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in sorted(bench.glob("loghub/*/*_2k.log")):
        shutil.copyfile(log, folder / log.name)
    services: dict[str, list[str]] = {}
    for line in (bench / "audit-events/events.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        service = (row["log_types"] or ["none"])[0]
        services.setdefault(service, []).append(json.dumps(row["event"]) + "\n")
    for service, events in services.items():
        (folder / f"{service}.jsonl").write_text("".join(events), encoding="utf-8")


def judged(name: str, home: Path, folder: Path, path: Path, split: str, show: bool) -> list[list[object]]:
    """A row for the answerable questions, and one for the others."""
    questions = read_questions(path, validate, split)
    truth = {row["id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    answers = ask(home, [(question.id, question.question) for question in questions], quotes_only=True)
    results: dict[bool, list[tuple[str, Row, Row]]] = {True: [], False: []}
    for question, answer in zip(questions, answers, strict=True):
        said = verdict(question, answer["found"], answer["answer"])
        results[question.kind != UNANSWERABLE].append((said, answer, truth[question.id]))
        if show:
            print(f"\n{question.id} {question.question}\n  wanted: {question.answer or '(nothing)'}")
            print(f"  {said}: {answer['answer']}")
    return [
        _row(f"{name}, answerable", results[True], folder),
        _row(f"{name}, unanswerable", results[False], folder),
    ]


def _row(name: str, results: Sequence[tuple[str, Row, Row]], folder: Path) -> list[object]:
    count = len(results)
    said = Counter(verdict for verdict, _, _ in results)
    found = [(answer, truth) for _, answer, truth in results if answer["found"]]
    true = sum(cites_truth(answer, truth, folder) for answer, truth in found)
    exact = sum(counted_lines(answer) == wanted_lines(truth) for answer, truth in found)
    times = [answer["timings_ms"]["total"] for _, answer, _ in results]
    wrong = said["wrong"] + said["answered"]
    shares = [f"{number} ({number / max(count, 1):.0%})" for number in (said["right"], wrong, said["refused"])]
    lines = [f"{true} of {len(found)}", f"{exact} of {len(found)}"]
    return [name, count, *shares, *lines, round(statistics.median(times)) if times else None]


Lines = set[tuple[str, int]]


def wanted_lines(truth: Row) -> Lines:
    """The lines of all events that are asked for."""
    return {(item["file"], line) for item in truth.get("evidence", []) for line in item["lines"]}


def counted_lines(answer: Row) -> Lines:
    """The lines that the program says it has counted."""
    return {(log["path"], line) for log in (answer["counted"] or {"logs": ()})["logs"] for line in log["lines"]}


def cites_truth(answer: Row, truth: Row, folder: Path) -> bool:
    """Whether every citation is of an event that is asked for, and quotes its lines as they stand in the file."""
    wanted = wanted_lines(truth)
    for citation in answer["citations"]:
        lines = (folder / citation["path"]).read_bytes().decode(errors="replace").split("\n")
        quoted = "\n".join(lines[number - 1] for number in citation["lines"])
        if not citation["lines"] or not quoted.startswith(citation["quote"]):
            return False
        if not {(citation["path"], number) for number in citation["lines"]} <= wanted:
            return False
    return bool(answer["citations"])


if __name__ == "__main__":
    main()
