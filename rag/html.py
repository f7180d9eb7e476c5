"""The one module that makes HTML: elements from text that it escapes, and a page that stands alone.

Text from documents, logs, names and models enters through `element` and is escaped there, as `rag.term.escape` does it
and then for HTML; only what this module made itself is taken as it is. A page needs no network and no script, and its
policy forbids both. Knows nothing about what is shown.
"""

import html
from collections.abc import Iterable, Sequence

from rag.term import escape

_EMPTY = frozenset({"meta", "br", "line", "rect", "circle", "path", "polyline", "polygon"})  # have no content
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2127; --quiet: #5d6773; --rule: #d9dde3; --wash: #f4f6f8;
  --one: #1f66c7; --two: #c4570b; --bad: #b3261e; --good: #1e7a44; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e7eb; --quiet: #9aa4b0; --rule: #343a42; --wash: #1e2328; --one: #6ea8fe;
    --two: #ff9d5c; --bad: #ff8a80; --good: #7bd3a0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; } p { margin: .4rem 0; max-width: 54rem; }
.quiet, figcaption, caption, th { color: var(--quiet); } .good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { font-weight: 600; } th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right;
  vertical-align: middle; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; padding-left: 0; }
caption { text-align: left; padding-bottom: .4rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; } figure h3 { margin: 0 0 .4rem; } figcaption { font-size: .85rem; margin-top: .3rem; }
svg { display: block; max-width: 100%; }
article { background: var(--wash); border-radius: 6px; padding: .75rem 1rem; margin: .75rem 0; font-size: .92rem; }
article p { margin: .2rem 0; max-width: none; } article b:first-child { margin-right: .4rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: .25rem 1.25rem; }
del, ins { text-decoration-thickness: 2px; text-underline-offset: 3px; border-radius: 3px; padding: 0 2px; }
del { color: var(--bad); } ins { color: var(--good); text-decoration-style: solid; }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .15rem .75rem; margin: .5rem 0 0; }
dt { color: var(--quiet); } dd { margin: 0; }
@media (max-width: 36rem) { dl, .sides { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
th { overflow-wrap: normal; } th.text, td.text { text-align: left; white-space: normal; } td.text { min-width: 9rem; }
td.finding { min-width: 20rem; } td.text p { max-width: none; font-size: .85rem; margin: .1rem 0 0; }
.severity { display: inline-block; min-width: 4.6rem; padding: 0 .4rem; border-radius: 4px; text-align: center;
  color: var(--paper); background: var(--c); font-size: .82rem; }
.critical { --c: var(--bad); } .high { --c: var(--two); } .medium { --c: var(--one); } .low { --c: var(--quiet); }
.facts { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 1rem 0; } .facts b { display: block;
  font-size: 1.3rem; } ul { padding-left: 1.2rem; } li { margin: .25rem 0; } a { color: var(--one); }
summary { cursor: pointer; color: var(--quiet); margin: .5rem 0; }
svg text { fill: var(--quiet); font: 12px system-ui, "Segoe UI", "Liberation Sans", sans-serif; }
svg .axis { stroke: var(--quiet); } svg .grid { stroke: var(--rule); } svg .label { fill: var(--ink); }
svg .s0 { --c: var(--one); } svg .s1 { --c: var(--two); }
svg .line { fill: none; stroke: var(--c); stroke-width: 2; } svg .s1.line { stroke-dasharray: 6 3; }
svg .fill { fill: var(--c); } svg .bar { fill: var(--c); fill-opacity: .55; } svg .ink { stroke: var(--ink); }
svg .band { fill: var(--c); fill-opacity: .14; }
svg text.s0, svg text.s1 { fill: var(--c); }
svg .mark { stroke: var(--ink); stroke-dasharray: 2 3; }
@media print {
  :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --quiet: #444444; --rule: #bbbbbb; --wash: #f2f2f2;
    --one: #1f66c7; --two: #c4570b; --bad: #b3261e; --good: #1e7a44; }
  html { font-size: 68%; } body { padding: 0; font-size: 1rem; max-width: none; }
  .plots { grid-template-columns: 1fr 1fr; }
  figure, article, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


class Markup(str):
    """Text that is HTML already. Whatever is joined to it by `+` or formatted in is plain text again, and escaped."""

    __slots__ = ()


Content = str | float | Iterable["Content"] | None


def text(value: str) -> Markup:
    """`value` as text of a page, whatever it holds."""
    return value if isinstance(value, Markup) else Markup(html.escape(escape(value)))


def element(tag: str, *content: Content, **attributes: str | float | None) -> Markup:
    """An element with its content, escaped.

    Args:
        content: text, numbers, elements, or iterables of such; None is nothing.
        attributes: `class_` is class, `stroke_width` stroke-width; None leaves one out. Names come from the program
            alone, never from outside.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(_number(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY:
        return Markup(f"<{tag}{named}{'' if tag in ('meta', 'br') else '/'}>")
    return Markup(f"<{tag}{named}>{join(*content)}</{tag}>")


def join(*content: Content) -> Markup:
    """One after the other, escaped."""
    return Markup("".join(_flat(content)))


def _flat(content: Iterable[Content]) -> Iterable[str]:
    for item in content:
        if isinstance(item, str | int | float):
            yield text(_number(item))
        elif item is not None:
            yield from _flat(item)


def _number(value: str | float) -> str:
    """Numbers to a hundredth, finer than a pixel."""
    if isinstance(value, float):
        return format(value, ".2f").rstrip("0").rstrip(".")
    return value if isinstance(value, str) else str(value)


def table(header: Sequence[Content], rows: Iterable[Sequence[Content]], caption: Content = None) -> Markup:
    """A table: the first column to the left, the others to the right."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption) if caption is not None else None,
            element("thead", element("tr", (element("th", cell, scope="col") for cell in header))),
            element("tbody", (element("tr", (element("td", cell) for cell in row)) for row in rows)),
        ),
        class_="scroll",
    )


def page(title: str, *body: Content) -> str:
    """A whole page, in one file."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *body), lang='en')}\n"
