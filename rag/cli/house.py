"""`rag models`, `rag doctor`: is the house in order?"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from ingest.errors import HostError, ModelError, StrongroomError, UsageError
from rag import __version__, offline
from rag.cli.command import WRITTEN, JsonOption
from rag.config import Settings
from rag.guard.probe import probe, try_other_port
from rag.models.catalogue import CATALOGUE, verify
from rag.term import bold, mark, one_line, say, show, show_json

REACH_SECONDS = 15.0  # until a host counts as silent; a connection is given up after 10
FREE_BYTES = 1 << 30  # an index takes several bytes for each byte of text; below 1 GiB free, say so


def models(
    settings: Settings,
    action: Annotated[
        Literal["list", "export", "import", "tune"],
        typer.Argument(
            help="list: what there is and whether it is sound; export, import: all of it as one file; tune: measure "
            "how the language model is fastest on this machine, and keep that."
        ),
    ] = "list",
    file: Annotated[
        Path | None, typer.Argument(help="The bundle to write or to read.", show_default=False), WRITTEN
    ] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="export: sign with this private key, one of ssh.", show_default=False)
    ] = None,
    signed_by: Annotated[
        Path | None,
        typer.Option("--signed-by", help="import: refuse what this public key did not sign.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Show the models of the catalogue and whether their files are the right ones; carry them to another machine."""
    if (file is None) != (action in ("list", "tune")):
        raise UsageError(
            "Name a file for export and import, and none for list and tune: `rag models export models.tar`."
        )
    if (sign and action != "export") or (signed_by and action != "import"):
        raise UsageError("--sign belongs to export, --signed-by to import.")
    if action == "tune":
        return _tune(settings, as_json)
    if file is None:
        return _list_models(settings, as_json)
    from rag.models import bundle

    if action == "export":
        digest = bundle.write(file.absolute(), settings.models, sign)
        size = file.stat().st_size
        if as_json:
            show_json({"file": str(file), "bytes": size, "sha256": digest, "signed": sign is not None})
        else:
            show(one_line(f"Wrote {file}: {size / 1e6:.0f} MB, {'signed' if sign else 'not signed'}, SHA-256 {digest}"))
        return 0
    done = bundle.read(file.absolute(), settings.models, signed_by)
    if as_json:
        show_json({"models": list(done.models), "signed_by": done.signed_by, "checked": done.checked})
    else:
        show(f"Imported {', '.join(done.models)}; every file is the catalogue's.")
        against = (
            f"as {signed_by} asks for" if done.checked else "whosever that is: name the one you trust by --signed-by"
        )
        show(one_line(f"Signed by {done.signed_by}, {against}." if done.signed_by else "The bundle is not signed."))
    return 0


def _tune(settings: Settings, as_json: bool) -> int:
    from rag.models.tune import tune

    if settings.language_model is not None:
        raise UsageError("Only the catalogue's language model is tuned; leave --language-model out.")
    chosen, measured = tune(settings.models, say)
    if as_json:
        rows = [asdict(way) | {"seconds": way.seconds} for way in measured]
        show_json({"chosen": asdict(chosen.choice), "measured": rows})
        return 0
    default = measured[0]
    for way in measured:
        same = "the same answers" if way.answers == default.answers else mark("other answers")
        show(
            f"{way.seconds:6.2f} s  {way.prefill:5.0f} tokens a second read, {way.decode:4.0f} written, perplexity "
            f"{way.perplexity:.2f}, {same}  {way.choice}"
        )
    show(f"Chosen: {chosen.choice}{' (the default: nothing is clearly faster)' if chosen is default else ''}.")
    return 0


def _list_models(settings: Settings, as_json: bool) -> int:
    from rag.models.choice import recall

    rows = []
    for entry in CATALOGUE:
        try:
            folder, problem = str(verify(entry, models=settings.models)), ""
        except ModelError as error:
            folder, problem = "", str(error)
        rows.append(
            {
                "name": entry.name,
                "kind": entry.kind,
                "licence": entry.licence,
                "source": entry.source,
                "package": entry.package,
                "folder": folder,
                "files": entry.files,
                "runs": str(recall(settings.models, *entry.files.values())) if entry.kind == "language" else "",
                "sound": not problem,
                "problem": problem,
            }
        )
    named = {
        "embedding": settings.embedding_model,
        "reader": settings.reader_model,
        "language": settings.language_model,
    }
    if as_json:
        show_json({"models": rows, "named": {kind: str(path) for kind, path in named.items() if path}})
    else:
        for row in rows:
            show(f"{bold(str(row['name']))}  {row['kind']}, {row['licence']}, from package {row['package']}")
            show(f"  {'files verified in ' + str(row['folder']) if row['sound'] else mark(str(row['problem']))}")
            if row["runs"]:
                show(f"  runs as {row['runs']}; `rag models tune` measures what is fastest here")
        for kind, path in named.items():
            if path:
                show(f"{bold(str(path))}  {kind}, named by you: used instead, not verified")
    return 0 if all(row["sound"] for row in rows) else ModelError.exit_code


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    good: bool
    detail: str


