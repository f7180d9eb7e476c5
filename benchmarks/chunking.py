"""How passages are best cut: their size, what is carried into their vectors, and overlap, each against the others.

    python benchmarks/chunking.py [corpora epa] [--sizes 60 180] [--carried section] [--overlaps 0 1] [--cache FILE]
    python benchmarks/chunking.py --sizes 60 90 --carried section --read-as 160     # small ones found, larger ones read
    python benchmarks/chunking.py epa --sizes 160 --carried section --across        # passages that run over page breaks

Only the first stage is measured, words and meaning fused, and every passage is compared: no index and no reader stand
between a way of cutting and its figures. Titles and sections are words to be found in all of them; what is carried
changes the vectors alone.

- corpora: two corpora of Chroma's evaluation in one collection; `benchmarks/retrieval.py` has their measures and the
  split of the questions.
- epa: an agency's procedures; the share of answerable questions whose first, or first five, passages lie on a page of
  evidence, and whose answer stands in the first three.
"""

import argparse
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from measure import BENCH
from numpy.typing import NDArray
from retrieval import split_of

from ingest.chunk import chunks
from ingest.headings import SEPARATOR
from ingest.readers import read
from ingest.sentences import sentences
from ingest.types import Chunk, Document, SourceFile, Tokenizer
from rag.config import resolve
from rag.judge import groups_at, holds_answer, read_questions
from rag.models.embed import TextEmbedder, load_embedder
from rag.query import parse
from rag.store.catalog import FIELD_WEIGHTS

SIZES = (60, 90, 120, 180, 240)  # tokens of a passage
MEANING = 0.7  # weight of the cosine against the words, both scaled to 0..1 within a question
BATCH = 512  # texts embedded between two writings of the cache
Passage = tuple[Chunk, str]  # and its document's title
Vectors = NDArray[np.float32]  # (n, dim), unit rows

CARRIED: Mapping[str, Callable[[str, str], Sequence[str]]] = {
    "none": lambda _title, _section: (),
    "label": lambda _title, section: (section.rpartition(SEPARATOR)[2],),
    "section": lambda _title, section: (section,),
    "title": lambda title, _section: (title,),
    "title+section": lambda title, section: (title, section),
}
"""What a vector is made of before the passage; "label" is the innermost heading alone: "AC-2(13) – Disable Users"."""


def main() -> None:
    """Print one table for each data set named."""
    arguments = _arguments()
    embedder = CachedEmbedder(load_embedder(resolve(arguments.home).models, None, print), arguments.cache)
    for name in arguments.sets:
        folder, measure, header = SETS[name]
        documents = [read(SourceFile(folder, path.name)) for path in sorted(folder.iterdir())]
        larger = Larger(documents, embedder, arguments.read_as) if arguments.read_as else None
        print(f"\n{name}{', read as ' + str(arguments.read_as) if larger else ''}{', across pages' * arguments.across}")
        print(f"| tokens | carried | overlap | passages | cut off | {' | '.join(header)} |")
        print("|" + "---|" * (5 + len(header)))
        for size in arguments.sizes:
            cutting = _across if arguments.across else chunks
            cut = [(chunk, of) for of in documents for chunk in cutting(of, embedder.tokenizer, size)]
            for overlap in arguments.overlaps:
                passages = _overlapping(cut) if overlap else [(chunk, of.title or "") for chunk, of in cut]
                for carried in arguments.carried:
                    search = Search(passages, carried, embedder, larger)
                    means = np.mean(list(measure(search, arguments.split)), axis=0)
                    row = [str(size), carried, str(overlap), str(len(passages)), str(search.cut_off)]
                    print("| " + " | ".join(row + [f"{mean:.3f}" for mean in means]) + " |", flush=True)


