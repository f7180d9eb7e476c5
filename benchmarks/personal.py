"""Personal data: how much of what is there is found, and how much of what is found is none.

    PYTHONPATH=. python benchmarks/personal.py [--values N] [--documents FOLDER ...] [--show]

Found: values of nobody, made by chance as tests/rag/personal/values.py makes them, each in a sentence. A telephone
number made by chance need not exist; those that no numbering plan has are left out and counted. False alarms: all
that is found in FOLDERs is printed with `--show`, for a person to judge; the table counts it.
"""

import argparse
import random
import time
from collections import Counter
from pathlib import Path

from measure import headline, note, table

from ingest.errors import ReadError
from ingest.readers import read
from ingest.walk import walk
from rag.personal.find import KINDS, find
from tests.rag.personal.values import MAKERS, sentence

SEED = 11


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=1000, help="of each kind")
    parser.add_argument("--documents", type=Path, nargs="*", default=[])
    parser.add_argument("--show", action="store_true", help="print what is found in the documents")
    options = parser.parse_args()
    print(headline("Personal data"))
    print(_generated(options.values), end="\n\n")
    if options.documents:
        print(_in_documents(options.documents, options.show))


def _generated(number: int) -> str:
    rows: list[list[object]] = []
    for kind, makers in MAKERS.items():
        chance = random.Random(f"{SEED} {kind}")
        made = found = nobodys = 0
        while made < number:
            value = chance.choice(makers)(chance)
            if kind == "phone" and not _exists(value):
                nobodys += 1
                continue
            text = sentence(kind, value, chance)
            made += 1
            found += [(one.kind, one.value) for one in find(text)] == [(kind, value)]
        left_out = f"{nobodys} numbers that do not exist left out" if nobodys else ""
        rows.append([KINDS[kind][1], made, found, f"{100 * found / made:.1f}%", left_out])  # type: ignore[index]
    return table(["made by chance", "n", "found whole, as their kind", "share", ""], rows)


def _exists(value: str) -> bool:
    import phonenumbers

    regions = ("US", "GB")
    return any(phonenumbers.is_valid_number(phonenumbers.parse(value, region)) for region in regions)


def _in_documents(folders: list[Path], show: bool) -> str:
    rows: list[list[object]] = []
    for folder in folders:
        counts: Counter[str] = Counter()
        pages = files = 0
        spent = 0.0
        for source in walk([folder]).files:
            try:
                document = read(source)
            except ReadError as error:
                note(f"{source.path}: {error}")
                continue
            files += 1
            for page in document.pages:
                pages += 1
                started = time.perf_counter()
                found = find(page.text)
                spent += time.perf_counter() - started
                counts.update(one.kind for one in found)
                for one in found if show else ():
                    before = " ".join(page.text[max(one.start - 30, 0) : one.start].split())
                    note(f"{source.path}, page {page.number}: {one.kind} {one.value!r} after {before!r}")
        told = ", ".join(f"{counts[kind]} {KINDS[kind][counts[kind] != 1]}" for kind in KINDS if counts[kind])
        rows.append([folder.name, files, pages, told or "nothing", f"{1000 * spent / max(pages, 1):.1f}"])
    return table(["documents", "files", "pages", "found", "ms a page"], rows)


if __name__ == "__main__":
    main()
