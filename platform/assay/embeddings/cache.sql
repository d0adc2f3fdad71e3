-- The mode stays with the file: readers never wait for the writer.
PRAGMA journal_mode = WAL;

CREATE TABLE models (
    model_id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    dimension INTEGER NOT NULL
);

CREATE TABLE vectors (
    model_id INTEGER NOT NULL REFERENCES models (model_id),
    text_hash TEXT NOT NULL,
    vector BLOB NOT NULL, -- float32, little-endian
    PRIMARY KEY (model_id, text_hash)
);
