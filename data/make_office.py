"""Makes the sample office: the documents and logs of an invented company, and the questions to ask of them.

    python data/make_office.py      writes office/, questions.jsonl, incidents.json and incidents.md in data/

Run twice, it writes the same bytes. Everything is invented; the sources are in data/source.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from source import authlog, cloudtrail, lims, questions
from source.events import Log
from source.markup import load
from source.pdf import write_pdf
from source.scan import write_scan

DATA = Path(__file__).resolve().parent
SOURCE = DATA / "source"
BOARD_PASSWORD = "Kingsmere-Larch-47"  # also in data/README.md: the file shows what happens with a password, no secret


def write_documents(office: Path) -> None:
    """Write the policies, the protected briefing, the scanned record and the plain files."""
    for document in load(SOURCE / "policies"):
        write_pdf(document, office / "policies" / f"{document.stem}.pdf")
    for document in load(SOURCE / "board"):
        write_pdf(document, office / "board" / f"{document.stem}.pdf", password=BOARD_PASSWORD)
    write_scan(SOURCE / "scan.toml", office / "records" / "site-inspection-saltbridge-2026-02-19.pdf")
    for path in sorted((SOURCE / "files").rglob("*.*")):
        target = office / path.relative_to(SOURCE / "files")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def write_logs(office: Path) -> list[Log]:
    """Write the three logs and return them with their planted incidents."""
    logs = [cloudtrail.build(), authlog.build(), lims.build()]
    for log in logs:
        (office / "logs" / log.name).write_bytes(("\n".join(log.lines) + "\n").encode())
    return logs


def ranges(numbers: Sequence[int]) -> str:
    """Return line numbers as people write them: "3-5, 9"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def write_incidents(logs: Sequence[Log], folder: Path) -> None:
    """Write incidents.json for programs and incidents.md for people, from the true line numbers."""
    found: list[dict[str, Any]] = []
    text = [
        "# Planted incidents",
        "",
        "Written by `make_office.py` from the true line numbers (1-based). A summary of the logs should find these;",
        "all other failures in the logs are everyday noise.",
    ]
    for log in logs:
        text += ["", f"## logs/{log.name}", "", f"{len(log.lines):,} lines.", ""]
        text += ["| id | severity | what | lines | why it matters |", "|---|---|---|---|---|"]
        for incident in log.incidents:
            lines = log.found[incident.id]
            found.append(
                {
                    "id": incident.id,
                    "file": f"logs/{log.name}",
                    "title": incident.title,
                    "kind": incident.kind,
                    "severity": incident.severity,
                    "lines": list(lines),
                    "why": incident.why,
                }
            )
            text.append(
                f"| {incident.id} | {incident.severity} | {incident.title} | {ranges(lines)} | {incident.why} |"
            )
    (folder / "incidents.json").write_bytes((json.dumps(found, indent=1) + "\n").encode())
    (folder / "incidents.md").write_bytes(("\n".join(text) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the office anew, below data/ or below the folder given with --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write into (default: data/)")
    out: Path = parser.parse_args(arguments).out
    office = out / "office"
    if office.exists():
        shutil.rmtree(office)  # a file whose source is gone must not stay
    for name in ("policies", "board", "records", "logs"):
        (office / name).mkdir(parents=True)
    write_documents(office)
    write_incidents(write_logs(office), out)
    asked = questions.build(SOURCE / "questions.toml", office)
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in asked)
    (out / "questions.jsonl").write_bytes(lines.encode())
    files = [path for path in office.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files):,} bytes, {len(asked)} questions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
