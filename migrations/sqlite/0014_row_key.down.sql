-- Changes: files
-- Allows: drop trigger trg_files_note_update, drop trigger trg_files_count_replaced
DROP TRIGGER IF EXISTS trg_files_count_replaced;
DROP TRIGGER IF EXISTS trg_files_note_update;

-- Hook: files_key_remove

CREATE TRIGGER trg_files_note_update
    BEFORE UPDATE OF ID, rowid, oid, _rowid_ ON files
BEGIN
    DELETE FROM files_replaced;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
                   THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END
          FROM files WHERE (ID = NEW.ID OR rowid = NEW.rowid) AND rowid <> OLD.rowid;
END;

CREATE TRIGGER trg_files_count_replaced
    AFTER UPDATE OF ID, rowid, oid, _rowid_ ON files
BEGIN
    UPDATE client_usage SET
        Files = Files - (SELECT count(*) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID),
        Bytes = Bytes - (SELECT sum(r.Bytes) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID)
     WHERE ClientID IN (SELECT r.ClientID FROM files_replaced r);
    DELETE FROM files_replaced;
END;
