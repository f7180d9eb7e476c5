-- The catalog of one collection. Text is stored once, in `pages`; a chunk is a span of its page.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;

-- What a file says. Files with the same bytes and the same suffix share one document.
CREATE TABLE documents (
    id     INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    suffix TEXT NOT NULL, -- lower case, with the dot: the same bytes may read differently as .md and as .txt
    title  TEXT NOT NULL,
    UNIQUE (sha256, suffix)
) STRICT;

CREATE TABLE files (
    id                 INTEGER PRIMARY KEY,
    root               INTEGER NOT NULL REFERENCES roots (id),
    path               TEXT NOT NULL,     -- relative to the root
    document           INTEGER REFERENCES documents (id), -- NULL where no text could be read
    sha256             TEXT,              -- NULL where the bytes could not be read
    status             TEXT NOT NULL,     -- ingest.types.FileStatus
    pages              INTEGER NOT NULL,
    pages_without_text TEXT NOT NULL,     -- JSON list of 1-based page numbers, as are the next three
    pages_ocr          TEXT NOT NULL,
    pages_failed       TEXT NOT NULL,
    pages_skipped      TEXT NOT NULL,
    chunks             INTEGER NOT NULL,
    detail             TEXT NOT NULL,
    lines              INTEGER NOT NULL,  -- of a log, as is the next
    events             INTEGER NOT NULL,
    UNIQUE (root, path)
) STRICT;
CREATE INDEX files_of_document ON files (document);

CREATE TABLE pages (
    id       INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (id),
    number   INTEGER,                     -- NULL where the format has no pages
    record   TEXT,                        -- the record's own id, for .jsonl records
    title    TEXT,                        -- the record's own title
    ocr      INTEGER NOT NULL,            -- 1: the text was recognised in an image
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX pages_of_document ON pages (document);

-- Spans of a page's text that nobody sees who looks at the document.
CREATE TABLE hidden (
    page    INTEGER NOT NULL REFERENCES pages (id),
    "start" INTEGER NOT NULL,             -- half-open code points into the page's text
    "end"   INTEGER NOT NULL,
    why     TEXT NOT NULL,                -- ingest.types.Hidden
    PRIMARY KEY (page, "start")
) STRICT, WITHOUT ROWID;

-- What a document's own text says its abbreviations stand for.
CREATE TABLE abbreviations (
    document INTEGER NOT NULL REFERENCES documents (id),
    short    TEXT NOT NULL COLLATE NOCASE,
    long     TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (document, short, long)
) STRICT, WITHOUT ROWID;
CREATE INDEX abbreviations_by_short ON abbreviations (short);
CREATE INDEX abbreviations_by_long ON abbreviations (long);

-- What questions about a log are answered from: ingest.logs.indexed.IndexedLog. All data is packed by zlib.
CREATE TABLE logs (
    document INTEGER PRIMARY KEY REFERENCES documents (id),
    format   TEXT NOT NULL,
    lines    INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    "values" BLOB NOT NULL,               -- JSON: the values of each field, by their numbers
    findings BLOB NOT NULL                -- JSON
) STRICT;

CREATE TABLE log_columns (
    document INTEGER NOT NULL REFERENCES logs (document),
    name     TEXT NOT NULL,               -- ingest.logs.indexed.COLUMNS
    data     BLOB NOT NULL,               -- integers, one for each event
    PRIMARY KEY (document, name)
) STRICT;

CREATE TABLE log_blocks (
    document INTEGER NOT NULL REFERENCES logs (document),
    "start"  INTEGER NOT NULL,            -- code points of the log's text before it
    line     INTEGER NOT NULL,            -- 1-based, that its first character stands on
    data     BLOB NOT NULL,               -- UTF-8
    PRIMARY KEY (document, "start")
) STRICT;

CREATE TABLE chunks (
    id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: the vector index knows chunks by it
    page    INTEGER NOT NULL REFERENCES pages (id),
    "start" INTEGER NOT NULL,             -- half-open code points into the page's text
    "end"   INTEGER NOT NULL,
    section TEXT NOT NULL,
    key     INTEGER NOT NULL,             -- hash of what the vector is made of: the same text is embedded once
    vector  BLOB                          -- int8, see rag/store/quantised.py; NULL until it is computed
) STRICT;
CREATE INDEX chunks_of_page ON chunks (page);
CREATE INDEX chunks_of_key ON chunks (key);
CREATE INDEX chunks_without_vector ON chunks (id) WHERE vector IS NULL;

-- What the vector index has not been told yet. Written in the transaction that gives a chunk its vector or removes it.
CREATE TABLE journal (chunk INTEGER PRIMARY KEY, gone INTEGER NOT NULL) STRICT;

CREATE VIEW passages AS
SELECT chunks.id AS id,
       substr(pages.text, chunks."start" + 1, chunks."end" - chunks."start") AS text,
       chunks.section AS section,
       trim(documents.title || ' ' || coalesce(pages.title, '')) AS title
FROM chunks
JOIN pages ON pages.id = chunks.page
JOIN documents ON documents.id = pages.document;

CREATE VIRTUAL TABLE words USING fts5 (
    text, section, title,
    content = 'passages', content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
