"""How long does one question take from a cold start? Ours against its peers, in the same run.

    python benchmarks/cold_ask.py
    python benchmarks/cold_ask.py --questions 10 --runs 3
    python benchmarks/cold_ask.py --no-peers

Cold means: a new process for every question, nothing loaded, models already made ready for the machine. The system's
file cache is warm: one question that is not counted is asked before.

Times are taken from outside, from the start of the process, by reading its pipes:

    passages        ours: the line on stderr that says where was found what; a peer: its own time mark, if it gives one
    first output    the first byte on stdout. Of an answer that was written this is the first sentence that passed the
                    check; else it is the quotations or the refusal. Of a peer it is the first token, unchecked
    whole answer    the process has ended

Ours is asked in four ways, one after the other in each round: cold and warm (`rag warm` holds the models), with the
language model and `--quotes-only`. The last table sets the rates of reading and writing, as an answer gets them, beside
what llama.cpp does with the same settings when nothing but its own calls is timed; both are measured in one process, in
turn.

What kind of answer it was is read from a run with --json, which is not timed from outside; its `timings_ms`, which
count from the moment the index is open, stand in a table of their own.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from contestants import OURS, PEERS, RAG, Contestant
from measure import BENCH, MB, ROOT, Run, headline, note, run, spread, table, workspace

REFUSED = 1  # exit code of `rag ask` where the documents do not say
MARKS = ("load", "retrieve", "first_token", "first_sentence", "total")  # of `timings_ms`
READING = "Reading "  # how the line about the passages begins
WAYS = {"with the writer": (), "--quotes-only": ("--quotes-only",)}

RATES = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from rag.models.choice import READ, WRITTEN
from rag.models.llama import load_generator
generator = load_generator(Path(sys.argv[2]) / "models", None, lambda _: None)
text = "Every exception is approved in writing by the officer for information security, and kept for seven years. "
for number in range(int(sys.argv[3]) + 1):
    # Another beginning each time, so that nothing of the prompt is known already.
    prompt = f"{number} " + text * (READ // generator.count(text))
    started = time.perf_counter()
    marks = [time.perf_counter() for _ in generator.generate([{"role": "user", "content": prompt}], WRITTEN)]
    read = generator.count(prompt) / (marks[0] - started)
    wrote = (len(marks) - 1) / (marks[-1] - marks[0]) if len(marks) > 1 else None
    own = generator.rates(generator.count(prompt), WRITTEN)
    if number:
        print(json.dumps([read, wrote, *own]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question put to one contestant in one round. Times are seconds since its process was started."""

    contestant: str
    question: str  # id
    passages: float | None
    first_output: float | None
    total: float
    peak: int  # bytes


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    asked: list[Asked]
    inside: dict[str, dict[str, Any]]  # our `ask --json` by the question's id
    ways: list[tuple[str, str, Asked]]  # ("cold" or "warm", a key of WAYS, one question put so)
    held: int  # bytes: highest resident memory of the warm process and its copies
    rates: list[list[float | None]]  # tokens a second: read, written in an answer; read, written by llama.cpp's calls
    help: list[Run]  # `rag --help`
    floor: list[Run]  # an interpreter that does nothing


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--runs", type=int, default=5, help="rounds; each asks every question of everyone")
    parser.add_argument("--questions", type=int, default=5, help="how many, spread evenly over the file")
    parser.add_argument("--work", type=Path, help="keep the indexes here, and use those that are there already")
    parser.add_argument("--no-peers", action="store_true", help="ask ours alone")
    options = parser.parse_args()
    questions = _questions(options.bench / "epa/questions_open.jsonl", options.questions)
    title = headline("A question from a cold start")
    with workspace(options.work) as work:
        figures = measure(options.bench / "epa/pdfs", questions, options.runs, work, () if options.no_peers else PEERS)
    print(title)
    print(report(questions, figures))


