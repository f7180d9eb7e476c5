"""What changed between two versions of a document: each change with what it is, how much it matters, and a sentence.

Everything is computed from the two texts. The sentence that explains a change is put together from words of both, so it
is true of them by construction; what cannot be told apart from a matter of wording is called worded differently, and
never explained away. Knows nothing about files.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.clauses import HEADING, Clause, Piece
from rag.align import Alignment, Embed, Pair, Unit, align, words
from rag.claims import Claim, Duty, amounts, duties, periods, role_abbreviations
from rag.kinds import HIGH, MEDIUM, SUBSTANCE, WEIGHT, Kind
from rag.wording import Facet, Span, changed_spans, facets, last_heading, only_words, short

_ADDS = 15  # more, where words were added to a sentence or left out, and not only replaced
_BINDS = 30  # more, where a clause that was added or removed binds somebody
_ANCHOR = 100  # words that a heading counts for, where it is decided what has moved and what has stayed
_FRONT = 5  # weight of a change before the first heading: titles, versions, owners, lists of revisions
_BINDING = frozenset({Duty.MUST, Duty.MUST_NOT})
_NUMBER_PATH = re.compile(r"\d+(?:\.\d+)+(?:\([a-z0-9]{1,3}\))*|(?<=[Ss]ection )\d+|(?<=[Cc]lause )\d+")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a change: whole clauses or sentences, and what of them changed."""

    number: str  # of the clause, "3.2.1"; "" where it has none
    section: str
    pieces: tuple[Piece, ...]
    text: str  # on one line
    changed: tuple[tuple[int, int], ...]  # spans of `text` that the other side does not have


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `old` is None for what was added, `new` for what was removed."""

    kind: Kind
    weight: int  # 0..100, higher matters more
    says: str  # one or two plain sentences
    old: Side | None
    new: Side | None
    facets: tuple[Facet, ...] = ()
    moved: bool = False  # it stands at another place, too
    front: bool = False  # it stands before the first heading

    @property
    def level(self) -> str:
        """ "high", "medium" or "low"."""
        return "high" if self.weight >= HIGH else "medium" if self.weight >= MEDIUM else "low"

    @property
    def of_substance(self) -> bool:
        """Whether it may change what the document says."""
        return self.weight >= SUBSTANCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, the weightiest first, and how much of both documents is alike."""

    changes: tuple[Change, ...]
    old_sentences: int
    new_sentences: int
    same: int  # sentences of the new version that stand in the old one word for word
    paired: int  # sentences, of both versions together, that have a counterpart in the other, changed or not

    @property
    def alike(self) -> float:
        """Share of all sentences that have a counterpart, 0..1."""
        total = self.old_sentences + self.new_sentences
        return self.paired / total if total else 0.0

    @property
    def of_substance(self) -> bool:
        """Whether anything may have changed in what the document says."""
        return any(change.of_substance for change in self.changes)


def compare(old: Sequence[Clause], new: Sequence[Clause], embed: Embed) -> Comparison:
    """Find what changed from one version to the next."""
    found = _Comparer(old, new, align(old, new, embed))
    changes = sorted(found.changes(), key=lambda change: -change.weight)  # stable: else in the order of the text
    pairs = found.aligned.pairs
    return Comparison(
        changes=tuple(changes),
        old_sentences=len(found.aligned.old),
        new_sentences=len(found.aligned.new),
        same=sum(len(pair.new) for pair in pairs if pair.equal),
        paired=sum(len(pair.old) + len(pair.new) for pair in pairs),
    )


