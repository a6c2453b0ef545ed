-- Description: Keep what each client uses exact, whoever writes
-- Changes: client_quotas, client_usage, catalog_settings, files_replaced, client_quotas_replaced
--
-- A file counts with its size: an integer from 0 to 2^53; anything else counts as the nearest of
-- the two, no integer as 0. So sums of sizes that make no sense do not overflow either.
CREATE TABLE IF NOT EXISTS client_usage (
    ClientID BLOB(16) PRIMARY KEY,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- default_quota_bytes, default_quota_warning: what clients that are added get.
-- refuse_over_quota: 1 refuses every statement that brings a client over its quota.
CREATE TABLE IF NOT EXISTS catalog_settings (
    Name VARCHAR(50) PRIMARY KEY,
    Value
) WITHOUT ROWID;

-- REPLACE deletes rows without telling any trigger. So the rows that it may delete are noted before,
-- and those that it did delete are settled after. What a statement leaves here means nothing.
CREATE TABLE IF NOT EXISTS files_replaced (
    FileRow INTEGER PRIMARY KEY,
    ClientID BLOB(16),
    Bytes INTEGER
);

CREATE TABLE IF NOT EXISTS client_quotas_replaced (
    ClientID BLOB(16) PRIMARY KEY,
    QuotaBytes INTEGER,
    LastUpdated TEXT,
    WarningThreshold REAL,
    WarnedAt TEXT
);

-- When the client was warned that it nears its quota; null while it is below the threshold.
ALTER TABLE client_quotas ADD COLUMN WarnedAt TEXT;

INSERT OR REPLACE INTO client_usage (ClientID, Files, Bytes)
    SELECT ClientID, count(*), sum(CASE WHEN typeof(FileSize) = 'integer'
               THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END)
      FROM files GROUP BY ClientID;

UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
    WHERE u.ClientID = client_quotas.ClientID), 0);

CREATE TRIGGER IF NOT EXISTS trg_files_note_insert BEFORE INSERT ON files
BEGIN
    DELETE FROM files_replaced;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
                   THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END
          FROM files WHERE ID = NEW.ID OR rowid = NEW.rowid;
END;

-- One change for the client of the new row, so that a smaller file in place of a larger one never
-- looks like growth.
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

CREATE TRIGGER IF NOT EXISTS trg_files_note_update
    BEFORE UPDATE OF ID, rowid, oid, _rowid_ ON files
BEGIN
    DELETE FROM files_replaced;
    INSERT INTO files_replaced (FileRow, ClientID, Bytes)
        SELECT rowid, ClientID, CASE WHEN typeof(FileSize) = 'integer'
                   THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END
          FROM files WHERE (ID = NEW.ID OR rowid = NEW.rowid) AND rowid <> OLD.rowid;
END;

CREATE TRIGGER IF NOT EXISTS trg_files_count_replaced
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

-- A REPLACE under recursive_triggers comes here too: then nothing is left to settle.
CREATE TRIGGER IF NOT EXISTS trg_files_count_delete AFTER DELETE ON files
BEGIN
    UPDATE client_usage SET Files = Files - 1, Bytes = Bytes -
        CASE WHEN typeof(OLD.FileSize) = 'integer'
             THEN min(max(OLD.FileSize, 0), 9007199254740992) ELSE 0 END
     WHERE ClientID = OLD.ClientID;
    DELETE FROM files_replaced WHERE FileRow = OLD.rowid;
END;

-- Quotas follow what is used, and nobody else says what that is.
CREATE TRIGGER IF NOT EXISTS trg_client_usage_added AFTER INSERT ON client_usage
BEGIN
    UPDATE client_quotas SET UsedBytes = NEW.Bytes WHERE ClientID = NEW.ClientID;
    SELECT RAISE(ABORT, 'over the quota of the client')
     WHERE (SELECT s.Value FROM catalog_settings s WHERE s.Name = 'refuse_over_quota') = 1
       AND NEW.Bytes > (SELECT q.QuotaBytes FROM client_quotas q WHERE q.ClientID = NEW.ClientID);
END;

CREATE TRIGGER IF NOT EXISTS trg_client_usage_changed AFTER UPDATE OF Bytes ON client_usage
    WHEN NEW.Bytes <> OLD.Bytes
