"""Answers questions from an index of documents, on this machine alone. `rag` imports `ingest`, never the reverse."""

__version__ = "0.1.0"
