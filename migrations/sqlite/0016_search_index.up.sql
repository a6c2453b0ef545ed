-- Description: Find files by any part of their names without reading them all
-- Changes: search_state, search_segments, search_postings, search_chunks, search_changes
--
-- What the tables hold is the search index of trigrams; the program fills them, and whatever is in
-- them can be made anew from `files`.
CREATE TABLE IF NOT EXISTS search_state (
    ID INTEGER PRIMARY KEY CHECK (ID = 1),
    Through INTEGER NOT NULL,
    NextChunk INTEGER NOT NULL,
    Format TEXT NOT NULL
);

INSERT INTO search_state (ID, Through, NextChunk, Format)
    VALUES (1, -9223372036854775807, 0, '');

CREATE TABLE IF NOT EXISTS search_segments (
    Segment INTEGER PRIMARY KEY AUTOINCREMENT,
    FirstChunk INTEGER NOT NULL,
    Chunks INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS search_postings (
    Key INTEGER PRIMARY KEY,
    Until INTEGER NOT NULL,
    Blocks INTEGER NOT NULL,
    Lists BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS search_chunks (
    Chunk INTEGER PRIMARY KEY,
    FirstRow INTEGER NOT NULL,
    LastRow INTEGER NOT NULL,
    Oldest INTEGER,
    Newest INTEGER,
    Slots BLOB NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_search_chunks_dates ON search_chunks(Newest, Oldest);

-- Rows that are indexed as they were, and are another now.
CREATE TABLE IF NOT EXISTS search_changes (
    RowKey INTEGER PRIMARY KEY
);

-- A key that was given by hand may be one that the index has passed.
CREATE TRIGGER IF NOT EXISTS trg_files_search_insert AFTER INSERT ON files
    WHEN NEW.RowKey <= (SELECT s.Through FROM search_state s WHERE s.ID = 1)
BEGIN
    INSERT INTO search_changes (RowKey) SELECT NEW.RowKey
     WHERE NOT EXISTS (SELECT 1 FROM search_changes c WHERE c.RowKey = NEW.RowKey);
END;

CREATE TRIGGER IF NOT EXISTS trg_files_search_update
    AFTER UPDATE OF FileName, PathName, OriginalPath, ModificationDate, RowKey, rowid, oid,
        _rowid_ ON files
    WHEN NEW.RowKey <= (SELECT s.Through FROM search_state s WHERE s.ID = 1)
     AND (NEW.RowKey <> OLD.RowKey OR NEW.FileName IS NOT OLD.FileName
          OR NEW.PathName IS NOT OLD.PathName OR NEW.OriginalPath IS NOT OLD.OriginalPath
          OR NEW.ModificationDate IS NOT OLD.ModificationDate)
BEGIN
    INSERT INTO search_changes (RowKey) SELECT NEW.RowKey
     WHERE NOT EXISTS (SELECT 1 FROM search_changes c WHERE c.RowKey = NEW.RowKey);
END;
