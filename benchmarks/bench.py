"""Everything that is claimed about speed, in one go: ours beside its peers, and beside what the machine allows.

    make bench
    make bench RUNS=1
    python benchmarks/bench.py --runs 5 --picture --work FOLDER

Each round ingests the same folder with everybody, in turn, and measures the limits (`limits.py`) once, so that whatever
else the machine does falls on all alike; ratios are of medians. Then questions are asked from a cold start
(`cold_ask.py`), a file of questions in one batch, and what the speed must not cost is printed beside it: answers judged
right and wrong (`answers.py`), and passages found (`rag eval`).

The folder is EPA's procedures in the benchmark data. Where those are absent, which is said, it is the PDFs of the
sample office. Frameworks that could not be installed are left out, which is said too.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cold_ask
from contestants import FRAMEWORKS, OURS, PEERS, RAG, Contestant
from measure import BENCH, MB, ROOT, Run, headline, note, run, spread, table, workspace
from pictures import Bar, Panel, draw

HERE = Path(__file__).resolve().parent
PICTURE = HERE / "bench.svg"
COLD = 2  # questions that are asked from a cold start
REFUSED = 1


@dataclass(frozen=True, slots=True)
class Material:
    """What is read and asked."""

    name: str
    folder: Path  # of PDFs alone: peers read nothing else
    questions: Path


@dataclass(slots=True)
class Figures:
    """What was measured, round by round."""

    ingest: dict[str, list[Run]] = field(default_factory=dict)  # by contestant
    limits: list[dict[str, float]] = field(default_factory=list)
    batch: list[Run] = field(default_factory=list)
    asked: cold_ask.Figures | None = None


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="keep what is written here instead of in a temporary folder")
    parser.add_argument("--picture", action="store_true", help=f"draw {PICTURE.name} anew")
    options = parser.parse_args()
    title = headline("Beside peers and limits")
    with workspace(options.work) as work:
        material = choose(options.bench, work)
        figures = measure(material, options.runs, work)
        questions = material.questions.read_text(encoding="utf-8").splitlines()
        print(title)
        print(f"{material.name}.{absent()}\n")
        print(beside_peers(figures, len(questions)))
        print(f"\n{beside_limits(figures)}\n\n### Quality, in the same run\n", flush=True)
        quality(material, work)
        if options.picture:
            PICTURE.write_text(picture(figures, len(questions), title.splitlines()[2]), encoding="utf-8")


def choose(bench: Path, work: Path) -> Material:
    """EPA's procedures, or the sample office's PDFs."""
    epa = bench / "epa"
    if epa.exists():
        return Material("EPA's 25 procedures, 297 pages", epa / "pdfs", epa / "questions_open.jsonl")
    note(f"{bench} is absent: the sample office is measured instead")
    folder = work / "office-pdfs"
    folder.mkdir(exist_ok=True)
    for path in (ROOT / "data/office").rglob("*.pdf"):
        shutil.copy(path, folder)
    return Material("The sample office's PDFs (the benchmark data are absent)", folder, ROOT / "data/questions.jsonl")


def absent() -> str:
    """Which peers are not measured, in words."""
    names = [peer.name for peer in FRAMEWORKS if peer not in PEERS]
    return f" Not measured, not being installed: {', '.join(names)}" if names else ""


def measure(material: Material, runs: int, work: Path) -> Figures:
    """All rounds, then questions. The last round's stores are the ones that are asked."""
    figures = Figures(ingest={contestant.name: [] for contestant in (OURS, *PEERS)})
    ready = work / "ready"  # a home whose models are prepared, which happens once on a machine
    run(OURS.ingest(material.folder, ready)).expect(0, 3)
    run(OURS.ask("Who approves?", ready)).expect(0, REFUSED)
    for number in range(runs):
        for contestant in (OURS, *PEERS):
            store = cold_store(contestant, work)
            if contestant is OURS:
                shutil.copytree(ready / "models", store / "models")
            result = run(contestant.ingest(material.folder, store)).expect(0, 3)
            figures.ingest[contestant.name].append(result)
            note(f"round {number + 1} of {runs}, {contestant.name}: {result.seconds:.1f} s")
        limits = run([sys.executable, HERE / "limits.py", material.folder, "--home", ready, "--json"]).expect(0)
        figures.limits.append(json.loads(limits.stdout))
    home = store_of(OURS, work)
    for number in range(runs):
        batch = [RAG, "ask", "--batch", material.questions, "--home", home]
        figures.batch.append(run(batch).expect(0))
        note(f"batch {number + 1} of {runs}: {figures.batch[-1].seconds:.1f} s")
    rows = [json.loads(line) for line in material.questions.read_text(encoding="utf-8").splitlines()]
    questions = [rows[place * len(rows) // COLD] for place in range(COLD)]
    figures.asked = cold_ask.measure(material.folder, questions, runs, work, PEERS)
    return figures


def store_of(contestant: Contestant, work: Path) -> Path:
    """Where `cold_ask` looks for a contestant's index."""
    return work / contestant.name.replace(" ", "-")


def cold_store(contestant: Contestant, work: Path) -> Path:
    """The same, empty; marked as finished, so that `cold_ask` does not make it again."""
    store = store_of(contestant, work)
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    (work / f"{store.name}.finished").touch()
    return store


# --- tables -----------------------------------------------------------------------------------------------------------


def beside_peers(figures: Figures, questions: int) -> str:
    """Ours and each peer; the ratios are above 1 where ours is better."""
    names = [OURS.name, *(peer.name for peer in PEERS)]
    rows: list[list[object]] = []

    def row(label: str, values: dict[str, Sequence[float]], places: int, aim: str = "") -> None:
        cells = [f"{spread(values[name]):.{places}f}" if values.get(name) else None for name in names]
        ours = statistics.median(values[OURS.name])
        ratios = [f"{statistics.median(values[name]) / ours:.1f}" if values.get(name) else None for name in names[1:]]
        rows.append([label, *cells, *ratios, aim])

    def of_ingest(figure: Callable[[Run], float]) -> dict[str, Sequence[float]]:
        return {name: [figure(result) for result in results] for name, results in figures.ingest.items()}

    row("ingest, s", of_ingest(lambda result: result.seconds), 1, "≥ 5 times as fast as the LangChain script")
    row("ingest, processor s", of_ingest(lambda result: result.cpu_seconds), 1)
    row("ingest, peak MB", of_ingest(lambda result: result.peak / MB), 0, "≤ 600")
    assert figures.asked is not None
    for label, name, places, aim in (
        ("cold ask, passages, s", "passages", 2, "≤ 1.1"),
        ("cold ask, first output, s", "first_output", 2, "≤ 2.0, ≥ 5 times as fast"),
        ("cold ask, whole answer, s", "total", 2, ""),
        ("cold ask, peak MB", "peak", 0, "≤ 450"),
    ):
        found: dict[str, Sequence[float]] = {}
        for contestant in names:
            values = [getattr(asked, name) for asked in figures.asked.asked if asked.contestant == contestant]
            found[contestant] = [value / MB if name == "peak" else value for value in values if value is not None]
        row(label, found, places, aim)
    minute = spread([60 * questions / result.seconds for result in figures.batch])
    rows.append(["answers a minute, `--batch`, loading included", f"{minute:.0f}", *[None] * (2 * len(PEERS)), "≥ 40"])
    return table(["", *names, *(f"{name} : {OURS.name}" for name in names[1:]), "aim"], rows)


def beside_limits(figures: Figures) -> str:
    """Ours and what would be possible, by the same clock in the same rounds."""
    every = {name: [found[name] for found in figures.limits] for name in figures.limits[0]}

    def median(name: str) -> float:
        return statistics.median(every[name])

    alone = [found["parsing alone, s"] + found["embedding alone, s"] for found in figures.limits]
    ingest = [result.seconds for result in figures.ingest[OURS.name]]
    pairs = zip(ingest, alone, strict=True)
    rows: list[list[object]] = [
        [
            "ingest against parsing and embedding alone, s",
            f"{spread(ingest):.1f}",
            f"{spread(alone):.1f}",
            f"{statistics.median(one / other for one, other in pairs):.2f}",
            "≤ 1.2",
        ]
    ]
    for label, ours, limit, aim in (
        (
            "reading PDFs, one process, pages a second (limit: pypdfium2's text alone)",
            "our reader and chunker in one process, pages a second",
            "pypdfium2 alone, pages a second",
            "",
        ),
        (
            "embedding, GFLOP a second (beside: numpy's float32 product)",
            "embedding, GFLOP a second",
            "numpy's float32 product, GFLOP a second",
            "",
        ),
        (
            "vector index, vectors added a second",
            "our index over it, vectors a second",
            "Chroma alone, vectors added a second",
            "",
        ),
        ("vector index, ms a query", "our index over it, ms a query", "Chroma alone, ms a query", ""),
        (
            "prompt, tokens a second",
            "our generator, prompt tokens a second",
            "llama.cpp alone, prompt tokens a second",
            "≥ .9",
        ),
        (
            "writing, tokens a second",
            "our generator, tokens written a second",
            "llama.cpp alone, tokens written a second",
            "≥ .9",
        ),
    ):
        cells = [f"{spread(every[name]):.4g}" for name in (ours, limit)]
        rows.append([label, *cells, f"{median(ours) / median(limit):.2f}", aim])
    passages = spread(every["embedding alone, passages a second"])
    rows.append(["embedding alone, passages a second", f"{passages:.0f}", None, None, None])
    return table(["", OURS.name, "limit", "ours : limit", "aim"], rows)


def quality(material: Material, work: Path) -> None:
    """Print how right the answers and the passages are; nothing of the speed above may have cost any of it."""
    scripts = [sys.executable, HERE / "answers.py"]
    home = store_of(OURS, work)
    print(f"Answers, {material.folder.name} of {material.folder.parent.name}:", flush=True)
    subprocess.run([*scripts, material.folder, material.questions, "--home", home], check=True)
    with tempfile.TemporaryDirectory(dir=work) as office:
        shutil.copytree(home / "models", Path(office) / "models")
        run(OURS.ingest(ROOT / "data/office", Path(office))).expect(0, 3)
        print("\nPassages, the sample office, dev split (`rag eval`):\n", flush=True)
        asked = [RAG, "eval", ROOT / "data/questions.jsonl", "--split", "dev", "--home", office]
        print(run(asked).expect(0).stdout)


def picture(figures: Figures, questions: int, taken: str) -> str:
    """The same as bars."""
    names = [OURS.name, *(peer.name for peer in PEERS)]

    def panel(title: str, unit: str, values: dict[str, list[float]]) -> Panel:
        bars = []
        for name in names:
            if found := values.get(name):
                middle = spread(found)
                bars.append(Bar(name, middle.median, middle.low, middle.high, ours=name == OURS.name))
        return Panel(title, unit, bars)

    def of_ingest(figure: Callable[[Run], float]) -> dict[str, list[float]]:
        return {name: [figure(result) for result in results] for name, results in figures.ingest.items()}

    def of_ask(figure: Callable[[cold_ask.Asked], float | None]) -> dict[str, list[float]]:
        assert figures.asked is not None
        found: dict[str, list[float]] = {name: [] for name in names}
        for asked in figures.asked.asked:
            if (value := figure(asked)) is not None:
                found[asked.contestant].append(value)
        return found

    alone = spread([found["parsing alone, s"] + found["embedding alone, s"] for found in figures.limits])
    ingest = panel("Ingest of the same PDFs", "s", of_ingest(lambda result: result.seconds))
    limit = Bar("the limit", alone.median, alone.low, alone.high, ours=False)
    minute = spread([60 * questions / result.seconds for result in figures.batch])
    panels = [
        Panel(ingest.title, ingest.unit, [*ingest.bars, limit]),
        panel("Peak memory of ingest", "MB", of_ingest(lambda result: result.peak / MB)),
        panel("Cold question: passages", "s", of_ask(lambda asked: asked.passages)),
        panel("Cold question: first output", "s", of_ask(lambda asked: asked.first_output)),
        panel("Peak memory of a cold question", "MB", of_ask(lambda asked: asked.peak / MB)),
        Panel(
            "Answers in one batch",
            "a minute",
            [
                Bar(OURS.name, minute.median, minute.low, minute.high),
                Bar("1 million a month", 23.1, ours=False),
            ],
        ),
    ]
    return draw(
        "Strongroom beside scripts on the same models", f"{taken}. The limit: parsing and embedding alone.", panels
    )


if __name__ == "__main__":
    main()
