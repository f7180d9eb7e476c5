"""The entry of a log, or of a batch of logs, to a page of Markdown: summary, findings, changes, figures, templates.

Everything is taken from the entry as JSON has it, so that a report can be made again from what was kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.log_summary import shorten
from rag.markdown import escape_markdown
from rag.term import counted

ROWS = 10  # of a table in a report
TEMPLATES_SHOWN = 20
FINDINGS_SHOWN = 40
LINES_SHOWN = 20  # line numbers of a finding
NEW_SHOWN = 10  # new values of one kind; the others are counted
RATES_SHOWN = 15
BAR = 40  # characters of the longest bar
SENT = "What is worded here was sent to {}, which config.toml allows."

TITLES = {
    "actors": "Actors",
    "actions": "Actions",
    "outcomes": "Outcomes",
    "objects": "Objects",
    "sources": "Sources",
    "error_codes": "Error codes",
    "templates": "Templates",
}
"""The fields of events, in the order of a report."""

ONE = {
    "actors": "actor",
    "actions": "action",
    "outcomes": "outcome",
    "objects": "object",
    "sources": "source",
    "error_codes": "error code",
    "templates": "template",
}

Entry = Mapping[str, Any]


def render_log(entry: Entry) -> str:
    """The report on one log."""
    out = [f"# {escape_markdown(entry['path'])}", "", *summary_of(entry), "", "## What stands out", ""]
    out += _findings(entry["findings"])
    if "changes" in entry:
        out += ["", "## What is new", "", *_new_in_log(entry)]
    out += _figures(entry)
    out += _templates(entry["templates"])
    out += ["", "## How it was read", "", _accounting(entry)]
    out += [f"- {escape_markdown(note)}" for note in entry["notes"]]
    out += _dropped(entry)
    return "\n".join(out) + "\n"


def render_batch(entry: Entry) -> list[str]:
    """The lines of the part about logs in the report on a batch."""
    out = [*summary_of(entry), "", "## What stands out", "", *_findings(entry["findings"])]
    if "changes" in entry:
        out += ["", "## What changed since the earlier batch", "", *_changes(entry["changes"])]
    out += _figures(entry)
    out += _templates(entry["templates"])
    out += ["", "## How the logs were read", "", _accounting(entry)]
    out += [f"- {escape_markdown(note)}" for note in entry["notes"]]
    return [*out, *_dropped(entry)]


def summary_of(entry: Entry) -> Iterator[str]:
    """The sentences, each with the lines it rests on."""
    citations = {citation["number"]: citation for citation in entry["citations"]}
    for sentence in entry["sentences"]:
        citation = citations.get(sentence["citation"])
        place = ""
        if citation is not None:
            path = "" if citation["path"] == entry.get("path") else f"`{escape_markdown(citation['path'])}`, "
            lines = citation["lines"]
            place = f" *({path}line{'s' if len(lines) > 1 else ''} {ranges(lines)})*"
        yield f"- {escape_markdown(sentence['text'])}{place}"


def _findings(findings: Sequence[Entry]) -> Iterator[str]:
    if not findings:
        yield "Nothing, by the rules and statistics that were applied."
        return
    many = any("path" in finding for finding in findings)
    yield f"| severity | finding | why it matters | events |{' file |' if many else ''} lines |"
    yield f"|---|---|---|--:|{'---|' if many else ''}---|"
    for finding in findings[:FINDINGS_SHOWN]:
        path = f" `{escape_markdown(finding['path'])}` |" if many else ""
        yield (
            f"| {finding['severity']} | {escape_markdown(finding['title'])} | {escape_markdown(advice(finding))} "
            f"| {finding['count']:,} |{path} {lines_of(finding, LINES_SHOWN)} |"
        )
    if len(findings) > FINDINGS_SHOWN:
        yield f"\nand {len(findings) - FINDINGS_SHOWN:,} more findings."


def advice(finding: Entry) -> str:
    """Why a finding matters, and what to look at next, in one text."""
    technique = f"ATT&CK {', '.join(finding['technique'])}." if finding["technique"] else ""
    return " ".join(part for part in (finding["why"], finding["check"], technique) if part)


def lines_of(counted_entry: Entry, most: int) -> str:
    """The first lines of a finding or template, and `…` where there are more."""
    lines, count = counted_entry["lines"], counted_entry["count"]
    return ranges(lines[:most]) + (" …" if len(lines) > most or (len(lines) >= most and count > most) else "")


def _new_in_log(entry: Entry) -> Iterator[str]:
    changes = entry["changes"]
    yield f"{since(changes['before'])}"
    yield ""
    none = True
    for name, values in changes["new"].items():
        none = False
        yield f"- {headline_of_new(name, len(values))}: {named([escape_markdown(shorten(v)) for v in values])}"
    fresh = [template for template in entry["templates"] if template.get("new")]
    if fresh:
        yield f"- {headline_of_new('templates', len(fresh))}, marked below"
    elif none:
        yield "Nothing is new."


def since(before: Entry) -> str:
    """What is compared with."""
    period = f" from {before['first']} to {before['last']}" if before["first"] else ""
    return f"Compared with {counted(before['events'], 'event')} in {counted(before['files'], 'log')}{period}."


def headline_of_new(name: str, count: int) -> str:
    """ "3 new actors"."""
    return f"{count:,} new {ONE[name] if count == 1 else TITLES[name].lower()}"


def named(shown: Sequence[str]) -> str:
    """The first values of many, and how many more there are."""
    more = len(shown) - NEW_SHOWN
    return ", ".join(shown[:NEW_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _changes(changes: Entry) -> Iterator[str]:
    yield since(changes["before"])
    if not changes["new"] and not changes["rates"]:
        yield ""
        yield "Nothing is new, and no rate has changed by much."
    for name, new in changes["new"].items():
        yield ""
        yield f"**{headline_of_new(name, new['total'])}**"
        yield ""
        yield "| value | events | files | first |"
        yield "|---|--:|--:|---|"
        shown = new["first"][:NEW_SHOWN]
        for one in shown:
            value = escape_markdown(shorten(one["value"]))
            yield f"| {value} | {one['count']:,} | {one['files']:,} | {_place(one)} |"
        if new["total"] > len(shown):
            rest = new["events"] - sum(one["count"] for one in shown)
            yield f"| and {new['total'] - len(shown):,} more | {rest:,} | | |"
    if changes["rates"]:
        yield ""
        yield "**Far more or less often than before**"
        yield ""
        yield "| | value | events a day before | now |"
        yield "|---|---|--:|--:|"
        for rate in changes["rates"][:RATES_SHOWN]:
            yield (
                f"| {ONE[rate['field']]} | {escape_markdown(shorten(rate['value']))} "
                f"| {a_day(rate['before_a_day'])} | {a_day(rate['now_a_day'])} |"
            )
        if len(changes["rates"]) > RATES_SHOWN:
            yield f"| | and {len(changes['rates']) - RATES_SHOWN:,} more | | |"
    if not changes["compared_rates"]:
        yield ""
        yield "Rates were not compared: one of the two has no times."


def a_day(rate: float) -> str:
    """Events a day: a tenth matters where there are few."""
    return f"{rate:,.1f}" if rate < 100 else f"{rate:,.0f}"


def _figures(entry: Entry) -> Iterator[str]:
    for name, title in TITLES.items():
        if name != "templates":
            yield from _table(title, entry["counts"][name])
    yield from _histogram(entry["counts"]["hours"])


def _table(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield from ("", f"## {title}", "", "| value | events |", "|---|--:|")
    ranked = list(counts.items())  # as the entry has them: the most frequent first
    for value, count in ranked[:ROWS]:
        yield f"| {escape_markdown(shorten(value))} | {count:,} |"
    if len(ranked) > ROWS:
        rest = sum(count for _, count in ranked[ROWS:])
        yield f"| and {len(ranked) - ROWS:,} more | {rest:,} |"


def _histogram(hours: Mapping[str, int]) -> Iterator[str]:
    if not hours:
        return
    most = max(hours.values())
    yield from ("", "## Hours of the day (UTC)", "", "```")
    for hour in range(24):
        count = hours.get(f"{hour:02}", 0)
        yield f"{hour:02} {'█' * max(1 if count else 0, round(BAR * count / most)):<{BAR}} {count:,}"
    yield "```"


def _templates(templates: Sequence[Entry]) -> Iterator[str]:
    if not templates:
        return
    many = "files" in templates[0]
    yield from ("", "## Templates", "")
    yield f"| events | id | pattern | {'files | first' if many else 'first lines'} |"
    yield f"|--:|---|---|{'--:|' if many else ''}---|"
    for template in templates[:TEMPLATES_SHOWN]:
        where = f"{template['files']:,} | {_place(template)}" if many else lines_of(template, 5)
        new = "**new** " if template.get("new") else ""
        pattern = escape_markdown(shorten(template["pattern"]))
        yield f"| {template['count']:,} | {template['id']} | {new}{pattern} | {where} |"
    rest = templates[TEMPLATES_SHOWN:]
    if rest:
        yield f"| {sum(template['count'] for template in rest):,} | | and {len(rest):,} more templates |{' |' * many} |"


def _place(entry: Entry) -> str:
    return f"`{escape_markdown(entry['path'])}`, line {entry['line']}" if entry["path"] else ""


def _accounting(entry: Entry) -> str:
    unparsed = entry.get("unparsed")
    where = ""
    if unparsed:
        more = " …" if entry["unparsed_lines"] > len(unparsed) else ""
        where = f" *(line{'s' if entry['unparsed_lines'] > 1 else ''} {ranges(unparsed)}{more})*"
    return (
        f"- {counted(entry['lines'], 'line')}: {entry['event_lines']:,} with events, {entry['blank_lines']:,} blank, "
        f"{entry['unparsed_lines']:,} unparsed{where}"
    )


def _dropped(entry: Entry) -> Iterator[str]:
    if entry["dropped_sentences"]:
        yield f"- {entry['dropped_sentences']} sentences of the model failed the check; the plain ones stand."
    if entry.get("sent_to"):
        yield f"- {escape_markdown(SENT.format(entry['sent_to']))}"


def ranges(lines: Sequence[int]) -> str:
    """Ascending line numbers, runs as `7–9`."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
