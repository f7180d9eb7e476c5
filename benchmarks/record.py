"""The record: are edits detected, what does it cost, does an erasure reach it?

    PYTHONPATH=. python benchmarks/record.py --home HOME [--edits N] [--write]

HOME holds the ingested sample office; its own record is left alone. Questions are those of data/questions.jsonl. Edits
are those of tests/rag/record/altered.py, made by chance to a record of real answers; each has to be told by
`rag record verify`, and the untouched record has to be sound. The cost is the time spent in recording within the time
of the whole answer, of the same answers in the same process, so other load on the machine weighs on both. At the end
every file is forgotten in a copy of HOME, one after the other, and everything below it searched for what they held.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from measure import headline, spread, table

from rag.answer import validate
from rag.cli.opening import open_answerer, open_catalog
from rag.config import resolve
from rag.filters import EVERYTHING
from rag.judge import read_questions
from rag.record.ledger import RECORD, Ledger
from rag.store.forget import forget
from rag.store.lock import write_lock
from tests.rag.record.altered import EDITS

QUESTIONS = Path(__file__).parent.parent / "data/questions.jsonl"
SEED = 7


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--write", action="store_true", help="with the language model; else quotations alone")
    options = parser.parse_args()
    print(headline("The record"))
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(options.home, home, ignore=shutil.ignore_patterns("models", "record", "tmp"))
        (home / "models").symlink_to((options.home / "models").absolute())
        print(_cost(home, options.questions, options.write), end="\n\n")
        print(_edits(home / "record", options.edits), end="\n\n")
        print(_erased(home))


def _cost(home: Path, number: int, write: bool) -> str:
    """Ask so many questions, warm, and tell what part of it was recording."""
    settings = resolve(home)
    answerer = open_answerer(settings, EVERYTHING, read=True, write=write)
    witness = answerer.witness
    spent: list[float] = []
    spent_cpu: list[float] = []

    def timed(*arguments: object) -> object:
        started, cpu = time.perf_counter(), time.process_time()
        try:
            return witness(*arguments)  # type: ignore[arg-type]
        finally:
            spent.append(time.perf_counter() - started)
            spent_cpu.append(time.process_time() - cpu)

    questions = read_questions(QUESTIONS, validate, None)[: number + 1]
    answerer.ask(questions[0].question)  # warm
    answerer.witness = timed  # type: ignore[assignment]
    whole: list[float] = []
    whole_cpu: list[float] = []
    for question in questions[1:]:
        started, cpu = time.perf_counter(), time.process_time()
        answerer.ask(question.question)
        whole.append(time.perf_counter() - started)
        whole_cpu.append(time.process_time() - cpu)
    ledger = Ledger(settings.ledger)
    entries, size = ledger.head().count, ledger.head().bytes
    started = time.perf_counter()
    problems = ledger.problems()
    verified = time.perf_counter() - started
    shares = spread([one / other * 100 for one, other in zip(spent, whole, strict=True)])
    rows: list[list[object]] = [
        ["answers, warm", len(whole)],
        ["a whole answer, ms", f"{spread([one * 1000 for one in whole]):.0f}"],
        ["of that, recording, ms", f"{spread([one * 1000 for one in spent]):.1f}"],
        ["share of recording in all of them, %", f"{100 * sum(spent) / sum(whole):.2f}"],
        ["the same of processor time, %", f"{100 * sum(spent_cpu) / sum(whole_cpu):.2f}"],
        ["share in one answer, %", f"{shares:.2f}"],
        ["bytes an entry", f"{size / entries:,.0f}"],
        [f"verifying {entries} entries, ms", f"{verified * 1000:.0f}"],
        ["problems in the untouched record", len(problems)],
    ]
    return table([f"cost, {'with the language model' if write else 'quotations alone'}", ""], rows)


def _edits(folder: Path, number: int) -> str:
    """Edit the record by chance, so many times, always from the same state."""
    ledger, path = Ledger(folder), folder / RECORD
    ledger.redact(lambda entry: [0] if entry.number == 3 else [], "forget")
    data = path.read_bytes()
    made: Counter[str] = Counter()
    told: dict[str, int] = defaultdict(int)
    for place, chance in _chances(number):
        edit = EDITS[place % len(EDITS)]
        altered = edit(data, chance)
        if altered == data:
            continue
        path.write_bytes(altered)
        made[edit.__name__] += 1
        told[edit.__name__] += bool(ledger.problems())
    path.write_bytes(data)
    rows = [[name.replace("_", " "), made[name], told[name]] for name in made]
    rows.append(["all", made.total(), sum(told.values())])
    return table(["edit of the record", "made", "detected"], rows)


def _chances(number: int) -> Iterator[tuple[int, random.Random]]:
    return ((place, random.Random(f"{SEED} {place}")) for place in range(number))


def _erased(home: Path) -> str:
    settings = replace(resolve(home), record=False)
    ledger = Ledger(settings.ledger)
    catalog = open_catalog(settings)
    paths = [report.path for report in catalog.reports()]
    catalog.close()
    redacted: set[int] = set()
    pieces = occurrences = 0
    for path in paths:
        with write_lock(settings.index):
            receipt = forget(settings.index, home, path, ledger)
        redacted |= set(receipt.redacted)
        pieces += receipt.pieces
        occurrences += len(receipt.found)
        print(f"{path}: {len(receipt.found)} occurrences", file=sys.stderr)
    left = [entry for entry in ledger.entries() if entry.kind in ("answer", "refusal") and entry.content()]
    rows: list[list[object]] = [
        ["files forgotten", len(paths)],
        ["pieces of text, words, vectors and names searched for", f"{pieces:,}"],
        ["files below the home with any of them, the record included", occurrences],
        ["entries of the record that lost their content", len(redacted)],
        ["answers and refusals that kept it", len(left)],
        ["problems that `rag record verify` finds afterwards", len(ledger.problems())],
    ]
    return table(["erasure", ""], rows)


if __name__ == "__main__":
    main()
