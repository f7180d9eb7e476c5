"""Does the index survive being killed and being damaged? Nothing lost, nothing half, never another answer.

    python benchmarks/unkillable.py
    python benchmarks/unkillable.py --kills 20 --damages 60 --every 20 --seed 7

1. `rag ingest` processes are killed (SIGKILL, the parent alone) at random moments: half of them fill a new index, half
   bring one up to date with files that were changed, removed, renamed, copied and added. After each kill:
   - its worker processes are gone by themselves;
   - what a finished run had indexed is there, whole, and found;
   - each hit is its page's text at its offsets, each file reported as indexed has all of its pages and passages;
   - `rag ingest` again finishes, and leaves what an uninterrupted run leaves: the same catalog but for ids, and for
     twelve searches the same passages in the same order.
2. Random files below the home are damaged: bytes flipped, cut, emptied, removed. Then searches, then `rag verify
   --repair`, then the searches again.
3. `rag ingest` is killed at every n-th of its writes: SQL statements of its own and calls that change the file system.

The processes that are killed in part 1, and their second runs, are real. The checks between them, and all of part 3,
are commands of `rag` in a fork of this process with the modules loaded: an own process each, without the second that
starting Python and the embedding network takes. In these the vectors of texts are those that the real network gave
once, and files are read without worker processes. Damage of the models is checked by real processes.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import psutil
from measure import ROOT, headline, note, table, workspace

sys.path.insert(0, str(ROOT))

OFFICE = ROOT / "data/office"
FIRST = (
    "policies/incident-response-procedure.pdf",
    "policies/remote-access-policy-v3.1.pdf",
    "faq/privacy-faq.md",
    "minutes/information-governance-committee-2026-02-24.txt",
    "registers/control-register.jsonl",
    "board/board-risk-briefing-2026-q1.pdf",  # needs a password: a report without text
)
ADDED = "policies/retention-schedule.pdf"
PROGRAM = "import sys; sys.argv[0] = 'rag'; from rag.cli import main; main()"
QUESTIONS = 12
GONE = 10.0  # seconds that workers of a killed process may take to end
HANGS = 120.0  # seconds after which a forked command is taken for hanging
DAMAGED, REFUSED = 4, 2  # exit codes
LIKE = 0.99  # cosine of two vectors of one text, embedded in different company: int8 scales differ a little


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--damages", type=int, default=500)
    parser.add_argument("--every", type=int, default=1, help="part 3: kill at each so many-th write (0: leave it out)")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--work", type=Path, help="keep what is written here instead of in a temporary folder")
    options = parser.parse_args()
    print(headline("Unkillable"))
    with workspace(options.work) as work:
        bench = Bench(work, random.Random(options.seed))
        print(f"Seed {options.seed}. {bench.corpus}", flush=True)
        if options.kills:
            print(f"\n{bench.kills(options.kills)}", flush=True)
        if options.damages:
            print(f"\n{bench.damages(options.damages)}", flush=True)
        if options.every:
            print(f"\n{bench.every_write(options.every)}", flush=True)
    for failure in bench.failures:
        print(f"\nFAILED: {failure}")
    sys.exit(1 if bench.failures else 0)


# --- running commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int  # negative: the signal that ended it
    out: str
    err: str

    @property
    def crashed(self) -> bool:
        """Whether it ended in another way than a command may."""
        return self.code < 0 or "Traceback" in self.err or "unexpected" in self.err

    @property
    def last(self) -> str:
        """What it said last."""
        return (self.err.strip() or self.out.strip() or "nothing").splitlines()[-1][-300:]


def real(*arguments: str) -> Done:
    """Run `rag` in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANGS)
    return Done(done.returncode, done.stdout, done.stderr)


def forked(*arguments: str, before: Callable[[], None] = lambda: None) -> Done:
    """Run `rag` in a fork of this process; `before` is called there first."""
    sys.stdout.flush()
    files = [os.memfd_create(name) for name in ("out", "err")]
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
        os._exit(_in_child(arguments, before))
    deadline = time.monotonic() + HANGS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    out, err = (_drained(file) for file in files)
    return Done(os.waitstatus_to_exitcode(status), out, err)


