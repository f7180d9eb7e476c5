"""`rag cost` against a run: seconds predicted from a sample of questions, and what a batch of other questions takes.

    python benchmarks/cost.py [--minutes N] [--seed N] [--documents FOLDER --questions FILE] [--home HOME]

The questions are cut in two halves by chance (`--seed`). `rag cost` measures one half and predicts what a batch of
the other takes: its start-up, and the mean of an answer for each question. Then `rag ask --batch` answers the other
half, as often as it takes to fill the minutes, in a new order each time. Both are the commands themselves, as children.
The record is on. Without --home the documents are ingested first, and nothing is kept.
"""

import argparse
import json
import random
from pathlib import Path

from measure import BIN, ROOT, headline, note, run, table, workspace

TIMEOUT = 3 * 3600  # seconds for the batch; a machine that does other work may take three times what was predicted


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="least length of the measured run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=Path, default=ROOT / "data/office")
    parser.add_argument("--questions", type=Path, default=ROOT / "data/questions.jsonl")
    parser.add_argument("--home", type=Path, help="a home where the documents are ingested")
    options = parser.parse_args()
    print(headline(f"Cost of an answer, predicted and measured: {options.documents.name}"))
    texts = [json.loads(line)["question"] for line in options.questions.read_text().splitlines() if line.strip()]
    rng = random.Random(options.seed)
    rng.shuffle(texts)
    sample, rest = texts[: len(texts) // 2], texts[len(texts) // 2 :]
    with workspace(None) as work:
        home = options.home or work / "home"
        rag = [BIN / "rag", "--home", home]
        if options.home is None:
            note(f"Ingesting {options.documents} …")
            run([*rag, "ingest", options.documents]).expect(0, 3)
        note(f"Measuring {len(sample)} questions …")
        asked = _file(work / "sample.jsonl", sample)
        found = json.loads(run([*rag, "cost", asked, "--sample", str(len(sample)), "--json"]).expect(0).stdout)
        measured = found["measured"]
        mean, low, high = (measured["seconds"][name] for name in ("value", "low", "high"))
        rounds = max(1, round(options.minutes * 60 / (mean * len(rest)) + 0.5))
        batch = [question for _ in range(rounds) for question in rng.sample(rest, len(rest))]
        predicted = measured["start"] + mean * len(batch)
        note(f"Asking {len(batch)} other questions; predicted: {predicted / 60:.1f} minutes …")
        taken = run([*rag, "ask", "--batch", _file(work / "rest.jsonl", batch)], timeout=TIMEOUT).expect(0)
        lines = [json.loads(line) for line in taken.stdout.splitlines()]
        assert len(lines) == len(batch)
        refused = [f"{found / n:.0%}" for found, n in ((measured["modes"]["refused"], measured["n"]), _refused(lines))]
    rows = [
        ["predicted", measured["n"], refused[0], f"{mean:.2f} ({low:.2f}–{high:.2f})", f"{predicted:.0f}"],
        [
            "measured",
            len(batch),
            refused[1],
            f"{(taken.seconds - measured['start']) / len(batch):.2f}",
            f"{taken.seconds:.0f}",
        ],
        ["predicted / measured", "", "", "", f"{predicted / taken.seconds:.3f}"],
    ]
    print(table(["", "questions", "refused", "seconds an answer", "seconds of the batch"], rows))


def _refused(lines: list[dict[str, object]]) -> tuple[int, int]:
    return sum(not line["found"] for line in lines), len(lines)


def _file(path: Path, questions: list[str]) -> Path:
    path.write_text("".join(json.dumps({"id": n, "question": text}) + "\n" for n, text in enumerate(questions)))
    return path


if __name__ == "__main__":
    main()
