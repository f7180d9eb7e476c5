"""What the machine and the libraries could do at best, and what we make of it.

    python benchmarks/limits.py FOLDER --home HOME
    python benchmarks/limits.py FOLDER --home HOME --json

FOLDER holds PDFs and is ingested in HOME already. Everything is warm, and nothing is started within what is timed:

    parsing         our reader and chunker over all files, in as many processes as there are cores, nothing stored;
                    beside it one process of ours, and pypdfium2 alone taking the text of every page
    embedding       all passages through the network, on all cores, and the operations of its matrix products a second;
                    beside it those of a float32 product of numpy (the network runs as int8, so that is no bound)
    Chroma          adding and asking as its own client does it, the same coarse vectors; beside it our index over it
    llama.cpp       reading a prompt and writing after it by its own loop; beside it our generator, as it answers
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from measure import headline, table
from numpy.typing import NDArray

SIDE = 2048  # rows of the matrices that are multiplied
LAYERS, WIDTH, INNER = 6, 384, 1536  # of MiniLM-L6
QUERIES = 200
WRITTEN = 64  # tokens that are written
ROUNDS = 3  # of the language model, one after the other
QUESTION = "Who has to approve a change, and how soon is it reviewed afterwards?"

Figures = dict[str, float]


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    title = headline("Limits")
    found = measure(options.folder, options.home)
    print(json.dumps(found) if options.json else f"{title}\n{report(found)}")


def measure(folder: Path, home: Path) -> Figures:
    """All figures by name; rates a second, times in seconds."""
    from rag import offline

    offline.engage()
    return parsing(folder, home) | embedding(home) | chroma(home) | language(home)


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- parsing ----------------------------------------------------------------------------------------------------------


def parsing(folder: Path, home: Path) -> Figures:
    """Pages a second, ours and bare, and the seconds of reading and cutting all."""
    import pypdfium2

    from ingest import work
    from ingest.sandbox import Sandbox
    from ingest.types import SourceFile
    from rag.cli.indexing import _equip
    from rag.cli.opening import open_embedder
    from rag.config import resolve
    from rag.models.network import usable_cores

    files = sorted(folder.rglob("*.pdf"))
    sources = [SourceFile(path.parent, path.name) for path in files]
    digests = [work.sha256(source) for source in sources]
    tokenizer = open_embedder(resolve(home)).tokenizer
    pages = 0

    def bare() -> None:
        nonlocal pages
        for path in files:
            try:
                document = pypdfium2.PdfDocument(path)
            except pypdfium2.PdfiumError:
                continue  # damaged or locked, as `rag ingest` tells; `one` leaves it out, too
            with closing(document):
                for page in document:
                    page.get_textpage().get_text_range()
                    pages += 1

    def one(source: SourceFile, digest: str) -> None:
        document = work.parse(source, digest, ())
        if not isinstance(document, work.Refusal):
            work.cut(document)

    work.equip(tokenizer)
    one(sources[0], digests[0])  # what is imported late is there then
    bare_seconds = seconds(bare)
    own_seconds = seconds(lambda: [one(*pair) for pair in zip(sources, digests, strict=True)])
    cores = usable_cores()
    with Sandbox(cores, _equip, tokenizer) as pool, ThreadPoolExecutor(cores) as threads:

        def pooled(source: SourceFile, digest: str) -> None:
            document = pool.run(work.parse, source, digest, (), seconds=600)
            if not isinstance(document, work.Refusal):
                pool.run(work.cut, document, seconds=600)

        list(threads.map(pooled, sources[:1] * 2 * cores, digests[:1] * 2 * cores))
        everything = seconds(lambda: list(threads.map(pooled, sources, digests)))
    return {
        "pypdfium2 alone, pages a second": pages / bare_seconds,
        "our reader and chunker in one process, pages a second": pages / own_seconds,
        "parsing alone, s": everything,
    }


# --- embedding --------------------------------------------------------------------------------------------------------


def embedding(home: Path) -> Figures:
    """Passages a second, and the network's operations beside those of a matrix product."""
    from rag.cli.opening import open_catalog, open_embedder
    from rag.config import resolve

    settings = resolve(home)
    embedder = open_embedder(settings)
    with closing(open_catalog(settings)) as catalog:
        ids = [chunk for part, _ in catalog.all_vectors() for chunk in part.tolist()]
        # The same text is embedded once, as in an ingestion.
        texts = list(dict.fromkeys(stored.chunk.embedded for stored in catalog.chunks(ids).values()))
    tokens = np.array([len(row) for row in embedder.tokenizer.encode(texts)], dtype=np.float64)
    embedder.embed(texts[:8])
    took = seconds(lambda: embedder.embed(texts))
    # Four projections and two of the inner layer a token; scores and their sum over values for each pair of tokens.
    operations = LAYERS * (tokens * 2 * (4 * WIDTH**2 + 2 * WIDTH * INNER) + 4 * tokens**2 * WIDTH).sum()
    left, right = (np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32) for _ in range(2))
    product = min(seconds(lambda: left @ right) for _ in range(5))
    return {
        "embedding alone, s": took,
        "embedding alone, passages a second": len(texts) / took,
        "embedding, GFLOP a second": operations / took / 1e9,
        "numpy's float32 product, GFLOP a second": 2 * SIDE**3 / product / 1e9,
    }