BEGIN
    UPDATE client_quotas SET UsedBytes = NEW.Bytes WHERE ClientID = NEW.ClientID;
    SELECT RAISE(ABORT, 'over the quota of the client')
     WHERE NEW.Bytes > OLD.Bytes
       AND (SELECT s.Value FROM catalog_settings s WHERE s.Name = 'refuse_over_quota') = 1
       AND NEW.Bytes > (SELECT q.QuotaBytes FROM client_quotas q WHERE q.ClientID = NEW.ClientID);
END;

CREATE TRIGGER IF NOT EXISTS trg_client_quotas_added AFTER INSERT ON client_quotas
BEGIN
    UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0) WHERE ClientID = NEW.ClientID;
END;

CREATE TRIGGER IF NOT EXISTS trg_client_quotas_corrected
    AFTER UPDATE OF UsedBytes, ClientID ON client_quotas
    WHEN NEW.UsedBytes IS NOT coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0)
BEGIN
    UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
        WHERE u.ClientID = NEW.ClientID), 0) WHERE ClientID = NEW.ClientID;
END;

-- Warns once at the crossing; falling below arms it again. What somebody else wrote into UsedBytes is
-- corrected first, and then decides nothing.
CREATE TRIGGER IF NOT EXISTS trg_client_quotas_warn
    AFTER UPDATE OF UsedBytes, QuotaBytes, WarningThreshold ON client_quotas
    WHEN (NEW.WarnedAt IS NULL) = (NEW.UsedBytes >= NEW.QuotaBytes * NEW.WarningThreshold)
     AND NEW.UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u
         WHERE u.ClientID = NEW.ClientID), 0)
BEGIN
    INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount, BytesTransferred)
        SELECT c.ID, 'quota_warning', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), u.Files, u.Bytes
          FROM clients c JOIN client_usage u ON u.ClientID = c.ID
         WHERE c.ID = NEW.ClientID AND NEW.WarnedAt IS NULL;
    UPDATE client_quotas SET WarnedAt = CASE
            WHEN NEW.WarnedAt IS NULL THEN strftime('%Y-%m-%dT%H:%M:%SZ', 'now') END
     WHERE ClientID = NEW.ClientID;
END;

-- INSERT OR REPLACE of a client that is known would take its quota away by the cascade.
CREATE TRIGGER IF NOT EXISTS trg_clients_note_quota BEFORE INSERT ON clients
BEGIN
    DELETE FROM client_quotas_replaced;
    INSERT INTO client_quotas_replaced
            (ClientID, QuotaBytes, LastUpdated, WarningThreshold, WarnedAt)
        SELECT ClientID, QuotaBytes, LastUpdated, WarningThreshold, WarnedAt
          FROM client_quotas WHERE ClientID = NEW.ID;
END;

-- NOT EXISTS and not OR IGNORE: the conflict clause of the statement outside would win over it.
CREATE TRIGGER IF NOT EXISTS trg_clients_give_quota AFTER INSERT ON clients
BEGIN
    INSERT INTO client_quotas
            (ClientID, QuotaBytes, UsedBytes, LastUpdated, WarningThreshold, WarnedAt)
        SELECT r.ClientID, r.QuotaBytes, 0, r.LastUpdated, r.WarningThreshold, r.WarnedAt
          FROM client_quotas_replaced r WHERE r.ClientID = NEW.ID
           AND NOT EXISTS (SELECT 1 FROM client_quotas q WHERE q.ClientID = NEW.ID);
    INSERT INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated, WarningThreshold)
        SELECT NEW.ID, s.Value, 0, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),
               coalesce((SELECT w.Value FROM catalog_settings w
                          WHERE w.Name = 'default_quota_warning'), 0.8)
          FROM catalog_settings s WHERE s.Name = 'default_quota_bytes' AND NEW.ID IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM client_quotas q WHERE q.ClientID = NEW.ID);
    DELETE FROM client_quotas_replaced;
END;

CREATE TRIGGER IF NOT EXISTS trg_clients_forget_usage AFTER DELETE ON clients
BEGIN
    DELETE FROM client_usage WHERE ClientID = OLD.ID AND Files = 0;
END;