def doctor(
    settings: Settings,
    prove: Annotated[
        bool, typer.Option("--prove", help="Run the program on a small corpus, watched, and report what it asked for.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="With --prove: write the report to this file, and as .json beside it."),
        WRITTEN,
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="With --prove: a folder of documents of your own.", exists=True, file_okay=False),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Check the machine, the models and the offline guard, and say what to do; or prove that nothing leaves."""
    if prove:
        return _prove(settings, out, corpus, as_json)
    if out or corpus:
        raise UsageError("--out and --corpus belong to a proof; give --prove, too.")
    findings = [
        *_machine(),
        *_home(settings),
        *_encryption(settings),
        *_models(settings),
        *_guard(),
        *_allowed(settings),
    ]
    if as_json:
        show_json({"version": __version__, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            show(f"{'ok  ' if finding.good else mark('BAD ')} {finding.what}: {one_line(finding.detail)}")
    return 0 if all(finding.good for finding in findings) else StrongroomError.exit_code


def _prove(settings: Settings, out: Path | None, corpus: Path | None, as_json: bool) -> int:
    from rag import proof_report
    from rag.batch import write_file
    from rag.prove import prove
    from rag.vault import header

    if out is not None and out.suffix == ".json":
        raise UsageError(f"{out}: the report is Markdown, its .json comes beside it; name a file such as proof.md.")
    if corpus is not None and header.read(settings.home) is not None:
        raise UsageError(
            f"{settings.home} is encrypted, and a proof indexes --corpus in plain for as long as it runs; name another "
            "home with --home DIR."
        )
    proof = prove(settings, corpus.absolute() if corpus else None, say)
    found = proof_report.as_json(proof)
    if out is not None:
        write_file(out, proof_report.markdown(proof))
        write_file(out.with_suffix(".json"), json.dumps(found, indent=2) + "\n")
        say(one_line(f"Wrote {out} and {out.with_suffix('.json').name}."))
    if as_json:
        show_json(found)
    elif out is None:
        show(proof_report.markdown(proof))
    else:
        show(proof_report.verdict(proof))
    return 0 if found["proven"] else StrongroomError.exit_code


def _machine() -> list[Finding]:
    from rag.models.network import usable_cores

    version = ".".join(map(str, sys.version_info[:3]))
    return [Finding("machine", True, f"{platform.platform()}, Python {version}, {usable_cores()} usable cores")]


def _home(settings: Settings) -> list[Finding]:
    place = next(folder for folder in [settings.home, *settings.home.parents] if folder.exists())
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = settings.home / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return [Finding("home", False, f"{settings.home} cannot be written ({error.strerror}); use --home DIR")]
    free = shutil.disk_usage(place).free
    enough = free >= FREE_BYTES
    advice = "" if enough else "; free some space before you ingest"
    return [Finding("home", enough, f"{settings.home}, {free / 1e9:.1f} GB free{advice}")]


def _encryption(settings: Settings) -> list[Finding]:
    """What can be said of it without the passphrase."""
    from rag.vault import header

    try:
        found = header.read(settings.home)
    except StrongroomError as error:
        return [Finding("encryption", False, str(error))]
    if found is None:
        return [Finding("encryption", True, "none; `rag encrypt` encrypts the home, an encrypted disk does the same")]
    if found.state != "encrypted":
        return [Finding("encryption", False, f"`rag {found.state.removesuffix('ing')}` was cut off; run it again")]
    memory = found.memory >> 20
    return [Finding("encryption", True, f"AES-256; each try of a passphrase takes scrypt {memory} MiB of memory")]


def _models(settings: Settings) -> list[Finding]:
    findings = []
    for entry in CATALOGUE:
        try:
            verify(entry, models=settings.models)
            findings.append(Finding(f"{entry.kind} model", True, f"{entry.name}, SHA-256 as in the catalogue"))
        except ModelError as error:
            findings.append(Finding(f"{entry.kind} model", False, str(error)))
    return findings


def _guard() -> list[Finding]:
    layers = [Finding(f"offline, {layer.name}", layer.holds, layer.detail) for layer in offline.layers()]
    trials = [Finding(f"tried: {trial.name}", trial.refused, trial.detail) for trial in probe()]
    return layers + trials


def _allowed(settings: Settings) -> list[Finding]:
    """Hosts that config.toml names, who of them answers, and whether any other is kept out. Sends nothing."""
    findings = []
    for host in offline.allowed():
        where = f"{host.address}, port {host.port}; " if not host.name.startswith(host.address) else ""
        try:
            offline.connect(host.name, REACH_SECONDS).close()
            findings.append(Finding("allowed host", True, f"{host.name}: {where}answers"))
        except HostError as error:
            findings.append(Finding("allowed host", False, f"{where}{error}"))
    if settings.remote:
        how = "encrypted" if settings.remote.encrypted else "NOT ENCRYPTED, as config.toml asks for"
        findings.append(Finding("words from", True, f"{settings.remote.name} at {settings.remote.host}, {how}"))
    if offline.allowed():
        trial = try_other_port(lambda host: offline.connect(host, REACH_SECONDS, trial=True), offline.allowed())
        findings.append(Finding(f"tried: {trial.name}", trial.refused, trial.detail))
    return findings
