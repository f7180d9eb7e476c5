"""How well logs are read: templates against loghub's truth, lines accounted for, findings.

    python benchmarks/logs.py [--bench ../shared/bench] [--only audit-events] [--split held]

Grouping accuracy (Zhu et al., Tools and Benchmarks for Automated Log Parsing, ICSE-SEIP 2019): the share of lines whose
template holds exactly the lines of their true template. It is taken end to end, from the raw log: the program finds the
layout itself and is not given the message.

The audit events are split by the SHA-256 of each event: two thirds (`dev`) to write rules by, a third (`held`) to
report.
"""

import argparse
import csv
import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest.logs.facts import LogFacts, analyse

ROOT = Path(__file__).resolve().parent.parent
SEVERE = ("high", "critical")


def main() -> None:
    """Print one table for each measure whose data is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / ".." / "shared" / "bench")
    parser.add_argument("--only", choices=("loghub", "audit-events", "incidents"), help="one table, not all")
    parser.add_argument("--split", choices=("all", "dev", "held"), default="all", help="part of the audit events")
    arguments = parser.parse_args()
    if arguments.only in (None, "loghub"):
        loghub(arguments.bench / "loghub")
    if arguments.only in (None, "audit-events"):
        audit_events(arguments.bench / "audit-events" / "events.jsonl", arguments.split)
    if arguments.only in (None, "incidents"):
        incidents(ROOT / "data" / "incidents.json")


def loghub(folder: Path) -> None:
    """Grouping accuracy and the accounting of lines, system by system."""
    logs = sorted(folder.glob("*/*.log"))
    if not logs:
        print(f"no loghub under {folder}\n")
        return
    print(f"{'system':<14}{'format':<28}{'GA':>8}{'templates':>11}{'true':>6}  lines")
    accuracies = []
    for log in logs:
        facts = analyse(log, log.name, every_line=True)
        with next(log.parent.glob("*_structured.csv")).open(encoding="utf-8", newline="") as file:
            truth = {int(row["LineId"]): row["EventId"] for row in csv.DictReader(file)}
        accuracy = grouping_accuracy(truth, facts)
        accuracies.append(accuracy)
        print(
            f"{log.parent.name:<14}{facts.format:<28}{accuracy:>8.4f}{len(facts.templates):>11}"
            f"{len(set(truth.values())):>6}  {accounting(log, facts)}"
        )
    print(f"{'mean':<42}{sum(accuracies) / len(accuracies):>8.4f}; worst {min(accuracies):.4f}\n")


def grouping_accuracy(truth: dict[int, str], facts: LogFacts) -> float:
    """Share of lines, 0..1, whose template has exactly the lines of their true one."""
    groups: dict[str, set[int]] = defaultdict(set)
    for line, name in truth.items():
        groups[name].add(line)
    true = {frozenset(lines) for lines in groups.values()}
    found = (frozenset(template.lines) for template in facts.templates)
    return sum(len(lines) for lines in found if lines in true) / len(truth)


def accounting(log: Path, facts: LogFacts) -> str:
    """`exact`, or what does not add up."""
    raw = log.read_bytes()
    lines = raw.count(b"\n") + (not raw.endswith(b"\n") and bool(raw))
    wrong = []
    if facts.lines != lines:
        wrong.append(f"{facts.lines} lines counted, {lines} there")
    if facts.event_lines + facts.blank_lines + facts.unparsed_lines != facts.lines:
        wrong.append("event, blank and unparsed lines do not add up")
    if sum(template.count for template in facts.templates) != facts.events:
        wrong.append("templates do not add up to events")
    return "; ".join(wrong) or f"exact ({facts.unparsed_lines} unparsed)"


def held_back(event: str) -> bool:
    """Whether an event, as canonical JSON, is of the third that no rule was written by."""
    return int(hashlib.sha256(event.encode()).hexdigest(), 16) % 3 == 0


def audit_events(path: Path, split: str) -> None:
    """Recall and specificity of "a finding of medium or more", each event judged by itself.

    Events of alerts of low or info severity, and events that carry both labels, are left out.
    """
    if not path.is_file():
        print(f"no audit events at {path}\n")
        return
    labels: dict[str, set[bool]] = defaultdict(set)
    with path.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            if not (row["alert"] and row["severity"] in ("Low", "Info")):
                labels[json.dumps(row["event"], sort_keys=True)].add(row["alert"])
    events = [
        (event, alert.pop())
        for event, alert in labels.items()
        if len(alert) == 1 and (split == "all" or held_back(event) == (split == "held"))
    ]
    hits = {True: 0, False: 0}
    totals = {True: 0, False: 0}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "event.jsonl"
        for event, alert in events:
            log.write_text(event + "\n", encoding="utf-8")
            facts = analyse(log, log.name)
            totals[alert] += 1
            hits[alert] += any(finding.severity != "low" for finding in facts.findings)
    recall, specificity = hits[True] / totals[True], 1 - hits[False] / totals[False]
    print(f"audit events, {split}: {totals[True]} alerts, {totals[False]} benign")
    print(f"recall {recall:.3f}, specificity {specificity:.3f} (a keyword list: .79, .27)\n")


def incidents(path: Path) -> None:
    """Planted incidents of the sample office: found, and grave findings that touch none."""
    if not path.is_file():
        print(f"no planted incidents at {path}\n")
        return
    planted: dict[str, list[dict[str, object]]] = defaultdict(list)
    for incident in json.loads(path.read_text(encoding="utf-8")):
        planted[incident["file"]].append(incident)
    found = total = 0
    false_alarms: list[str] = []
    for name, incidents_of_file in planted.items():
        facts = analyse(path.parent / "office" / name, name)
        touched = _lines(finding.lines for finding in facts.findings if finding.severity != "low")
        every: set[int] = set()
        for incident in incidents_of_file:
            lines = set(incident["lines"])  # type: ignore[call-overload]
            every |= lines
            total += 1
            found += bool(lines & touched)
            if not lines & touched:
                print(f"missed: {incident['id']} {incident['title']}")
        false_alarms += [f.title for f in facts.findings if f.severity in SEVERE and not every & set(f.lines)]
    print(f"planted incidents found: {found} of {total}; high or critical false alarms: {len(false_alarms)}")
    print("".join(f"  {title}\n" for title in false_alarms))


def _lines(groups: Iterable[Sequence[int]]) -> set[int]:
    return set().union(*map(set, groups))


if __name__ == "__main__":
    main()
