-- Description: Activity of the whole catalog, and what clients used day by day
-- Allows: drop index idx_client_activity_client
-- Changes: catalog_activity, client_usage_daily
--
-- What concerns no client or all of them: backups, restores, repairs. client_activity cannot hold
-- it, since each of its rows belongs to a client.
CREATE TABLE IF NOT EXISTS catalog_activity (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    Detail TEXT,
    BytesTransferred INTEGER DEFAULT 0
);

-- What a client used at its last change of each day (UTC).
CREATE TABLE IF NOT EXISTS client_usage_daily (
    ClientID BLOB(16) NOT NULL,
    Date TEXT NOT NULL,
    Files INTEGER NOT NULL,
    Bytes INTEGER NOT NULL,
    PRIMARY KEY (ClientID, Date)
) WITHOUT ROWID;

INSERT OR REPLACE INTO client_usage_daily (ClientID, Date, Files, Bytes)
    SELECT ClientID, date('now'), Files, Bytes FROM client_usage;

-- Newest first, of all and of one client. The one by client alone is then a prefix of another.
CREATE INDEX IF NOT EXISTS idx_client_activity_time ON client_activity(Timestamp);
CREATE INDEX IF NOT EXISTS idx_client_activity_client_time
    ON client_activity(ClientID, Timestamp);
CREATE INDEX IF NOT EXISTS idx_client_activity_archive_time ON client_activity_archive(Timestamp);
CREATE INDEX IF NOT EXISTS idx_catalog_activity_time ON catalog_activity(Timestamp);
DROP INDEX IF EXISTS idx_client_activity_client;

-- As the old code makes it by itself.
CREATE INDEX IF NOT EXISTS idx_metrics_name_time ON metrics_history(metric_name, timestamp);

-- The day before a client came it used nothing, so that what it brings counts as growth.
CREATE TRIGGER IF NOT EXISTS trg_clients_begin_daily AFTER INSERT ON clients
BEGIN
    INSERT INTO client_usage_daily (ClientID, Date, Files, Bytes)
        SELECT NEW.ID, date('now', '-1 day'), 0, 0 WHERE NEW.ID IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM client_usage_daily d WHERE d.ClientID = NEW.ID)
           AND NOT EXISTS (SELECT 1 FROM client_usage u WHERE u.ClientID = NEW.ID);
END;

CREATE TRIGGER IF NOT EXISTS trg_clients_forget_daily AFTER DELETE ON clients
BEGIN
    DELETE FROM client_usage_daily WHERE ClientID = OLD.ID;
END;
