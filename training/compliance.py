"""Our own compliance documents with questions (`compliance.jsonl`) to training groups.

Every other passage of the same document is a negative: neighbours treat neighbouring matters, which is what a reader
meets in a folder of policies. Whole documents are held out, by a hash of their text.

    python -m training.compliance compliance.jsonl groups.jsonl
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from training.groups import UNKNOWN, Candidate, Group, write

SEED = 17
SOURCE = "strongroom-compliance"


def main(source: Path, target: Path) -> None:
    """Write the groups of all documents."""
    rng = random.Random(SEED)
    made = [group for document in documents(source) for group in groups(document, rng)]
    rng.shuffle(made)
    write(target, made)
    print(f"{len(made)} groups")


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The documents of a file, each with its `fold`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        document: dict[str, Any] = json.loads(line)
        document["fold"] = int(sha256(document["doc"].encode()).hexdigest(), 16) % 100
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
