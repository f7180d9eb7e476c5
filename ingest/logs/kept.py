"""Facts of a log to JSON that is kept between runs, and back. Line numbers that no report lists are not kept."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from ingest.logs.clock import iso
from ingest.logs.facts import LogFacts, finding_entry, hours_of_day
from ingest.logs.findings import Finding
from ingest.logs.tally import Seen
from ingest.logs.templates import LINES_KEPT, Shape, Template

VERSION = 1  # of this form; facts kept in another are counted again

_PLAIN = ("path", "format", "lines", "events", "event_lines", "blank_lines", "unparsed_lines", "notes", "unparsed",
          "left_out", "sha256")  # fmt: skip


def to_kept(facts: LogFacts, *, every_line: bool = False) -> dict[str, Any]:
    """What is kept of a log's facts. `every_line`: all line numbers that there are."""
    most = None if every_line else LINES_KEPT
    return {
        "version": VERSION,
        **{name: getattr(facts, name) for name in _PLAIN},
        "first": _when(facts.first),
        "last": _when(facts.last),
        "values": {
            name: [[value, seen.count, seen.line, _when(seen.first), _when(seen.last)] for value, seen in seens.items()]
            for name, seens in facts.values.items()
        },
        "by_hour": [[hour, count, facts.bad_by_hour[hour]] for hour, count in facts.by_hour.items()],
        "templates": [[one.pattern, one.count, one.lines[:most].tolist()] for one in facts.templates],
        "findings": [finding_entry(one, most) for one in facts.findings],
        "shapes": [[one.text, one.ready, one.count, list(one.lines[:most])] for one in facts.shapes],
    }


def from_kept(kept: Mapping[str, Any]) -> LogFacts:
    """The facts again. Raises ValueError, KeyError or TypeError for what `to_kept` has not made."""
    if kept["version"] != VERSION:
        raise ValueError("kept by another version")
    values = {
        name: {value: Seen(count, line, _moment(first), _moment(last)) for value, count, line, first, last in rows}
        for name, rows in kept["values"].items()
    }
    by_hour: Counter[int] = Counter({hour: count for hour, count, _ in kept["by_hour"]})
    counts = {name: Counter({value: seen.count for value, seen in seens.items()}) for name, seens in values.items()}
    names = {one.name for one in fields(Finding)}
    return LogFacts(
        **{name: kept[name] for name in _PLAIN},
        first=_moment(kept["first"]),
        last=_moment(kept["last"]),
        counts=counts | {"hours": hours_of_day(by_hour)},
        templates=[Template(pattern, count, array("Q", lines)) for pattern, count, lines in kept["templates"]],
        findings=[
            Finding(
                **{name: entry[name] for name in names}
                | {"lines": array("Q", entry["lines"]), "technique": tuple(entry["technique"])}
            )
            for entry in kept["findings"]
        ],
        values=values,
        by_hour=by_hour,
        bad_by_hour=Counter({hour: bad for hour, _, bad in kept["by_hour"] if bad}),
        shapes=[Shape(text, ready, count, array("Q", lines)) for text, ready, count, lines in kept["shapes"]],
    )


def _when(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
