"""Documents summarised, one by one and to one digest: are the numbers in the text, is every long section heard?

    PYTHONPATH=. python benchmarks/summaries.py [FOLDER ...] [--home HOME] [--words N] [--pages N] [--model]

Default: the 25 PDFs of EPA, the policies and minutes of the sample office. `rag summarize` is run as a child, with
`--words N` for each document and then with `--digest`; what it prints as JSON is judged here against the pages, which
are read anew. A figure of a statement counts as true if it stands in the text of the page that the statement cites. A
section of more than a page (2,000 characters of passages) has to have a statement. At last a PDF of `--pages` made
pages, and one of a tenth of them, to the digest: peak memory of the process tree. Without --model the documents' own
words are told.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import BENCH, BIN, MB, ROOT, Run, headline, note, run, table, workspace
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.chunk import chunks
from ingest.headings import SEPARATOR
from ingest.readers import read
from ingest.types import Document, SourceFile
from rag.check import numbers
from rag.config import resolve
from rag.models.embed import load_embedder
from rag.summarize import PAGE

FOLDERS = [BENCH / "epa/pdfs", ROOT / "data/office/policies", ROOT / "data/office/minutes"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=FOLDERS)
    parser.add_argument("--home", type=Path, help="a home whose models are made")
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--model", action="store_true", help="let the language model reword")
    options = parser.parse_args()
    print(headline("Documents summarised"))
    tokenizer = load_embedder(resolve(options.home).models, None, note).tokenizer
    with workspace(None) as work:
        rag = [BIN / "rag", "--home", options.home or work / "home", "--no-record", "summarize"]
        how = ["--json", "--no-ocr", *([] if options.model else ["--no-model"])]
        rows = []
        for folder in options.folders:
            documents = dict(_read(folder))
            long = {
                name: [section for section, length in _lengths(one, tokenizer) if section and length > PAGE]
                for name, one in documents.items()
            }
            for way, words in ((["--words", str(options.words)], "each"), (["--digest"], "digest")):
                note(f"{folder.name}, {words} …")
                done = run([*rag, folder, *how, *way]).expect(0, 3)
                told, covered = _told(json.loads(done.stdout), words)
                figures = [(value, unit, citation) for text, citation in told for value, unit in numbers(text)]
                true = sum(_stands(value, documents[one["path"]], one) for value, _, one in figures)
                heard = sum(covered[name, section] > 0 for name, sections in long.items() for section in sections)
                all_long = sum(map(len, long.values()))
                length = sum(len(text.split()) for text, _ in told)
                judged = [f"{true}/{len(figures)}", f"{heard}/{all_long}"]
                what = [f"{folder.name}, {words}", len(documents), len(told), length]
                rows.append([*what, *judged, _seconds(done), f"{done.peak / MB:.0f}"])
        names = ["documents", "n", "statements", "words", "figures in the text", "long sections heard", "s", "peak MB"]
        print(table(names, rows))
        made = []
        for pages in (options.pages // 10, options.pages):
            note(f"A PDF of {pages} pages …")
            path = work / f"long-{pages}.pdf"
            _make(path, pages)
            done = run([*rag, path, *how, "--digest"]).expect(0)
            made.append([pages, f"{path.stat().st_size / MB:.1f}", _seconds(done), f"{done.peak / MB:.0f}"])
        print(table(["pages of a made PDF", "MB", "s", "peak MB"], made))


def _read(folder: Path) -> Iterator[tuple[str, Document]]:
    for path in sorted(folder.iterdir()):
        document = read(SourceFile(path, path.name))
        if any(page.text.strip() for page in document.pages):
            yield path.name, document


def _lengths(document: Document, tokenizer: Any) -> Sequence[tuple[str, int]]:
    """The top sections of a document, and how many characters of passages each has."""
    lengths: Counter[str] = Counter()
    for chunk in chunks(document, tokenizer):
        lengths[chunk.section.split(SEPARATOR)[0]] += len(chunk.text)
    return list(lengths.items())


def _told(found: Mapping[str, Any], way: str) -> tuple[list[tuple[str, Mapping[str, Any]]], Counter[tuple[str, str]]]:
    """Each statement with the citation that it was taken from; how many statements each top section has."""
    told, covered = [], Counter[tuple[str, str]]()
    for entry in found["files"]:
        for section in entry.get("coverage", ()):
            covered[entry["path"], section["section"]] += section["statements"]
        if way == "each":
            rest = str(entry["summary"])
            for citation in entry["citations"]:
                text, _, rest = rest.partition(f" [{citation['number']}]")
                told.append((text.strip(), citation))
    if way == "digest":
        cited = {citation["number"]: citation for citation in found["citations"]}
        told = [(said["text"], cited[said["citations"][0]]) for said in found["statements"]]
    return told, covered


def _stands(value: float, document: Document, citation: Mapping[str, Any]) -> bool:
    pages = [page for page in document.pages if (page.number, page.record) == (citation["page"], citation["record"])]
    return any(value == held for page in pages for held, _ in numbers(page.text))


def _seconds(done: Run) -> str:
    return f"{done.seconds:.0f}"


def _make(path: Path, pages: int) -> None:
    """A PDF of numbered rules, a heading every ten pages, no two sentences alike."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(pages):
        line = 800
        if page % 10 == 0:
            canvas.setFont("Helvetica-Bold", 16)
            canvas.drawString(60, line, f"{page // 10 + 1} Rules of department {page // 10 + 1}")
        canvas.setFont("Helvetica", 10)
        for rule in range(25):
            line -= 28
            canvas.drawString(
                60, line, f"Workers of team {page} must check machine {rule} within {page + rule + 2} hours."
            )
        canvas.showPage()
    canvas.save()


if __name__ == "__main__":
    main()
