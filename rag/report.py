"""Summaries to Markdown and to the contract's JSON. Logs have their own words in `rag/log_report.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ingest.logs.findings import SEVERITIES
from ingest.types import FileReport, FileStatus
from rag.digest import Place
from rag.files import File
from rag.log_report import SENT, render_batch
from rag.markdown import escape_markdown
from rag.summarize import DocumentSummary, Statement
from rag.term import counted
from rag.types import Citation


def document_entry(file: File, summary: DocumentSummary) -> dict[str, Any]:
    """The JSON entry of a summarised document."""
    report = file.report
    citations = [citation_of(number, report, statement) for number, statement in enumerate(summary.statements, start=1)]
    return {
        "path": report.path,
        "kind": "document",
        "status": FileStatus.INDEXED if summary.statements else FileStatus.NO_TEXT,
        "sha256": report.sha256,
        "title": summary.title,
        "pages": summary.pages,
        "pages_without_text": list(summary.pages_without_text),
        "unread": file.unseen,
        "parts": summary.parts,
        "coverage": [asdict(covered) for covered in summary.coverage],
        "terms": [asdict(term) for term in summary.terms],
        "summary": " ".join(f"{item.text} [{number}]" for number, item in enumerate(summary.statements, start=1)),
        "written": [statement.written for statement in summary.statements],
        "dropped_sentences": summary.dropped_sentences,
        "citations": [asdict(citation) for citation in citations],
        "detail": "" if summary.statements else "no page holds text that could be summarised",
    }


def citation_of(number: int, report: FileReport, place: Statement | Place) -> Citation:
    """The citation of a sentence of a summarised file."""
    return Citation(
        number=number,
        path=report.path,
        sha256=report.sha256 or "",
        page=place.page,
        section=place.section,
        start=place.start,
        end=place.end,
        quote=place.quote,
        record=place.record,
        root=report.root,
        ocr=place.page in report.pages_ocr,
    )


def failed_entry(path: str, kind: str, status: FileStatus, detail: str) -> dict[str, Any]:
    """The JSON entry of a file that could not be read."""
    return {"path": path, "kind": kind, "status": status, "detail": detail, "summary": "", "citations": []}


def render_document(entry: Mapping[str, Any]) -> str:
    """A Markdown page for a document's entry."""
    lines = [
        f"# {escape_markdown(entry['title'])}",
        "",
        f"`{escape_markdown(entry['path'])}`, {entry['pages']} pages, SHA-256 `{entry['sha256'][:16]}…`",
        "",
    ]
    sentences = zip(entry["citations"], entry["written"], _sentences(entry), strict=True)
    for citation, written, text in sentences:
        where = f"page {citation['page']}" if citation["page"] else citation["record"] or "text"
        section = f" · {escape_markdown(citation['section'])}" if citation["section"] else ""
        seen = ", read by OCR" if citation["ocr"] else ""
        lines.append(f"- {escape_markdown(text)} *({where}{section}{seen})*")
        if written:
            masked = " *(masked)*" if citation.get("redacted") else ""
            lines += ["", f"  > {escape_markdown(' '.join(citation['quote'].split()))}{masked}", ""]
    lines += ["", f"The summary rests on {len(entry['citations'])} of {entry['parts']} parts."]
    lines += coverage_line(entry["coverage"])
    if entry.get("sent_to"):
        lines.append(escape_markdown(SENT.format(entry["sent_to"])))
    if entry["unread"]:
        lines.append(f"**Not read: {escape_markdown(entry['unread'])}.**")
    if entry["terms"]:
        lines += ["", "## Defined terms", ""]
        for term in entry["terms"]:
            where = f" *(page {term['page']})*" if term["page"] else ""
            lines.append(f"- **{escape_markdown(term['term'])}**: {escape_markdown(term['meaning'])}{where}")
    return "\n".join(lines) + "\n"


def coverage_line(coverage: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which top sections the summary rests on, and which it passes over."""
    named = [covered for covered in coverage if covered["section"]]
    if not named:
        return []
    passed = [covered["section"] for covered in named if not covered["statements"]]
    line = f"It speaks of {len(named) - len(passed)} of {len(named)} sections"
    return [f"{line}; not of: {', '.join(map(escape_markdown, passed))}." if passed else f"{line}."]


def _sentences(entry: Mapping[str, Any]) -> list[str]:
    """The statements of an entry, without their marks."""
    texts, rest = [], str(entry["summary"])
    for number in range(1, len(entry["citations"]) + 1):
        text, _, rest = rest.partition(f" [{number}]")
        texts.append(text.strip())
    return texts


def render_failed(entry: Mapping[str, Any]) -> str:
    """A Markdown page for a file that could not be read."""
    return (
        f"# {escape_markdown(entry['path'])}\n\n**Not read ({entry['status']}):** {escape_markdown(entry['detail'])}\n"
    )


def render_overall(entries: Sequence[Mapping[str, Any]], overall: Mapping[str, Any] | None) -> str:
    """The Markdown page of a batch: what all its logs say together, then every file with a line.

    Args:
        overall: the entry of the logs together; None if no log was read.
    """
    lines = ["# Overall report", "", f"{counted(len(entries), 'file')}.", ""]
    if overall is not None:
        lines += [*render_batch(overall), ""]
    logs = [entry for entry in entries if "events" in entry]
    if logs:
        lines += ["## Logs", "", "| log | format | events | from | to | critical | high | medium | low |"]
        lines += ["|---|---|--:|---|---|--:|--:|--:|--:|", *map(_log_row, logs), ""]
    others = [entry for entry in entries if "events" not in entry]
    if others:
        lines += ["## Files" if not logs else "## Other files", ""]
    for entry in others:
        if entry["status"] == FileStatus.INDEXED:
            text = entry["summary"].split(" [1]")[0]
            lines.append(f"- `{escape_markdown(entry['path'])}`: {escape_markdown(text)}")
        else:
            why = f"**not read ({entry['status']})**, {escape_markdown(entry['detail'])}"
            lines.append(f"- `{escape_markdown(entry['path'])}`: {why}")
    return "\n".join(lines) + "\n"


def _log_row(entry: Mapping[str, Any]) -> str:
    severities = [finding["severity"] for finding in entry["findings"]]
    counts = " | ".join(str(severities.count(severity) or "") for severity in reversed(SEVERITIES))
    period = f"{entry['first'] or ''} | {entry['last'] or ''}"
    form = escape_markdown(entry["format"])
    return f"| `{escape_markdown(entry['path'])}` | {form} | {entry['events']:,} | {period} | {counts} |"
