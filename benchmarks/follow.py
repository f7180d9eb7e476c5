"""Is a follow-up understood? The page that answers it, found by it alone, joined, rewritten, and asked as it is meant.

    python benchmarks/follow.py --home HOME [--split dev|report] [--show]

HOME holds the sample office, ingested. `data/conversations.jsonl` was written by us: two and three turns about the
office, the last of which leans on those before it (`follow`) or is about something else (`alone`), and that last
question asked so that it stands by itself (`ideal`). Each earlier turn is asked before it as in `rag chat`, without a
language model. "Joined" is the question before and the follow-up, one behind the other. A page is found where one of
the first passages stands on a page that holds the evidence's words; a quotation, where one of the answer's first holds
the words themselves, which tells more where both questions are answered on one page.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import ROOT, table

from rag.answer import Answerer
from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.conversation import Conversation
from rag.retrieve import Retriever
from rag.types import Hit

SET = ROOT / "data/conversations.jsonl"
CUTS = (1, 3)  # passages looked at, and quotations
WAYS = ("the follow-up alone", "joined", "rewritten", "as it is meant")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home with the sample office")
    parser.add_argument("--split", choices=("dev", "report"), default="dev")
    parser.add_argument("--show", action="store_true", help="print every last question with its rewriting")
    options = parser.parse_args()
    settings = resolve(options.home)
    retriever = open_retriever(settings, open_catalog(settings))
    rows = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]
    found: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    alone: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["split"] != options.split:
            continue
        talk = Conversation(Answerer(retriever, None, settings.answer_threshold))
        for question in row["turns"][:-1]:
            talk.ask(question)
        last = row["turns"][-1]
        understood = talk.understand(last)
        alone[row["kind"]].append(understood == last)
        asked = (last, f"{row['turns'][-2]} {last}", understood, row["ideal"])
        pages = set(_pages(retriever, row["evidence"]))
        ranks = [_ranks(talk.answerer, question, pages, row["evidence"]["quote"]) for question in asked]
        for way, (page, quote) in zip(WAYS, ranks, strict=True):
            for cut in CUTS:
                found[row["kind"], way, f"page in {cut}"].append(page <= cut)
                found[row["kind"], way, f"quotation in {cut}"].append(quote <= cut)
        if options.show:
            print(f"{row['id']} {ranks} {row['turns'][-2]} / {last} -> {understood}")
    for kind, text in (("follow", "follow-ups"), ("alone", "questions of their own")):
        size = len(alone[kind])
        measures = [f"{what} in {cut}" for what in ("page", "quotation") for cut in CUTS]
        lines = [[way, *(f"{sum(found[kind, way, measure])} of {size}" for measure in measures)] for way in WAYS]
        print(table([f"{text}, {options.split}", *measures], lines))
        print(f"\nleft as they are: {sum(alone[kind])} of {size}\n")


def _pages(retriever: Retriever, evidence: dict[str, Any]) -> Iterator[int]:
    """Pages of the evidence's file that hold its words. The set is wrong where there is none."""
    report = next(one for one in retriever.catalog.reports() if one.path == evidence["file"])
    pages = []
    for number in range(1, report.pages + 1):
        held = retriever.catalog.page(report.path, number)
        if held is not None and " ".join(evidence["quote"].split()) in " ".join(held[2].text.split()):
            pages.append(number)
    if not pages:
        raise SystemExit(f"no page of {report.path} holds {evidence['quote']!r}")
    for number in pages:
        yield hash((report.path, number))


def _ranks(answerer: Answerer, question: str, pages: set[int], words: str) -> tuple[int, int]:
    """The places, from 1, of the first passage on one of these pages and of the first quotation with these words."""
    hits: list[Hit] = []
    answer = answerer.ask(question, on_hits=hits.extend)
    on_page = [hash((hit.stored.chunk.path, hit.stored.chunk.page)) in pages for hit in hits]
    quoted = [
        " ".join(words.split()) in " ".join(one.quote.split()) and hash((one.path, one.page)) in pages
        for one in answer.citations or answer.nearest
    ]
    first, second = ([*held, True].index(True) + 1 if True in held else len(held) + 9 for held in (on_page, quoted))
    return first, second


if __name__ == "__main__":
    main()