def _questions(path: Path, count: int) -> list[dict[str, Any]]:
    """`count` questions at even distances, so that the file's kinds come in their proportions."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    count = min(count, len(rows))
    return [rows[index * len(rows) // count] for index in range(count)]


def measure(
    folder: Path, questions: Sequence[dict[str, Any]], runs: int, work: Path, peers: Sequence[Contestant]
) -> Figures:
    """Make the indexes, then ask everyone every question in each round."""
    everyone = (OURS, *peers)
    stores = {contestant.name: _store(contestant, folder, work) for contestant in everyone}
    for contestant in everyone:
        note(f"warming the file cache: {contestant.name}")
        run(contestant.ask(questions[0]["question"], stores[contestant.name])).expect(0, REFUSED)
    asked: list[Asked] = []
    for number in range(runs):
        for question in questions:
            for contestant in everyone:
                asked.append(_ask(contestant, question, stores[contestant.name]))
                note(f"round {number + 1} of {runs}, {question['id']}, {contestant.name}: {asked[-1].total:.1f} s")
    inside = {row["id"]: _ask_inside(row["question"], stores[OURS.name]) for row in questions}
    home = stores[OURS.name]
    ways, held = _ways(questions, home, runs)
    note("rates of reading and writing")
    rates = run([sys.executable, "-c", RATES, ROOT, home, str(runs)]).expect(0).stdout.splitlines()
    return Figures(
        asked=asked,
        inside=inside,
        ways=ways,
        held=held,
        rates=[json.loads(line) for line in rates],
        help=[run([RAG, "--help"]).expect(0) for _ in range(runs)],
        floor=[run([sys.executable, "-c", "pass"]).expect(0) for _ in range(runs)],
    )


def _store(contestant: Contestant, folder: Path, work: Path) -> Path:
    """The contestant's index of `folder`, made unless it is there."""
    store = work / contestant.name.replace(" ", "-")
    finished = work / f"{store.name}.finished"  # an index that was cut off is made again
    if not finished.exists():
        note(f"ingest: {contestant.name}")
        store.mkdir(parents=True, exist_ok=True)
        run(contestant.ingest(folder, store)).expect(0, 3)
        finished.touch()
    return store


def _ask(contestant: Contestant, question: dict[str, Any], store: Path) -> Asked:
    result = run(contestant.ask(question["question"], store)).expect(0, REFUSED)
    if contestant.name == OURS.name:
        passages = result.first("stderr", READING)
    else:
        passages = json.loads(result.stderr.strip().splitlines()[-1]).get("passages")
    return Asked(contestant.name, question["id"], passages, result.first("stdout"), result.seconds, result.peak)


def _ways(questions: Sequence[dict[str, Any]], home: Path, runs: int) -> tuple[list[tuple[str, str, Asked]], int]:
    """Every question cold, then warm, with the writer and without; and what the warm process held at most."""
    asked = []
    for state in ("cold", "warm"):
        if state == "warm":
            # By itself, not by `run`: that would wait for whoever holds its output.
            subprocess.run([RAG, "warm", "--home", home, "--idle", "60"], check=True, capture_output=True)
        for way, options in WAYS.items():
            contestant = replace(OURS, ask=lambda text, store, more=options: [*OURS.ask(text, store), *more])
            _ask(contestant, questions[0], home)
            for _ in range(runs):
                asked += [(state, way, _ask(contestant, question, home)) for question in questions]
            note(f"{state}, {way}: {asked[-1][2].total:.2f} s")
    process = int((home / "warm" / "lock").read_text(encoding="utf-8").split()[1])
    held = psutil.Process(process).memory_info().rss
    run([RAG, "warm", "--home", home, "--stop"]).expect(0)
    return asked, held


def _ask_inside(question: str, home: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run([*OURS.ask(question, home), "--json"]).expect(0, REFUSED).stdout)
    return answer


# --- tables -----------------------------------------------------------------------------------------------------------


def report(questions: Sequence[dict[str, Any]], figures: Figures) -> str:
    """The tables, in Markdown."""
    peers = [peer for peer in PEERS if any(row.contestant == peer.name for row in figures.asked)]
    tables = (
        _overall(figures, peers),
        _ways_table(figures),
        _rates_table(figures),
        _by_question(questions, figures, peers),
        _inside(questions, figures),
    )
    return "\n\n".join(tables)


