"""Encryption: what does it cost on an answer and on an ingestion, and what do the files of an encrypted home tell?

    PYTHONPATH=. python benchmarks/at_rest.py
    PYTHONPATH=. python benchmarks/at_rest.py --folder ../shared/bench/epa/pdfs --questions 40 --sizes 10000 50000

The same folder (the sample office's policies, minutes and registers, without scans and logs) is ingested, in turn, into
homes in plain and encrypted ones, by `rag ingest` in processes of their own. Then one process of each answers the same
questions, warm, in turn, each question in both within a second, so that other load on the machine weighs on both.
Quotations alone by default: the language model would only add the same time to both.

Chroma is not used in an encrypted home: each question is compared with every passage. What that costs as a collection
grows is measured on records made of obliqa/ with vectors drawn at random (their values do not matter to exact search),
beside what Chroma takes to build its index anew, which is what opening would cost if it were rebuilt in memory.

At last every byte below the encrypted home, and every name, is searched for words of the documents, names of files and
questions; one document is forgotten, and what is behind the encryption is searched for it.
"""

import argparse
import json
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from growth import records
from measure import BENCH, BIN, ROOT, headline, note, run, spread, table, workspace

from rag.vault import header

QUESTIONS = ROOT / "data/questions.jsonl"
SOME_UNREAD = 3
DIMENSIONS = 384
ASKED = 20  # exact searches of each size
_WORD = re.compile(r"[a-z]{8,}")  # shorter ones may stand in random bytes by chance

CHILD = """
import json, sys, time
from pathlib import Path
from rag.cli.opening import open_answerer
from rag.config import resolve
from rag.filters import EVERYTHING
from rag.vault import header
from dataclasses import replace
home, key_file, write = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "write"
started = time.perf_counter()
settings = resolve(home)
found = header.read(home)
if found is not None:
    settings = replace(settings, key=found.unlock(Path(key_file).read_bytes(), home))
unlocked = time.perf_counter() - started
answerer = open_answerer(settings, EVERYTHING, read=True, write=write)
print(json.dumps(unlocked), flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    answerer.ask(json.loads(line))
    print(json.dumps(time.perf_counter() - started), flush=True)
"""


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, help="what to ingest (default: the sample office, scans and logs left out)"
    )
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--models", type=Path, help="a folder of models that are ready (default: made first)")
    parser.add_argument("--rounds", type=int, default=3, help="ingestions into each kind of home")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--write", action="store_true", help="with the language model; else quotations alone")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000])
    options = parser.parse_args()
    title = headline("Encryption at rest")
    with workspace(None) as work:
        key_file = work / "key"
        key_file.write_text(secrets.token_hex(16))
        folder = options.folder or _office(work)
        models = options.models.absolute() if options.models else _models(work, folder)
        questions = [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()][
            : options.questions + 1
        ]
        tables = [_ingested(work, folder, models, key_file, options.rounds)]
        tables.append(_answered(work, key_file, questions, options.write))
        if options.sizes:
            tables.append(_searched(work, options.bench, options.sizes))
        tables.append(_told(work, folder, key_file, questions))
    print(title)
    print("\n\n".join(tables))


def _office(work: Path) -> Path:
    """The sample office without what takes OCR, which would hide everything else."""
    left_out = shutil.ignore_patterns("logs", "site-inspection*")
    return Path(shutil.copytree(ROOT / "data/office", work / "documents", ignore=left_out))


def _models(work: Path, folder: Path) -> Path:
    home = work / "first"
    run([BIN / "rag", "--home", home, "ingest", folder, "--json"]).expect(0, SOME_UNREAD)
    return home / "models"


def _home(work: Path, name: str, models: Path) -> Path:
    home = work / name
    home.mkdir()
    (home / "models").symlink_to(models)
    return home