class _Comparer:
    """Two aligned versions, and what follows from their alignment."""

    def __init__(self, old: Sequence[Clause], new: Sequence[Clause], aligned: Alignment) -> None:
        self.old, self.new, self.aligned = old, new, aligned
        self._abbreviations = role_abbreviations(" ".join(clause.text for clause in (*old, *new)))
        self._front_old, self._front_new = _front(old), _front(new)
        self._to = self._counterparts()
        self._numbers = {old[i].number: new[j].number for i, j in self._to.items() if old[i].number and new[j].number}
        self._stayed = self._in_place()
        self._between: dict[tuple[int, int], list[Pair]] = defaultdict(list)  # pairs of sentences by their clauses
        for pair in aligned.pairs:
            for step in {(aligned.old[i].clause, aligned.new[j].clause) for i in pair.old for j in pair.new}:
                self._between[step].append(pair)
        self._stayed_old, self._stayed_new = ({pair[side] for pair in self._stayed} for side in (0, 1))
        self._kept = {j for i, j in self._to.items() if old[i].kind == HEADING}  # counterparts of old headings
        edits = ((pair, self._edited(pair)) for pair in aligned.pairs if not pair.equal)
        self._edits = [(pair, change) for pair, change in edits if change is not None]

    def _counterparts(self) -> dict[int, int]:
        """Each old clause and the new one that holds most of its words."""
        votes: dict[int, Counter[int]] = {}
        for pair in self.aligned.pairs:
            for i in pair.old:
                for j in pair.new:
                    one, other = self.aligned.old[i], self.aligned.new[j]
                    votes.setdefault(one.clause, Counter())[other.clause] += min(len(one.key), len(other.key))
        return {clause: found.most_common(1)[0][0] for clause, found in votes.items()}

    def _in_place(self) -> frozenset[tuple[int, int]]:
        """Pairs of clauses with sentences in the same order in both: in the run of sentences that holds most words."""
        steps = sorted({(i, j) for pair in self.aligned.pairs for i in pair.old for j in pair.new})
        # Headings stay where they are: what passes one has moved, and not the heading.
        headings = [self.new[unit.clause].kind == HEADING for unit in self.aligned.new]
        weights = [len(self.aligned.new[j].key) + (_ANCHOR if headings[j] else 0) for _, j in steps]
        run = longest_run(steps, weights)
        return frozenset(
            (self.aligned.old[i].clause, self.aligned.new[j].clause)
            for pair in self.aligned.pairs
            if any((i, j) in run for i in pair.old for j in pair.new)
            for i in pair.old
            for j in pair.new
        )

    # --- changes ------------------------------------------------------------------------------------------------------

    def changes(self) -> Iterator[Change]:
        """All changes, in the order of the new text; what was removed where it stood."""
        found: list[tuple[int, int, Change]] = []  # (new clause, old clause, change)
        for pair, change in self._edits:
            found.append((self._new_clause(pair), self._old_clause(pair), change))
        for group in self._left_over("old"):
            clause = group[0].clause
            before = max((j for i, j in self._to.items() if i <= clause), default=0)
            found.append((before, clause, self._one_sided(Kind.REMOVED, group)))
        for group in self._left_over("new"):
            found.append((group[0].clause, -1, self._one_sided(Kind.ADDED, group)))
        found += [(change_at, -1, change) for change_at, change in self._rearranged()]
        for _, _, change in sorted(found, key=lambda item: item[:2]):
            yield change

    def _new_clause(self, pair: Pair) -> int:
        return self.aligned.new[pair.new[0]].clause

    def _old_clause(self, pair: Pair) -> int:
        return self.aligned.old[pair.old[0]].clause

    def _edited(self, pair: Pair) -> Change | None:
        """A sentence that is worded otherwise; None where only the numbers of clauses that it names have changed."""
        one = [self.aligned.old[index] for index in pair.old]
        other = [self.aligned.new[index] for index in pair.new]
        old_text, new_text = (" ".join(unit.text for unit in side) for side in (one, other))
        if "".join(words(self._renumbered(old_text))) == "".join(words(new_text)):
            return None
        front = one[0].clause < self._front_old and other[0].clause < self._front_new
        clause = self.new[other[0].clause]
        spans = changed_spans(old_text, new_text)
        old = _side(self.old, one, [span for span, _ in spans if span])
        new = _side(self.new, other, [span for _, span in spans if span])
        if clause.kind == HEADING:
            found: tuple[Facet, ...] = ()
            kind, says = Kind.HEADING, f"The heading “{short(old_text)}” is now “{short(new_text)}”."
        elif Counter(words(old_text)) == Counter(words(new_text)):
            # A table laid out anew gives its cells in another order; in a sentence, who does what may have changed.
            table = not clause.label and not old_text.rstrip().endswith((".", "!", "?", ";"))
            found, kind = (), Kind.RELAID if table else Kind.REWORDED
            says = "The same words in another order" + (", perhaps a table that was laid out anew" if table else "")
            says += "; read both: who does what, or what belongs to what, may have changed."
        else:
            found = tuple(facets(old_text, new_text, spans, clause.section, self._renumbered, self._abbreviations))
            kind = found[0].kind
            says = " ".join(facet.says for facet in found)
        weight = WEIGHT[kind]
        if kind is Kind.REWORDED and not found:
            weight = MEDIUM
        elif kind is Kind.REWORDED and any(only_words(old_text, new_text, *span) for span in spans):
            weight += _ADDS
        moved = self._is_moved(one[0].clause, other[0].clause)
        return Change(kind, _FRONT if front else weight, says, old, new, found, moved, front)

    def _renumbered(self, text: str) -> str:
        """A text of the old version with the clauses it names under their new numbers."""
        return _NUMBER_PATH.sub(lambda match: self._numbers.get(match.group(), match.group()), text)

    def _left_over(self, side: str) -> Iterator[list[Unit]]:
        """Units without a counterpart: those of one clause together, with those of its items and its heading."""
        units = self.aligned.old if side == "old" else self.aligned.new
        clauses = self.old if side == "old" else self.new
        taken = {index for pair in self.aligned.pairs for index in getattr(pair, side)}
        group: list[Unit] = []
        last = -1
        for index, unit in enumerate(units):
            if index in taken:
                continue
            if group and not (index == last + 1 and _goes_with(clauses[group[-1].clause], clauses[unit.clause], unit)):
                yield group
                group = []
            group.append(unit)
            last = index
        if group:
            yield group

    def _one_sided(self, kind: Kind, group: list[Unit]) -> Change:
        clauses, front = (self.new, self._front_new) if kind is Kind.ADDED else (self.old, self._front_old)
        side = _side(clauses, group, None)
        found = [*_claimed("binds by", [claim for claim in duties(side.text) if claim.value[0] in _BINDING])]
        found += _claimed("sets", [*periods(side.text), *amounts(side.text)])
        whole = len(group) == sum(len(clauses[index].sentences) for index in {unit.clause for unit in group})
        what = "clause" if whole and clauses[group[-1].clause].label else "passage" if whole else "sentence"
        lead = f"A {what} was {kind.value}"
        says = f"{lead}; it {' and '.join(found)}." if found else f"{lead}; it states no duty, period or amount."
        binds = any(text.startswith("binds") for text in found)
        in_front = group[0].clause < front
        weight = _FRONT if in_front else WEIGHT[kind] + (_BINDS if binds else 0)
        heading_only = all(clauses[unit.clause].kind == HEADING for unit in group)
        if heading_only:
            weight, says = min(weight, WEIGHT[Kind.HEADING]), f"A heading was {kind.value}."
        old, new = (None, side) if kind is Kind.ADDED else (side, None)
        return Change(kind, weight, says, old, new, front=in_front)

    # --- places -------------------------------------------------------------------------------------------------------

    def _is_moved(self, i: int, j: int) -> bool:
        """Whether a clause stands in another order, or under another heading that both versions have."""
        if (i, j) not in self._stayed:
            return True
        above, below = _heading_of(self.old, i), _heading_of(self.new, j)
        if above is None or below is None or self.old[i].kind == HEADING:
            return False
        home = self._to.get(above)
        return home is not None and home != below and self.new[home].kind == HEADING and below in self._kept

    def _rearranged(self) -> Iterator[tuple[int, Change]]:
        """Clauses that were split, merged or moved."""
        forth: dict[int, set[int]] = {}
        back: dict[int, set[int]] = {}
        for pair in self.aligned.pairs:
            for i in {self.aligned.old[index].clause for index in pair.old}:
                for j in {self.aligned.new[index].clause for index in pair.new}:
                    forth.setdefault(i, set()).add(j)
                    back.setdefault(j, set()).add(i)
        # Cut at other places, and standing where it stood.
        told = {
            (self.aligned.old[i].clause, self.aligned.new[j].clause)
            for pair in self.aligned.pairs
            if pair.in_order and pair.equal and len(pair.old) + len(pair.new) > 2
            for i in pair.old
            for j in pair.new
        }
        for i, js in sorted(forth.items()):
            if self._is_cut(self.old[i], self.new, js, self._stayed_new) and all(back[j] == {i} for j in js):
                told |= {(i, j) for j in js}
                yield min(js), self._regrouped(Kind.SPLIT, [i], sorted(js))
        for j, sources in sorted(back.items()):
            if self._is_cut(self.new[j], self.old, sources, self._stayed_old) and all(forth[i] == {j} for i in sources):
                told |= {(i, j) for i in sources}
                yield j, self._regrouped(Kind.MERGED, sorted(sources), [j])
        moved = [(i, j) for i, js in forth.items() for j in js if (i, j) not in told and self._is_moved(i, j)]
        # What was edited as well is told once, as an edit that moved.
        edited = {(self._old_clause(pair), self._new_clause(pair)) for pair, _ in self._edits}
        run: list[tuple[int, int]] = []
        for i, j in sorted(set(moved) - edited, key=lambda item: (item[1], item[0])):
            if run and (i - run[-1][0], j - run[-1][1]) not in ((1, 1), (0, 0)):
                yield run[0][1], self._moved(run)
                run = []
            run.append((i, j))
        if run:
            yield run[0][1], self._moved(run)

    def _is_cut(self, one: Clause, clauses: Sequence[Clause], parts: set[int], stayed: set[int]) -> bool:
        """Whether `one` is cut into `parts` of the other side (or made of them): labelled clauses, one after the other.

        Between them stands at most what has no counterpart, or has it elsewhere.
        """
        between = set(range(min(parts), max(parts))) - parts
        labelled = bool(one.label) and all(clauses[index].label for index in parts)
        return len(parts) >= 2 and labelled and not between & stayed

    def _regrouped(self, kind: Kind, olds: list[int], news: list[int]) -> Change:
        old, new = self._whole(self.old, olds), self._whole(self.new, news)
        before, after = _listed(self.old, olds), _listed(self.new, news)
        says = f"{before} was split into {after}." if kind is Kind.SPLIT else f"{before} were merged into {after}."
        return Change(kind, WEIGHT[kind], says, old, new)

    def _moved(self, run: list[tuple[int, int]]) -> Change:
        olds, news = [i for i, _ in run], [j for _, j in run]
        old, new = self._moved_side("old", run), self._moved_side("new", run)
        before, after = _listed(self.old, olds), _listed(self.new, news)
        says = f"Moved word for word: {before} is now {after}."
        if before == after or not (old.number and new.number):
            says = f"Moved word for word, from “{last_heading(old.section)}” to “{last_heading(new.section)}”."
        front = olds[0] < self._front_old and news[0] < self._front_new
        return Change(Kind.MOVED, _FRONT if front else WEIGHT[Kind.MOVED], says, old, new, moved=True, front=front)

    def _moved_side(self, side: str, run: list[tuple[int, int]]) -> Side:
        clauses = self.old if side == "old" else self.new
        units = self.aligned.old if side == "old" else self.aligned.new
        moved = sorted({index for step in run for pair in self._between[step] for index in getattr(pair, side)})
        return _side(clauses, [units[index] for index in moved], [])

    def _whole(self, clauses: Sequence[Clause], indices: Sequence[int]) -> Side:
        units = [
            Unit(index, place, sentence.text, ())
            for index in indices
            for place, sentence in enumerate(clauses[index].sentences)
        ]
        return _side(clauses, units, [])


