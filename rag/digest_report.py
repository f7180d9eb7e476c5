"""A digest to JSON and to a Markdown page. Citations are numbered through, in the order in which they are shown."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from ingest.types import FileReport
from rag.digest import Digest, Place
from rag.files import File, file_entry
from rag.markdown import escape_markdown
from rag.report import citation_of, coverage_line
from rag.term import counted
from rag.types import Citation, where

_NAMED = 4  # places of a statement that are named on the page; JSON has all of them


def digest_entry(
    reports: Sequence[FileReport], heard: Sequence[FileReport], digest: Digest, words: int
) -> dict[str, Any]:
    """The JSON of a digest.

    Args:
        reports: of all files that were named, in order.
        heard: of those with text, in the order of the digest's sources.
        words: the length that was asked for.
    """
    citations: list[Citation] = []

    def cite(places: Sequence[Place]) -> list[int]:
        first = len(citations) + 1
        citations.extend(citation_of(first + number, heard[one.source], one) for number, one in enumerate(places))
        return list(range(first, len(citations) + 1))

    statements = [
        {"text": said.text, "written": said.written, "documents": len(said.sources), "citations": cite(said.places)}
        for said in digest.statements
    ]
    odds = [{"one": cite(odd.one), "other": cite(odd.other), "differ": odd.differ} for odd in digest.at_odds]
    terms = [
        {
            "term": term.term,
            "conflicting": term.conflicting,
            "meanings": [{"meaning": one.text, "citations": cite(one.places)} for one in term.meanings],
        }
        for term in digest.terms
    ]
    sources = {(report.root, report.path): source for report, source in zip(heard, digest.sources, strict=True)}
    files = []
    for report in reports:
        source = sources.get((report.root, report.path))
        more = {} if source is None else {"title": source.title, "parts": source.parts, "heard": source.heard}
        coverage = [] if source is None else [asdict(covered) for covered in source.coverage]
        files.append(file_entry(File(report, None)) | more | {"coverage": coverage})
    return {
        "kind": "digest",
        "files": files,
        "words": {"asked": words, "told": sum(len(said.text.split()) for said in digest.statements)},
        "statements": statements,
        "at_odds": odds,
        "terms": terms,
        "dropped_sentences": digest.dropped_sentences,
        "citations": [asdict(citation) for citation in citations],
    }


def render_digest(entry: Mapping[str, Any]) -> str:
    """The Markdown page of a digest's entry."""
    times = Counter(file["path"] for file in entry["files"])
    cited = {citation["number"]: citation | {"name": _name(citation, times)} for citation in entry["citations"]}
    heard = [file for file in entry["files"] if "title" in file]
    words = entry["words"]
    lines = [f"# Digest of {counted(len(heard), 'document')}", ""]
    lines.append(f"{counted(len(entry['statements']), 'statement')} in {words['told']:,} words.")
    if words["told"] > words["asked"]:
        lines.append(
            f"That is more than the {words['asked']:,} that were asked for: every document is heard, and every section "
            "of more than a page."
        )
    shared = [said for said in entry["statements"] if said["documents"] > 1]
    if shared:
        lines += ["", "## Said by several documents", ""]
        for said in shared:
            lines += _statement(said, cited)
    if entry["at_odds"]:
        lines += ["", "## At odds", "", "Alike, but for what they ask. Which one holds is for a person to say.", ""]
        for odd in entry["at_odds"]:
            lines += _odd(odd, cited)
    lines += ["", "## Document by document"]
    for file in heard:
        lines += ["", f"### {escape_markdown(file['title'])}", "", f"`{escape_markdown(_name(file, times))}`", ""]
        for said in entry["statements"]:
            first = cited[said["citations"][0]]
            if said["documents"] == 1 and (first["path"], first["root"]) == (file["path"], file["root"]):
                lines += _statement(said, cited, named=False)
        lines += [
            "",
            f"It rests on {file['heard']} of {counted(file['parts'], 'part')}.",
            *coverage_line(file["coverage"]),
        ]
        if file["unread"]:
            lines.append(f"**Not read: {escape_markdown(file['unread'])}.**")
    if entry["terms"]:
        lines += ["", "## Defined terms", ""]
        for term in entry["terms"]:
            lines += _term(term, cited)
    if unread := [file for file in entry["files"] if "title" not in file]:
        lines += ["", "## Not in this digest", ""]
        lines += [
            f"- `{escape_markdown(file['path'])}`: {file['status']}, {escape_markdown(file['detail'])}"
            for file in unread
        ]
    return "\n".join(lines) + "\n"


def _name(place: Mapping[str, Any], times: Mapping[str, int]) -> str:
    """The path of a file, with its folder where another folder has one of the same path."""
    return str(place["path"] if times[place["path"]] < 2 else PurePath(place["root"], place["path"]))


def _statement(said: Mapping[str, Any], cited: Mapping[int, Any], *, named: bool = True) -> Iterator[str]:
    """A statement with where it stands; `named` False: below the name of its only file."""
    yield f"- {escape_markdown(said['text'])} *({_places(said['citations'], cited, named=named)})*"
    if said["written"]:
        yield from ("", f"  > {_quote(cited[said['citations'][0]])}", "")


def _odd(odd: Mapping[str, Any], cited: Mapping[int, Any]) -> Iterator[str]:
    yield f"- {escape_markdown(odd['differ'])}"
    for side in (odd["one"], odd["other"]):
        yield f"  - {_quote(cited[side[0]])} *({_places(side, cited)})*"


def _term(term: Mapping[str, Any], cited: Mapping[int, Any]) -> Iterator[str]:
    name = f"**{escape_markdown(term['term'])}**"
    if not term["conflicting"]:
        (only,) = term["meanings"]
        yield f"- {name}: {escape_markdown(only['meaning'])} *({_places(only['citations'], cited)})*"
        return
    yield f"- {name} **(defined differently)**"
    for meaning in term["meanings"]:
        yield f"  - {escape_markdown(meaning['meaning'])} *({_places(meaning['citations'], cited)})*"


def _places(numbers: Sequence[int], cited: Mapping[int, Any], *, named: bool = True) -> str:
    places = [cited[number] for number in numbers]
    told = list(dict.fromkeys(_place(place, named=named) for place in places))
    more = f"; and {counted(len(told) - _NAMED, 'more place')}" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more


def _place(place: Mapping[str, Any], *, named: bool) -> str:
    if not named:
        spot = f"page {place['page']}" if place["page"] else place["record"] or "text"
        section = f" · {escape_markdown(place['section'])}" if place["section"] else ""
        return f"{spot}{section}"
    return escape_markdown(where(place["name"], place["page"], place["record"]))


def _quote(place: Mapping[str, Any]) -> str:
    masked = " *(masked)*" if place.get("redacted") else ""
    return f"{escape_markdown(' '.join(place['quote'].split()))}{masked}"
