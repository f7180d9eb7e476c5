"""What the benchmarks share: run a command as a child and time it, sum runs up, print tables as RESULTS.md keeps them.

Knows nothing about what is measured. Keep the measuring process small: on Linux a child's peak memory, as the kernel
reports it, is at least what its parent held when it was started.
"""

import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Literal

import psutil

ROOT = Path(__file__).resolve().parent.parent  # the project's root
BENCH = ROOT / "../shared/bench"  # the data to measure on; its README says what is there
BIN = Path(sys.executable).parent  # of the environment that runs the benchmark

SAMPLE = 0.05  # seconds between two looks at the memory of the process tree; a look takes 1 to 3 ms
TIMEOUT = 1800  # seconds after which a child is taken for hanging and killed
MB = 1_000_000  # bytes; all tables say MB, not MiB

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command. Times are seconds since it was started."""

    command: tuple[str, ...]
    seconds: float  # wall clock, until the process had ended
    cpu_seconds: float  # user and system, of the process and the children it waited for
    peak: int  # bytes of resident memory, of the whole process tree
    code: int
    arrivals: tuple[tuple[float, Stream, str], ...]  # (when, where, text) of each piece of output

    @property
    def stdout(self) -> str:
        """All it printed."""
        return self._text("stdout")

    @property
    def stderr(self) -> str:
        """All it said."""
        return self._text("stderr")

    def first(self, stream: Stream, text: str = "") -> float | None:
        """When `stream` held `text` for the first time (without `text`: its first byte); None if it never did."""
        held = ""
        for when, where, piece in self.arrivals:
            if where == stream:
                held += piece
                if text in held:
                    return when
        return None

    def expect(self, *codes: int) -> "Run":
        """This run, if it ended with one of `codes`; else the benchmark stops and shows what the command said."""
        if self.code not in codes:
            raise SystemExit(f"exit code {self.code}: {shlex.join(self.command)}\n{self.stderr[-2000:]}")
        return self

    def _text(self, stream: Stream) -> str:
        return "".join(piece for _, where, piece in self.arrivals if where == stream)


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> Run:
    """Run a command to its end and measure it.

    The peak is the larger of two figures: the highest sum over the process tree among samples taken every SAMPLE
    seconds, and the kernel's own high-water mark of the largest single process (what `getrusage(RUSAGE_CHILDREN)` says,
    taken for this child alone by `wait4`). Resident memory counts mapped files, such as a model's weights, and counts
    pages that two processes of the tree share twice.

    Args:
        env: variables to set beside those of this process.
        timeout: seconds after which the child is killed; its exit code is then -9.
    """
    words = tuple(map(str, command))
    arrivals: list[tuple[float, Stream, str]] = []
    started = time.perf_counter()
    child = subprocess.Popen(
        words,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None  # both are pipes
    assert child.stderr is not None
    sampler = _Sampler(child.pid)
    readers = [
        threading.Thread(target=_read, args=(child.stdout, "stdout", started, arrivals)),
        threading.Thread(target=_read, args=(child.stderr, "stderr", started, arrivals)),
    ]
    for thread in (sampler, *readers):
        thread.start()
    watchdog = threading.Timer(timeout, child.kill)
    watchdog.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()
        raise
    finally:
        seconds = time.perf_counter() - started
        watchdog.cancel()
        sampler.stop()
    child.returncode = os.waitstatus_to_exitcode(status)  # it was waited for above; Popen has to be told
    for thread in readers:
        thread.join()
    return Run(
        command=words,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak=max(sampler.peak, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)),
        code=child.returncode,
        arrivals=tuple(sorted(arrivals)),
    )


def _read(pipe: IO[bytes], stream: Stream, started: float, arrivals: list[tuple[float, Stream, str]]) -> None:
    """Note each piece of output with its time of arrival. A character cut in two by a read is shown as its escape."""
    with pipe:
        while piece := os.read(pipe.fileno(), 1 << 16):
            arrivals.append((time.perf_counter() - started, stream, piece.decode(errors="backslashreplace")))


class _Sampler(threading.Thread):
    """Looks at the resident memory of a process and its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0  # bytes
        self._pid = pid
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE):
            try:
                child = psutil.Process(self._pid)
                tree = [child, *child.children(recursive=True)]
            except psutil.Error:
                return  # it has ended
            self.peak = max(self.peak, sum(map(_resident, tree)))

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # it ended between being listed and being looked at


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of a figure over several runs."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """`1.23 (1.20–1.40)`, each figure in the format `spec`; without the range where there is none to see."""
        median, low, high = (format(value, spec) for value in (self.median, self.low, self.high))
        return median if low == high else f"{median} ({low}–{high})"


def spread(values: Sequence[float]) -> Spread:
    """Median and range of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table: the first column to the left, the others to the right, None as an empty cell."""
    lines = [" | ".join(header), " | ".join([":--", *["--:"] * (len(header) - 1)])]
    lines += [" | ".join("" if cell is None else str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def headline(title: str) -> str:
    """The lines above a table in RESULTS.md: what, when, on which commit and machine, by which command.

    Call it before anything is measured: the load it names is that of others.
    """
    lines = [f"### {title}", "", f"{date.today()}, commit {_commit()}, {_machine()}"]
    return "\n".join([*lines, "", f"    {_command()}", ""])


def _commit() -> str:
    """The short hash, marked where the working tree differs from it (RESULTS.md itself left out)."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/RESULTS.md")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with uncommitted changes" if changed else commit


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores of {_processor()}, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, "
        f"load before it began {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    # Names such as "AMD EPYC" tell little; whether there is AVX-512 decides how fast int8 runs.
    return f"{name} with AVX-512" if any("avx512f" in line for line in lines) else name


def _command() -> str:
    """How this benchmark was started, without paths of this machine."""
    script = Path(sys.argv[0]).resolve()
    return shlex.join(
        ["python", str(script.relative_to(ROOT)) if script.is_relative_to(ROOT) else script.name, *sys.argv[1:]]
    )


def note(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def workspace(kept: Path | None) -> Iterator[Path]:
    """A folder to work in: `kept`, made if it is missing and left there, or a temporary one, erased at the end."""
    folder = kept or Path(tempfile.mkdtemp(prefix="strongroom-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder.resolve()
    finally:
        if kept is None:
            shutil.rmtree(folder)