def _ingested(work: Path, folder: Path, models: Path, key_file: Path, rounds: int) -> str:
    """Ingest into both kinds of homes, in turn; those of the last round stay."""
    taken: dict[str, list[tuple[float, float]]] = {"plain": [], "encrypted": []}
    again: dict[str, list[float]] = {"plain": [], "encrypted": []}
    disk = {}
    for number in range(rounds):
        for kind in ("plain", "encrypted") if number % 2 else ("encrypted", "plain"):
            shutil.rmtree(work / kind, ignore_errors=True)
            home = _home(work, kind, models)
            key = ["--key-file", key_file] if kind == "encrypted" else []
            first = run(
                [BIN / "rag", "--home", home, "ingest", folder, "--json", *key, *(["--encrypt"] if key else [])]
            ).expect(0, SOME_UNREAD)
            taken[kind].append((first.seconds, first.cpu_seconds))
            again[kind].append(
                run([BIN / "rag", "--home", home, "ingest", folder, "--json", *key]).expect(0, SOME_UNREAD).seconds
            )
            disk[kind] = sum(path.stat().st_size for path in (home / "collections").rglob("*") if path.is_file())
            note(f"{kind}, round {number + 1}: {first.seconds:.1f} s")
    rows: list[list[object]] = []
    for name, values, digits in (
        ("ingest, s", {kind: [one[0] for one in runs] for kind, runs in taken.items()}, ".1f"),
        ("the same, processor time, s", {kind: [one[1] for one in runs] for kind, runs in taken.items()}, ".1f"),
        ("ingest again, nothing changed, s", again, ".1f"),
        ("MB below collections/", {kind: [size / 1e6] for kind, size in disk.items()}, ".1f"),
    ):
        plain, encrypted = values["plain"], values["encrypted"]
        ratio = statistics.median(encrypted) / statistics.median(plain)
        rows.append([name, format(spread(plain), digits), format(spread(encrypted), digits), f"{ratio:.2f}"])
    return table([f"ingest, {rounds} rounds in turn", "plain", "encrypted", "ratio of medians"], rows)


def _answered(work: Path, key_file: Path, questions: Sequence[str], write: bool) -> str:
    """Ask both the same questions, warm, in turn."""
    arguments = [str(key_file), "write" if write else "quote"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(work / kind), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        for kind in ("plain", "encrypted")
    ]

    def ask(child: "subprocess.Popen[str]", question: str) -> float:
        assert child.stdin is not None
        child.stdin.write(json.dumps(question) + "\n")
        child.stdin.flush()
        return heard(child)

    def heard(child: "subprocess.Popen[str]") -> float:
        assert child.stdout is not None
        return float(json.loads(child.stdout.readline()))

    opened = [heard(child) for child in children]
    for child in children:
        ask(child, questions[0])
    pairs = []
    for number, question in enumerate(questions[1:]):
        times = {}
        for place in (0, 1) if number % 2 else (1, 0):
            times[place] = ask(children[place], question)
        pairs.append((times[0], times[1]))
    for child in children:
        child.communicate()
    from rag.bootstrap import figure, median

    ratio = figure(np.asarray([encrypted / plain for plain, encrypted in pairs]), median)
    what = "with the language model" if write else "quotations alone"
    rows: list[list[object]] = [
        ["questions asked of each", len(pairs)],
        ["a warm answer in plain, ms", f"{spread([1000 * plain for plain, _ in pairs]):.0f}"],
        ["encrypted, ms", f"{spread([1000 * encrypted for _, encrypted in pairs]):.0f}"],
        ["ratio, median of pairs (95% interval)", f"{ratio.value:.3f} ({ratio.low:.3f}–{ratio.high:.3f})"],
        ["sum encrypted / sum in plain", f"{sum(pair[1] for pair in pairs) / sum(pair[0] for pair in pairs):.3f}"],
        ["from passphrase to key, once a command, s", f"{opened[1] - opened[0]:.2f}"],
    ]
    return table([f"answers, {what}, in turn", ""], rows)


def _searched(work: Path, data: Path, sizes: Sequence[int]) -> str:
    """The nearest passages of a question by exact search, in plain and encrypted, as a collection grows."""
    from rag.retrieve import nearest
    from rag.store import database, vectors
    from rag.store.catalog import Catalog
    from rag.vault.cipher import new_key

    rows: list[list[object]] = []
    for size in sizes:
        folder = work / f"grown-{size}"
        folder.mkdir()
        path, other, key = folder / "catalog.sqlite", folder / "encrypted.sqlite", new_key()
        _grow(path, data, size)
        database.copy(path, None, other, key)
        taken: dict[str, list[float]] = {"plain": [], "encrypted": []}
        words: dict[str, list[float]] = {"plain": [], "encrypted": []}
        rng = np.random.default_rng(2)
        with closing(Catalog(path)) as plain, closing(Catalog(other, key=key)) as encrypted:
            for number in range(ASKED):
                vector = rng.normal(size=DIMENSIONS).astype(np.float32)
                kinds = [("plain", plain), ("encrypted", encrypted)]
                for kind, catalog in kinds if number % 2 else reversed(kinds):
                    started = time.perf_counter()
                    nearest(catalog, vector, 50)
                    taken[kind].append(1000 * (time.perf_counter() - started))
                    started = time.perf_counter()
                    catalog.match('"authorised" OR "person" OR "firm" OR "must"', 50)
                    words[kind].append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            vectors.rebuild(plain, folder)
            rebuilt = time.perf_counter() - started
            with closing(vectors.VectorIndex(folder)) as index:
                asked = []
                for _ in range(ASKED):
                    vector = rng.normal(size=DIMENSIONS).astype(np.float32)
                    started = time.perf_counter()
                    plain.vectors(list(index.candidates(vector, 600)))
                    asked.append(1000 * (time.perf_counter() - started))
        note(f"{size} passages")
        rows.append(
            [
                f"{size:,}",
                format(spread(asked), ".0f"),
                *(format(spread(taken[kind]), ".0f") for kind in ("plain", "encrypted")),
                *(format(spread(words[kind]), ".0f") for kind in ("plain", "encrypted")),
                f"{rebuilt:.1f}",
            ]
        )
    header_row = ["passages", "nearest by Chroma, ms", "exact, plain, ms", "exact, encrypted, ms"]
    header_row += ["words, plain, ms", "words, encrypted, ms", "Chroma's index built anew, s"]
    return table(header_row, rows)


