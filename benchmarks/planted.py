"""Is text that is written for a machine noticed, and is other text left alone?

    python benchmarks/planted.py

Each instruction of BIPIA's text attacks is planted behind each of its e-mails, and counted as found where it is named.
The patterns were written with the categories of the training data in view ("seen"); the others are reported. False
alarms are counted on the e-mails alone, and on passages of regulations and procedures, which nobody has tampered with.
"""

import gzip
import json
from collections.abc import Iterable

from measure import BENCH, table

from ingest.chunk import chunks
from ingest.readers import read
from ingest.types import SourceFile
from rag.models.catalogue import EMBEDDING, verify
from rag.models.wordpiece import WordPiece
from rag.planted import orders

TRAIN = BENCH / "../train/injections.jsonl.gz"


def main() -> None:
    """Print one table."""
    with gzip.open(TRAIN, "rt", encoding="utf-8") as lines:
        seen = {json.loads(line)["category"] for line in lines}
    attacks = json.loads((BENCH / "bipia/text_attack_train.json").read_text(encoding="utf-8"))
    emails = [
        json.loads(line)["context"] for line in (BENCH / "bipia/email_train.jsonl").read_text("utf-8").splitlines()
    ]
    rows: list[list[object]] = []
    for category, instructions in attacks.items():
        found = [_found(f"{email}\n{order}") - _found(email) > 0 for email in emails for order in instructions]
        rows.append(
            [category, "seen" if category in seen else "reported", len(found), f"{sum(found) / len(found):.3f}"]
        )
    rows.sort(key=lambda row: str(row[1]))
    print(table(["instructions", "", "n", "noticed"], rows))
    clean = (("BIPIA's e-mails", emails), ("ObliQA's passages", _regulations()), ("EPA's passages", _procedures()))
    alarms: list[list[object]] = []
    for name, texts in clean:
        told = [_found(text) > 0 for text in texts]
        alarms.append([name, len(told), f"{sum(told) / len(told):.4f}"])
    print(table(["text that nobody has tampered with", "n", "false alarms"], alarms))


def _found(text: str) -> int:
    return len(orders(text))


def _regulations() -> list[str]:
    paths = sorted((BENCH / "obliqa/passages").glob("*.json"))
    return [row["Passage"] for path in paths for row in json.loads(path.read_text(encoding="utf-8"))]


def _procedures() -> Iterable[str]:
    folder = BENCH / "epa/pdfs"
    tokenizer = WordPiece(verify(EMBEDDING, "tokenizer.json"), 256)
    documents = (read(SourceFile(folder, path.name)) for path in sorted(folder.iterdir()))
    return [chunk.text for document in documents for chunk in chunks(document, tokenizer)]


if __name__ == "__main__":
    main()