def _in_child(arguments: Sequence[str], before: Callable[[], None]) -> int:
    from rag.cli.app import app

    # The streams of the tools that started this process are not those of the child.
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), encoding="utf-8", write_through=True)
    try:
        before()
        app(args=list(arguments), prog_name="rag", standalone_mode=True)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it is, it is what this looks for
        traceback.print_exc()
        return 99
    return 0


def _drained(file: int) -> str:
    with os.fdopen(file, "rb") as stream:
        stream.seek(0)
        return stream.read().decode(errors="backslashreplace")


class Remembered:
    """The embedder with the vectors that the real one gave; what it does not remember it asks the real one."""

    def __init__(self, vectors: Mapping[str, np.ndarray], name: str, weights: str, tokenizer: Any) -> None:
        self._vectors = vectors
        self.name, self.sha256, self.tokenizer = name, weights, tokenizer

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 `(len(texts), dim)`, unit rows."""
        if all(text in self._vectors for text in texts):
            return np.stack([self._vectors[text] for text in texts])
        return _embedder().embed(texts)


def _embedder() -> Any:
    from rag.models.embed import load_embedder

    return load_embedder(Bench.models, None, lambda _: None)


class Inline:
    """Runs what belongs into worker processes where it is called."""

    workers = 1

    def __init__(self, _: int, prepare: Callable[..., None], *args: Any) -> None:
        prepare(*args)
        self._turn = Lock()  # PDFium is for one thread at a time

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:  # noqa: ARG002
        """The result of `function(*args)`."""
        with self._turn:
            return function(*args)


# --- what is compared -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a catalog says, ids and times left out."""

    facts: Mapping[str, Any]
    vectors: Mapping[tuple[Any, ...], bytes]  # by place of the passage

    def difference(self, other: "Content") -> str:
        """In words; "" if there is none."""
        for name, mine in self.facts.items():
            if mine != other.facts[name]:
                return f"{name}: {_first_difference(mine, other.facts[name])}"
        if self.vectors.keys() != other.vectors.keys():
            return "other passages have vectors"
        for place, vector in self.vectors.items():
            if _cosine(vector, other.vectors[place]) < LIKE:
                return f"the vector of {place}"
        return ""


def _first_difference(mine: Sequence[Any], other: Sequence[Any]) -> str:
    only = [row for row in mine if row not in other][:1], [row for row in other if row not in mine][:1]
    return f"{str(only[0])[:200]} against {str(only[1])[:200]}"


def _cosine(one: bytes, other: bytes) -> float:
    first, second = (np.frombuffer(vector, dtype=np.int8).astype(np.float32) for vector in (one, other))
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


_PLACE = (
    "documents.sha256, documents.suffix, pages.number, pages.record, chunks.start, chunks.end, chunks.section "
    "FROM chunks JOIN pages ON pages.id = chunks.page JOIN documents ON documents.id = pages.document"
)


def content(catalog: Path) -> Content:
    """What the catalog says."""
    with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as database:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return sorted(database.execute(query).fetchall(), key=repr)

        facts = {
            "meta": rows("SELECT * FROM meta"),
            "files": rows(
                "SELECT roots.path, files.path, files.sha256, status, pages, pages_without_text, pages_ocr, "
                "pages_failed, pages_skipped, chunks, detail, documents.sha256 FROM files "
                "JOIN roots ON roots.id = root LEFT JOIN documents ON documents.id = document"
            ),
            "documents": rows("SELECT sha256, suffix, title FROM documents"),
            "pages": rows(
                "SELECT sha256, suffix, number, record, pages.title, ocr, text FROM pages "
                "JOIN documents ON documents.id = document"
            ),
            "passages": rows(f"SELECT {_PLACE}"),
            "words": rows("SELECT count(*) FROM words_docsize"),
            "journal": rows("SELECT * FROM journal"),
        }
        vectors = {row[1:]: row[0] for row in rows(f"SELECT vector, {_PLACE}") if row[0] is not None}
        return Content(facts, vectors)


def half_indexed(catalog: Path) -> list[str]:
    """Files that are reported as indexed and have fewer pages or passages than they say, in words."""
    query = (
        "SELECT files.path, files.pages, files.chunks, "
        "(SELECT count(*) FROM pages WHERE pages.document = files.document), "
        "(SELECT count(*) FROM chunks JOIN pages ON pages.id = chunks.page WHERE pages.document = files.document) "
        "FROM files WHERE status = 'indexed'"
    )
    with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as database:
        return [
            f"{path} has {has_pages} of {pages} pages and {has_chunks} of {chunks} passages"
            for path, pages, chunks, has_pages, has_chunks in database.execute(query)
            if (pages, chunks) != (has_pages, has_chunks)
        ]


