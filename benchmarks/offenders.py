"""Are ten planted offenders stopped, and is each told by name? Each with the guard and without it.

    python benchmarks/offenders.py [--allowed 127.0.0.1:9]

Every offender of tests/offenders.py runs twice, in an empty network namespace under strace: without the guard, where it
has to ask the kernel for an internet socket (else it would prove nothing), and behind the guard. "Given" are sockets
that the kernel gave; "told" is who was reported, by which layer. With --allowed the guard is told that config.toml
allows a host: the very one that most of them reach for.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import ROOT, headline, table

sys.path.insert(0, str(ROOT))

from rag.guard import namespace, trace
from tests.offenders import OFFENDERS, guarded, unguarded

GIVEN = re.compile(r"\bsocket\(AF_(?!UNIX).*\) = \d+$|resumed>\) += \d+$", re.MULTILINE)


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--allowed", default="", metavar="HOST", help="a host that is allowed meanwhile")
    options = parser.parse_args()
    strace, why = trace.strace()
    if not strace:
        sys.exit(f"{why}; install it, the controls need it.")
    apart = namespace.refusal()
    print(headline("Ten offenders"))
    print(f"Network: {apart or 'an empty namespace'}.\n")
    rows: list[list[object]] = []
    stopped = 0
    for offender in OFFENDERS:
        free, _ = _run(strace, unguarded(offender), apart == "")
        log, reported = _run(strace, guarded(offender, options.allowed), apart == "")
        asked, given = trace.read_text(free).internet, len(GIVEN.findall(log))
        told = [f"{layer}: {_short(caller)}" for layer, _, _, caller in reported]
        named = any(offender.names in caller for *_, caller in reported)
        stopped += asked > 0 and given == 0 and named
        rows.append([offender.name, asked, given, ", ".join(dict.fromkeys(told))])
    print(table(["offender", "internet sockets asked for without the guard", "given behind it", "told"], rows))
    print(f"\nStopped and told: {stopped} of {len(OFFENDERS)}")


def _short(caller: str) -> str:
    """A caller without the folders of its files."""
    return re.sub(r"/\S*/", "", caller)


def _run(strace: str, program: str, apart: bool) -> tuple[str, list[list[str]]]:
    """The trace, and what the guard reported."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "trace.log")
        done = subprocess.run(
            trace.traced(strace, log, [sys.executable, "-c", program]),
            preexec_fn=namespace.enter if apart else None,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=300,
        )
        text = log.read_text(encoding="utf-8", errors="replace")
    last = (done.stdout.splitlines() or [""])[-1]
    return text, json.loads(last.removeprefix("REPORT ")) if last.startswith("REPORT ") else []


if __name__ == "__main__":
    main()
