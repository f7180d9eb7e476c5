"""The parts of the offline guard, one layer a module; `rag/offline.py` puts them up. They import no other package."""
