"""A proof as a report that a person can hand over: Markdown to read, JSON to process. Finds nothing itself."""

from dataclasses import asdict
from typing import Any

from rag.guard.trace import LOCAL
from rag.prove import Proof, Step
from rag.term import one_line

_REPEAT = """## Check it without us

Nothing above has to be believed. With tools of the system alone:

    strace -f -e trace=socket -o trace.log rag ask "Who approves exceptions?"
    grep -c -v AF_UNIX trace.log             # 0: no socket of any family but AF_UNIX was asked for
    unshare --map-current-user --net rag ask "Who approves exceptions?"    # no network is there at all: the same answer
    sha256sum …                              # the models' files, against the list above

"""

_LIMITS = """## What this does not show

Services of this machine that are reached through a Unix socket with a path may talk to the network for others; those
that were asked for are listed above. What was not run was not watched: this is a proof about these commands, on this
machine, on that day. Other programs of the same user are not looked at.
"""


def as_json(proof: Proof) -> dict[str, Any]:
    """The proof as JSON takes it."""
    found = asdict(proof)
    found["internet_sockets"] = proof.internet_sockets
    found["control_seen"] = proof.control_seen
    found["problems"] = list(proof.problems)
    found["proven"] = not proof.problems
    return found


def markdown(proof: Proof) -> str:
    """The proof as Markdown; names that came from outside are escaped."""
    watched = "strace and the kernel" if not proof.tracer else f"the kernel alone ({proof.tracer})"
    where = "in an empty network namespace" if not proof.namespace else f"in the machine's network ({proof.namespace})"
    lines = [
        "# What Strongroom asked the network for",
        "",
        f"**{verdict(proof)}**",
        "",
        f"{proof.when}. {proof.machine}. Documents: {proof.corpus}. Watched by {watched}; run {where}.",
        "",
        *(f"- Problem: {problem}" for problem in proof.problems),
        *([""] if proof.problems else []),
        "## Commands",
        "",
        "| command | exit code | seconds | internet sockets asked for | local sockets | refused by the kernel |",
        "|---|---|---|---|---|---|",
        *map(_row, (proof.control, *proof.steps)),
        "",
        "The first line is the control: a program that does try. Whoever watches has to see it.",
        "",
        *_refusals(proof),
        "## Layers",
        "",
        *(f"- {layer.name}: {'holds' if layer.holds else 'DOES NOT HOLD'}; {layer.detail}" for layer in proof.layers),
        *(f"- tried, {trial.name}: {trial.detail}" for trial in proof.trials),
        "",
        "## Versions and hashes",
        "",
        *(f"- {name} {number}" for name, number in proof.versions.items()),
        f"- the program itself (all files of `rag/` and `ingest/`): SHA-256 `{proof.program_sha256}`",
        *(f"- `{path}`: SHA-256 `{digest}`" for path, digest in proof.models.items()),
        "",
    ]
    return "\n".join(one_line(line) for line in lines) + "\n" + _REPEAT + _LIMITS


def verdict(proof: Proof) -> str:
    """One sentence."""
    if proof.problems:
        return f"Not proven: {len(proof.problems)} problem{'s' if len(proof.problems) > 1 else ''}, see below."
    return f"{len(proof.steps)} commands asked for {proof.internet_sockets} internet sockets."


def _row(step: Step) -> str:
    if step.sockets is None:
        internet, local = "not traced", "not traced"
    else:
        internet = str(step.sockets.internet)
        local = str(sum(count for family, count in step.sockets.families.items() if family in LOCAL))
    refused = sum(attempt.count for attempt in step.refused)
    cells = (f"`{step.command}`", step.code, step.seconds, internet, local, refused)
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def _refusals(proof: Proof) -> list[str]:
    """Who tried, and which services of the machine were asked for."""
    lines = [f"- `{step.command}`: {entry.sentence}" for step in proof.steps for entry in step.refused]
    services = sorted({path for step in proof.steps if step.sockets for path in step.sockets.services})
    if any(step.sockets for step in proof.steps):
        lines.append(f"- Unix sockets of other programs asked for: {', '.join(services) or 'none'}")
        rings = sum(step.sockets.rings for step in proof.steps if step.sockets)
        lines.append(f"- io_uring instances asked for: {rings} (refused: a socket could be opened through one unseen)")
    return [*lines, ""] if lines else []