class CachedEmbedder:
    """An embedder that keeps the vectors it has made in one file, by the hash of their texts."""

    def __init__(self, embedder: TextEmbedder, path: Path | None) -> None:
        self.tokenizer = embedder.tokenizer
        self._embedder, self._path = embedder, path
        self._known: dict[str, Vectors] = {}
        if path is not None and path.exists():
            with np.load(path) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dim)`, unit rows."""
        keys = [sha256(text.encode()).hexdigest() for text in texts]
        new = list({key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}.items())
        for start in range(0, len(new), BATCH):
            some = new[start : start + BATCH]
            made = self._embedder.embed([text for _, text in some])
            self._known |= {key: vector for (key, _), vector in zip(some, made, strict=True)}
            if self._path is not None and len(some) > 1:
                np.savez(self._path, keys=np.array(list(self._known)), vectors=np.array(list(self._known.values())))
        return np.array([self._known[key] for key in keys])


class Search:
    """All passages of a collection, cut in one way."""

    def __init__(
        self, passages: Sequence[Passage], carried: str, embedder: CachedEmbedder, larger: "Larger | None" = None
    ) -> None:
        self._larger = larger
        above = CARRIED[carried]
        texts = ["\n".join(filter(None, (*above(title, chunk.section), chunk.text))) for chunk, title in passages]
        self.passages = [chunk for chunk, _ in passages]
        # Beside the two special tokens; of what is longer, the vector knows the beginning only.
        self.cut_off = sum(len(embedder.tokenizer.offsets(text)) > 254 for text in texts)
        self._embedder = embedder
        self._vectors = embedder.embed(texts)
        self._words = sqlite3.connect(":memory:")
        self._words.execute(
            "CREATE VIRTUAL TABLE words USING fts5 "
            "(text, section, title, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        rows = ((number, chunk.text, chunk.section, title) for number, (chunk, title) in enumerate(passages))
        self._words.executemany("INSERT INTO words (rowid, text, section, title) VALUES (?, ?, ?, ?)", rows)

    def best(self, question: str, limit: int) -> list[Chunk]:
        """The first `limit` passages."""
        words = np.zeros(len(self.passages), dtype=np.float32)
        expression = " OR ".join(f'"{term}"' for term in parse(question).terms)
        weights = ", ".join(map(str, FIELD_WEIGHTS))
        query = f"SELECT rowid, -bm25(words, {weights}) FROM words WHERE words MATCH ?"
        for number, score in self._words.execute(query, (expression,)):
            words[number] = max(score, 0.0)
        meaning = self._vectors @ self._embedder.embed([question])[0]
        low, high = meaning.min(), meaning.max()
        scores = MEANING * (meaning - low) / ((high - low) or 1.0) + (1 - MEANING) * words / (words.max() or 1.0)
        ranked = (self.passages[number] for number in np.argsort(-scores, kind="stable"))
        return list(islice(dict.fromkeys(map(self._larger.around, ranked)) if self._larger else ranked, limit))


class Larger:
    """The same documents in larger passages, of which one is read where a smaller one was found."""

    def __init__(self, documents: Sequence[Document], embedder: CachedEmbedder, size: int) -> None:
        self._of: dict[tuple[str, int | None, str | None], list[Chunk]] = {}
        for document in documents:
            for chunk in chunks(document, embedder.tokenizer, size):
                self._of.setdefault((chunk.path, chunk.page, chunk.record), []).append(chunk)

    def around(self, chunk: Chunk) -> Chunk:
        """The larger passage that the middle of `chunk` lies in."""
        middle = (chunk.start + chunk.end) // 2
        others = self._of[chunk.path, chunk.page, chunk.record]
        return min(others, key=lambda other: max(other.start - middle, middle - other.end, 0))


def _across(document: Document, tokenizer: Tokenizer, size: int) -> list[Chunk]:
    """Passages of the whole text, each with the page that its middle lies on; offsets are those of the whole text."""
    whole = "\n".join(page.text for page in document.pages)
    begins = np.cumsum([0, *(len(page.text) + 1 for page in document.pages)])
    joined = replace(document, pages=(replace(document.pages[0], number=None, text=whole),), outline=())
    found = chunks(joined, tokenizer, size)
    places = [int(np.searchsorted(begins, (chunk.start + chunk.end) // 2, side="right")) - 1 for chunk in found]
    return [
        replace(chunk, page=document.pages[min(place, len(document.pages) - 1)].number)
        for chunk, place in zip(found, places, strict=True)
    ]


def _overlapping(cut: Sequence[tuple[Chunk, Document]]) -> list[Passage]:
    """Each passage begins with the last sentence of the one before it, where both stand in one section of one page."""
    found = [(chunk, of.title or "") for chunk, of in cut[:1]]
    for (before, _), (chunk, of) in pairwise(cut):
        if (before.path, before.page, before.record, before.section) == (
            (chunk.path, chunk.page, chunk.record, chunk.section)
        ):
            start = before.start + sentences(before.text)[-1][0]
            text = next(page.text for page in of.pages if (page.number, page.record) == (chunk.page, chunk.record))
            chunk = replace(chunk, start=start, text=text[start : chunk.end])
        found.append((chunk, of.title or ""))
    return found


def _measure_corpora(search: Search, split: str) -> Iterator[tuple[float, ...]]:
    for row in map(json.loads, (BENCH / "chunking/questions.jsonl").read_text("utf-8").splitlines()):
        if split not in ("all", split_of(row["question"])):
            continue
        wanted = {(row["corpus"], place) for span in row["references"] for place in range(span["start"], span["end"])}
        hits = search.best(row["question"], 5)
        places = [(Path(chunk.path).stem, place) for chunk in hits for place in range(chunk.start, chunk.end)]
        shared = len(wanted.intersection(places))
        yield shared / len(wanted), shared / len(places), shared / (len(places) + len(wanted) - shared)


def _measure_epa(search: Search, split: str) -> Iterator[tuple[float, ...]]:
    for question in read_questions(BENCH / "epa/questions_open.jsonl", lambda _: None):
        if not question.answerable or split not in ("all", split_of(question.question)):
            continue
        hits = search.best(question.question, 5)
        groups = [groups_at(question, chunk.path, chunk.page) for chunk in hits]
        first, five = (len(frozenset().union(*groups[:k])) / len(question.groups) for k in (1, 5))
        yield first, five, float(holds_answer(question, [chunk.text for chunk in hits[:3]]))


SETS: dict[str, tuple[Path, Callable[[Search, str], Iterator[tuple[float, ...]]], Sequence[str]]] = {
    "corpora": (BENCH / "chunking/corpora", _measure_corpora, ("recall@5", "precision", "IoU")),
    "epa": (BENCH / "epa/pdfs", _measure_epa, ("page@1", "page@5", "answer in top 3")),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="tokens of a passage")
    parser.add_argument("--carried", nargs="+", choices=list(CARRIED), default=["none", "section", "title+section"])
    parser.add_argument("--overlaps", nargs="+", type=int, choices=[0, 1], default=[0], help="sentences")
    parser.add_argument("--read-as", type=int, help="tokens of the larger passage that is read where one was found")
    parser.add_argument("--across", action="store_true", help="let passages run over page breaks (not for corpora)")
    parser.add_argument("--split", choices=["tune", "report", "all"], default="report")
    parser.add_argument("--home", type=Path, help="where the embedding model has been prepared")
    parser.add_argument("--cache", type=Path, help="keep vectors in this .npz file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
