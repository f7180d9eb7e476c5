"""Two files, or two folders of files, to what changed between them: which belong together, and each pair's changes.

Files of two folders belong together by their path, else by their name without version or date, else by their words.
Knows nothing about how a comparison is shown.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ingest.clauses import clauses
from ingest.types import Document, SourceFile
from rag.align import Embed, words
from rag.changes import Change, Comparison, Side, compare
from rag.files import File, citation, file_entry, unread_files
from rag.kinds import Kind
from rag.term import counted

NOTHING = 0.2
"""Share of sentences with a counterpart below which two documents are no versions of each other. Different policies of
the sample office share headings and phrases, .11 to .17 in seven pairs; two versions of a policy share .95."""
SAME_WORDS = 0.5  # share of words that two files must have in common to belong together by their words (Dice)

_VERSION = re.compile(
    r"(?:\bv|\bver|\bversion|\brev|\br)[\s._-]*\d+(?:[._-]\d+)*|\d{4}[-_.]?\d{2}[-_.]?\d{2}|\b(?:19|20)\d\d\b"
    r"|\b(?:final|draft|old|new|copy|signed|clean)\b|\(\d+\)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Compared:
    """Two files that belong together; `comparison` is None where one of them could not be read."""

    old: File
    new: File
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Matched:
    """Which files of two folders belong together."""

    pairs: tuple[tuple[SourceFile, SourceFile], ...]
    removed: tuple[SourceFile, ...]
    added: tuple[SourceFile, ...]


def match(old: Sequence[SourceFile], new: Sequence[SourceFile], bag: Callable[[SourceFile], Counter[str]]) -> Matched:
    """Find which files belong together.

    Args:
        bag: the words of a file, asked for only where neither path nor name tells.
    """
    left, right = list(old), list(new)
    pairs: list[tuple[SourceFile, SourceFile]] = []
    for name in (lambda file: file.path, lambda file: _plain_name(file.path)):
        for key in [name(file) for file in left]:
            ours, theirs = ([file for file in side if name(file) == key] for side in (left, right))
            if len(ours) == len(theirs) == 1:
                pairs.append((ours[0], theirs[0]))
                left.remove(ours[0])
                right.remove(theirs[0])
    if left and right:
        bags = {file: bag(file) for file in (*left, *right)}
        scored = sorted(
            ((_dice(bags[one], bags[other]), one, other) for one in left for other in right),
            key=lambda item: (-item[0], item[1].path, item[2].path),
        )
        for score, one, other in scored:
            if score >= SAME_WORDS and one in left and other in right:
                pairs.append((one, other))
                left.remove(one)
                right.remove(other)
    return Matched(tuple(sorted(pairs, key=lambda pair: pair[1].path)), tuple(left), tuple(right))


def _plain_name(path: str) -> str:
    """The name of a file without its version, its date and its folder."""
    return " ".join(re.findall(r"[^\W_]+", _VERSION.sub(" ", PurePosixPath(path).stem.replace("_", " ")).lower()))


def _dice(one: Counter[str], other: Counter[str]) -> float:
    both = sum(one.values()) + sum(other.values())
    return 2 * sum((one & other).values()) / both if both else 0.0


def bag_of(document: Document | None) -> Counter[str]:
    """The words of a document and how often it has each."""
    return Counter(word for page in document.pages for word in words(page.text)) if document else Counter()


def compare_files(old: File, new: File, embed: Embed) -> Compared:
    """What changed from one file to the other."""
    if old.document is None or new.document is None:
        return Compared(old, new, None)
    return Compared(old, new, compare(clauses(old.document), clauses(new.document), embed))


# --- in words ---------------------------------------------------------------------------------------------------------

_NOUNS = {
    Kind.OBLIGATION: "changed duty", Kind.ADDED: "addition", Kind.REMOVED: "removal", Kind.DEADLINE: "changed period",
    Kind.NUMBER: "changed figure", Kind.ROLE: "changed role", Kind.SCOPE: "change of scope", Kind.DATE: "changed date",
    Kind.REFERENCE: "changed reference", Kind.NAME: "changed name", Kind.REWORDED: "rewording",
    Kind.HEADING: "changed heading", Kind.SPLIT: "split clause", Kind.MERGED: "merged clause", Kind.MOVED: "move",
    Kind.RELAID: "table laid out anew",
}  # fmt: skip
_PLURALS = {
    Kind.OBLIGATION: "changed duties", Kind.SCOPE: "changes of scope", Kind.RELAID: "tables laid out anew",
}  # fmt: skip


def verdict(found: Comparison) -> str:
    """What came out, in a sentence or two."""
    body = [change for change in found.changes if not change.front]
    front = "; title, version or revision list differ" if len(body) < len(found.changes) else ""
    if found.alike < NOTHING:
        share = f"{found.paired} of {counted(found.old_sentences + found.new_sentences, 'sentence')}"
        return f"These two have next to nothing in common ({share} have a counterpart): no versions of one document."
    if not body:
        return f"No change: every sentence stands in both, word for word{front}."
    counts = Counter(change.kind for change in body)
    told = ", ".join(
        _number(count, kind) for kind, count in sorted(counts.items(), key=lambda item: list(Kind).index(item[0]))
    )
    if not found.of_substance:
        return f"No change of substance: the sentences are the same, word for word ({told}){front}."
    weighty = sum(change.level == "high" for change in body)
    return f"{counted(len(body), 'change')}, {weighty} of them weighty: {told}{front}."


def _number(count: int, kind: Kind) -> str:
    noun = _NOUNS[kind] if count == 1 else _PLURALS.get(kind, f"{_NOUNS[kind]}s")
    return f"{count} {noun}"


def place(file: File, side: Side) -> str:
    """Where a side stands: "3.1.2, page 2"."""
    pages = pages_of(file, side)
    named = f"page{'s' if len(pages) > 1 else ''} {', '.join(map(str, pages))}" if pages else ""
    return ", ".join(part for part in (side.number, named) if part) or file.path


def pages_of(file: File, side: Side) -> list[int]:
    """Numbers of the pages that a side stands on."""
    assert file.document is not None
    found = (file.document.pages[piece.page].number for piece in side.pieces)
    return list(dict.fromkeys(number for number in found if number is not None))


# --- JSON -------------------------------------------------------------------------------------------------------------


def entry(compared: Compared) -> dict[str, Any]:
    """The JSON entry of a pair."""
    found = compared.comparison
    head = {"old": file_entry(compared.old), "new": file_entry(compared.new)}
    if found is None:
        return head | {"verdict": "not compared: a file could not be read", "changes": []}
    return head | {
        "verdict": verdict(found),
        "of_substance": found.of_substance,
        "alike": round(found.alike, 4),
        "sentences": {"old": found.old_sentences, "new": found.new_sentences, "same": found.same},
        "changes": [_change_entry(compared, change) for change in found.changes],
    }


def _change_entry(compared: Compared, change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "level": change.level,
        "weight": change.weight,
        "of_substance": change.of_substance,
        "moved": change.moved,
        "document_control": change.front,
        "says": change.says,
        "facets": [
            {"kind": facet.kind, "old": facet.old, "new": facet.new, "says": facet.says} for facet in change.facets
        ],
        "old": change.old and _side_entry(compared.old, change.old),
        "new": change.new and _side_entry(compared.new, change.new),
    }


def _side_entry(file: File, side: Side) -> dict[str, Any]:
    return {
        "number": side.number,
        "section": side.section,
        "text": side.text,
        "changed": [list(span) for span in side.changed],
        "citations": [citation(file, piece) for piece in side.pieces],
    }


def unread(compared: Sequence[Compared]) -> bool:
    """Whether a file's text, or a page's, could not be compared."""
    return unread_files([file for pair in compared for file in (pair.old, pair.new)])


def walked(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Changes in the groups that they are shown in, empty groups left out."""
    body = [change for change in changes if not change.front]
    for title, level in (("What matters most", "high"), ("Also changed", "medium"), ("Of little weight", "low")):
        if group := [change for change in body if change.level == level]:
            yield title, group
    if front := [change for change in changes if change.front]:
        yield "Title, version, revisions", front
