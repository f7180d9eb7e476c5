"""Checks the sample office against itself: texts, questions, planted incidents, and remaking byte for byte.

    python data/check_office.py     prints counts; exit code 1 and a list of faults if something is wrong

It reads the finished files, not the generator's memory: what it confirms is what a customer sees.
"""

from __future__ import annotations

import csv
import filecmp
import itertools
import json
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import make_office
import pypdfium2  # type: ignore[import-untyped, unused-ignore]
from source.questions import split_of
from source.texts import normalise, pages_of

DATA = Path(__file__).resolve().parent
OFFICE = DATA / "office"
SCAN = OFFICE / "records" / "site-inspection-saltbridge-2026-02-19.pdf"
BOARD = OFFICE / "board" / "board-risk-briefing-2026-q1.pdf"
PAGES = range(4, 13)  # of a policy
LOG_LINES = range(1000, 4001)
MOST_BYTES = 4_000_000  # of data/office, so that the sample stays a quick download

# What each incident's lines must show, whatever the generator believes: (pattern of a line, fewest lines with it).
EXPECTED: dict[str, list[tuple[str, int]]] = {
    "CT-1": [(r'"type":"Root".*"eventName":"ConsoleLogin".*"MFAUsed":"No"', 1)],
    "CT-2": [(r'"sourceIPAddress":"198\.51\.100\.66".*"ConsoleLogin":"Failure"', 30)],
    "CT-3": [(r'"sourceIPAddress":"198\.51\.100\.23".*"errorCode":"AccessDenied"', 40)],
    "CT-4": [(r'"eventName":"CreateAccessKey"', 1), (r'"eventName":"AttachUserPolicy".*AdministratorAccess', 1)],
    "CT-5": [(r'"eventName":"StopLogging"', 1), (r'"eventName":"StartLogging"', 1)],
    "CT-6": [(r'"eventName":"PutBucketPolicy".*"Principal":"\*"', 1), (r'"accountId":"anonymous"', 20)],
    "AU-1": [(r"Failed password for .* from 203\.0\.113\.45", 60), (r"Accepted password for tvance from 203\.0", 1)],
    "AU-2": [(r"NOT in sudoers", 2), (r"add 'hdale' to group 'sudo'", 1), (r"hdale : TTY.*COMMAND=/bin/bash", 1)],
    "AU-3": [(r"new user: name=sysupd, UID=0", 1), (r"Accepted password for sysupd", 1)],
    "AU-4": [(r"rsyslogd.*exiting", 1), (r"rsyslogd.*start", 1)],
    "AU-5": [(r"Accepted \w+ for jmbeki from 10\.", 1), (r"Accepted \w+ for jmbeki from 198\.51\.100\.140", 1)],
    "LI-1": [(r",ahussain,.*,10\.10\.12\.31,", 5), (r",ahussain,.*,10\.20\.12\.60,", 5)],
    "LI-2": [(r"^2026-03-06T0[1-3]:.*,dkovac,.*,AMEND_RESULT,.*status=authorised", 14)],
    "LI-3": [(r",rbeaumont,.*,ENTER_RESULT,", 3), (r",rbeaumont,.*,AUTHORISE_RESULT,", 3)],
    "LI-4": [(r"AUDIT_TRAIL enabled->disabled", 1), (r"AUDIT_TRAIL disabled->enabled", 1)],
    "LI-5": [(r",pwhitlow,.*,EXPORT,patient-list,.*records=401", 12)],
}
UNIQUE = (
    "CT-1",
    "CT-2",
    "CT-3",
    "CT-4",
    "CT-5",
    "CT-6",
    "AU-1",
    "AU-2",
    "AU-3",
    "AU-4",
    "LI-2",
    "LI-4",
    "LI-5",
)  # no line like theirs elsewhere
GAPS = ("CT-5", "AU-4", "LI-4")  # nothing may stand between the two lines of these


