"""What was counted in a log, and said of a document, with personal data masked before a report is made of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingest.logs.facts import LogFacts
from rag.personal.mask import Masker

KEPT = ("path", "root", "sha256")  # what a place is told by


def masked_facts(facts: LogFacts, masker: Masker) -> LogFacts:
    """The facts of a log; numbers and lines stay, different values stay different."""
    text = masker.text
    return replace(
        facts,
        counts={
            name: Counter({text(value): count for value, count in counts.items()})
            for name, counts in facts.counts.items()
        },
        templates=[replace(template, pattern=text(template.pattern)) for template in facts.templates],
        findings=[replace(item, title=text(item.title), why=text(item.why)) for item in facts.findings],
        notes=[text(note) for note in facts.notes],
        first_seen={
            name: {text(value): line for value, line in seen.items()} for name, seen in facts.first_seen.items()
        },
    )


def masked_entry(entry: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """The entry of a summarised document; a quotation that is no longer exact is marked `redacted`."""
    masked: dict[str, Any] = masker.json(dict(entry), KEPT)
    for before, after in zip(entry["citations"], masked["citations"], strict=True):
        after["redacted"] = before["quote"] != after["quote"]
    return masked