# --- Chroma -----------------------------------------------------------------------------------------------------------


def chroma(home: Path) -> Figures:
    """Vectors a second and milliseconds a query, bare and through our index."""
    import chromadb

    from rag.config import resolve
    from rag.store.catalog import Catalog
    from rag.store.seal import CATALOG
    from rag.store.vectors import BATCH, HNSW, VectorIndex, rebuild

    kept = resolve(home).index / CATALOG
    with tempfile.TemporaryDirectory() as scratch:
        own, bare = Path(scratch) / "own", Path(scratch) / "bare"
        own.mkdir()
        shutil.copy(kept, own / CATALOG)  # the journal of the one in the home must not change
        with closing(Catalog(own / CATALOG)) as catalog:
            parts = list(catalog.all_vectors(BATCH))
            count = sum(len(ids) for ids, _ in parts)
            indexing = seconds(lambda: rebuild(catalog, own))
        asked = [vector for _, vectors in parts for vector in vectors][:QUERIES]
        with closing(VectorIndex(own)) as index:
            ours = [seconds(lambda vector=vector: index.candidates(vector, 200)) for vector in asked]
            coarse = [([str(chunk) for chunk in ids.tolist()], index.coarse.of(vectors)) for ids, vectors in parts]
        client = chromadb.PersistentClient(str(bare), settings=chromadb.Settings(anonymized_telemetry=False))
        collection = client.create_collection("bare", embedding_function=None, configuration={"hnsw": HNSW})
        adding = seconds(lambda: [collection.add(ids=ids, embeddings=vectors) for ids, vectors in coarse])
        each = [vector for _, vectors in coarse for vector in vectors][:QUERIES]
        most = min(200, count)

        def query(vector: NDArray[np.float32]) -> None:
            collection.query(query_embeddings=[vector], n_results=most, include=["distances"])

        queries = [seconds(lambda vector=vector: query(vector)) for vector in each]
        client.close()
    return {
        "Chroma alone, vectors added a second": count / adding,
        "our index over it, vectors a second": count / indexing,
        "Chroma alone, ms a query": statistics.median(queries) * 1000,
        "our index over it, ms a query": statistics.median(ours) * 1000,
    }


# --- the language model -----------------------------------------------------------------------------------------------


def language(home: Path) -> Figures:
    """Tokens a second of llama.cpp's own loop, and of our generator, for one and the same prompt."""
    import llama_cpp

    from rag.cli.opening import open_catalog
    from rag.config import resolve
    from rag.models.llama import load_generator
    from rag.prompt import build

    settings = resolve(home)
    generator = load_generator(settings.models, settings.language_model, lambda _: None)
    with closing(open_catalog(settings)) as catalog:
        ids, _ = next(catalog.all_vectors())
        texts = [stored.chunk.text for stored in catalog.chunks(ids.tolist()[:20]).values()]
    messages, _ = build(QUESTION, texts, generator)
    llama = generator._llama
    context = llama.ctx
    tokens = llama.tokenize(messages[0]["content"].encode())

    def decode(part: Sequence[int]) -> None:
        given = (llama_cpp.llama_token * len(part))(*part)
        if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(given, len(part))):
            raise SystemExit("llama.cpp refuses the prompt")
        llama_cpp.llama_synchronize(context)

    def bare() -> tuple[float, float]:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        read = seconds(lambda: decode(tokens))
        return len(tokens) / read, WRITTEN / seconds(lambda: [decode([token]) for token in tokens[:WRITTEN]])

    def ours() -> tuple[float, float]:
        llama.reset()  # else what was read before is not read again
        started = time.perf_counter()
        pieces = [(time.perf_counter(), piece) for piece in generator.generate(messages, WRITTEN)]
        written = generator.count("".join(piece for _, piece in pieces[1:]))
        return len(tokens) / (pieces[0][0] - started), written / (pieces[-1][0] - pieces[0][0])

    rounds = [(*bare(), *ours()) for _ in range(ROUNDS)]
    names = ("llama.cpp alone, prompt tokens a second", "llama.cpp alone, tokens written a second")
    names += ("our generator, prompt tokens a second", "our generator, tokens written a second")
    return {name: statistics.median(values) for name, values in zip(names, zip(*rounds, strict=True), strict=True)}


def report(found: Figures) -> str:
    """One table, in Markdown."""
    return table(
        ["", "value"], [[name, f"{value:,.3g}" if value < 100 else f"{value:,.0f}"] for name, value in found.items()]
    )


if __name__ == "__main__":
    main()
