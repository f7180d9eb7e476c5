"""How many answers are right? Ingests a folder, asks every question of a file, and judges the answers by pattern.

    python benchmarks/answers.py data/office data/questions.jsonl --split report
    python benchmarks/answers.py ../shared/bench/epa/pdfs ../shared/bench/epa/questions_open.jsonl

`rag/judge.py` says what is right. Every quotation is compared with the page that `rag show` prints.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.answer import validate
from rag.evaluate import auroc
from rag.judge import Question, groups_at, read_questions, verdict

Row = dict[str, Any]
RAG = [sys.executable, "-c", "from rag.cli import main; main()"]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--split", help='only questions whose "split" is this')
    parser.add_argument("--home", type=Path, help="keep the index here instead of in a temporary folder")
    parser.add_argument("--show", action="store_true", help="print every question with its answer")
    parser.add_argument("--quotes-only", action="store_true", help="as of `rag ask`: no language model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch)
        questions = read_questions(options.questions, validate, options.split)
        subprocess.run([*RAG, "--home", home, "ingest", options.documents], check=False, stdout=subprocess.DEVNULL)
        asked = [(item.id, item.question) for item in questions]
        answers = ask(home, asked, quotes_only=options.quotes_only)
        _report(questions, answers, _exact(home, answers), options.show)


def ask(home: Path, questions: Sequence[tuple[str, str]], *, quotes_only: bool) -> list[Row]:
    """What `rag ask --batch` prints for each `(id, question)`."""
    with tempfile.TemporaryDirectory() as scratch:
        batch = Path(scratch) / "questions.jsonl"
        batch.write_text("".join(json.dumps({"id": name, "question": text}) + "\n" for name, text in questions))
        command = [*RAG, "--home", home, "ask", "--batch", batch, *(["--quotes-only"] if quotes_only else [])]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


def outcome(question: Question, answer: Row) -> str:
    """ "right", "quoted right", "wrong" or "refused"; of an unanswerable question "refused" or "answered"."""
    judged = verdict(question, answer["found"], answer["answer"])
    return "quoted right" if judged == "right" and answer["mode"] == "quoted" else judged


def cites_evidence(question: Question, answer: Row) -> bool:
    """Whether a page of evidence of every group is cited."""
    cited = (
        groups_at(question, place["path"], place["page"], place["record"], place["also"])
        for place in answer["citations"]
    )
    return bool(question.groups) and frozenset().union(*cited) == frozenset(question.groups)


def _exact(home: Path, answers: Sequence[Row]) -> tuple[int, int]:
    """(quotations equal to their page's text at their offsets, all quotations)."""
    pages: dict[tuple[str, Any, Any], str] = {}
    exact = total = 0
    for answer in answers:
        for citation in answer["citations"]:
            key = (citation["path"], citation["page"], citation["record"])
            if key not in pages:
                flags = [*(["--page", str(key[1])] if key[1] else []), *(["--record", key[2]] if key[2] else [])]
                result = subprocess.run(
                    [*RAG, "--home", home, "show", key[0], *flags, "--json"], check=True, capture_output=True, text=True
                )
                pages[key] = json.loads(result.stdout)["text"]
            total += 1
            exact += pages[key][citation["start"] : citation["end"]] == citation["quote"]
    return exact, total


def _report(questions: Sequence[Question], answers: Sequence[Row], exact: tuple[int, int], show: bool) -> None:
    pairs = list(zip(questions, answers, strict=True))
    answerable = [pair for pair in pairs if pair[0].answerable]
    absent = [pair for pair in pairs if not pair[0].answerable]
    if show:
        for question, answer in pairs:
            print(f"\n{question.id} [{question.kind}] {question.question}")
            print(f"  wanted: {question.answer or '(nothing)'}")
            print(f"  {outcome(question, answer)} ({answer['confidence']:.2f}, {answer['mode']}): {answer['answer']}")
    known, unknown = Counter(outcome(*pair) for pair in answerable), Counter(outcome(*pair) for pair in absent)
    print("\n| questions | n | right | quoted right | wrong | refused |\n|---|---|---|---|---|---|")
    shares = " | ".join(
        f"{known[name]} ({known[name] / max(len(answerable), 1):.0%})"
        for name in ("right", "quoted right", "wrong", "refused")
    )
    print(f"| answerable | {len(answerable)} | {shares} |")
    print(f"| unanswerable | {len(absent)} | | | {unknown['answered']} | {unknown['refused']} |")
    found = [pair for pair in answerable if pair[1]["found"]]
    cited = sum(cites_evidence(*pair) for pair in found)
    confidence = auroc(
        [answer["confidence"] for _, answer in answerable], [answer["confidence"] for _, answer in absent]
    )
    print(f"\n- evidence page cited: {cited} of {len(found)} answers")
    print(f"- quotations byte-exact: {exact[0]} of {exact[1]}")
    print(f"- answerable or not, AUROC of the confidence: {confidence:.3f}")
    print(f"- sentences dropped by the check: {sum(answer['dropped_sentences'] for answer in answers)}")
    for mark, what in (("first_sentence", "first checked sentence"), ("total", "whole answer")):
        # The first answer also loads the models; the others are warm.
        times = [answer["timings_ms"][mark] for answer in answers[1:] if answer["found"] and answer["timings_ms"][mark]]
        if times:
            print(f"- {what}, warm, median of {len(times)}: {statistics.median(times) / 1000:.2f} s")


if __name__ == "__main__":
    main()
