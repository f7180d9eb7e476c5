"""How much of a new version's changes does `rag diff` find, and does it say what kind they are?

    PYTHONPATH=. python benchmarks/edited.py --home HOME [--split dev] [--show N]

Policies of the sample office are set as PDF twice: as they are, and with known edits (at most one in a clause), another
line width, font size and page margins, another version in header and control table, and in every second pair words
broken at line ends. "dev" policies were looked at while the rules that recognise edits were written, "report" policies
were not, and have other seeds; the tables of edits are the same. "again" are the report policies with new seeds, for
what was mended after "report" had been seen. Pairs without any edit are reported apart.

An edit is found where a change shows its sentence. Its kind is right where every change that shows it has that kind.
A change that shows no edited sentence is false.
"""

import argparse
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from measure import ROOT, headline, table

sys.path.insert(0, str(ROOT / "data"))

from reportlab.lib.units import mm
from source import markup, pdf

from ingest.clauses import clauses
from ingest.readers import read
from ingest.types import Document, SourceFile
from rag.align import words
from rag.changes import Change, compare
from rag.config import resolve
from rag.models.embed import load_embedder

LEFT_OUT = {"remote-access-policy-v2.0"}  # the other version of a policy that is in
EDITS = 7  # a pair
SEEDS = {"dev": range(3), "report": range(100, 103), "again": range(200, 203)}  # pairs of each policy


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done, and the sentences that show it; "" on the side that has none."""

    kind: str
    old: str
    new: str


# --- edits ------------------------------------------------------------------------------------------------------------

MODALS = {
    "must not": ("should not", "may"), "may not": ("should not", "may"), "must": ("should", "may", "must not"),
    "should": ("must", "may"), "may": ("must", "must not", "should"),
}  # fmt: skip
TIME = r"seconds?|minutes?|hours?|days?|working days?|weeks?|months?|years?"
COUNT = r"\d+|two|three|four|five|six|seven|eight|ten|twelve|fourteen|fifteen|twenty"
THINGS = (
    r"characters?|pounds?|per cent|samples?|persons?|degrees?|copies|quotations|metres?|failed \w+|GB|minutes' \w+|"
    r"employees|attempts|signatures|euros?"
)
ROLES = (
    "line manager", "system owner", "Service Desk", "Data Protection Officer", "Head of Information Security",
    "Head of Procurement", "Laboratory Director", "Finance Director", "contract manager", "section head",
    "Incident Commander", "security analyst", "Records Manager", "Chief Executive", "Quality Manager", "DPO",
)  # fmt: skip
LIMITS = (
    ", except for trainees in their first eight weeks", " unless the section head decides otherwise",
    ", if the site is open to patients", " where personal data are concerned",
    ", provided that a second person is present",
)  # fmt: skip
WORDINGS = {
    "must": "shall", "is given": "is granted", "are given": "are granted", "requested": "asked for", "begins": "starts",
    "starts": "begins", "kept": "retained", "carried out": "performed", "shows": "displays", "belongs to": "is part of",
    "told": "informed", "follows": "complies with", "immediately": "at once", "at once": "immediately",
    "sent": "dispatched", "laptops": "notebooks", "written": "recorded",
    "because": "since", "removed": "taken away", "checked": "verified",
    "employee": "staff member", "allowed": "permitted", "forbidden": "prohibited", "destroyed": "disposed of",
}  # fmt: skip
NEW_CLAUSES = (
    "Visitors must wear a yellow badge and be accompanied at all times.",
    "A copy of the signed form is filed in the quality system.",
    "The equipment register must be reconciled with the accounts by 31 March of each year.",
    "Personal loudspeakers may not be connected to company devices.",
    "Questions about the wording are answered by the legal department within ten working days.",
    "Managers should discuss these rules with new colleagues during their first week.",
    "Waste paper from printers is collected in the grey locked bins.",
    "Photographs of screens that show patient names are prohibited.",
    "Each site keeps a printed copy for use during a power cut.",
    "The intranet page lists the telephone numbers of all deputies.",
    "Any costs above 750 pounds must be approved by the Finance Director in advance.",
    "Lessons from exercises may be shared with partner laboratories after anonymisation.",
)


def sentences(text: str) -> list[str]:
    """Sentences by their full stops: the sources have no others."""
    return re.split(r"(?<=[.])\s+(?=[A-Z])", text)


def modal(text: str, rng: random.Random) -> str | None:
    found = re.search(r"\b(must not|may not|must|should|may)\b", text)
    return found and text[: found.start()] + rng.choice(MODALS[found[1]]) + text[found.end() :]


def deadline(text: str, rng: random.Random) -> str | None:
    if found := re.search(rf"\b({COUNT}) ({TIME})\b", text):
        other = rng.choice([n for n in ("2", "9", "25", "40", "60", "three", "eighteen") if n != found[1]])
        return text[: found.start()] + f"{other} {found[2].rstrip('s')}s" + text[found.end() :]
    if found := re.search(r"\bevery (day|week|month|quarter|year)\b", text):
        other = rng.choice([unit for unit in ("week", "month", "quarter", "year") if unit != found[1]])
        return text[: found.start()] + f"every {other}" + text[found.end() :]
    return None


def number(text: str, rng: random.Random) -> str | None:
    if found := re.search(rf"\b(\d+(?:,\d{{3}})*|{COUNT}) (?={THINGS})", text):
        other = rng.choice([n for n in ("3", "11", "35", "seven", "80") if n != found[1]])
        return text[: found.start(1)] + other + text[found.end(1) :]
    return None


def role(text: str, rng: random.Random) -> str | None:
    held = [name for name in ROLES if re.search(rf"\b{name}\b", text)]
    if not held:
        return None
    name = rng.choice(held)
    return re.sub(rf"\b{name}\b", rng.choice([other for other in ROLES if other not in held]), text, count=1)


def scope(text: str, rng: random.Random) -> str | None:
    if found := re.search(r",? (?:unless|except|where|provided that) [^.;,]+(?=\.)", text):
        return text[: found.start()] + text[found.end() :]
    if (found := re.match(r"(?:If|Where|When) [^,.]+, ([a-z])", text)) and rng.random() < 0.7:
        return found[1].upper() + text[found.end() :]
    if text.endswith(".") and len(text.split()) > 5:
        return text[:-1] + rng.choice(LIMITS) + "."
    return None


def wording(text: str, rng: random.Random) -> str | None:
    held = [word for word in WORDINGS if re.search(rf"\b{word}\b", text) and not re.search(rf"\b{word} not\b", text)]
    if not held:
        return None
    word = rng.choice(held)
    return re.sub(rf"\b{word}\b", WORDINGS[word], text, count=1)


WITHIN: dict[str, Callable[[str, random.Random], str | None]] = {
    "obligation": modal, "deadline": deadline, "number": number, "role": role, "scope": scope, "reworded": wording,
}  # fmt: skip
WHOLE = ("added", "removed", "moved", "split", "merged")


def edited(document: markup.Document, rng: random.Random, count: int) -> tuple[markup.Document, list[Edit]]:
    """A version with `count` edits of different kinds, clauses numbered anew."""
    blocks = list(document.blocks)
    touched: set[int] = set()  # ids of blocks that are done with
    edits: list[Edit] = []
    kinds = rng.sample([*WITHIN, *WHOLE], len(WITHIN) + len(WHOLE))
    for kind in kinds:
        if len(edits) == count:
            break
        if edit := _inside(kind, blocks, touched, rng) if kind in WITHIN else _whole(kind, blocks, touched, rng):
            edits.append(edit)
    meta = dict(document.meta) | {"version": "9.1", "effective": "3 May 2027"}
    return markup.Document(document.stem, meta, tuple(_numbered(blocks))), edits


def _inside(kind: str, blocks: list[markup.Block], touched: set[int], rng: random.Random) -> Edit | None:
    for index in _shuffled(blocks, touched, rng, ("clause", "item")):
        parts = sentences(blocks[index].text)
        for place in rng.sample(range(len(parts)), len(parts)):
            other = WITHIN[kind](parts[place], rng)
            if other and words(other) != words(parts[place]):
                edit = Edit(kind, parts[place], other)
                parts[place] = other
                blocks[index] = replace(blocks[index], text=" ".join(parts))
                touched.add(id(blocks[index]))
                return edit
    return None


def _whole(kind: str, blocks: list[markup.Block], touched: set[int], rng: random.Random) -> Edit | None:
    for index in _shuffled(blocks, touched, rng, ("clause",)):
        block, parts = blocks[index], sentences(blocks[index].text)
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        if (following is not None and following.kind in ("item", "table")) or block.text.endswith(":"):
            continue
        if kind == "added":
            held = {other.text for other in blocks}
            text = rng.choice([text for text in NEW_CLAUSES if text not in held])
            blocks.insert(index + 1, _touched(markup.Block("clause", "", text), touched))
            return Edit(kind, "", text)
        if kind == "removed":
            return Edit(kind, blocks.pop(index).text, "")
        if kind == "moved":
            heads = [place for place, other in enumerate(blocks) if other.kind in ("section", "subsection")]
            mine = max(place for place in heads if place < index)
            homes = [p for p in heads if p != mine and p + 1 < len(blocks) and blocks[p + 1].kind == "clause"]
            if not homes or len(block.text.split()) < 8:
                continue
            home = rng.choice(homes)
            blocks.pop(index)
            blocks.insert(home + 1 - (home > index), _touched(block, touched))
            return Edit(kind, block.text, block.text)
        if kind == "split" and len(parts) >= 2:
            cut = rng.randrange(1, len(parts))
            halves = [" ".join(parts[:cut]), " ".join(parts[cut:])]
            blocks[index : index + 1] = [_touched(markup.Block("clause", "", half), touched) for half in halves]
            return Edit(kind, block.text, block.text)
        if kind == "merged" and following and following.kind == "clause" and id(following) not in touched:
            if index + 2 < len(blocks) and blocks[index + 2].kind == "item":
                continue
            both = markup.Block("clause", "", f"{block.text} {following.text}")
            blocks[index : index + 2] = [_touched(both, touched)]
            return Edit(kind, both.text, both.text)
    return None


def _touched(block: markup.Block, touched: set[int]) -> markup.Block:
    touched.add(id(block))
    return block


def _shuffled(blocks: list[markup.Block], touched: set[int], rng: random.Random, kinds: tuple[str, ...]) -> list[int]:
    found = [i for i, block in enumerate(blocks) if block.kind in kinds and id(block) not in touched and block.text]
    rng.shuffle(found)
    return found


def _numbered(blocks: Sequence[markup.Block]) -> list[markup.Block]:
    """Clauses and items numbered anew, as `source.markup` numbers them."""
    section = subsection = ""
    clause = item = 0
    found = []
    for block in blocks:
        if block.kind == "section":
            section, subsection, clause = block.number or block.text.split()[1], "", 0
        elif block.kind == "subsection":
            subsection, clause = block.number, 0
        elif block.kind == "clause":
            clause, item = clause + 1, 0
            block = replace(block, number=f"{subsection or section}.{clause}")
        elif block.kind == "item":
            item += 1
            block = replace(block, number=f"({chr(96 + item)})")
        found.append(block)
    return found


# --- layout -----------------------------------------------------------------------------------------------------------


def set_as_pdf(document: markup.Document, path: Path, size: float, margin: float) -> None:
    """Write a document with text of `size` points and `margin` mm."""
    pdf.MARGIN = margin * mm
    pdf.TEXT_WIDTH = pdf.A4[0] - 2 * pdf.MARGIN
    for style in (pdf.BODY, pdf.CLAUSE, pdf.ITEM):
        style.fontSize = style.bulletFontSize = size
        style.leading = 1.45 * size
    pdf.write_pdf(document, path)


def hyphenated(document: Document, rng: random.Random) -> Document:
    """A document some of whose words are broken at line ends, as typesetting programs do."""

    def broken(match: re.Match[str]) -> str:
        word = match[1]
        cut = rng.randrange(3, len(word) - 2)
        return f" {word[:cut]}-\n{word[cut:]} " if rng.random() < 0.3 else match[0]

    pages = [replace(page, text=re.sub(r"\n([a-z]{7,}) ", broken, page.text)) for page in document.pages]
    return replace(document, pages=tuple(pages))


def load(path: Path) -> Document:
    return read(SourceFile(path, path.name))


# --- scores -----------------------------------------------------------------------------------------------------------


def shows(change: Change, edit: Edit) -> bool:
    """Whether a change shows an edited sentence: most words of it on the same side."""
    pairs = ((change.old, edit.old), (change.new, edit.new))
    return any(side is not None and text and _holds(side.text, text) for side, text in pairs)


def _holds(shown: str, text: str) -> bool:
    one, other = Counter(words(shown)), Counter(words(text))
    common = sum((one & other).values())
    return common >= 0.8 * min(sum(one.values()), sum(other.values())) and common >= 0.35 * sum(other.values())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=list(SEEDS), default="report")
    parser.add_argument("--home", type=Path, help="a home whose models are made")
    parser.add_argument("--show", type=int, default=0, help="print so many of what went wrong")
    options = parser.parse_args()
    print(headline(f"Changes between edited policies, split {options.split}"))
    embed = load_embedder(resolve(options.home).models, None, print).embed
    documents = [d for d in markup.load(ROOT / "data/source/policies") if d.stem not in LEFT_OUT]
    chosen = documents[::2] if options.split == "dev" else documents[1::2]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    false = untouched = reported = 0
    wrong: list[str] = []
    for document in chosen:
        for seed in SEEDS[options.split]:
            rng = random.Random(f"{document.stem} {seed}")
            with tempfile.TemporaryDirectory() as folder:
                old, new, plain = (Path(folder, name) for name in ("old.pdf", "new.pdf", "plain.pdf"))
                set_as_pdf(document, old, 10.3, 24)
                size, margin = rng.choice([9.4, 9.9, 10.8, 11.2]), rng.choice([19, 22, 26, 30])
                other, edits = edited(document, rng, EDITS)
                set_as_pdf(other, new, size, margin)
                set_as_pdf(markup.Document(document.stem, dict(other.meta), document.blocks), plain, size, margin)
                before, after, same = load(old), load(new), load(plain)
            if seed % 2:
                after = hyphenated(after, rng)
            changes = [c for c in compare(clauses(before), clauses(after), embed).changes if not c.front]
            reported += len(changes)
            for edit in edits:
                matched = [change for change in changes if shows(change, edit)]
                found, right = bool(matched), bool(matched) and all(c.kind == edit.kind for c in matched)
                counts[edit.kind].update(n=1, found=found, right=right)
                if not right:
                    kinds = ", ".join(change.kind for change in matched) or "nothing"
                    wrong.append(
                        f"{document.stem} {seed}: {edit.kind} taken for {kinds}\n  - {edit.old}\n  + {edit.new}"
                    )
            for change in changes:
                if not any(shows(change, edit) for edit in edits):
                    false += 1
                    wrong.append(f"{document.stem} {seed}: false {_told(change)}")
            for change in compare(clauses(before), clauses(same), embed).changes:
                if not change.front:
                    untouched += 1
                    wrong.append(f"{document.stem} {seed}: nothing changed, but {_told(change)}")
    total = sum(counts.values(), Counter())
    rows = [
        [kind, one["n"], f"{one['found'] / one['n']:.3f}", f"{one['right'] / one['n']:.3f}"]
        for kind, one in [*sorted(counts.items()), ("all", total)]
    ]
    print(table(["edit", "n", "found", "kind right"], rows))
    pairs = len(chosen) * len(SEEDS[options.split])
    print(f"{reported} changes reported in {pairs} pairs, {false} of them false ({false / reported:.3f}); ", end="")
    print(f"in {pairs} pairs that differ in layout alone {untouched} were reported.")
    for text in wrong[: options.show]:
        print(text)


def _told(change: Change) -> str:
    sides = (side.text[:150] if side else "" for side in (change.old, change.new))
    return f"{change.kind}: {change.says}\n" + "\n".join(
        f"  {mark} {text}" for mark, text in zip("-+", sides, strict=True)
    )


if __name__ == "__main__":
    main()
