"""The entry of a log, or of a batch, to one page of HTML with plots, which stands alone and needs no script.

All HTML is made, and everything from outside escaped, in `rag.html`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from rag.html import Content, Markup, element, join, page
from rag.log_report import (
    ONE,
    RATES_SHOWN,
    SENT,
    TITLES,
    a_day,
    advice,
    headline_of_new,
    lines_of,
    named,
    ranges,
    since,
)
from rag.log_summary import shorten
from rag.plot import Axis, Columns, bars, columns
from rag.term import counted, one_line

FINDINGS_FIRST = 12  # findings that are seen at once; the others open
FINDINGS_SHOWN = 300
TEMPLATES_FIRST = 10
TEMPLATES_SHOWN = 200
BARS = 10  # of a plot
COLUMNS = 84  # at most, over time
FILES_FIRST = 25
LINES_SHOWN = 8
NEW_SHOWN = 5  # values of one kind

SEVERITIES = ("critical", "high", "medium", "low")

_STEPS = (1, 2, 3, 6, 12, 24, 48, 168, 336, 720, 2160, 8760)  # hours in a column
_STEP_WORDS = {1: "hour", 24: "day", 168: "week", 8760: "year"}

Entry = Mapping[str, Any]


def render_log_page(entry: Entry) -> str:
    """The page about one log."""
    return page(
        f"{one_line(entry['path'])}: what the log says",
        element("h1", one_line(entry["path"])),
        element("p", f"{one_line(entry['format'])}, {_period(entry)}", class_="quiet"),
        _numbers(entry),
        _summary(entry),
        _findings(entry),
        _new_in_log(entry) if "changes" in entry else None,
        _plots(entry),
        _templates(entry["templates"]),
        _reading(entry),
    )


def render_batch_page(overall: Entry | None, entries: Sequence[Entry], names: Sequence[str | None]) -> str:
    """The page about a batch. `names`: of the pages beside this one, one for each entry; None where there is none."""
    logs: list[Content] = []
    if overall is not None:
        logs = [
            element("p", f"{counted(overall['logs'], 'log')}, {_period(overall)}", class_="quiet"),
            _numbers(overall),
            _summary(overall),
            _findings(overall),
            _changes(overall["changes"]) if "changes" in overall else None,
            _plots(overall),
        ]
    return page(
        "Overall report",
        element("h1", "Overall report"),
        logs,
        _files(entries, names),
        [_templates(overall["templates"]), _reading(overall)] if overall is not None else None,
    )


def _period(entry: Entry) -> str:
    if not entry["first"]:
        return "without times"
    return f"{entry['first']} to {entry['last']}"


def _numbers(entry: Entry) -> Markup:
    grave = sum(finding["severity"] in ("critical", "high") for finding in entry["findings"])
    facts = [
        (f"{entry['events']:,}", "event" if entry["events"] == 1 else "events"),
        (f"{entry['lines']:,}", "line" if entry["lines"] == 1 else "lines"),
        (f"{len(entry['templates']):,}", "template" if len(entry["templates"]) == 1 else "templates"),
        (f"{len(entry['findings']):,}", f"findings, {grave:,} of them high or critical"),
    ]
    if entry["left_out"]:
        facts.append((f"{entry['left_out']:,}", "events left out, as asked for"))
    if entry["unparsed_lines"]:
        facts.append((f"{entry['unparsed_lines']:,}", "lines unparsed"))
    return element("div", (element("div", element("b", number), words) for number, words in facts), class_="facts")


def _summary(entry: Entry) -> Markup:
    citations = {citation["number"]: citation for citation in entry["citations"]}
    return element("ul", (_sentence(one, citations.get(one["citation"]), entry) for one in entry["sentences"]))


def _sentence(sentence: Entry, citation: Entry | None, entry: Entry) -> Markup:
    where: Content = None
    if citation is not None:
        path = "" if citation["path"] == entry.get("path") else f"{one_line(citation['path'])}, "
        lines = citation["lines"]
        shown = ranges(lines[:LINES_SHOWN]) + (" …" if len(lines) > LINES_SHOWN else "")
        where = element("span", f" ({path}line{'s' if len(lines) > 1 else ''} {shown})", class_="quiet")
    return element("li", sentence["text"], where)


def _findings(entry: Entry) -> Markup:
    findings = entry["findings"][:FINDINGS_SHOWN]
    if not findings:
        return join(element("h2", "What stands out"), element("p", "Nothing, by the rules and statistics applied."))
    more = len(entry["findings"]) - len(findings)
    return join(
        element("h2", "What stands out"),
        _finding_table(findings[:FINDINGS_FIRST]),
        _folded(f"{len(findings) - FINDINGS_FIRST:,} more findings", _finding_table(findings[FINDINGS_FIRST:]))
        if len(findings) > FINDINGS_FIRST
        else None,
        element("p", f"{more:,} more are in the JSON report.", class_="quiet") if more > 0 else None,
    )


def _finding_table(findings: Sequence[Entry]) -> Markup:
    many = any("path" in finding for finding in findings)
    rows = [
        (
            element("span", finding["severity"], class_=f"severity {_severity(finding['severity'])}"),
            _Cell(
                element(
                    "td",
                    element("b", finding["title"]),
                    element("p", advice(finding), class_="quiet"),
                    class_="text finding",
                )
            ),
            f"{finding['count']:,}",
            *([_text(one_line(finding["path"]))] if many else []),
            _text(lines_of(finding, LINES_SHOWN)),
        )
        for finding in findings
    ]
    return _table(("severity", "finding:", "events", *(["file:"] if many else []), "lines:"), rows)


def _severity(text: str) -> str:
    return text if text in SEVERITIES else "low"


class _Cell(Markup):
    """A table cell that was made already."""

    __slots__ = ()


def _text(*content: Content) -> _Cell:
    """A cell of words rather than numbers."""
    return _Cell(element("td", *content, class_="text"))


def _table(header: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    """A table. A column whose title ends in a colon holds words, and its title stands on the left like them."""
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", (_head(cell) for cell in header))),
            element(
                "tbody",
                (
                    element("tr", (cell if isinstance(cell, _Cell) else element("td", cell) for cell in row))
                    for row in rows
                ),
            ),
        ),
        class_="scroll",
    )


def _head(title: str) -> Markup:
    words = title.endswith(":")
    return element("th", title.removesuffix(":"), scope="col", class_="text" if words else None)


def _folded(words: str, *content: Content) -> Markup:
    return element("details", element("summary", words), *content)


def _new_in_log(entry: Entry) -> Markup:
    changes = entry["changes"]
    fresh = sum(bool(template.get("new")) for template in entry["templates"])
    items = [
        f"{headline_of_new(name, len(values))}: {named([shorten(one_line(value)) for value in values])}"
        for name, values in changes["new"].items()
    ]
    if fresh:
        items.append(f"{headline_of_new('templates', fresh)}, marked below")
    return join(
        element("h2", "What is new"),
        element("p", since(changes["before"]), class_="quiet"),
        element("ul", (element("li", item) for item in items)) if items else element("p", "Nothing is new."),
    )


def _changes(changes: Entry) -> Markup:
    parts: list[Content] = [
        element("h2", "What changed since the earlier batch"),
        element("p", since(changes["before"]), class_="quiet"),
    ]
    if not changes["new"] and not changes["rates"]:
        parts.append(element("p", "Nothing is new, and no rate has changed by much."))
    rows: list[Sequence[Content]] = []
    for name, new in changes["new"].items():
        shown = new["first"][:NEW_SHOWN]
        rows += [
            (
                f"new {ONE[name]}",
                _text(shorten(one_line(one["value"]))),
                f"{one['count']:,}",
                _text(f"{one_line(one['path'])}, line {one['line']}"),
            )
            for one in shown
        ]
        if new["total"] > len(shown):
            rest = new["events"] - sum(one["count"] for one in shown)
            more = _text(f"and {new['total'] - len(shown):,} more")
            rows.append((f"new {TITLES[name].lower()}", more, f"{rest:,}", _text()))
    if rows:
        parts.append(_table(("", "value:", "events", "first in:"), rows))
    if changes["rates"]:
        rates = changes["rates"][:RATES_SHOWN]
        parts.append(element("h3", "Far more or less often than before"))
        parts.append(
            _table(
                ("", "value:", "events a day before", "now"),
                [
                    (
                        ONE[rate["field"]],
                        _text(shorten(one_line(rate["value"]))),
                        a_day(rate["before_a_day"]),
                        a_day(rate["now_a_day"]),
                    )
                    for rate in rates
                ],
            )
        )
        if len(changes["rates"]) > len(rates):
            parts.append(element("p", f"and {len(changes['rates']) - len(rates):,} more", class_="quiet"))
    if not changes["compared_rates"]:
        parts.append(element("p", "Rates were not compared: one of the two has no times.", class_="quiet"))
    return join(parts)


def _plots(entry: Entry) -> Markup | None:
    counts = entry["counts"]
    plots: list[Markup] = []
    if entry["timeline"]:
        plots.append(_over_time(entry["timeline"]))
    if entry["findings"]:
        plots.append(_by_severity(entry["findings"]))
    for name, words in (
        ("actors", "Who was most active"),
        ("outcomes", "How events ended"),
        ("actions", "What was done most"),
        ("sources", "Where from"),
    ):
        if counts[name]:
            plots.append(_most(words, name, counts[name]))
    if not plots:
        return None
    return join(element("h2", "Figures"), element("div", plots, class_="plots"))


def _most(title: str, name: str, counts: Mapping[str, int]) -> Markup:
    ranked = [(one_line(value), float(count)) for value, count in counts.items()]
    more = len(ranked) - BARS
    rest = int(sum(count for _, count in ranked[BARS:]))
    caption = f"Events by {ONE[name]}." + (f" {more:,} more with {counted(rest, 'event')}." if more > 0 else "")
    return bars(title, caption, ranked[:BARS])


def _by_severity(findings: Sequence[Entry]) -> Markup:
    counts = {severity: sum(one["severity"] == severity for one in findings) for severity in SEVERITIES}
    rows = [(severity, float(count)) for severity, count in counts.items() if count]
    return bars("Findings by severity", "Each finding counts once.", rows, [severity for severity, _ in rows])


def _over_time(timeline: Sequence[Sequence[Any]]) -> Markup:
    hours = [datetime.fromisoformat(row[0]) for row in timeline]
    first, last = hours[0], hours[-1]
    span = int((last - first).total_seconds()) // 3600 + 1
    step = next((step for step in _STEPS if span <= COLUMNS * step), _STEPS[-1] * (span // (COLUMNS * 8760) + 1))
    start = first.replace(hour=0) if step >= 24 else first.replace(hour=first.hour // step * step)
    count = int((last - start).total_seconds()) // 3600 // step + 1
    events, bad = [0.0] * count, [0.0] * count
    for hour, row in zip(hours, timeline, strict=True):
        index = int((hour - start).total_seconds()) // 3600 // step
        events[index] += row[1]
        bad[index] += row[2]
    end = start + timedelta(hours=step * count)
    x = Axis("UTC", _ticks(start, end), start.timestamp(), end.timestamp())
    words = _STEP_WORDS.get(step) or (f"{step // 24} days" if step >= 24 else f"{step} hours")
    series = [Columns("events", events), Columns("failed or denied", bad)]
    return columns(
        "Events over time", f"A column is {'a ' if step in _STEP_WORDS else ''}{words}.", x, "events", series
    )


def _ticks(start: datetime, end: datetime) -> list[tuple[float, str]]:
    """About five marks on an axis of time."""
    form = "%H:%M" if end - start <= timedelta(days=2) else "%d %b" if end - start <= timedelta(days=300) else "%b %Y"
    return [
        (moment.timestamp(), moment.strftime(form))
        for moment in (start + (end - start) * part / 5 for part in range(5))
    ]


def _templates(templates: Sequence[Entry]) -> Markup | None:
    if not templates:
        return None
    shown = templates[:TEMPLATES_SHOWN]
    rest = templates[TEMPLATES_SHOWN:]
    return join(
        element("h2", "Templates"),
        element("p", "What messages have in common; <*> stands for what differs.", class_="quiet"),
        _template_table(shown[:TEMPLATES_FIRST]),
        _folded(f"{len(shown) - TEMPLATES_FIRST:,} more templates", _template_table(shown[TEMPLATES_FIRST:]))
        if len(shown) > TEMPLATES_FIRST
        else None,
        element(
            "p",
            f"{len(rest):,} more with {counted(sum(one['count'] for one in rest), 'event')} are in the JSON report.",
            class_="quiet",
        )
        if rest
        else None,
    )


def _template_table(templates: Sequence[Entry]) -> Markup:
    many = "files" in templates[0]
    return _table(
        ("events", "pattern:", "id", *(("files", "first in:") if many else ("first lines:",))),
        [
            (
                f"{one['count']:,}",
                _text(element("b", "new ") if one.get("new") else None, shorten(one_line(one["pattern"]))),
                one["id"],
                *(
                    (f"{one['files']:,}", _text(f"{one_line(one['path'])}, line {one['line']}"))
                    if many
                    else (_text(lines_of(one, 5)),)
                ),
            )
            for one in templates
        ],
    )


def _reading(entry: Entry) -> Markup:
    accounts = (
        f"{counted(entry['lines'], 'line')}: {entry['event_lines']:,} with events, {entry['blank_lines']:,} blank, "
        f"{entry['unparsed_lines']:,} unparsed"
    )
    if entry.get("unparsed"):
        more = " …" if entry["unparsed_lines"] > len(entry["unparsed"]) else ""
        accounts += f" (lines {ranges(entry['unparsed'])}{more})"
    dropped = entry["dropped_sentences"]
    notes = [accounts + ".", *(one_line(note) for note in entry["notes"])]
    if dropped:
        notes.append(f"{dropped} sentences of the model failed the check; the plain ones stand.")
    if entry.get("sent_to"):
        notes.append(one_line(SENT.format(entry["sent_to"])))
    return join(element("h2", "How it was read"), element("ul", (element("li", note) for note in notes)))


def _files(entries: Sequence[Entry], names: Sequence[str | None]) -> Markup:
    rows = [_file(entry, name) for entry, name in zip(entries, names, strict=True)]
    header = ("file", "events", "critical", "high", "medium", "low", "period, or why it was not read:")
    return join(
        element("h2", "Files"),
        _table(header, rows[:FILES_FIRST]),
        _folded(f"{len(rows) - FILES_FIRST:,} more files", _table(header, rows[FILES_FIRST:]))
        if len(rows) > FILES_FIRST
        else None,
    )


def _file(entry: Entry, name: str | None) -> Sequence[Content]:
    log = "events" in entry
    shown = one_line(entry["path"])
    link: Content = element("a", shown, href=f"{_encoded(name)}.html") if log and name is not None else shown
    if not log:
        status = str(entry.get("status"))
        words = entry["detail"] if entry.get("detail") else entry["summary"]
        return (link, "", "", "", "", "", _text(f"{status}: " if status != "indexed" else "", shorten(one_line(words))))
    severities = [finding["severity"] for finding in entry["findings"]]
    cells = [str(severities.count(severity) or "") for severity in SEVERITIES]
    return (link, f"{entry['events']:,}", *cells, _text(_period(entry)))


def _encoded(name: str) -> str:
    """A path below this page as a link: percent-encoded, so that nothing in it is taken for anything else."""
    return PurePosixPath(f"/{name}").as_uri().removeprefix("file:///")


def render_failed_page(entry: Entry) -> str:
    """The page about a log that could not be read."""
    return page(
        f"{one_line(entry['path'])}: not read",
        element("h1", one_line(entry["path"])),
        element("p", element("b", f"Not read ({entry['status']}): "), one_line(entry["detail"])),
    )
