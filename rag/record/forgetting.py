"""Which part of the record an erasure reaches. Knows no disk.

An entry is one story: where any part of it names an erased file, or holds what only that file had, its content goes
whole.
Only the files and folders of an ingestion stand each for itself.
"""

from collections.abc import Callable, Set

from rag.record.entry import Entry, Leaf

QUESTION = "question"  # the name of a leaf with what a person typed
FILE, ROOT = "file", "root"  # names of leaves that go alone
_ALONE = (FILE, ROOT)


def reached(entry: Entry, collection: str, names: Set[str], holds: Callable[[str, bool], bool]) -> list[int]:
    """Which leaves of an entry have to go, by their places.

    Args:
        collection: the one that the files are erased from; entries about others stay.
        names: paths and hashes of the files.
        holds: whether a text holds anything that only they had; the second argument: single words, too. What a person
            typed is searched for words, what the program wrote is not: its own words stand in many a document.
    """
    if entry.facts.get("collection", collection) != collection:
        return []
    found = [
        place
        for place, leaf in enumerate(entry.leaves)
        if isinstance(leaf, Leaf)
        and (not names.isdisjoint(leaf.texts()) or holds("\0".join(leaf.texts()), leaf.name == QUESTION))
    ]
    parts = [entry.leaves[place] for place in found]
    alone = all(isinstance(part, Leaf) and part.name in _ALONE for part in parts)
    return found if alone else list(range(len(entry.leaves)))
