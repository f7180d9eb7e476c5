"""Pages of EPA's procedures sorted by control family: `rag classify` against plain nearest-label with the same model.

    PYTHONPATH=. python benchmarks/families.py --home HOME [--bench DIR] [--split dev]

The file tells the family. Its code ("AC-2(1)"), its name, the number of the directive and running headers are taken out
of the text. Even pages (counted over all) are "dev", on which weights and confidence were fitted; odd ones "report".
Families come with name and description (families.toml, our words). Baseline: cosine of the page's MiniLM vector and the
label's, with name alone and with the description. With examples: eight passages of four sentences a family, drawn from
the other split; baseline there: nearest mean of the examples' vectors. "None": pages of four documents that are about
no family alone; and of families that have no label, three left out at a time or all but four, all pages sorted at once
or one procedure at a time, drawn from the half of the families on which NONE and LEAST were not chosen (--tuned: on
which they were). Beside it the rule of before, the best label's share of all labels below .25.
"""

import argparse
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure import BENCH, headline, table

from ingest.clauses import clauses
from ingest.readers import read
from ingest.types import SourceFile
from rag.classify import LEAST, Embed, classify, macro_f1
from rag.config import resolve
from rag.labels import Label
from rag.models.embed import load_embedder

FAMILIES = Path(__file__).with_name("families.toml")
OTHERS = (
    "information_security_policy.pdf",
    "information_security_data_loss_prevention_procedure.pdf",
    "information_security_roles_and_responsibilities_procedures.pdf",
    "spillage_classified_info_unclassified_systems_procedure_20190824_508_vwn.pdf",
)
EXAMPLES, SENTENCES, DRAWS = 8, 4, 5
LEFT = 6  # draws of families that are left out
BEFORE, STRICT = 0.25, 0.5  # the limit of before, and a stricter one than now


def pages_of(folder: Path, name: str, masks: list[re.Pattern[str]]) -> list[list[str]]:
    """The sentences of each page, running headers left out, with what gives the family away taken out."""
    found: dict[int, list[str]] = defaultdict(list)
    for clause in clauses(read(SourceFile(folder / name, name))):
        for sentence in clause.sentences:
            text = sentence.text
            for mask in masks:
                text = mask.sub(" ", text)
            found[sentence.pieces[0].page].append(text)
    return list(found.values())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home whose models are made")
    parser.add_argument("--bench", type=Path, default=BENCH)
    parser.add_argument("--split", choices=["dev", "report"], default="report")
    parser.add_argument("--tuned", action="store_true", help="leave out families on which the limits were chosen")
    options = parser.parse_args()
    print(headline(f"Pages by control family, split {options.split}"))
    embed = load_embedder(resolve(options.home).models, None, print).embed
    families = tomllib.loads(FAMILIES.read_text())["label"]
    labels = [Label(family["name"], family["description"]) for family in families]
    texts: list[list[str]] = []
    wanted: list[int] = []
    for number, family in enumerate(families):
        words = r",?\s+".join(re.escape(word.rstrip(",")) for word in family["name"].split())
        masks = [
            re.compile(rf"\b{family['code']}(?:-\d+)?(?:\s?\(\d+\))*"),
            re.compile(words, re.I),
            re.compile(r"CIO[ -]2150\S*"),
        ]
        for page in pages_of(options.bench / "epa/pdfs", family["file"], masks):
            texts.append(page)
            wanted.append(number)
    truth = np.array(wanted)
    even = np.arange(len(texts)) % 2 == 0
    mine = even if options.split == "dev" else ~even

    def f1(found: np.ndarray) -> float:  # type: ignore[type-arg]
        return macro_f1(found[mine], truth[mine], len(labels))

    page_vectors = embed([" ".join(text) for text in texts])
    rows: list[list[object]] = []
    for name, told in (("name", [one.name for one in labels]), ("name and description", [one.text for one in labels])):
        rows.append([f"nearest label by MiniLM, {name}", f"{f1((page_vectors @ embed(told).T).argmax(axis=1)):.3f}"])
    outcome = classify(texts, labels, embed)
    names = [label.name for label in labels]
    best = np.array([names.index(one.shares[0][0]) for one in outcome.texts])
    rows.append(["rag classify, descriptions alone", f"{f1(best):.3f}"])
    near, ours, judged = [], [], []
    for draw in range(DRAWS):
        drawn = _examples(texts, truth, ~mine, labels, random.Random(draw))
        means = np.array([embed(list(label.examples)).mean(axis=0) for label in drawn])
        near.append(f1((page_vectors @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)))
        with_head = classify(texts, drawn, embed, train=True)
        ours.append(f1(np.array([names.index(one.shares[0][0]) for one in with_head.texts])))
        assert with_head.trained is not None
        judged.append(with_head.trained.macro_f1)
    rows.append([f"nearest mean of {EXAMPLES} examples by MiniLM", _spread(near)])
    rows.append([f"rag classify with {EXAMPLES} examples", _spread(ours)])
    rows.append(["its own cross-validation, on examples", _spread(judged)])
    print(table(["way", "macro-F1"], rows))
    others = [page for name in OTHERS for page in pages_of(options.bench / "epa/pdfs", name, [])]
    mixed = classify([*texts, *others], labels, embed).texts
    inside = [one for one, chosen in zip(mixed, mine, strict=False) if chosen]
    none = [
        [
            name,
            len(those),
            f"{np.mean([one.label is None for one in those]):.2f}",
            f"{np.mean([one.unsure for one in those]):.2f}",
        ]
        for name, those in (("of a family", inside), ("of none", mixed[len(texts) :]))
    ]
    print(table(["pages", "n", f"none of these (below {LEAST})", "to look at"], none))
    print(_left_out(texts, truth, labels, embed, tuned=options.tuned))
    sure = [
        (one.confidence, int(found == right))
        for one, found, right, chosen in zip(outcome.texts, best, truth, mine, strict=True)
        if chosen
    ]
    print(table(["confidence", "n", "mean confidence", "right"], _reliability(sure)))


