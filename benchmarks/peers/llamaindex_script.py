"""The LlamaIndex script that guides teach: SimpleDirectoryReader, sentence splitter, Chroma, a query engine, LlamaCPP.

Settings stand in `common.py`. The splitter's own 1,024 tokens are four times what the embedding model reads, so three
quarters of each piece would never be searched: it is given 256.
"""

from collections.abc import Iterator
from pathlib import Path

from common import (
    BATCH,
    COLLECTION,
    CONTEXT,
    CORES,
    EMBEDDER,
    MAX_TOKENS,
    NEAREST,
    REPEAT_PENALTY,
    WEIGHTS,
    Mark,
    client,
    keep_off_tiles,
    main,
    text_bytes,
)

TOKENS, SHARED = 256, 20  # of a piece; the overlap is the splitter's own


def ingest(folder: Path, store: Path) -> dict[str, int]:
    """Read every PDF into a new store."""
    from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.vector_stores.chroma import ChromaVectorStore

    _use_models(writer=False)
    pages = SimpleDirectoryReader(str(folder), recursive=True, required_exts=[".pdf"]).load_data()
    pieces = SentenceSplitter(chunk_size=TOKENS, chunk_overlap=SHARED).get_nodes_from_documents(pages)
    vectors = ChromaVectorStore(client(store).get_or_create_collection(COLLECTION))
    VectorStoreIndex(
        pieces, storage_context=StorageContext.from_defaults(vector_store=vectors), embed_model=Settings.embed_model
    )
    files = {page.metadata["file_path"] for page in pages}
    texts = [page.text for page in pages]
    return {"files": len(files), "pages": len(pages), "chunks": len(pieces), "text_bytes": text_bytes(texts)}


def ask(question: str, store: Path, mark: Mark) -> Iterator[str]:
    """Stream an answer."""
    from llama_index.core import VectorStoreIndex, get_response_synthesizer
    from llama_index.core.response_synthesizers import ResponseMode
    from llama_index.vector_stores.chroma import ChromaVectorStore

    keep_off_tiles()
    _use_models(writer=True)
    vectors = ChromaVectorStore(client(store).get_or_create_collection(COLLECTION))
    retriever = VectorStoreIndex.from_vector_store(vectors).as_retriever(similarity_top_k=NEAREST)
    writer = get_response_synthesizer(response_mode=ResponseMode.COMPACT, streaming=True)
    mark("loaded")
    pieces = retriever.retrieve(question)
    mark("passages")
    yield from writer.synthesize(question, pieces).response_gen


def _use_models(*, writer: bool) -> None:
    from llama_index.core import Settings
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    Settings.embed_model = HuggingFaceEmbedding(model_name=str(EMBEDDER), device="cpu")
    if not writer:
        return
    from llama_index.llms.llama_cpp import LlamaCPP

    Settings.llm = LlamaCPP(
        model_path=str(WEIGHTS),
        context_window=CONTEXT,
        max_new_tokens=MAX_TOKENS,
        temperature=0.0,
        generate_kwargs={"repeat_penalty": REPEAT_PENALTY},
        model_kwargs={"n_batch": BATCH, "n_threads": CORES, "n_threads_batch": CORES},
        verbose=False,
    )


if __name__ == "__main__":
    main(ingest, ask, __doc__)