def inexact(catalog: Path, hits: Sequence[Mapping[str, Any]]) -> list[str]:
    """Hits that are not their page's text at their offsets."""
    found = []
    with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True)) as database:
        for hit in hits:
            rows = database.execute(
                "SELECT text FROM pages JOIN files USING (document) "
                "WHERE files.path = ? AND files.sha256 = ? AND number IS ? AND record IS ?",
                (hit["path"], hit["sha256"], hit["page"], hit["record"]),
            ).fetchall()
            if not any(text[hit["start"] : hit["end"]] == hit["text"] for (text,) in rows):
                found.append(f"{hit['path']} {hit['start']}:{hit['end']}")
    return found


def places(answers: Done) -> list[list[tuple[Any, ...]]]:
    """For each line of `rag search --batch`: where its hits stand, in order."""
    keys = ("path", "record", "page", "start", "end")
    return [[tuple(hit[key] for key in keys) for hit in json.loads(line)["hits"]] for line in answers.out.splitlines()]


def whole(answers: Done) -> list[Any]:
    """For each line of `rag search --batch`: everything about its hits."""
    return [json.loads(line)["hits"] for line in answers.out.splitlines()]


def alike(one: list[Any], other: list[Any]) -> bool:
    """Whether two results of `whole` are equal but for what an index made anew may change: ids, digits of scores."""
    free = ("id", "score")
    first, second = (
        [[{key: value for key, value in hit.items() if key not in free} for hit in hits] for hits in answers]
        for answers in (one, other)
    )
    return first == second


# --- the benchmark ----------------------------------------------------------------------------------------------------


