-- Description: A stable integer key for every file
-- Changes: files
-- Allows: drop trigger trg_files_note_update, drop trigger trg_files_count_replaced
--
-- RowKey is the number that the row has: the order of recording, kept by VACUUM, by a dump and its
-- reload, and never given to another file. The hook adds it as the last column without writing a
-- row again; ID stays unique, and what refers to it holds.
-- Hook: files_key_add

-- A trigger on UPDATE OF rowid does not hear of SET RowKey, though they are the same.
DROP TRIGGER IF EXISTS trg_files_note_update;
DROP TRIGGER IF EXISTS trg_files_count_replaced;

CREATE TRIGGER trg_files_note_update
    BEFORE UPDATE OF ID, RowKey, rowid, oid, _rowid_ ON files
BEGIN
    DELETE FROM files_replaced;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
                   THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END
          FROM files WHERE (ID = NEW.ID OR rowid = NEW.rowid) AND rowid <> OLD.rowid;
END;

CREATE TRIGGER trg_files_count_replaced
    AFTER UPDATE OF ID, RowKey, rowid, oid, _rowid_ ON files
BEGIN
    UPDATE client_usage SET
        Files = Files - (SELECT count(*) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID),
        Bytes = Bytes - (SELECT sum(r.Bytes) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID)
     WHERE ClientID IN (SELECT r.ClientID FROM files_replaced r);
    DELETE FROM files_replaced;
END;
