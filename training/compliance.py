"""Our own compliance documents with questions (`compliance.jsonl`) to training groups.

Every other passage of the same document is a negative: neighbours treat neighbouring matters, which is what a reader
meets in a folder of policies. Documents of one `office` belong together: there the negatives are the passages of all of
them that are nearest to the question. Whole documents and offices are held out, by a hash of their names.

    python -m training.compliance compliance.jsonl groups.jsonl [HOME]

HOME is any home whose embedding model was prepared; only offices need it.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from rag.models.embed import TextEmbedder, load_embedder
from rag.tune.groups import UNKNOWN, Candidate, Group
from training.groups import write

SEED = 17
SOURCE = "strongroom-compliance"


Key = tuple[str, int]
"""A document and the number of a passage in it."""


def main(source: Path, target: Path, home: Path | None = None) -> None:
    """Write the groups of all documents."""
    rng = random.Random(SEED)
    made: list[Group] = []
    offices: dict[str, list[dict[str, Any]]] = {}
    for document in documents(source):
        if "office" in document:
            offices.setdefault(document["office"], []).append(document)
        else:
            made += groups(document, rng)
    if offices and home is None:
        sys.exit("There are offices in the file: name a home whose embedding model was prepared.")
    if offices and home is not None:
        embedder = load_embedder(home / "models", None, print)
        made += [group for office in offices.values() for group in groups_of_office(office, embedder, rng)]
    rng.shuffle(made)
    write(target, made)
    print(f"{len(made)} groups")


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The documents of a file, each with its `fold`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        document: dict[str, Any] = json.loads(line)
        name = document.get("office", document["doc"])
        document["fold"] = int(sha256(name.encode()).hexdigest(), 16) % 100
        # A tenth is held out here, where folds 95 to 99 of the public data are a twentieth: documents are few.
        if document["fold"] >= 90:
            document["fold"] = 99
        yield document


def groups(document: dict[str, Any], rng: random.Random) -> Iterator[Group]:
    """A group for each question: the passage with the answer, or the nearest one without, and its neighbours."""
    passages = document["passages"]
    for asked in document["questions"]:
        context = _context(document, rng)
        answered = asked["p"] is not None
        first = asked["p"] if answered else asked["near"]
        text = passages[first]["text"]
        span = None
        if answered:
            start = text.index(asked["answer"])
            span = (start, start + len(asked["answer"]))
        others = [number for number in range(len(passages)) if number != first]
        rng.shuffle(others)
        relevant = 1 if answered else UNKNOWN
        candidates = [Candidate(text, span, int(answered), relevant, context(first))]
        candidates += [
            Candidate(passages[other]["text"], None, 0, 0 if answered else UNKNOWN, context(other))
            for other in others[: 4 if answered else 1]
        ]
        yield Group(SOURCE, document["fold"], asked["q"], tuple(candidates))


def groups_of_office(office: Sequence[dict[str, Any]], embedder: TextEmbedder, rng: random.Random) -> Iterator[Group]:
    """A group for each question to documents that belong together: beside the passage with the answer, or the nearest
    one without, the passages of any of them that a search would find first.
    """
    texts: dict[Key, str] = {
        (document["doc"], number): f"{passage['section']}: {passage['text']}"
        for document in office
        for number, passage in enumerate(document["passages"])
    }
    keys, vectors = list(texts), embedder.embed(list(texts.values()))
    by_name = {document["doc"]: document for document in office}
    for document in office:
        for asked in document["questions"]:
            contexts = {name: _context(other, rng) for name, other in by_name.items()}
            answered = asked["p"] is not None
            first = (document["doc"], asked["p"] if answered else asked["near"])
            order = np.argsort(-(vectors @ embedder.embed_question(asked["q"])))
            nearest = [keys[number] for number in order if keys[number] != first]
            neighbours = [key for key in nearest[3:] if key[0] == first[0]]
            chosen = [*nearest[:3], *rng.sample(neighbours, min(1, len(neighbours)))] if answered else nearest[:2]
            text = document["passages"][first[1]]["text"]
            start = text.index(asked["answer"]) if answered else 0
            span = (start, start + len(asked["answer"])) if answered else None
            relevant = 1 if answered else UNKNOWN
            candidates = [Candidate(text, span, int(answered), relevant, contexts[first[0]](first[1]))]
            candidates += [
                Candidate(
                    by_name[name]["passages"][number]["text"],
                    None,
                    0,
                    0 if answered else UNKNOWN,
                    contexts[name](number),
                )
                for name, number in chosen
            ]
            yield Group(SOURCE, document["fold"], asked["q"], tuple(candidates))


def _context(document: dict[str, Any], rng: random.Random) -> Callable[[int], str]:
    """What stands before a passage: title and section, as in the program, or less, as not every file has both."""
    kind = rng.random()

    def context(number: int) -> str:
        section = str(document["passages"][number]["section"])
        if kind < 0.6:
            return f"{document['title']} › {section}"
        return section if kind < 0.8 else ""

    return context


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
