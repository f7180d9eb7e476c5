"""Hard negatives from Strongroom's own retriever: the passages that it ranks high and that do not hold the answer.

    python -m training.mine --home HOME --groups broad.jsonl --out mined.jsonl [--most 20000]

All passages of the groups are first ingested into HOME as records by the real pipeline (`rag ingest`); then each
question is searched.
"""

import argparse
import json
import random
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.retrieve import Retriever
from rag.tune.groups import Candidate, Group
from training.groups import read, write

NEGATIVES = 3  # mined passages a question
DEPTH = 14  # hits that are looked at
SEED = 13


def main() -> None:
    """Mine negatives for the groups whose best passage holds a known answer."""
    arguments = _arguments()
    groups = [group for path in arguments.groups for group in read(path) if group.candidates[0].span is not None]
    if not (arguments.home / "collections").exists():
        _ingest(arguments.home, groups)
    settings = resolve(arguments.home)
    retriever = open_retriever(settings, open_catalog(settings), read=False)
    rng = random.Random(SEED)
    rng.shuffle(groups)
    groups = _balanced(groups, arguments.most)
    mined = []
    for number, group in enumerate(groups, 1):
        mined.append(_with_negatives(group, retriever))
        if number % 1000 == 0:
            print(number, "of", len(groups), flush=True)
    write(arguments.out, mined)


def _with_negatives(group: Group, retriever: Retriever) -> Group:
    best = group.candidates[0]
    assert best.span is not None  # chosen so
    answer = best.text[slice(*best.span)].lower()
    known = {" ".join(candidate.text.split()) for candidate in group.candidates}
    found: list[Candidate] = []
    for hit in retriever.search(group.question, DEPTH):
        text = hit.stored.chunk.text
        flat = " ".join(text.split())
        if answer in text.lower() or flat in known or flat in best.text or " ".join(best.text.split()) in flat:
            continue
        known.add(flat)
        found.append(Candidate(text, None, 0, 0))
        if len(found) == NEGATIVES:
            break
    return replace(group, candidates=(best, *found, *group.candidates[1:])[: NEGATIVES + 1])


def _balanced(groups: list[Group], most: int) -> list[Group]:
    """At most `most` groups, half of them from outside the largest source, each question once."""
    once = list({group.question: group for group in groups}.values())
    sources = [group.source for group in once]
    largest = max(set(sources), key=sources.count)
    others = [group for group in once if group.source != largest][: most // 2]
    return others + [group for group in once if group.source == largest][: most - len(others)]


def _ingest(home: Path, groups: list[Group]) -> None:
    """Every distinct passage becomes a record."""
    folder = home / "records"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {candidate.text for group in groups for candidate in group.candidates}
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for text in sorted(texts):
            file.write(json.dumps({"id": sha256(text.encode()).hexdigest()[:16], "text": text}) + "\n")
    command = [sys.executable, "-c", "from rag.cli import main; main()", "--home", str(home), "ingest", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--groups", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=20000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
