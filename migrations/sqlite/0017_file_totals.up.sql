-- Description: Count files by category, size, day and time of recording, whoever writes
-- Allows: drop trigger
-- Changes: file_totals, file_days, client_recorded, files_replaced, client_usage, client_quotas
--
-- Bytes are counted as in client_usage. A size class is 0 where the size is not known, 1 for empty
-- files, and then ends below 1 KiB, 16 KiB, 256 KiB, 4 MiB, 64 MiB, 1 GiB; 8 is above. A category
-- that is null counts as ''. A day is the first ten characters of a time that begins like one, in
-- the zone that it is written in, else ''.
CREATE TABLE IF NOT EXISTS file_totals (
    Category VARCHAR(50) NOT NULL,
    SizeClass INTEGER NOT NULL,
    Verified INTEGER NOT NULL,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    PRIMARY KEY (Category, SizeClass, Verified)
) WITHOUT ROWID;

-- Files by the day of their ModificationDate, and by that of RecordedAt where that is a time in UTC
-- as this program writes it.
CREATE TABLE IF NOT EXISTS file_days (
    Date TEXT PRIMARY KEY,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    RecordedFiles INTEGER NOT NULL,
    RecordedBytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Files of each client by the second of such a RecordedAt; none has 0 files. So the last of a
-- client is right also when its newest files are deleted.
CREATE TABLE IF NOT EXISTS client_recorded (
    ClientID BLOB(16) NOT NULL,
    RecordedAt TEXT NOT NULL,
    Files INTEGER NOT NULL,
    PRIMARY KEY (ClientID, RecordedAt)
) WITHOUT ROWID;

-- What the rows that a REPLACE may delete were counted as. Settled is set for those that it did
-- delete: 1 where the new row is of the same client, whose usage then changes with it.
ALTER TABLE files_replaced ADD COLUMN Category;
ALTER TABLE files_replaced ADD COLUMN SizeClass INTEGER;
ALTER TABLE files_replaced ADD COLUMN Verified INTEGER;
ALTER TABLE files_replaced ADD COLUMN Date;
ALTER TABLE files_replaced ADD COLUMN RecordedAt;
ALTER TABLE files_replaced ADD COLUMN RecordedDate;
ALTER TABLE files_replaced ADD COLUMN Settled INTEGER;

INSERT OR REPLACE INTO file_totals (Category, SizeClass, Verified, Files, Bytes)
    SELECT coalesce(FileCategory, ''),
        CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1
             WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3
             WHEN FileSize < 262144 THEN 4 WHEN FileSize < 4194304 THEN 5
             WHEN FileSize < 67108864 THEN 6 WHEN FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(Verified <> 0, 0), count(*),
        sum(CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END)
      FROM files GROUP BY 1, 2, 3;

INSERT OR REPLACE INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes)
    SELECT CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(ModificationDate, 1, 10) ELSE '' END, count(*),
        sum(CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END), 0, 0
      FROM files GROUP BY 1;

INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes)
    SELECT substr(RecordedAt, 1, 10), 0, 0, count(*),
        sum(CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END)
      FROM files WHERE RecordedAt GLOB '2???-??-??T??:??:??*Z' GROUP BY 1
        ON CONFLICT (Date) DO UPDATE SET
            RecordedFiles = excluded.RecordedFiles, RecordedBytes = excluded.RecordedBytes;

INSERT OR REPLACE INTO client_recorded (ClientID, RecordedAt, Files)
    SELECT ClientID, substr(RecordedAt, 1, 19) || 'Z', count(*) FROM files
     WHERE ClientID IS NOT NULL AND RecordedAt GLOB '2???-??-??T??:??:??*Z' GROUP BY 1, 2;

DROP TRIGGER IF EXISTS trg_files_note_insert;
DROP TRIGGER IF EXISTS trg_files_count_insert;
DROP TRIGGER IF EXISTS trg_files_note_update;
DROP TRIGGER IF EXISTS trg_files_count_replaced;
DROP TRIGGER IF EXISTS trg_files_count_size;
DROP TRIGGER IF EXISTS trg_files_count_client;
DROP TRIGGER IF EXISTS trg_files_count_delete;

-- Nothing is written while nothing is replaced: WHERE 1, because an unconditional DELETE writes its
-- table's page even where that is empty.
CREATE TRIGGER IF NOT EXISTS trg_files_note_insert BEFORE INSERT ON files
BEGIN
    DELETE FROM files_replaced WHERE 1;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(FileCategory, ''),
        CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1
             WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3
             WHEN FileSize < 262144 THEN 4 WHEN FileSize < 4194304 THEN 5
             WHEN FileSize < 67108864 THEN 6 WHEN FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(Verified <> 0, 0),
        CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 10) END
          FROM files WHERE ID = NEW.ID OR rowid = NEW.rowid;
END;

