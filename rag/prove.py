"""`rag doctor --prove`: runs the program on a small corpus while others watch, and says what they saw.

Each command is a process of its own, started as a user would start it, and watched twice: by strace, where there is
one, from outside; and by the kernel, whose refusals the guard's watcher writes down. Where the system allows it they
run in an empty network namespace besides. So that "nothing was seen" means something, a control is run first that does
try to open an internet socket: both have to see it. What is made of the findings is `rag/proof_report.py`'s affair.
"""

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rag import __version__, offline
from rag.config import Settings
from rag.guard import namespace, trace
from rag.guard.probe import probe
from rag.guard.trace import Sockets
from rag.guard.types import Attempt, Layer, Trial
from rag.models.catalogue import CATALOGUE, verify

SAMPLE = Path(__file__).with_name("sample")
QUESTION = "How soon is a security incident reported?"
STEP_SECONDS = 1800.0  # a step that takes longer is killed; the first one may convert models, under strace

_PROGRAM = "import sys; sys.argv[0] = 'rag'; from rag.cli import main; main()"
_CONTROL = "import socket; socket.socket()"
_PACKAGES = (
    "chromadb",
    "llama-cpp-python",
    "onnxruntime",
    "rapidocr",
    "sentence-transformers",
    "torch",
    "transformers",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what was seen of it."""

    command: str  # as a person would type it
    code: int  # its exit code
    ended_well: bool  # the code is one that this command may end with
    seconds: float
    sockets: Sockets | None  # by strace; None: without
    refused: tuple[Attempt, ...]  # by the kernel, told by the watcher
    said: str  # the last line on its stderr, where it did not end well


@dataclass(frozen=True, slots=True)
class Proof:
    """All that was found."""

    when: str  # ISO 8601, UTC
    machine: str
    versions: dict[str, str]
    program_sha256: str  # of all files of rag/ and ingest/, see `program_sha256`
    models: dict[str, str]  # file: SHA-256; only files as in the catalogue
    corpus: str
    layers: tuple[Layer, ...]
    trials: tuple[Trial, ...]
    namespace: str  # "" if the steps ran in an empty one, else why not
    tracer: str  # "" if strace watched, else why not
    control: Step
    steps: tuple[Step, ...]

    @property
    def internet_sockets(self) -> int:
        """Internet sockets that the steps tried to open, as strace saw them, or else the kernel."""
        return sum(step.sockets.internet if step.sockets else _count(step.refused) for step in self.steps)

    @property
    def control_seen(self) -> bool:
        """Whether whoever watched saw the one try of the control."""
        by_strace = self.control.sockets is None or self.control.sockets.internet == 1
        return by_strace and _count(self.control.refused) == 1

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps this from being a proof; empty if nothing does."""
        found = [f"layer {layer.name}: {layer.detail}" for layer in self.layers if not layer.holds]
        found += [f"tried, {trial.name}: {trial.detail}" for trial in self.trials if not trial.refused]
        if not self.control_seen:
            found.append("the control's try to open an internet socket was not seen by all who watched")
        found += [f"`{step.command}` ended with {step.code}: {step.said}" for step in self.steps if not step.ended_well]
        if self.internet_sockets or any(step.refused for step in self.steps):
            found.append(f"internet sockets asked for: {self.internet_sockets}; see the steps for who did")
        return tuple(found)


def prove(settings: Settings, corpus: Path | None, say: Callable[[str], None]) -> Proof:
    """Run everything, in a home of its own below the settings' home that is gone afterwards.

    Args:
        corpus: a folder of the user's own; None: the sample that comes with the program.
        say: told of each step.

    Raises:
        ModelError: a model is not the one in the catalogue.
    """
    apart, strace_is = namespace.refusal(), trace.strace()
    settings.models.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="prove-", dir=settings.home) as folder:
        bench = _Bench(Path(folder), strace_is[0], apart == "")
        documents = corpus or _sample(bench.work)
        (bench.work / "home").mkdir(mode=0o700)
        # The models that were made ready for this machine before; where there are none, making them is watched, too.
        (bench.work / "home" / "models").symlink_to(settings.models)
        say("Control: a program that does try …")
        control = bench.run(
            [sys.executable, "-I", "-S", "-c", _CONTROL], "a program that opens an internet socket", (1,)
        )
        steps = []
        for arguments, codes, typed in _steps(documents, bench.work):
            say(f"rag {arguments[0]} …")
            steps.append(bench.rag(arguments, codes, typed))
        return Proof(
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=f"{platform.platform()}, Python {platform.python_version()}",
            versions={"strongroom": __version__} | {name: version(name) for name in _PACKAGES},
            program_sha256=program_sha256(),
            models=_models(settings.models),
            corpus=str(corpus) if corpus else "the sample that comes with Strongroom",
            layers=tuple(layer for layer in offline.layers() if layer.name != "files"),  # each step confines itself
            trials=probe(),
            namespace=apart,
            tracer=strace_is[1],
            control=control,
            steps=tuple(steps),
        )


