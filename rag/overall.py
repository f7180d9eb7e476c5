"""The facts of a batch of logs to its entry in the JSON of a report, and to the sentences of its summary."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ingest.logs.changes import Baseline, Changes, New
from ingest.logs.clock import iso
from ingest.logs.facts import SEEN_LISTED, VALUES_LISTED, LogFacts, finding_entry, hours_of_day, ranking, timeline
from ingest.logs.findings import Finding
from ingest.logs.joined import BatchFacts, Spot
from ingest.logs.tally import OTHERS
from rag.log_report import ONE, TITLES
from rag.log_summary import FINDINGS_SAID, FactSentence, accounting, finding_sentence, shorten
from rag.term import counted, one_line

LINES_LISTED = 20  # of a finding
FINDINGS_LISTED = 1000
NEW_LISTED = 200  # of one kind
TEMPLATES_LISTED = 5000
NAMED = 3  # new values that a sentence names


def batch_entry(facts: BatchFacts, changed: Changes | None, paths: Mapping[int, str]) -> dict[str, Any]:
    """What JSON says of a batch. `paths`: the names of the files by their number."""
    notes: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    for name, spots in facts.values.items():
        ranked = ranking(Counter({value: spot.count for value, spot in spots.items()}))
        counts[name] = dict(ranked[:VALUES_LISTED])
        if len(ranked) > VALUES_LISTED:
            notes.append(f"counts.{name} lists the {VALUES_LISTED:,} most frequent of {len(ranked):,} values.")
        if OTHERS in spots:
            notes.append(f"There are too many different {name} to tell all apart; the rest is counted as {OTHERS}.")
    counts["hours"] = dict(ranking(hours_of_day(facts.by_hour), by_value=True))
    for what, listed, there in (
        ("findings", FINDINGS_LISTED, len(facts.findings)),
        ("templates", TEMPLATES_LISTED, len(facts.templates)),
    ):
        if there > listed:
            notes.append(f"{what} lists the first {listed:,} of {there:,}.")
    if len(facts.formats) > 1:
        kinds = ", ".join(f"{form} {count:,}" for form, count in ranking(facts.formats))
        notes.append(f"Logs by format: {kinds}.")
    entry: dict[str, Any] = {
        "logs": facts.files,
        "lines": facts.lines,
        "events": facts.events,
        "left_out": facts.left_out,
        "event_lines": facts.event_lines,
        "blank_lines": facts.blank_lines,
        "unparsed_lines": facts.unparsed_lines,
        "first": iso(facts.first) if facts.first else None,
        "last": iso(facts.last) if facts.last else None,
        "formats": dict(ranking(facts.formats)),
        "counts": counts,
        "seen": {
            name: {value: _seen(facts.values[name][value], paths) for value in list(counts[name])[:SEEN_LISTED]}
            for name in facts.values
            if counts[name]
        },
        "timeline": timeline(facts.by_hour, facts.bad_by_hour),
        "templates": [
            {
                "id": one.id,
                "pattern": one.pattern,
                "count": one.count,
                "files": one.files,
                **_at(one.place, paths),
                **({} if changed is None else {"new": not one.known}),
            }
            for one in facts.templates[:TEMPLATES_LISTED]
        ],
        "findings": [
            finding_entry(finding, LINES_LISTED) | {"path": paths[number]}
            for number, finding in facts.findings[:FINDINGS_LISTED]
        ],
        "notes": notes,
    }
    return entry if changed is None else entry | {"changes": changes_entry(changed, paths)}


def changes_entry(changed: Changes, paths: Mapping[int, str]) -> dict[str, Any]:
    """What JSON says of the changes since an earlier batch."""
    return {
        "before": before_entry(changed.before),
        "new": {name: _new(fresh, paths) for name in TITLES if (fresh := changed.of(name))},
        "rates": [asdict(rate) for rate in changed.rates],
        "compared_rates": changed.compared_rates,
    }


def _new(fresh: Sequence[New], paths: Mapping[int, str]) -> dict[str, Any]:
    return {
        "total": len(fresh),
        "events": sum(one.count for one in fresh),
        "first": [
            {"value": one.value, "count": one.count, "files": one.files, **_at(one.place, paths)}
            for one in fresh[:NEW_LISTED]
        ],
    }


def before_entry(before: Baseline) -> dict[str, Any]:
    """What JSON says of an earlier batch."""
    return {
        "first": iso(before.first) if before.first else None,
        "last": iso(before.last) if before.last else None,
        "events": before.events,
        "files": before.files,
    }


def log_changes(facts: LogFacts, before: Baseline) -> dict[str, Any]:
    """What JSON says of a log's values that no log of an earlier batch has: `{field: {value: events}}`."""
    new: dict[str, dict[str, int]] = {}
    for name in ("actors", "actions", "objects", "sources", "error_codes"):
        old = before.values.get(name, {})
        fresh = [pair for pair in ranking(facts.counts[name]) if pair[0] not in old and pair[0] != OTHERS]
        if fresh:
            new[name] = dict(fresh[:VALUES_LISTED])
    return {"before": before_entry(before), "new": new}


