"""What is remembered: the catalog in SQLite is the truth; Chroma is a vector index over it that can be rebuilt."""