-- One change for the client of the new row, so that a smaller file in place of a larger one never
-- looks like growth.
CREATE TRIGGER IF NOT EXISTS trg_files_count_insert AFTER INSERT ON files
BEGIN
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID,
        1 - (SELECT count(*) FROM files_replaced r WHERE r.ClientID = NEW.ClientID),
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        (SELECT coalesce(sum(r.Bytes), 0) FROM files_replaced r WHERE r.ClientID = NEW.ClientID))
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_totals (Category, SizeClass, Verified, Files, Bytes) VALUES (
        coalesce(NEW.FileCategory, ''),
        CASE WHEN typeof(NEW.FileSize) <> 'integer' THEN 0 WHEN NEW.FileSize < 1 THEN 1
             WHEN NEW.FileSize < 1024 THEN 2 WHEN NEW.FileSize < 16384 THEN 3
             WHEN NEW.FileSize < 262144 THEN 4 WHEN NEW.FileSize < 4194304 THEN 5
             WHEN NEW.FileSize < 67108864 THEN 6 WHEN NEW.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(NEW.Verified <> 0, 0), 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END)
        ON CONFLICT (Category, SizeClass, Verified) DO UPDATE SET
            Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) VALUES (
        CASE WHEN NEW.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(NEW.ModificationDate, 1, 10) ELSE '' END, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END, 0, 0)
        ON CONFLICT (Date) DO UPDATE SET Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) SELECT
        substr(NEW.RecordedAt, 1, 10), 0, 0, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END
        WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (Date) DO UPDATE SET RecordedFiles = RecordedFiles + 1,
            RecordedBytes = RecordedBytes + excluded.RecordedBytes;
    INSERT INTO client_recorded (ClientID, RecordedAt, Files)
        SELECT NEW.ClientID, substr(NEW.RecordedAt, 1, 19) || 'Z', 1
         WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (ClientID, RecordedAt) DO UPDATE SET Files = Files + 1;
    UPDATE files_replaced SET Settled = ClientID IS NEW.ClientID;
    DELETE FROM files_replaced WHERE 1;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_note_update
    BEFORE UPDATE OF ID, RowKey, rowid, oid, _rowid_ ON files
BEGIN
    DELETE FROM files_replaced WHERE 1;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
            THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(FileCategory, ''),
        CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1
             WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3
             WHEN FileSize < 262144 THEN 4 WHEN FileSize < 4194304 THEN 5
             WHEN FileSize < 67108864 THEN 6 WHEN FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(Verified <> 0, 0),
        CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(RecordedAt, 1, 10) END
          FROM files WHERE (ID = NEW.ID OR rowid = NEW.rowid) AND rowid <> OLD.rowid;
END;

-- A changed row is its old one replaced by the new. Where no key changed nothing else was replaced,
-- and what is in files_replaced is an earlier statement's.
CREATE TRIGGER IF NOT EXISTS trg_files_count_update
    AFTER UPDATE OF ID, RowKey, rowid, oid, _rowid_, ClientID, FileSize, FileCategory, Verified,
        ModificationDate, RecordedAt ON files
    WHEN NEW.FileSize IS NOT OLD.FileSize OR NEW.ClientID IS NOT OLD.ClientID
      OR NEW.FileCategory IS NOT OLD.FileCategory OR NEW.Verified IS NOT OLD.Verified
      OR NEW.ModificationDate IS NOT OLD.ModificationDate
      OR NEW.RecordedAt IS NOT OLD.RecordedAt OR NEW.ID IS NOT OLD.ID OR NEW.rowid <> OLD.rowid
