"""Questions on filings whose answer is a figure: is it in the answer, equal after rounding?

    python benchmarks/figures.py --home FOLDER [--split report] [--quotes-only]

FinanceBench, all filings in one collection, as in the published runs over a shared store. A question counts where its
answer is a figure and nothing else. Right: some figure of the answer is the wanted one, rounded as that is, in units,
thousands, millions or billions; so a quoted row that holds it is right. Many of these figures stand nowhere and have to
be worked out (ratios, growth): right is then a refusal only by luck, and any answer is wrong. `--home` is the folder
that `benchmarks/retrieval.py financebench --home FOLDER` has filled.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from answers import ask
from measure import BENCH, table
from retrieval import split_of

_FIGURE = re.compile(r"-?\$?\s?\(?(\d[\d,]*(?:\.\d+)?)")
_ALONE = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?\s?%?")


def main() -> None:
    """Print one table, and with --show every answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--split", choices=["tune", "report", "all"], default="all")
    parser.add_argument("--quotes-only", action="store_true")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    rows = [json.loads(line) for line in (BENCH / "financebench/questions.jsonl").read_text("utf-8").splitlines()]
    asked = [
        row
        for row in rows
        if _ALONE.fullmatch(row["answer"].strip()) and options.split in ("all", split_of(row["question"]))
    ]
    pairs = [(row["id"], row["question"]) for row in asked]
    answers = ask(options.home / "financebench", pairs, quotes_only=options.quotes_only)
    judged = [_judge(row["answer"], answer) for row, answer in zip(asked, answers, strict=True)]
    if options.show:
        for row, answer, verdict in zip(asked, answers, judged, strict=True):
            print(f"{verdict} ({answer['confidence']:.2f}) {row['question'][:110]} | {row['answer']}")
    counted = Counter(judged)
    print(table(["questions", "right", "wrong", "refused"], [[len(asked), *(_share(counted, v) for v in VERDICTS)]]))


VERDICTS = ("right", "wrong", "refused")


def _share(counted: Counter[str], verdict: str) -> str:
    return f"{counted[verdict]} ({counted[verdict] / max(counted.total(), 1):.0%})"


def _judge(wanted: str, answer: dict[str, Any]) -> str:
    if not answer["found"]:
        return "refused"
    value, places = _parsed(wanted)
    said = [_parsed(match[1])[0] for match in _FIGURE.finditer(answer["answer"])]
    # A whole figure with ".00" is a whole one.
    equal = any(round(figure * scale, places) == value for figure in said for scale in (1, 1e3, 1e-3, 1e6, 1e-6))
    return "right" if equal else "wrong"


def _parsed(text: str) -> tuple[float, int]:
    """Value of a figure without its sign, and its decimal places."""
    plain = re.sub(r"[^\d.]", "", text)
    _, _, part = plain.partition(".")
    return float(plain), len(part.rstrip("0"))


if __name__ == "__main__":
    main()
