"""What does the guard cost? A warm question with it and without it, in turn, in the same run.

    python benchmarks/guard_cost.py --home HOME

HOME is a home into which `rag ingest data/office` went. Two processes hold the same index and models open; one engaged
the guard and was confined, as the program does, the other did neither. The same question goes to both, one after the
other, first to one and then to the other in turn. The ratio is the median of the ratios of the pairs; its interval is
a bootstrap over the pairs. What engaging costs when the program starts stands apart.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from measure import ROOT, headline, note, table

sys.path.insert(0, str(ROOT))

CHILD = """
import sys, time, json
guarded, home, write = sys.argv[1] == "guarded", sys.argv[2], sys.argv[3] == "write"
from pathlib import Path
if guarded:
    from rag import offline
    offline.engage()
    offline.confine(Path(home))
from rag.cli.opening import open_answerer, parse_filter
from rag.config import resolve
answerer = open_answerer(resolve(Path(home)), parse_filter(None, None, None, None), read=True, write=write)
for line in sys.stdin:
    started = time.perf_counter()
    answerer.ask(line.strip())
    print(json.dumps(time.perf_counter() - started), flush=True)
"""

ENGAGE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from rag import offline
from pathlib import Path
started = time.perf_counter()
offline.engage()
offline.confine(Path(sys.argv[1]))
print(time.perf_counter() - started)
"""

QUESTIONS = ROOT / "data" / "questions.jsonl"


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home with the sample office")
    parser.add_argument("--questions", type=int, default=30, help="how many of data/questions.jsonl")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is asked")
    parser.add_argument("--write", action="store_true", help="with the language model")
    options = parser.parse_args()
    rows = [json.loads(line)["question"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    asked = rows[: options.questions]
    title = headline("What the guard costs")
    pairs = measure(options.home, asked, options.rounds, options.write)
    print(title)
    print(report(pairs))


def measure(home: Path, questions: list[str], rounds: int, write: bool) -> list[tuple[float, float]]:
    """Seconds of each question with the guard and without it."""
    mode = "write" if write else "quote"
    command = [sys.executable, "-c", CHILD]
    children = [
        subprocess.Popen(
            [*command, kind, str(home), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for kind in ("guarded", "free")
    ]

    def ask(child: "subprocess.Popen[str]", question: str) -> float:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(question + "\n")
        child.stdin.flush()
        return float(child.stdout.readline())

    for child in children:
        ask(child, questions[0])  # warm
    pairs = []
    for number in range(rounds * len(questions)):
        question = questions[number % len(questions)]
        order = (0, 1) if number % 2 else (1, 0)
        times = dict.fromkeys(order, 0.0)
        for place in order:
            times[place] = ask(children[place], question)
        pairs.append((times[0], times[1]))
        if number % 20 == 0:
            note(f"{number} of {rounds * len(questions)}")
    for child in children:
        child.communicate()
    return pairs


def report(pairs: list[tuple[float, float]]) -> str:
    """The table, in Markdown."""
    import numpy as np

    from rag.bootstrap import figure, median

    ratio = figure(np.asarray([with_it / without for with_it, without in pairs]), median)
    engaging = []
    for _ in range(9):
        done = subprocess.run([sys.executable, "-c", ENGAGE, str(ROOT)], capture_output=True, text=True, check=True)
        engaging.append(float(done.stdout))
    return table(
        ["", "value"],
        [
            ["questions asked of each", len(pairs)],
            ["warm question with the guard, median, ms", f"{1000 * statistics.median(pair[0] for pair in pairs):.1f}"],
            ["without it, ms", f"{1000 * statistics.median(pair[1] for pair in pairs):.1f}"],
            ["ratio, median of pairs (95% interval)", f"{ratio.value:.3f} ({ratio.low:.3f}–{ratio.high:.3f})"],
            ["engaging all layers at the start, median of 9, ms", f"{1000 * statistics.median(engaging):.1f}"],
        ],
    )


if __name__ == "__main__":
    main()