BEGIN
    DELETE FROM files_replaced WHERE NEW.ID IS OLD.ID AND NEW.rowid = OLD.rowid;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes, Category, SizeClass, Verified, Date,
        RecordedAt, RecordedDate)
        VALUES (OLD.rowid, OLD.ClientID, CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END,
        coalesce(OLD.FileCategory, ''),
        CASE WHEN typeof(OLD.FileSize) <> 'integer' THEN 0 WHEN OLD.FileSize < 1 THEN 1
             WHEN OLD.FileSize < 1024 THEN 2 WHEN OLD.FileSize < 16384 THEN 3
             WHEN OLD.FileSize < 262144 THEN 4 WHEN OLD.FileSize < 4194304 THEN 5
             WHEN OLD.FileSize < 67108864 THEN 6 WHEN OLD.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(OLD.Verified <> 0, 0),
        CASE WHEN OLD.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(OLD.ModificationDate, 1, 10) ELSE '' END,
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END,
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 10) END);
    INSERT INTO client_usage (ClientID, Files, Bytes) VALUES (NEW.ClientID,
        1 - (SELECT count(*) FROM files_replaced r WHERE r.ClientID = NEW.ClientID),
        CASE WHEN typeof(NEW.FileSize) = 'integer'
             THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END -
        (SELECT coalesce(sum(r.Bytes), 0) FROM files_replaced r WHERE r.ClientID = NEW.ClientID))
        ON CONFLICT (ClientID) DO UPDATE SET
            Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_totals (Category, SizeClass, Verified, Files, Bytes) VALUES (
        coalesce(NEW.FileCategory, ''),
        CASE WHEN typeof(NEW.FileSize) <> 'integer' THEN 0 WHEN NEW.FileSize < 1 THEN 1
             WHEN NEW.FileSize < 1024 THEN 2 WHEN NEW.FileSize < 16384 THEN 3
             WHEN NEW.FileSize < 262144 THEN 4 WHEN NEW.FileSize < 4194304 THEN 5
             WHEN NEW.FileSize < 67108864 THEN 6 WHEN NEW.FileSize < 1073741824 THEN 7 ELSE 8 END,
        coalesce(NEW.Verified <> 0, 0), 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END)
        ON CONFLICT (Category, SizeClass, Verified) DO UPDATE SET
            Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) VALUES (
        CASE WHEN NEW.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(NEW.ModificationDate, 1, 10) ELSE '' END, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END, 0, 0)
        ON CONFLICT (Date) DO UPDATE SET Files = Files + 1, Bytes = Bytes + excluded.Bytes;
    INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes) SELECT
        substr(NEW.RecordedAt, 1, 10), 0, 0, 1,
        CASE WHEN typeof(NEW.FileSize) = 'integer'
            THEN min(max(NEW.FileSize, 0), 9007199254740992) ELSE 0 END
        WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (Date) DO UPDATE SET RecordedFiles = RecordedFiles + 1,
            RecordedBytes = RecordedBytes + excluded.RecordedBytes;
    INSERT INTO client_recorded (ClientID, RecordedAt, Files)
        SELECT NEW.ClientID, substr(NEW.RecordedAt, 1, 19) || 'Z', 1
         WHERE NEW.RecordedAt GLOB '2???-??-??T??:??:??*Z'
        ON CONFLICT (ClientID, RecordedAt) DO UPDATE SET Files = Files + 1;
    UPDATE files_replaced SET Settled = ClientID IS NEW.ClientID;
    DELETE FROM files_replaced WHERE 1;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_replaced_settle AFTER UPDATE OF Settled ON files_replaced
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes - OLD.Bytes
     WHERE ClientID = OLD.ClientID AND NOT NEW.Settled;
    UPDATE file_totals SET Files = Files - 1, Bytes = Bytes - OLD.Bytes
     WHERE Category = OLD.Category AND SizeClass = OLD.SizeClass AND Verified = OLD.Verified;
    UPDATE file_days SET Files = Files - 1, Bytes = Bytes - OLD.Bytes WHERE Date = OLD.Date;
    UPDATE file_days SET RecordedFiles = RecordedFiles - 1,
        RecordedBytes = RecordedBytes - OLD.Bytes
     WHERE Date = OLD.RecordedDate;
    UPDATE client_recorded SET Files = Files - 1
     WHERE ClientID = OLD.ClientID AND RecordedAt = OLD.RecordedAt;
    DELETE FROM client_recorded
     WHERE ClientID = OLD.ClientID AND RecordedAt = OLD.RecordedAt AND Files < 1;
END;

-- A REPLACE under recursive_triggers comes here too: then nothing is left to settle.
CREATE TRIGGER IF NOT EXISTS trg_files_count_delete AFTER DELETE ON files
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = OLD.ClientID;
    UPDATE file_totals SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Category = coalesce(OLD.FileCategory, '') AND SizeClass =
        CASE WHEN typeof(OLD.FileSize) <> 'integer' THEN 0 WHEN OLD.FileSize < 1 THEN 1
             WHEN OLD.FileSize < 1024 THEN 2 WHEN OLD.FileSize < 16384 THEN 3
             WHEN OLD.FileSize < 262144 THEN 4 WHEN OLD.FileSize < 4194304 THEN 5
             WHEN OLD.FileSize < 67108864 THEN 6 WHEN OLD.FileSize < 1073741824 THEN 7 ELSE 8 END
       AND Verified = coalesce(OLD.Verified <> 0, 0);
    UPDATE file_days SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Date =
        CASE WHEN OLD.ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
             THEN substr(OLD.ModificationDate, 1, 10) ELSE '' END;
    UPDATE file_days SET RecordedFiles = RecordedFiles - 1, RecordedBytes = RecordedBytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
            THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE Date =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 10) END;
    UPDATE client_recorded SET Files = Files - 1
     WHERE ClientID = OLD.ClientID AND RecordedAt =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END;
    DELETE FROM client_recorded
     WHERE ClientID = OLD.ClientID AND RecordedAt =
        CASE WHEN OLD.RecordedAt GLOB '2???-??-??T??:??:??*Z'
             THEN substr(OLD.RecordedAt, 1, 19) || 'Z' END
       AND Files < 1;
    DELETE FROM files_replaced WHERE FileRow = OLD.rowid;
END;
