-- Allows: drop trigger, drop table client_recorded, drop table file_days, drop table file_totals, delete files_replaced
-- Changes: file_totals, file_days, client_recorded, files_replaced
-- Remakes: file_totals WHERE 1
-- Remakes: file_days WHERE 1
-- Remakes: client_recorded WHERE 1
-- Remakes: files_replaced WHERE 1
DROP TRIGGER IF EXISTS trg_files_count_delete;
DROP TRIGGER IF EXISTS trg_files_replaced_settle;
DROP TRIGGER IF EXISTS trg_files_count_update;
DROP TRIGGER IF EXISTS trg_files_note_update;
DROP TRIGGER IF EXISTS trg_files_count_insert;
DROP TRIGGER IF EXISTS trg_files_note_insert;
DELETE FROM files_replaced;
ALTER TABLE files_replaced DROP COLUMN Settled;
ALTER TABLE files_replaced DROP COLUMN RecordedDate;
ALTER TABLE files_replaced DROP COLUMN RecordedAt;
ALTER TABLE files_replaced DROP COLUMN Date;
ALTER TABLE files_replaced DROP COLUMN Verified;
ALTER TABLE files_replaced DROP COLUMN SizeClass;
ALTER TABLE files_replaced DROP COLUMN Category;
DROP TABLE IF EXISTS client_recorded;
DROP TABLE IF EXISTS file_days;
DROP TABLE IF EXISTS file_totals;

CREATE TRIGGER IF NOT EXISTS trg_files_note_insert BEFORE INSERT ON files
BEGIN
    DELETE FROM files_replaced;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
                   THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END
          FROM files WHERE ID = NEW.ID OR rowid = NEW.rowid;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_count_insert AFTER INSERT ON files
BEGIN
    UPDATE client_usage SET
        Files = Files - (SELECT count(*) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID),
        Bytes = Bytes - (SELECT sum(r.Bytes) FROM files_replaced r
                          WHERE r.ClientID = client_usage.ClientID)
     WHERE ClientID IN (SELECT r.ClientID FROM files_replaced r WHERE r.ClientID <> NEW.ClientID);
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID,
        1 - (SELECT count(*) FROM files_replaced r WHERE r.ClientID = NEW.ClientID),
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        (SELECT coalesce(sum(r.Bytes), 0) FROM files_replaced r WHERE r.ClientID = NEW.ClientID))
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes;
    DELETE FROM files_replaced;
END;

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

CREATE TRIGGER IF NOT EXISTS trg_files_count_size AFTER UPDATE OF FileSize ON files
    WHEN NEW.FileSize IS NOT OLD.FileSize AND NEW.ClientID = OLD.ClientID
BEGIN
    UPDATE client_usage SET Bytes = Bytes +
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = NEW.ClientID;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_count_client AFTER UPDATE OF ClientID ON files
    WHEN NEW.ClientID <> OLD.ClientID
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = OLD.ClientID;
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END)
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + 1, Bytes = Bytes + excluded.Bytes;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_count_delete AFTER DELETE ON files
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = OLD.ClientID;
    DELETE FROM files_replaced WHERE FileRow = OLD.rowid;
END;