def _seen(spot: Spot, paths: Mapping[int, str]) -> dict[str, object]:
    return {
        **_at(spot.place, paths),
        "files": spot.files.bit_count(),
        "first": iso(spot.first) if spot.first else None,
        "last": iso(spot.last) if spot.last else None,
    }


def _at(place: tuple[int, int], paths: Mapping[int, str]) -> dict[str, object]:
    return {"path": paths[place[0]], "line": place[1]}


def batch_sentences(facts: BatchFacts, changed: Changes | None, paths: Mapping[int, str]) -> list[FactSentence]:
    """What is worth a sentence in a batch: what it is, what stands out, what changed, and the figures."""
    return [*_about(facts), *_findings(facts, paths), *_changes(changed, paths), *_figures(facts, paths)]


def _about(facts: BatchFacts) -> Iterator[FactSentence]:
    logs, lines, events = f"{facts.files:,}", f"{facts.lines:,}", f"{facts.events:,}"
    yield FactSentence(
        f"The batch holds {counted(facts.files, 'log')} with {counted(facts.lines, 'line')} and "
        f"{counted(facts.events, 'event')}.",
        (logs, lines, events),
    )
    yield from accounting(facts)


def _findings(facts: BatchFacts, paths: Mapping[int, str]) -> Iterator[FactSentence]:
    """A sentence for each kind of finding: what many files have in common is said once."""
    kinds: dict[tuple[str, str], list[tuple[int, Finding]]] = {}
    for number, finding in facts.findings:
        kinds.setdefault((finding.severity, finding.title), []).append((number, finding))
    for (_, _), members in list(kinds.items())[:FINDINGS_SAID]:
        number, first = members[0]
        how_often = counted(sum(finding.count for _, finding in members), "event")
        if len(members) > 1:
            how_often += f" in {counted(len({number for number, _ in members}), 'file')}"
        yield finding_sentence(first, how_often, paths[number])
    more = sum(len(members) for members in list(kinds.values())[FINDINGS_SAID:])
    if more:
        yield FactSentence(f"The report lists {more:,} more {'finding' if more == 1 else 'findings'}.", (f"{more:,}",))


def _changes(changed: Changes | None, paths: Mapping[int, str]) -> Iterator[FactSentence]:
    if changed is None:
        return
    for name in TITLES:
        if fresh := changed.of(name):
            yield _new_sentence(name, fresh, paths)
    for rate in changed.rates[:NAMED]:
        value = shorten(one_line(rate.value))
        before, now = f"{rate.before:,}", f"{rate.now:,}"
        yield FactSentence(
            f"The earlier batch had {counted(rate.before, 'event')} of the {ONE[rate.field]} {value}, "
            f"this batch has {now}.",
            (before, value, now),
        )
    if not changed.new and not changed.rates:
        yield FactSentence("Nothing is new against the earlier batch.", ())


def _new_sentence(name: str, fresh: Sequence[New], paths: Mapping[int, str]) -> FactSentence:
    number = f"{len(fresh):,}"
    number_, line = fresh[0].place
    if name == "templates":
        text = f"{number} {'template is' if len(fresh) == 1 else 'templates are'} new against the earlier batch."
        return FactSentence(text, (number,), (line,), paths[number_])
    shown = [shorten(one_line(new.value)) for new in fresh[:NAMED]]
    kind = ONE[name] if len(fresh) == 1 else TITLES[name].lower()
    more = "" if len(fresh) == len(shown) else "among them "
    text = f"{number} {kind} {'is' if len(fresh) == 1 else 'are'} new against the earlier batch: {more}"
    return FactSentence(text + ", ".join(shown) + ".", (number, *shown), (line,), paths[number_])


_FIGURES = (("actors", "most active actor"), ("actions", "most frequent action"), ("sources", "most frequent source"))


def _figures(facts: BatchFacts, paths: Mapping[int, str]) -> Iterator[FactSentence]:
    for name, words in _FIGURES:
        if not facts.values[name]:
            continue
        value, spot = min(facts.values[name].items(), key=lambda pair: (-pair[1].count, pair[0]))
        shown = shorten(one_line(value))
        number, line = spot.place
        yield FactSentence(
            f"The {words} is {shown} with {counted(spot.count, 'event')} in {counted(spot.files.bit_count(), 'file')}.",
            (shown, f"{spot.count:,}", f"{spot.files.bit_count():,}"),
            (line,),
            paths[number],
        )
    for outcome in ("failure", "denied"):
        ended = facts.values["outcomes"].get(outcome)
        if ended is not None:
            verb = "failed" if outcome == "failure" else ("was denied" if ended.count == 1 else "were denied")
            number, line = ended.place
            text = f"{counted(ended.count, 'event')} {verb}."
            yield FactSentence(text, (f"{ended.count:,}",), (line,), paths[number])