def longest_run(steps: Sequence[tuple[int, int]], weights: Sequence[int]) -> frozenset[tuple[int, int]]:
    """Of pairs sorted by their first part, the heaviest run whose second part never falls (Fenwick tree)."""
    if not steps:
        return frozenset()
    size = max(j for _, j in steps) + 1
    tree: list[tuple[int, int]] = [(0, -1)] * (size + 1)  # (weight, index of the last step)
    came: list[int] = []
    best = (0, -1)
    for index, ((_, j), weight) in enumerate(zip(steps, weights, strict=True)):
        top, place = (0, -1), j + 1
        while place:
            top = max(top, tree[place])
            place -= place & -place
        came.append(top[1])
        here, place = (top[0] + weight, index), j + 1
        while place <= size:
            tree[place] = max(tree[place], here)
            place += place & -place
        best = max(best, here)
    kept, index = set(), best[1]
    while index >= 0:
        kept.add(steps[index])
        index = came[index]
    return frozenset(kept)


def _front(clauses: Sequence[Clause]) -> int:
    """Index of the first heading; 0 where there is none."""
    return next((index for index, clause in enumerate(clauses) if clause.kind == HEADING), 0)


def _heading_of(clauses: Sequence[Clause], index: int) -> int | None:
    """Index of the nearest heading above a clause."""
    return next((place for place in range(index - 1, -1, -1) if clauses[place].kind == HEADING), None)


