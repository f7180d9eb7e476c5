"""What would a reader tuned on a domain bring? Training groups of ObliQA, for a reader that is measured, not shipped.

    python benchmarks/domain_groups.py OUT.jsonl --home FOLDER [--split tune]
    python -m training.train RUN_FOLDER --stage obliqa --data OUT.jsonl --minutes 10 --final
    python -m training.export RUN_FOLDER/checkpoint.pt TARGET
    python benchmarks/retrieval.py obliqa --home FOLDER --split report --onnx TARGET/reader.int8.onnx

A group is a question, its right passages, and the passages that our own first stage ranks high beside them. `--home`
is the folder that `benchmarks/retrieval.py obliqa --home FOLDER` has filled. The other split is not looked at.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from measure import BENCH
from retrieval import name_of, split_of

from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.rank import context
from rag.tune.groups import UNKNOWN, Candidate, Group
from training.groups import write

NEGATIVES = 5  # a question
DEPTH = 24  # hits that are looked at


def main() -> None:
    """Write the groups of one split."""
    arguments = _arguments()
    groups = list(_groups(arguments.home / "obliqa", arguments.split))
    write(arguments.out, groups)
    print(f"{len(groups)} groups, {sum(len(group.candidates) for group in groups)} pairs")


def _groups(home: Path, split: str) -> Iterator[Group]:
    settings = resolve(home)
    retriever = open_retriever(settings, open_catalog(settings), read=False)
    for row in json.loads((BENCH / "obliqa/questions_dev.json").read_text(encoding="utf-8")):
        if split_of(row["Question"]) != split:
            continue
        gold = {f"{passage['DocumentID']}|{passage['PassageID']}" for passage in row["Passages"]}
        hits = retriever.first_stage(row["Question"], DEPTH)
        right = [hit for hit in hits if name_of(str(hit.stored.chunk.record)) in gold]
        wrong = [hit for hit in hits if name_of(str(hit.stored.chunk.record)) not in gold]
        if not right:
            continue  # the first stage did not find it, so no reader will see it
        candidates = [
            Candidate(hit.stored.chunk.text, None, UNKNOWN, int(hit in right), context(hit.stored))
            for hit in (*right[:2], *wrong[:NEGATIVES])
        ]
        yield Group("obliqa-dev", 0, row["Question"], tuple(candidates))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--split", choices=["tune", "report"], default="tune")
    return parser.parse_args()


if __name__ == "__main__":
    main()
