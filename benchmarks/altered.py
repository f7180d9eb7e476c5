"""How good is the check of written sentences? What it catches of altered ones, and what it keeps of true ones.

    python benchmarks/altered.py [--split tune]

A true sentence is the `say` of a question in training/compliance.jsonl: an answer that people would give, beside three
quotations cut from the passage as `rag ask` cuts them, each under its heading. Each is altered in one thing at a time:
a figure (any, or one of the
quotations), a unit, a name, a modal, a negation, a month, the way a limit points. Documents are split as for training:
"report" are those held out; the check was written with the others in view. Then pairs of the public data for entailment
(folds that are never trained on): support has to be kept, contradiction to be caught.
"""

import argparse
import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import BENCH, table

from rag.check import Verdict, check, numbers
from rag.evidence import spans
from rag.stems import stems
from training.compliance import documents
from training.groups import HELD_OUT

SEED = 5
OWN = Path(__file__).parent.parent / "training/compliance.jsonl"
PAIRS = BENCH / "../train/nli.jsonl.gz"
MOST = 1500  # pairs of each source and label


@dataclass(frozen=True, slots=True)
class Sample:
    """A true sentence with what it rests on."""

    sentence: str
    quotes: tuple[str, ...]
    heading: str  # of them all
    question: str
    names: tuple[str, ...]  # that stand elsewhere in its document

    def judge(self, sentence: str) -> Verdict:
        """What the check says of a sentence in the place of this one."""
        return check(sentence, self.quotes, self.question, [self.heading] * len(self.quotes))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=["tune", "report"], default="report")
    parser.add_argument("--show", type=int, default=0, help="print so many of what went wrong, of each kind")
    options = parser.parse_args()
    samples = list(_samples(options.split))
    rng = random.Random(SEED)
    kept = [sample.judge(sample.sentence) for sample in samples]
    rows: list[list[object]] = [["true, kept", len(samples), _share(verdict.passed for verdict in kept)]]
    wrong = [(s.sentence, v.failures) for s, v in zip(samples, kept, strict=True) if not v.passed]
    everything: list[bool] = []
    shown = {"true, dropped": wrong}
    for name, alter in ALTERATIONS.items():
        caught, missed = [], []
        for sample in samples:
            if (altered := alter(sample, rng)) and altered != sample.sentence:
                caught.append(not sample.judge(altered).passed)
                missed += [] if caught[-1] else [(altered, ("was: " + sample.sentence,))]
        rows.append([f"{name}, caught", len(caught), _share(caught)])
        everything += caught
        shown[f"{name}, missed"] = missed
    rows.append(["all alterations, caught", len(everything), _share(everything)])
    print(table([f"sentences of our documents, {options.split}", "n", "share"], rows))
    for name, examples in shown.items():
        for example, why in rng.sample(examples, min(options.show, len(examples))):
            print(f"- {name}: {example} ({'; '.join(why)})")
    print(table(["public pairs", "label", "n", "passed"], list(_public())))


def _samples(split: str) -> Iterator[Sample]:
    for document in documents(OWN):
        if (document["fold"] >= HELD_OUT) != (split == "report"):
            continue
        names = sorted({name for passage in document["passages"] for name in NAME.findall(passage["text"])})
        for asked in document["questions"]:
            if asked["p"] is None or not asked.get("say"):
                continue
            text = document["passages"][asked["p"]]["text"]
            at = text.index(asked["answer"])
            cut = sorted(spans(text), key=lambda span: abs((span[0] + span[1]) / 2 - at))
            # The span with the answer first, and the two beside it.
            first = next((span for span in cut if span[0] <= at < span[1]), cut[0])
            quotes = [first, *(span for span in cut if span != first)][:3]
            held = {stem for start, end in quotes for stem in stems(text[start:end])}
            heading = f"{document['title']} › {document['passages'][asked['p']]['section']}"
            held |= set(stems(heading))
            others = tuple(name for name in names if not set(stems(name)) <= held)
            yield Sample(asked["say"], tuple(text[start:end] for start, end in quotes), heading, asked["q"], others)


# --- one thing changed ------------------------------------------------------------------------------------------------

NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]+ )+(?:of [A-Z][a-z]+|[A-Z][a-z]+)\b")
_FIGURE = re.compile(r"\b\d[\d,]*(?:\.\d+)?\b(?!\.\d)")
_UNITS = (
    ("hour", "day"),
    ("day", "week"),
    ("week", "month"),
    ("month", "year"),
    ("minute", "hour"),
    ("year", "month"),
)
_MONTHS = "January February March April May June July August September October November December".split()
_MODALS = {"must": "may", "shall": "may", "may": "must", "should": "must", "required to": "allowed to"}
_LIMITS = {
    "at least": "at most",
    "at most": "at least",
    "no later than": "no earlier than",
    "more than": "less than",
    "less than": "more than",
    "within": "after",
    "before": "after",
    "after": "before",
    "no more than": "no less than",
    "not exceed": "not fall below",
}
_DENIABLE = re.compile(r"\b(must|may|shall|should|is|are|was|were|will|can|does|do)\b(?! not)")