class Bench:
    """Folders, the state after uninterrupted runs, and what went wrong."""

    models: Path

    def __init__(self, work: Path, chance: random.Random) -> None:
        self._work, self._chance = work, chance
        self.failures: list[str] = []
        Bench.models = work / "models"
        self._documents = work / "documents"
        self._questions = work / "questions.jsonl"
        self._batch: list[str] = []
        self._write_documents(1)
        rows = [json.loads(line) for line in (ROOT / "data/questions.jsonl").read_text(encoding="utf-8").splitlines()]
        asked = [row["question"] for row in rows if any(item["file"] in FIRST for item in row["evidence"])]
        self._ask(asked[:: max(len(asked) // QUESTIONS, 1)][:QUESTIONS])
        note("uninterrupted runs")
        self._homes: dict[str, Path] = {}
        self._contents: dict[str, Content] = {}
        self._seconds: dict[str, float] = {}
        home = self._home("first")
        real("--home", str(home), "ingest", str(self._documents))  # the models are made
        self._finish("first", self._new("first"))
        self._write_documents(2)
        # Phase 2 as an update of phase 1, and as an index of its own, which is what must come out of any interruption.
        self._finish("update", self._copy("first", "update"))
        self._needles = self._needles_of(self._homes["first"])
        self._ask([*self._batch, *self._needles.values()])
        self._remember()
        self._answers = {name: places(self._search(home)) for name, home in self._homes.items()}
        # And once more with the vectors that forked commands have: int8 vectors depend a little on their batch.
        self._write_documents(1)
        home = self._new("forked")
        forked("--home", str(home), "ingest", str(self._documents))
        self._homes["forked"] = home
        count = {name: len(content.facts["passages"]) for name, content in self._contents.items()}
        self.corpus = (
            f"{len(FIRST)} files of the sample office, {count['first']} passages, then {count['update']}. An "
            f"uninterrupted run takes {self._seconds['first']:.1f} s, the update {self._seconds['update']:.1f} s."
        )

    # --- preparation

    def _write_documents(self, phase: int) -> None:
        """Lay out the folder as it is in one of the two phases. Files that do not change keep their bytes."""
        shutil.rmtree(self._documents, ignore_errors=True)
        for name in FIRST:
            target = self._documents / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(OFFICE / name, target)
        if phase == 2:
            faq = self._documents / "faq/privacy-faq.md"
            text = faq.read_text(encoding="utf-8")
            faq.write_text(text + "\n## Where are masks kept?\n\nMasks are kept in cabinet 7.\n", encoding="utf-8")
            (self._documents / "policies/remote-access-policy-v3.1.pdf").unlink()
            minutes = self._documents / "minutes/information-governance-committee-2026-02-24.txt"
            minutes.rename(minutes.with_name("renamed.txt"))
            shutil.copyfile(self._documents / "policies/incident-response-procedure.pdf", self._documents / "copy.pdf")
            shutil.copyfile(OFFICE / ADDED, self._documents / ADDED)

    def _ask(self, questions: Sequence[str]) -> None:
        self._batch = list(questions)
        lines = [json.dumps({"id": number, "question": text}) for number, text in enumerate(self._batch)]
        self._questions.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _home(self, name: str) -> Path:
        home = self._work / "homes" / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        Bench.models.mkdir(exist_ok=True)
        (home / "models").symlink_to(Bench.models)
        return home

    def _new(self, name: str) -> Path:
        """An empty home."""
        return self._home(name)

    def _copy(self, source: str, name: str) -> Path:
        """A home with the collection of an uninterrupted run."""
        home = self._home(name)
        shutil.copytree(self._homes[source] / "collections", home / "collections")
        return home

    def _finish(self, name: str, home: Path) -> None:
        started = time.perf_counter()
        done = real("--home", str(home), "ingest", str(self._documents))
        self._seconds[name] = time.perf_counter() - started
        if done.code != 3:  # the file with a password
            raise SystemExit(f"exit code {done.code}: {done.err}")
        self._homes[name] = home
        self._contents[name] = content(_catalog(home))

    def _needles_of(self, home: Path) -> dict[str, str]:
        """For each file that is the same in both phases, the beginning of its longest passage."""
        kept = {*FIRST[:1], *FIRST[4:5]}
        query = (
            "SELECT files.path, substr(pages.text, start + 1, 90) FROM chunks JOIN pages ON pages.id = chunks.page "
            "JOIN files USING (document) ORDER BY end - start"
        )
        with closing(sqlite3.connect(_catalog(home))) as database:
            return {path: " ".join(text.split()) for path, text in database.execute(query) if path in kept}

    def _remember(self) -> None:
        """Load the modules, and give forked commands the vectors that the real network gives."""
        from ingest import sandbox
        from rag import offline
        from rag.cli import app, indexing, opening  # noqa: F401
        from rag.models.catalogue import EMBEDDING, verify
        from rag.models.embed import MAX_TOKENS
        from rag.models.wordpiece import WordPiece

        offline.engage()
        code = (
            "import json, sys\nfrom pathlib import Path\nfrom rag.models.embed import load_embedder\n"
            "embedder = load_embedder(Path(sys.argv[1]), None, print)\n"
            "print(json.dumps([embedder.embed([text])[0].tolist() for text in json.load(sys.stdin)]))"
        )
        texts = list(self._batch)
        for home in self._homes.values():
            with closing(sqlite3.connect(_catalog(home))) as database:
                rows = database.execute("SELECT section, text FROM passages").fetchall()
            texts += [f"{section}\n{text}" if section else text for section, text in rows]
        texts = list(dict.fromkeys(texts))
        done = subprocess.run(
            [sys.executable, "-c", code, str(Bench.models)],
            cwd=ROOT, input=json.dumps(texts), capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows = json.loads(done.stdout.splitlines()[-1])
        vectors = {text: np.array(row, dtype=np.float32) for text, row in zip(texts, rows, strict=True)}
        tokenizer = WordPiece(verify(EMBEDDING, "tokenizer.json"), MAX_TOKENS)
        embedder = Remembered(vectors, EMBEDDING.name, EMBEDDING.files["model.safetensors"], tokenizer)
        opening.open_embedder = indexing.open_embedder = lambda *_, **__: embedder  # type: ignore[assignment]
        sandbox.Sandbox = Inline  # type: ignore[assignment,misc]
        import chromadb  # noqa: F401

        from rag import answer, retrieve  # noqa: F401
        from rag.cli import answering, erasing  # noqa: F401

    def _search(self, home: Path) -> Done:
        return forked("--home", str(home), "search", "--batch", str(self._questions))

    def _fail(self, where: str, what: str) -> None:
        self.failures.append(f"{where}: {what}")
        note(f"FAILED {where}: {what}")

    # --- 1: kills at random moments

    def kills(self, number: int) -> str:
        """Kill real processes; a table by what was under way."""
        rows: dict[tuple[str, str], Counter[str]] = {}
        longest = 0.0
        for count in range(number):
            phase = "first" if count % 2 == 0 else "update"
            self._write_documents(1 if phase == "first" else 2)
            while True:
                home = self._new("killed") if phase == "first" else self._copy("first", "killed")
                took = self._kill(home, phase, f"kill {count + 1} ({phase})")
                if took is not None:
                    break
            longest = max(longest, took)
            stage = _stage(home)
            row = rows.setdefault((phase, stage), Counter())
            row["kills"] += 1
            before = len(self.failures)
            self._check(home, phase, f"kill {count + 1} ({phase}, {stage})", row)
            row["failed"] += len(self.failures) > before
            if count % 10 == 9:
                note(f"{count + 1} kills, {len(self.failures)} failures")
        shown = [
            [f"{phase}: {stage}", row["kills"], row["lost"], row["half"], row["inexact"], row["unfinished"],
             row["catalog"], row["order"]]
            for (phase, stage), row in sorted(rows.items())
        ]  # fmt: skip
        shown.append(["all", *(sum(row[column] for row in shown) for column in range(1, 8))])
        header = ["killed while", "kills", "indexed and lost", "half a file", "hit not exact", "did not finish",
                  "other catalog", "other answers"]  # fmt: skip
        return f"{table(header, shown)}\n\nThe slowest worker was gone {longest:.1f} s after its parent."

    def _kill(self, home: Path, phase: str, where: str) -> float | None:
        """Kill a run at a random moment after it took the lock.

        Returns the seconds until its last worker had ended, or None where the run was over first.
        """
        lock = home / "collections/default/lock"
        before = lock.stat().st_mtime_ns if lock.exists() else 0
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--home", str(home), "ingest", str(self._documents)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        while child.poll() is None and not (lock.exists() and lock.stat().st_mtime_ns != before):
            time.sleep(0.002)
        begun = time.perf_counter() - started
        time.sleep(self._chance.random() * max(self._seconds[phase] - begun, 0.1))
        if child.poll() is not None:
            return None
        workers = psutil.Process(child.pid).children(recursive=True)
        child.kill()
        child.wait()
        killed = time.perf_counter()
        _, alive = psutil.wait_procs(workers, timeout=GONE)
        if alive:
            self._fail(where, f"{len(alive)} worker processes are left over")
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        return time.perf_counter() - killed

    def _check(self, home: Path, phase: str, where: str, row: Counter[str]) -> None:
        """What must hold after a kill, and after the run that follows it."""
        catalog = _catalog(home)
        status = forked("--home", str(home), "status", "--json")
        known = json.loads(status.out)["files"] if status.code == 0 else []
        if status.code not in (0, REFUSED) or status.crashed:
            self._fail(where, f"status ended with {status.code}: {status.last}")
        answers = self._search(home)
        if answers.code not in (0, REFUSED) or answers.crashed or (phase == "update" and answers.code):
            self._fail(where, f"search ended with {answers.code}: {answers.last}")
        if catalog.exists():
            for line in half_indexed(catalog):
                row["half"] += 1
                self._fail(where, line)
            hits = [hit for hits in whole(answers) for hit in hits]
            for line in inexact(catalog, hits):
                row["inexact"] += 1
                self._fail(where, f"not exact: {line}")
        indexed = {file["path"] for file in known if file["status"] == "indexed"}
        if phase == "update" and (missing := self._needles.keys() - indexed):
            row["lost"] += len(missing)
            self._fail(where, f"no longer indexed: {missing}")
        for needle, hits in zip(self._needles, whole(answers)[QUESTIONS:], strict=False):
            if needle in indexed and not any(needle in (hit["path"], *hit["also"]) for hit in hits):
                row["lost"] += 1
                self._fail(where, f"{needle} is indexed and not found")
        again = real("--home", str(home), "ingest", str(self._documents))
        if again.code != 3 or again.crashed:
            row["unfinished"] += 1
            self._fail(where, f"the second run ended with {again.code}: {again.last}")
            return
        self._compare(home, phase, where, row)

    def _compare(self, home: Path, phase: str, where: str, row: Counter[str]) -> None:
        """Is this what an uninterrupted run leaves?"""
        if different := self._contents[phase].difference(content(_catalog(home))):
            row["catalog"] += 1
            self._fail(where, f"another catalog: {different}")
        answers = self._search(home)
        if answers.code != 0 or places(answers) != self._answers[phase]:
            row["order"] += 1
            self._fail(where, f"other answers ({answers.code}): {answers.last}")

    # --- 2: damages

    def damages(self, number: int) -> str:
        """Damage files; a table by file."""
        rows: dict[str, Counter[str]] = {}
        self._write_documents(1)
        base = self._homes["forked"]
        (base / "config.toml").write_text('# settings\ncollection = "default"\nanswer_threshold = 0.5\n')
        truth = whole(self._search(base))
        for count in range(number):
            home = self._copy("forked", "damaged")
            shutil.copy2(base / "config.toml", home / "config.toml")
            target, name = self._target(home)
            how = self._damage(target)
            row = rows.setdefault(name, Counter())
            row["damages"] += 1
            where = f"damage {count + 1} ({name}, {how})"
            run = real if name.startswith("models") else forked
            search = ("--home", str(home), "search", "--batch", str(self._questions))
            done = run(*search)
            outcome = self._outcome(done, truth, where, row)
            repaired = run("--home", str(home), "verify", "--repair")
            after = run(*search)
            if after.code == 0 and alike(whole(after), truth) and (name == "config.toml" or repaired.code == 0):
                row["mended" if outcome != "same" else "sound"] += 1
            elif name == "config.toml" and after.code == REFUSED and "config.toml" in after.err:
                row["told"] += 1  # the user's own file is the user's to mend
            else:
                row["lost"] += 1
                self._fail(where, f"not mended ({repaired.code}, then {after.code}): {repaired.last}; {after.last}")
            if count % 50 == 49:
                note(f"{count + 1} damages, {len(self.failures)} failures")
        (base / "config.toml").unlink()
        columns = ("damages", "same", "refused 4", "refused 2", "DIFFERENT", "crash", "mended", "told", "lost")
        shown: list[list[Any]] = [[name, *(row[column] for column in columns)] for name, row in sorted(rows.items())]
        shown.append(["all", *(sum(row[number] for row in shown) for number in range(1, len(columns) + 1))])
        header = ["file", "damages", "same answers", "refused, exit 4", "refused, exit 2", "another answer", "crash",
                  "mended by `verify --repair`", "told what to mend", "lost"]  # fmt: skip
        return table(header, shown)

    def _target(self, home: Path) -> tuple[Path, str]:
        """A random file below the home, and what to call it in the table."""
        index = home / "collections/default"
        groups: list[tuple[float, str, list[Path]]] = [
            (0.34, "catalog.sqlite", [index / "catalog.sqlite"]),
            (0.2, "chroma/chroma.sqlite3", [index / "chroma/chroma.sqlite3"]),
            (0.2, "chroma/…/*.bin, *.pickle", sorted((index / "chroma").glob("*/*"))),
            (0.1, "coarse.npz", [index / "coarse.npz"]),
            (0.1, "seal.json", [index / "seal.json"]),
            (0.01, "lock", [index / "lock"]),
            (0.03, "config.toml", [home / "config.toml"]),
            (0.02, "models/*", sorted(Bench.models.glob("*/*"))),
        ]
        _, name, paths = self._chance.choices(groups, [group[0] for group in groups])[0]
        path = self._chance.choice(paths)
        if name.startswith("models"):
            (home / "models").unlink()
            shutil.copytree(Bench.models, home / "models")
            path = home / "models" / path.relative_to(Bench.models)
        return path, name

    def _damage(self, path: Path) -> str:
        """Damage a file; says how."""
        data = bytearray(path.read_bytes())
        how = self._chance.choices(["flipped", "cut", "removed", "emptied", "zeroed"], [60, 20, 8, 4, 8])[0]
        if how == "removed" or not data:
            path.unlink()
            return "removed"
        place = self._chance.randrange(len(data))
        if how == "flipped":
            places = [place, *(self._chance.randrange(len(data)) for _ in range(self._chance.choice([0, 0, 3])))]
            for place in places:
                data[place] ^= 1 << self._chance.randrange(8)
            how = f"bits flipped at {places}"
        elif how == "cut":
            del data[place:]
            how = f"cut at {place}"
        elif how == "emptied":
            data.clear()
        else:
            end = min(place + self._chance.choice([1, 512, 8192]), len(data))
            data[place:end] = bytes(end - place)
            how = f"{place}:{end} zeroed"
        path.write_bytes(data)
        return how

    def _outcome(self, done: Done, truth: list[Any], where: str, row: Counter[str]) -> str:
        if done.crashed:
            self._fail(where, f"crashed ({done.code}): {done.last}")
            outcome = "crash"
        elif done.code == DAMAGED:
            outcome = "refused 4"
        elif done.code == REFUSED:
            outcome = "refused 2"
        elif done.code == 0 and whole(done) == truth:
            outcome = "same"
        else:
            self._fail(where, f"another answer ({done.code}): {done.last}")
            outcome = "DIFFERENT"
        row[outcome] += 1
        return outcome

    # --- 3: a kill at every write

    def every_write(self, step: int) -> str:
        """Kill at each `step`-th write; a table by kind of run."""
        from tests.killing import die_at

        shown = []
        tally = self._work / "tally"
        runs = {"new index": ("first", []), "update": ("update", []), "rebuild": ("first", ["--rebuild"])}
        for name, (phase, flags) in runs.items():
            self._write_documents(1 if phase == "first" else 2)
            row: Counter[str] = Counter()

            def start(name: str = name) -> Path:
                return self._new("written") if name == "new index" else self._copy("forked", "written")

            def command(home: Path, flags: Sequence[str] = flags) -> list[str]:
                return ["--home", str(home), "ingest", *flags, str(self._documents)]

            home = start()
            done = forked(*command(home), before=partial(die_at, 0, tally, home))
            if done.code != 3:
                raise SystemExit(f"{name} ended with {done.code}: {done.err}")
            self._contents["forked"] = content(_catalog(home))
            self._answers["forked"] = places(self._search(home))
            writes = int(tally.read_text())
            for number in range(1, writes + 1, step):
                home = start()
                where = f"{name}, write {number} of {writes}"
                done = forked(*command(home), before=partial(die_at, number, tally, home))
                if done.code != -signal.SIGKILL:
                    self._fail(where, f"it was not killed but ended with {done.code}: {done.last}")
                row["kills"] += 1
                before = len(self.failures)
                self._after_write(home, name, where)
                again = forked(*command(home)[:3], str(self._documents))
                if again.code != 3 or again.crashed:
                    self._fail(where, f"the second run ended with {again.code}: {again.last}")
                self._compare(home, "forked", where, row)
                row["failed"] += len(self.failures) > before
            shown.append([name, writes, row["kills"], row["failed"]])
            note(f"{name}: {row['kills']} kills at writes, {row['failed']} failed")
        return table(["run", "writes", "killed at", "failed"], shown)

    def _after_write(self, home: Path, name: str, where: str) -> None:
        answers = self._search(home)
        if answers.code not in (0, REFUSED) or answers.crashed or (name != "new index" and answers.code):
            self._fail(where, f"search ended with {answers.code}: {answers.last}")
        if name == "rebuild" and places(answers) != self._answers["forked"]:
            self._fail(where, "other answers in the midst of a rebuild")
        catalog = _catalog(home)
        if catalog.exists() and answers.code == 0:
            for line in half_indexed(catalog) + inexact(catalog, [hit for hits in whole(answers) for hit in hits]):
                self._fail(where, line)


def _catalog(home: Path) -> Path:
    return home / "collections/default/catalog.sqlite"


def _stage(home: Path) -> str:
    """What was under way when the process was killed, as the files tell."""
    folder = home / "collections/default"
    if (folder / "seal.json").exists():
        return "before the first change or after the last"
    if not (folder / "catalog.sqlite").exists():
        return "before the first change or after the last"
    if (folder / "chroma.told").exists():
        return "the vector index was told"
    address = f"{(folder / 'catalog.sqlite').as_uri()}?mode=ro"
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as database:
        if database.execute("SELECT count(*) FROM chunks WHERE vector IS NULL").fetchone()[0]:
            return "passages waited for vectors"
    return "files were read"


if __name__ == "__main__":
    main()
