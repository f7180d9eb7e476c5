"""What `rag diff` found, as Markdown and as one HTML page."""

from collections.abc import Iterator, Sequence

from ingest.types import FileReport
from rag.changes import Change, Side
from rag.diff import Compared, place, verdict, walked
from rag.files import File
from rag.html import Content, Markup, element, join, page
from rag.markdown import escape_markdown
from rag.term import counted

_NOT_READ = "could not be read"


def render_markdown(pairs: Sequence[Compared], removed: Sequence[FileReport], added: Sequence[FileReport]) -> str:
    """One Markdown page of all pairs."""
    lines = ["# What changed", ""]
    lines += _only_there("only in the old folder", removed) + _only_there("only in the new folder", added)
    for pair in pairs:
        lines += [f"## {escape_markdown(pair.old.path)} → {escape_markdown(pair.new.path)}", ""]
        lines += [f"**{escape_markdown(note)}**" for note in notes(pair)]
        if pair.comparison is None:
            continue
        lines += [verdict(pair.comparison), ""]
        for title, changes in walked(pair.comparison.changes):
            lines += [f"### {title}", ""]
            for change in changes:
                lines += [f"**{change.kind}** {escape_markdown(change.says)}", ""]
                old, new = _cell(pair.old, change.old), _cell(pair.new, change.new)
                lines += ["| old | new |", "|---|---|", f"| {old} | {new} |", ""]
    return "\n".join(lines).rstrip() + "\n"


def _only_there(where: str, files: Sequence[FileReport]) -> list[str]:
    return [f"- {where}: `{escape_markdown(file.path)}`" for file in files] + ([""] if files else [])


def _cell(file: File, side: Side | None) -> str:
    if side is None:
        return "–"
    text = "".join(_marked(part) if changed else _inside(part) for part, changed in parts(side))
    return f"{text} *({escape_markdown(place(file, side))})*"


def _inside(text: str) -> str:
    """A part of a line, escaped, with the blanks that it begins or ends with."""
    return " " * text[:1].isspace() + escape_markdown(text) + " " * (text[-1:].isspace() and bool(text.strip()))


def _marked(text: str) -> str:
    return f"**{escape_markdown(text)}**"


def parts(side: Side) -> Iterator[tuple[str, bool]]:
    """The text of a side, cut into what the other side has and what it has not."""
    end = 0
    for start, stop in side.changed:
        if end < start:
            yield side.text[end:start], False
        if start < stop:
            yield side.text[start:stop], True
        end = max(end, stop)
    if end < len(side.text):
        yield side.text[end:], False


def notes(pair: Compared) -> list[str]:
    """What could not be compared, a line for each file."""
    found = []
    for file in (pair.old, pair.new):
        if file.document is None:
            found.append(f"{file.path} {_NOT_READ} ({file.report.status}): {file.report.detail}")
        elif file.unseen:
            found.append(f"{file.path}: {file.unseen}; what changed there is not known")
    return found


def render_page(pairs: Sequence[Compared], removed: Sequence[FileReport], added: Sequence[FileReport]) -> str:
    """One HTML page of all pairs, side by side."""
    title = f"{pairs[0].old.path} → {pairs[0].new.path}" if len(pairs) == 1 else counted(len(pairs), "pair of files")
    return page(
        f"What changed: {title}",
        element("h1", "What changed"),
        [element("p", f"Only in the old folder: {file.path}", class_="bad") for file in removed],
        [element("p", f"Only in the new folder: {file.path}", class_="good") for file in added],
        [_pair(pair) for pair in pairs],
    )


def _pair(pair: Compared) -> Markup:
    found = pair.comparison
    return join(
        element("h2", f"{pair.old.path} → {pair.new.path}"),
        [element("p", f"{name}: {_identity(file)}", class_="quiet") for name, file in _named(pair)],
        [element("p", note, class_="bad") for note in notes(pair)],
        None if found is None else element("p", verdict(found)),
        []
        if found is None
        else [
            [element("h3", title), (_card(pair, change) for change in group)] for title, group in walked(found.changes)
        ],
    )


def _named(pair: Compared) -> tuple[tuple[str, File], tuple[str, File]]:
    return ("old", pair.old), ("new", pair.new)


def _identity(file: File) -> str:
    digest = f", SHA-256 {file.report.sha256}" if file.report.sha256 else ""
    return f"{counted(file.report.pages, 'page')}{digest}"


def _card(pair: Compared, change: Change) -> Markup:
    kind = element("b", change.kind, class_={"high": "bad"}.get(change.level))
    return element(
        "article",
        element("p", kind, change.says),
        element(
            "div",
            _half(pair.old, change.old, "del", "old"),
            _half(pair.new, change.new, "ins", "new"),
            class_="sides",
        ),
    )


def _half(file: File, side: Side | None, tag: str, name: str) -> Markup:
    if side is None:
        return element("div", element("p", f"{name}: nothing", class_="quiet"))
    text: list[Content] = [element(tag, part) if changed else part for part, changed in parts(side)]
    return element("div", element("p", f"{name}: {place(file, side)}", class_="quiet"), element("p", text))