def program_sha256() -> str:
    """One SHA-256 over the program: of the lines `<SHA-256 of a file>  <its path>`, sorted by path, as of sha256sum."""
    packages = Path(__file__).resolve().parent, Path(__file__).resolve().parent.parent / "ingest"
    files = sorted(
        (path for package in packages for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"),
        key=lambda path: path.relative_to(packages[0].parent).as_posix(),
    )
    digest = hashlib.sha256()
    for path in files:
        name = path.relative_to(packages[0].parent).as_posix()
        digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return digest.hexdigest()


def _steps(documents: Path, work: Path) -> list[tuple[list[str], tuple[int, ...], str]]:
    """Arguments of `rag`, exit codes that are in order, standard input."""
    questions = work / "questions.jsonl"
    row = {"id": "1", "question": QUESTION, "kind": "unanswerable", "answer": "", "answer_patterns": [], "evidence": []}
    questions.write_text(json.dumps(row) + "\n", encoding="utf-8")
    there = str(documents)
    return [
        (["ingest", there], (0, 3), ""),
        (["search", QUESTION], (0, 1), ""),
        (["ask", QUESTION], (0, 1), ""),
        (["chat"], (0,), f"{QUESTION}\n/why\n/quit\n"),
        (["summarize", there, "--out", str(work / "reports")], (0, 3), ""),
        (["logs", there], (0, 2, 3), ""),  # 2: the user's own folder holds no log
        (["eval", str(questions)], (0, 1), ""),
        (["status"], (0,), ""),
        (["verify"], (0,), ""),
    ]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Where and how steps are run."""

    work: Path
    strace: str
    apart: bool  # in an empty network namespace

    def rag(self, arguments: Sequence[str], codes: Sequence[int], typed: str) -> Step:
        command = [sys.executable, "-c", _PROGRAM, "--home", str(self.work / "home"), *arguments]
        shown = " ".join(["rag", *(f'"{argument}"' if " " in argument else argument for argument in arguments)])
        return self.run(command, shown.replace(f"{self.work}/", ""), codes, typed)

    def run(self, command: list[str], shown: str, codes: Sequence[int], typed: str = "") -> Step:
        log = self.work / "trace.log"
        offline.untold()
        started = time.perf_counter()
        try:
            done = subprocess.run(
                trace.traced(self.strace, log, command) if self.strace else command,
                preexec_fn=namespace.enter if self.apart else None,
                input=typed,
                env={name: value for name, value in os.environ.items() if name != "RAG_PASSPHRASE_FILE"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=STEP_SECONDS,
            )
            code, said = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            code, said = -signal.SIGKILL, ""
        well = code in codes
        if code < 0:
            said = f"killed by {signal.Signals(-code).name}"
        return Step(
            command=shown,
            code=code,
            ended_well=well,
            seconds=round(time.perf_counter() - started, 1),
            sockets=trace.read(log) if self.strace and log.exists() else None,
            refused=offline.untold(),
            said="" if well else (said.strip().splitlines() or ["it said nothing"])[-1],
        )


def _sample(work: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, work / "sample"))


def _models(models: Path) -> dict[str, str]:
    places = [(entry, verify(entry, models=models)) for entry in CATALOGUE]
    return {str(folder / name): digest for entry, folder in places for name, digest in entry.files.items()}


def _count(attempts: Sequence[Attempt]) -> int:
    return sum(attempt.count for attempt in attempts)