def _overall(figures: Figures, peers: Sequence[Contestant]) -> str:
    """All questions and rounds together."""
    rows: list[list[object]] = []
    for label, name, places in (
        ("passages, s", "passages", 2),
        ("first output, s", "first_output", 2),
        ("whole answer, s", "total", 2),
        ("peak memory, MB", "peak", 0),
    ):
        cells, medians = [], []
        for contestant in (OURS, *peers):
            values = [getattr(row, name) for row in figures.asked if row.contestant == contestant.name]
            values = [value / MB if name == "peak" else value for value in values if value is not None]
            cells.append(f"{spread(values):.{places}f}" if values else None)
            medians.append(statistics.median(values) if values else None)
        ratios = [f"{median / medians[0]:.1f}" if median and medians[0] else None for median in medians[1:]]
        rows.append([label, *cells, *ratios])
    written = [
        row.first_output
        for row in figures.asked
        if row.contestant == OURS.name and row.first_output and figures.inside[row.question]["mode"] == "written"
    ]
    rows.insert(2, ["first verified sentence, s", f"{spread(written):.2f}" if written else "none was written"])
    helped, floor = (spread([result.seconds for result in results]) for results in (figures.help, figures.floor))
    rows.append(["`rag --help`, s", f"{helped:.2f}"])
    rows.append(["an interpreter that does nothing, s", f"{floor:.2f}"])
    names = [peer.name for peer in peers]
    width = 2 + 2 * len(names)
    header = ["", OURS.name, *names, *(f"{name} : {OURS.name}" for name in names)]
    return table(header, [[*row, *[None] * (width - len(row))] for row in rows])


def _ways_table(figures: Figures) -> str:
    """Ours cold and warm, with the writer and without."""
    rows: list[list[object]] = []
    for state, way in dict.fromkeys((state, way) for state, way, _ in figures.ways):
        mine = [asked for *key, asked in figures.ways if key == [state, way]]
        passages = [asked.passages for asked in mine if asked.passages is not None]
        written = [
            asked.first_output
            for asked in mine
            if not WAYS[way] and asked.first_output and figures.inside[asked.question]["mode"] == "written"
        ]
        rows.append(
            [
                f"{state}, {way}",
                f"{spread(passages):.2f}",
                f"{spread(written):.2f}" if written else None,
                f"{spread([asked.total for asked in mine]):.2f}",
                f"{spread([asked.peak / MB for asked in mine]):.0f}",
            ]
        )
    rows.append(["the warm process between questions", None, None, None, f"{figures.held / MB:.0f}"])
    return table(["", "passages, s", "first verified sentence, s", "whole answer, s", "peak memory, MB"], rows)


def _rates_table(figures: Figures) -> str:
    """Rates of an answer beside llama.cpp's own."""
    rows: list[list[object]] = []
    for label, answer, bare in (("read", 0, 2), ("written", 1, 3)):
        pairs = [(row[answer], row[bare]) for row in figures.rates]
        found = [(one, other) for one, other in pairs if one and other]
        if found:
            ours, own = zip(*found, strict=True)
            ratio = spread([one / other for one, other in found])
            rows.append([f"{label}, tokens a second", f"{spread(ours):.0f}", f"{spread(own):.0f}", f"{ratio:.2f}"])
    return table(["", "in an answer", "llama.cpp's own calls", "ratio"], rows)


def _by_question(questions: Sequence[dict[str, Any]], figures: Figures, peers: Sequence[Contestant]) -> str:
    """Medians of one question each: what kind of answer came, first output and whole answer."""
    rows: list[list[object]] = []
    for question in questions:
        cells: list[object] = []
        for contestant in (OURS, *peers):
            mine = [row for row in figures.asked if (row.contestant, row.question) == (contestant.name, question["id"])]
            first = [row.first_output for row in mine if row.first_output is not None]
            cells.append(f"{statistics.median(first):.2f}" if first else None)
            cells.append(f"{statistics.median([row.total for row in mine]):.2f}")
        rows.append([question["id"], question["kind"], figures.inside[question["id"]]["mode"], *cells])
    names = [contestant.name for contestant in (OURS, *peers)]
    columns = [f"{name}, {what}" for name in names for what in ("first output, s", "whole, s")]
    return table(["question", "kind", f"{OURS.name}'s answer", *columns], rows)


def _inside(questions: Sequence[dict[str, Any]], figures: Figures) -> str:
    """The time marks of `ask --json`, milliseconds since the index was open; one run a question."""
    rows = [[row["id"], *(figures.inside[row["id"]]["timings_ms"].get(mark) for mark in MARKS)] for row in questions]
    return table(["question", *(f"{mark}, ms" for mark in MARKS)], rows)


if __name__ == "__main__":
    main()
