"""What was counted in a log, and said of a document, with personal data masked before a report is made of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingest.logs.facts import LogFacts
from ingest.logs.tally import Seen
from rag.personal.mask import Masker

KEPT = ("path", "root", "sha256")  # what a place is told by


def masked_facts(facts: LogFacts, masker: Masker) -> LogFacts:
    """The facts of a log; numbers and lines stay. Two spellings of one value become one, their events added up."""
    text = masker.text
    counts: dict[str, Counter[str]] = {}
    for name, counter in facts.counts.items():
        counts[name] = Counter()
        for value, count in counter.items():
            counts[name][text(value)] += count
    values: dict[str, dict[str, Seen]] = {}
    for name, seen in facts.values.items():
        merged: dict[str, Seen] = {}
        for value, here in seen.items():
            if (known := merged.get(text(value))) is not None:
                known.add(here)
            else:
                merged[text(value)] = replace(here)
        values[name] = merged
    return replace(
        facts,
        counts=counts,
        values=values,
        templates=[replace(template, pattern=text(template.pattern)) for template in facts.templates],
        shapes=[replace(shape, text=text(shape.text)) for shape in facts.shapes],
        findings=[
            replace(item, title=text(item.title), why=text(item.why), check=text(item.check)) for item in facts.findings
        ],
        notes=[text(note) for note in facts.notes],
    )


def masked_entry(entry: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """The entry of a summarised document; a quotation that is no longer exact is marked `redacted`."""
    masked: dict[str, Any] = masker.json(dict(entry), KEPT)
    for before, after in zip(entry["citations"], masked["citations"], strict=True):
        after["redacted"] = before["quote"] != after["quote"]
    return masked
