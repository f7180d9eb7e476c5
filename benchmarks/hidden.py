"""Text in PDFs that nobody sees: what is told on documents nobody has tampered with, and what looking for it costs.

    python benchmarks/hidden.py FOLDER [FOLDER ...] [--show]

Every page with hidden text is counted; --show prints it, so that a person can look whether it is hidden indeed. The
cost is processor time of the look beside that of reading the file as a whole, the look included.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import table

from ingest.errors import ReadError
from ingest.readers import pdf, read
from ingest.types import SourceFile


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--show", action="store_true", help="print what is hidden")
    options = parser.parse_args()
    looks: list[float] = []
    pdf._unseen = _timed(pdf._unseen, looks)
    rows: list[list[object]] = []
    for folder in options.folders:
        looks.clear()
        pages = hiding = 0
        started = time.process_time()
        for path in sorted(folder.rglob("*.pdf")):
            try:
                document = read(SourceFile(path.parent, path.name))
            except ReadError:
                continue  # locked or damaged, as `rag ingest` tells
            pages += len(document.pages)
            for page in document.pages:
                hiding += bool(page.hidden)
                for span in page.hidden if options.show else ():
                    print(f"- {path.name}, page {page.number}, {span.why}: {page.text[span.start : span.end][:80]!r}")
        whole = (time.process_time() - started) / max(pages, 1)
        look = sum(looks) / max(len(looks), 1)
        rows.append([folder.name, pages, hiding, f"{look * 1000:.1f} ms", f"{whole * 1000:.1f} ms"])
    print(table(["folder", "pages", "with hidden text", "the look, a page", "reading in all, a page"], rows))


def _timed(look: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def run(*arguments: object) -> Any:
        started = time.process_time()
        try:
            return look(*arguments)
        finally:
            seconds.append(time.process_time() - started)

    return run


if __name__ == "__main__":
    main()