def _goes_with(before: Clause, clause: Clause, unit: Unit) -> bool:
    """Whether a clause is told with the one before it: the rest of it, its items, or what a heading heads."""
    if unit.place:
        return True
    if before.kind == HEADING:
        return clause.section == before.section
    if clause.kind == HEADING or not before.number:
        return False
    return clause.number != before.number and clause.number.startswith(f"{before.number}(")


def _side(clauses: Sequence[Clause], units: Sequence[Unit], changed: Sequence[Span] | None) -> Side:
    """Units as a side; `changed` None: all of it."""
    text = " ".join(unit.text for unit in units)
    clause = clauses[next((unit.clause for unit in units if clauses[unit.clause].kind != HEADING), units[0].clause)]
    pieces = [piece for unit in units for piece in clauses[unit.clause].sentences[unit.place].pieces]
    spans = ((0, len(text)),) if changed is None else tuple(changed)
    return Side(clause.number, clause.section, tuple(pieces), text, spans)


def _listed(clauses: Sequence[Clause], indices: Sequence[int]) -> str:
    numbers = list(dict.fromkeys(clauses[index].number for index in indices if clauses[index].number))
    if len(numbers) > 3:
        return f"{numbers[0]} to {numbers[-1]}"
    return " and ".join(numbers) or "a passage"


def _claimed(verb: str, claims: Sequence[Claim]) -> list[str]:
    quoted = list(dict.fromkeys(f"“{claim.text}”" for claim in claims))
    return [f"{verb} {', '.join(quoted[:3])}"] if quoted else []