def _grow(path: Path, data: Path, size: int) -> None:
    """A catalog of `size` passages with vectors."""
    from ingest.types import Chunk, Document, FileReport, FileStatus, Page
    from rag.store.catalog import Catalog

    rng = np.random.default_rng(1)
    rows = list(records(data, size))
    with closing(Catalog(path, create=True)) as catalog:
        for first in range(0, size, 1000):
            name, part = f"{first}.jsonl", rows[first : first + 1000]
            pages = tuple(Page(name, None, text, record) for record, text in part)
            chunks = [Chunk(name, None, record, "", 0, len(text), text) for record, text in part]
            report = FileReport(name, "/made", f"{first:064x}", FileStatus.INDEXED, 0, chunks=len(chunks))
            catalog.put(report, Document(name, None, pages), chunks)
            vectors = rng.normal(size=(len(part), DIMENSIONS)).astype(np.float32)
            ids = [chunk for chunk, _ in catalog.without_vector(len(part))]
            catalog.set_vectors(ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        catalog.compact()
        catalog.vacuum(always=True)
        catalog.checkpoint()


def _told(work: Path, folder: Path, key_file: Path, questions: Sequence[str]) -> str:
    """Search everything below both homes for what nobody may find there; then forget a file."""
    words = {kind: _words(work, kind, folder, questions, key_file) for kind in ("plain", "encrypted")}
    home = work / "encrypted"
    found = header.read(home)
    assert found is not None
    key = found.unlock(key_file.read_bytes(), home)
    path = sorted(file for file in folder.rglob("*") if file.suffix in (".md", ".txt"))[0]
    arguments = ["forget", path.relative_to(folder).as_posix(), "--json", "--key-file", key_file]
    receipt = json.loads(run([BIN / "rag", "--home", home, *arguments]).expect(0).stdout)
    behind = b"".join(key.pages(home / "collections/default/catalog.sqlite"))
    rows: list[list[object]] = [
        ["words, names and questions searched for", words["plain"][0], words["encrypted"][0]],
        ["of these found in raw files or their names", words["plain"][1], words["encrypted"][1]],
        ["files searched", words["plain"][2], words["encrypted"][2]],
        ["pieces of a forgotten file searched for behind the encryption", "", receipt["pieces"]],
        ["files with any of them", "", len(receipt["found"])],
        ["its name in the catalog's decrypted pages", "", behind.count(path.name.encode())],
    ]
    return table(["raw scan of a home that was asked", "plain", "encrypted"], rows)


def _words(work: Path, kind: str, folder: Path, questions: Sequence[str], key_file: Path) -> tuple[int, int, int]:
    """`(searched for, found, files)` in a home."""
    from dataclasses import replace

    from rag.cli.opening import open_catalog
    from rag.config import resolve

    home = work / kind
    settings, found = resolve(home), header.read(home)
    if found is not None:
        settings = replace(settings, key=found.unlock(key_file.read_bytes(), home))
    with closing(open_catalog(settings)) as catalog:
        words = {word for text in catalog.texts() for word in _WORD.findall(text.lower())}
    names = {file.name.lower() for file in folder.rglob("*") if file.is_file()} | {str(folder).lower()}
    sought = sorted(words | names | {question.lower() for question in questions})
    files = [path for path in home.rglob("*") if path.is_file() and "models" not in path.relative_to(home).parts]
    raw = b"\n".join(path.read_bytes() + b"\n" + path.relative_to(home).as_posix().encode() for path in files).lower()
    return len(sought), sum(_held(sought, raw)), len(files)


def _held(sought: Sequence[str], raw: bytes) -> Iterator[bool]:
    """For each text whether it stands in `raw`; words of our own files' names and of the header are no trace."""
    own = "collections encryption encrypted"
    return (text.encode() in raw for text in sought if text not in own)


if __name__ == "__main__":
    main()