def _number(sample: Sample, rng: random.Random) -> str:
    if not (found := list(_FIGURE.finditer(sample.sentence))):
        return ""
    match = rng.choice(found)
    value = float(match[0].replace(",", ""))
    other = value + rng.choice([1, 2, 5, 10]) if value < 20 else round(value * rng.choice([0.5, 1.5, 2, 3]))
    return _with(sample.sentence, match, f"{other:,g}" if "," in match[0] else f"{other:g}")


def _moved(sample: Sample, rng: random.Random) -> str:
    """A figure that the quotations say of something else, in the same unit."""
    found = list(_FIGURE.finditer(sample.sentence))
    stated = numbers(sample.sentence)
    units = {unit for _, unit in stated if unit}
    fitting = sorted(
        {
            match[0]
            for quote in sample.quotes
            for match in _FIGURE.finditer(quote)
            for value, unit in numbers(quote[match.start() : match.end() + len(" working days")])
            if unit in units and (value, unit) not in stated
        }
    )
    return _with(sample.sentence, rng.choice(found), rng.choice(fitting)) if found and fitting else ""


def _unit(sample: Sample, rng: random.Random) -> str:
    found = [
        (match, other)
        for unit, other in _UNITS
        for match in re.finditer(rf"(?<=[\d\w] ){unit}(?=s?\b)", sample.sentence)
    ]
    if not found:
        return ""
    match, other = rng.choice(found)
    return _with(sample.sentence, match, other)


def _name(sample: Sample, rng: random.Random) -> str:
    found = list(NAME.finditer(sample.sentence))
    return _with(sample.sentence, rng.choice(found), rng.choice(sample.names)) if found and sample.names else ""


def _modal(sample: Sample, rng: random.Random) -> str:
    found = list(re.finditer(rf"\b(?:{'|'.join(_MODALS)})\b", sample.sentence))
    if not found:
        return ""
    match = rng.choice(found)
    return _with(sample.sentence, match, _MODALS[match[0]])


def _negated(sample: Sample, rng: random.Random) -> str:
    if match := re.search(r"\b(?:not|never)\b ", sample.sentence):
        return _with(sample.sentence, match, "")
    found = list(_DENIABLE.finditer(sample.sentence))
    if not found:
        return ""
    match = rng.choice(found)
    return _with(sample.sentence, match, f"{match[0]} not")


def _month(sample: Sample, rng: random.Random) -> str:
    # "May" without a day or a year beside it may be a modal.
    found = [m for month in _MONTHS for m in re.finditer(rf"(?<=\d ){month}\b|\b{month}(?= \d)", sample.sentence)]
    if not found:
        return ""
    match = rng.choice(found)
    return _with(sample.sentence, match, rng.choice([month for month in _MONTHS if month != match[0]]))


def _limit(sample: Sample, rng: random.Random) -> str:
    # Longest first: "no more than" holds "more than".
    pattern = "|".join(sorted(_LIMITS, key=len, reverse=True))
    found = list(re.finditer(rf"\b(?:{pattern})(?= (?:the |an? )?[€$£]?\d)", sample.sentence))
    if not found:
        return ""
    match = rng.choice(found)
    return _with(sample.sentence, match, _LIMITS[match[0]])


def _with(text: str, match: re.Match[str], other: str) -> str:
    return f"{text[: match.start()]}{other}{text[match.end() :]}"


ALTERATIONS: Mapping[str, Callable[[Sample, random.Random], str]] = {
    "figure": _number,
    "figure of another thing": _moved,
    "unit": _unit,
    "name": _name,
    "modal": _modal,
    "negation": _negated,
    "month": _month,
    "limit": _limit,
}


# --- pairs that others made -------------------------------------------------------------------------------------------


def _public() -> Iterator[list[object]]:
    if not PAIRS.exists():
        return
    passed: dict[tuple[str, str], list[bool]] = defaultdict(list)
    with gzip.open(PAIRS, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            key = (row["source"], row["label"])
            if row["fold"] >= HELD_OUT and len(passed[key]) < MOST:
                passed[key].append(check(row["hypothesis"], [row["premise"]]).passed)
    for (source, label), results in sorted(passed.items()):
        yield [source, label, len(results), _share(results)]


def _share(values: Iterator[bool] | list[bool]) -> str:
    listed = list(values)
    return f"{sum(listed) / max(len(listed), 1):.3f}"


if __name__ == "__main__":
    main()
