"""How many obligations does `rag extract --schema obligations` find in procedures that were annotated by hand?

    PYTHONPATH=. python benchmarks/obligations.py [--bench DIR] [--show]

`obligations.json` holds, for three EPA procedures, the page and the offset of a place inside each sentence with a modal
verb ("must", "shall", "should", "is required", "is prohibited" and their denials) that binds somebody, as a person read
them before the rules were tuned, with a hash of the 24 characters there. A sentence that leads to a list counts once,
its items neither for nor against; "either" are sentences that people may count or not (permissions for one person
alone, "will"). Who, what and when of each row were not annotated; that every cell is an exact span is checked.
"""

import argparse
import hashlib
import json
from pathlib import Path

from measure import BENCH, headline, table

from ingest.clauses import clauses, located
from ingest.readers import read
from ingest.types import Document, SourceFile
from rag.claims import role_abbreviations
from rag.obligations import Obligation, Part, obligations

ANNOTATED = Path(__file__).with_name("obligations.json")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH)
    parser.add_argument("--show", action="store_true", help="print what was missed and what was false")
    options = parser.parse_args()
    print(headline("Obligations in procedures annotated by hand"))
    rows: list[list[object]] = []
    totals = [0, 0, 0]
    cells = inexact = 0
    for name, known in json.loads(ANNOTATED.read_text()).items():
        path = options.bench / "epa/pdfs" / name
        document = read(SourceFile(path, name))
        found = clauses(document)
        places = {kind: [_place(document, entry) for entry in known[kind]] for kind in ("obligations", "either")}
        hit: set[tuple[int, int]] = set()
        right = false = 0
        for row in obligations(found, role_abbreviations(" ".join(clause.text for clause in found))):
            spans = []
            for part in (row.binds, *row.who, *row.what, *row.when, *row.condition, *row.whole):
                sentence = found[part.clause].sentences[part.sentence]
                pieces = located(document, sentence, part.start, part.end)
                quoted = "".join(document.pages[piece.page].text[piece.start : piece.end] for piece in pieces)
                cells += 1
                inexact += _letters(quoted) != _letters(sentence.text[part.start : part.end])
                spans += [(piece.page, piece.start, piece.end) for piece in pieces]
            held = {place for place in places["obligations"] if _inside(place, spans)}
            hit |= held
            right += bool(held)
            if not held and not any(_inside(place, spans) for place in places["either"]):
                false += 1
                if options.show:
                    print("false:", _text(found, row))
        missed = [place for place in places["obligations"] if place not in hit]
        if options.show:
            for page, offset in missed:
                print("missed:", " ".join(document.pages[page].text[offset : offset + 100].split()))
        counts = len(places["obligations"]), len(hit), false
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        rows.append([name, *counts, *_scores(*counts)])
    rows.append(["all", *totals, *_scores(*totals)])
    print(table(["procedure", "annotated", "found", "false", "precision", "recall", "F1"], rows))
    print(f"{cells} cells, {inexact} of them not an exact span of their page.")


def _place(document: Document, entry: dict[str, object]) -> tuple[int, int]:
    """The index of the page and the offset of an annotation, if the text is what was annotated."""
    page, offset = int(str(entry["page"])) - 1, int(str(entry["offset"]))
    text = document.pages[page].text[offset : offset + 24]
    if hashlib.sha256(text.encode()).hexdigest()[:16] != entry["check"]:
        raise SystemExit(f"{document.path}, page {page + 1}: the text is not the one that was annotated")
    return page, offset


def _inside(place: tuple[int, int], spans: list[tuple[int, int, int]]) -> bool:
    return any(page == place[0] and start <= place[1] < end for page, start, end in spans)


def _letters(text: str) -> str:
    """What a broken or wrapped line leaves as it is."""
    return "".join(text.split()).replace("-", "").replace("\xad", "")


def _text(found: list, row: Obligation) -> str:  # type: ignore[type-arg]
    def cut(part: Part) -> str:
        return str(found[part.clause].sentences[part.sentence].text)[part.start : part.end]

    return f"{row.duty} {' / '.join(map(cut, row.whole))}"


def _scores(annotated: int, found: int, false: int) -> list[str]:
    """Precision over found sentences and false rows, recall, F1."""
    precision = found / (found + false) if found + false else 0.0
    recall = found / annotated
    return [f"{value:.3f}" for value in (precision, recall, 2 * precision * recall / ((precision + recall) or 1))]


if __name__ == "__main__":
    main()