def _left_out(texts: list[list[str]], truth: np.ndarray, labels: list[Label], embed: Embed, *, tuned: bool) -> str:  # type: ignore[type-arg]
    """How often pages of families without a label are sorted to none of these, and what that costs the others."""
    order = list(range(len(labels)))
    random.Random(7).shuffle(order)
    half = sorted(order[: len(order) // 2 + 1] if tuned else order[len(order) // 2 + 1 :])
    known: dict[str, np.ndarray] = {}  # type: ignore[type-arg]

    def remembered(wanted: Sequence[str]) -> np.ndarray:  # type: ignore[type-arg]
        new = [text for text in dict.fromkeys(wanted) if text not in known]
        known.update(zip(new, embed(new), strict=True) if new else ())
        return np.array([known[text] for text in wanted])

    rows: list[list[object]] = []
    for count, name in ((3, f"{len(labels) - 3} labels, 3 families left out"), (-4, "4 labels, all others left out")):
        for batches, how in (([np.arange(len(texts))], "all at once"), (_by(truth), "a procedure at a time")):
            found: list[
                tuple[bool, bool, float, float, bool]
            ] = []  # left out, right, share, share of before, none said
            for draw in range(LEFT):
                drawn = set(random.Random(f"{tuned}{count}{draw}").sample(half, abs(count)))
                keep = [number for number in order if (number in drawn) == (count < 0)]
                for batch in batches:
                    chosen = [labels[number] for number in keep]
                    for place, one in zip(
                        batch, classify([texts[at] for at in batch], chosen, remembered).texts, strict=True
                    ):
                        right = one.shares[0][0] == labels[truth[place]].name
                        before = one.confidence / max(1 - one.none, 1e-9)
                        found.append((truth[place] not in keep, right, one.confidence, before, one.label is None))
            out, right, share, before, none = (np.array(column) for column in zip(*found, strict=True))
            rows.append(
                [
                    f"{name}, {how}",
                    *(
                        f"{part.mean():.2f}"
                        for rule in (before < BEFORE, none, share < STRICT)
                        for part in (rule[out], rule[right])
                    ),
                ]
            )
    header = [
        "labels",
        "before: none said",
        "lost",
        f"now ({LEAST}): none said",
        "lost",
        f"at {STRICT}: none said",
        "lost",
    ]
    return table(header, rows)


def _by(truth: np.ndarray) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [np.flatnonzero(truth == number) for number in np.unique(truth)]


def _examples(
    texts: list[list[str]],
    truth: np.ndarray,
    allowed: np.ndarray,
    labels: list[Label],
    rng: random.Random,  # type: ignore[type-arg]
) -> list[Label]:
    """The labels with examples: passages of a few sentences from pages that may be used."""
    found = []
    for number, label in enumerate(labels):
        pool = [
            " ".join(text[start : start + SENTENCES])
            for text, right, free in zip(texts, truth, allowed, strict=True)
            if right == number and free
            for start in range(0, len(text), SENTENCES)
            if sum(len(sentence.split()) for sentence in text[start : start + SENTENCES]) >= 25
        ]
        found.append(replace(label, examples=tuple(rng.sample(pool, min(EXAMPLES, len(pool))))))
    return found


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def _reliability(pairs: list[tuple[float, int]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01)):
        held = [(sure, right) for sure, right in pairs if low <= sure < high]
        if held:
            means = [f"{np.mean([pair[side] for pair in held]):.2f}" for side in (0, 1)]
            rows.append([f"{low:.2f}–{min(high, 1):.2f}", len(held), *means])
    return rows


if __name__ == "__main__":
    main()