def check_documents() -> Iterator[str]:
    """Yield a fault for each PDF that is not as data/README.md says."""
    policies = sorted((OFFICE / "policies").glob("*.pdf"))
    if len(policies) < 12:
        yield f"only {len(policies)} policies"
    for path in policies:
        pages = pages_of(path)
        if len(pages) not in PAGES:
            yield f"{path.name}: {len(pages)} pages"
        for number, text in enumerate(pages, start=1):
            if f"Page {number} of {len(pages)}" not in text:
                yield f"{path.name}: page {number} has no footer"
        if len(pages[-1]) < 300:
            yield f"{path.name}: the last page is almost empty"
    scanned = pages_of(SCAN)
    if len(scanned) != 3 or any(scanned):
        yield f"{SCAN.name}: must have 3 pages without text"
    try:
        pages_of(BOARD)
        yield f"{BOARD.name}: opens without its password"
    except pypdfium2.PdfiumError:
        pass
    with pypdfium2.PdfDocument(BOARD, password=make_office.BOARD_PASSWORD) as document:
        if "Lapwing" not in " ".join(page.get_textpage().get_text_range() for page in document):
            yield f"{BOARD.name}: has no text behind its password"
    size = sum(path.stat().st_size for path in OFFICE.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        yield f"the office has {size:,} bytes"


def check_versions() -> Iterator[str]:
    """Yield a fault for each listed difference between the two versions that the files do not show."""
    differences = tomllib.loads((DATA / "source" / "remote_access_differences.toml").read_text(encoding="utf-8"))
    texts = {
        side: " ".join(pages_of(OFFICE / "policies" / f"remote-access-policy-{version}.pdf"))
        for side, version in (("old", "v2.0"), ("new", "v3.1"))
    }
    for difference in differences["difference"]:
        for side, other in (("old", "new"), ("new", "old")):
            wording = difference[side]
            if wording and (wording not in texts[side] or wording in texts[other]):
                yield f"remote access, {difference['topic']}: the {side} wording is not where it should be"


def check_question(question: dict[str, Any]) -> Iterator[str]:
    """Yield a fault for each thing wrong with one question."""
    name = question["id"]
    if question["split"] != split_of(name):
        yield f"{name}: wrong split"
    if question["kind"] == "unanswerable":
        if question["evidence"] or not question["why"]:
            yield f"{name}: an unanswerable question has a reason and no evidence"
        if question.get("requires") != "password":
            text = " ".join(pages_of(OFFICE / question["near"]))
            for pattern in question["checked"]:
                if re.search(pattern, text, re.IGNORECASE):
                    yield f"{name}: {question['near']} does contain {pattern}"
        return
    for evidence in question["evidence"]:
        if question.get("requires") == "ocr":
            form = normalise((DATA / "source" / "scan.toml").read_text(encoding="utf-8"))
            if evidence["quote"] not in form:
                yield f"{name}: the scanned form does not say {evidence['quote']!r}"
            continue
        pages = pages_of(OFFICE / evidence["file"])
        page = evidence["page"]
        if (page is None) == evidence["file"].endswith(".pdf"):
            yield f"{name}: only a PDF has pages"
        elif normalise(evidence["quote"]) not in pages[(page or 1) - 1]:
            yield f"{name}: page {page} of {evidence['file']} does not say {evidence['quote']!r}"
        if "record" in evidence and not _record_says(evidence):
            yield f"{name}: record {evidence['record']} does not say {evidence['quote']!r}"
    yield from _check_patterns(question)


def _check_patterns(question: dict[str, Any]) -> Iterator[str]:
    """Hold the patterns against the answer, and against the quotes, as an answer may be made of quotations alone."""
    groups: dict[int, list[str]] = {}
    for evidence in question["evidence"]:
        groups.setdefault(evidence["group"], []).append(normalise(evidence["quote"]))
    right = {"answer": question["answer"]}
    right |= {
        f"evidence {n}": " ".join(quotes) for n, quotes in enumerate(itertools.product(*groups.values()), start=1)
    }
    for what, text in right.items():
        for pattern in question["answer_patterns"]:
            if not re.search(pattern, text, re.IGNORECASE):
                yield f"{question['id']}: {pattern} does not match the {what}"
        for pattern in question.get("reject_patterns", []):
            if re.search(pattern, text, re.IGNORECASE):
                yield f"{question['id']}: {pattern} rejects the {what}"


def _record_says(evidence: dict[str, Any]) -> bool:
    lines = (OFFICE / evidence["file"]).read_text(encoding="utf-8").splitlines()
    records = {record["id"]: record["text"] for record in map(json.loads, lines)}
    return evidence["quote"] in records.get(evidence["record"], "")


def _questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def check_questions() -> Iterator[str]:
    """Yield the faults of all questions, and of their number."""
    questions = _questions()
    for question in questions:
        yield from check_question(question)
    ids = Counter(question["id"] for question in questions)
    yield from (f"{name}: used {count} times" for name, count in ids.items() if count > 1)
    unanswerable = sum(question["kind"] == "unanswerable" for question in questions)
    if len(questions) - unanswerable < 50 or unanswerable < 25:
        yield f"{len(questions) - unanswerable} answerable and {unanswerable} unanswerable questions are too few"
    two_groups = sum(len({evidence["group"] for evidence in question["evidence"]}) > 1 for question in questions)
    if two_groups < 4:
        yield f"only {two_groups} questions need two groups of evidence"


def check_logs() -> Iterator[str]:
    """Yield a fault for each incident whose lines do not show it, and for each log of the wrong size or shape."""
    lines = {
        f"logs/{path.name}": path.read_text(encoding="utf-8").splitlines()
        for path in sorted((OFFICE / "logs").iterdir())
    }
    for name, content in lines.items():
        if len(content) not in LOG_LINES:
            yield f"{name}: {len(content)} lines"
    for number, line in enumerate(lines["logs/cloudtrail-2026-03.jsonl"], start=1):
        if "eventTime" not in json.loads(line):
            yield f"cloudtrail: line {number} has no time"
    rows = list(csv.reader(lines["logs/lims-audit.csv"]))
    yield from (f"lims: line {number} is ragged" for number, row in enumerate(rows, start=1) if len(row) != 8)
    incidents = json.loads((DATA / "incidents.json").read_text(encoding="utf-8"))
    for incident in incidents:
        shown = [lines[incident["file"]][number - 1] for number in incident["lines"]]
        for pattern, fewest in EXPECTED[incident["id"]]:
            count = sum(bool(re.search(pattern, line)) for line in shown)
            if count < fewest:
                yield f"{incident['id']}: {count} lines match {pattern}, {fewest} expected"
        if incident["id"] in GAPS and incident["lines"][1] != incident["lines"][0] + 1:
            yield f"{incident['id']}: something was recorded while recording was off"
        # The incident's own signature must not occur elsewhere, or the ground truth would be incomplete.
        inside = set(incident["lines"])
        for pattern, _ in EXPECTED[incident["id"]]:
            outside = [
                number
                for number, line in enumerate(lines[incident["file"]], start=1)
                if number not in inside and re.search(pattern, line)
            ]
            if outside and incident["id"] in UNIQUE:
                yield f"{incident['id']}: also in lines {outside[:5]}"
    if {incident["id"] for incident in incidents} != set(EXPECTED):
        yield "incidents.json does not list the expected incidents"


def check_separation_of_duties() -> Iterator[str]:
    """Yield a fault for each result, outside incident LI-3, that one person both entered and authorised."""
    incidents = json.loads((DATA / "incidents.json").read_text(encoding="utf-8"))
    planted = {number for incident in incidents if incident["id"] == "LI-3" for number in incident["lines"]}
    entered: dict[str, str] = {}
    with (OFFICE / "logs" / "lims-audit.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            if row["action"] == "ENTER_RESULT":
                entered[row["object"]] = row["user"]
            own = row["action"] == "AUTHORISE_RESULT" and entered.get(row["object"]) == row["user"]
            if own and row["outcome"] == "success" and number not in planted:
                yield f"lims: line {number} is an unplanned self-authorisation"


def check_remake() -> Iterator[str]:
    """Yield a fault for each file that a second run of the generator writes differently."""
    with tempfile.TemporaryDirectory() as folder:
        make_office.main(["--out", folder])
        again = Path(folder)
        names = [path.relative_to(again) for path in sorted(again.rglob("*")) if path.is_file()]
        for name in names:
            if not (DATA / name).exists() or not filecmp.cmp(DATA / name, again / name, shallow=False):
                yield f"{name}: a second run writes something else"
        kept = {path.relative_to(DATA) for path in OFFICE.rglob("*") if path.is_file()}
        yield from (f"{name}: nothing makes this file" for name in sorted(kept - set(names)))


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (
    check_documents,
    check_versions,
    check_questions,
    check_logs,
    check_separation_of_duties,
    check_remake,
)


def main() -> int:
    """Run every check; print faults and counts; return the exit code."""
    faults = 0
    for check in CHECKS:
        found = list(check())
        faults += len(found)
        print(f"{'ok  ' if not found else 'FAIL'} {check.__name__.removeprefix('check_')}")
        for fault in found:
            print(f"     {fault}")
    questions = _questions()
    for split in ("dev", "report"):
        kinds = Counter(question["kind"] for question in questions if question["split"] == split)
        print(f"{split}: {sum(kinds.values())} questions: " + ", ".join(f"{k} {n}" for k, n in sorted(kinds.items())))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
