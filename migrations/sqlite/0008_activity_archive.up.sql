-- Description: Keep the activity of deleted clients
-- Changes: client_activity_archive
CREATE TABLE IF NOT EXISTS client_activity_archive (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    ClientID BLOB(16) NOT NULL,
    ClientName VARCHAR(255) NOT NULL,
    ActivityType VARCHAR(50) NOT NULL,
    Timestamp TEXT NOT NULL,
    FileCount INTEGER DEFAULT 0,
    BytesTransferred INTEGER DEFAULT 0
);

CREATE INDEX IF NOT EXISTS idx_client_activity_archive_client
    ON client_activity_archive(ClientID);

-- In time for client_activity's foreign key, whether keys are enforced or not.
CREATE TRIGGER IF NOT EXISTS trg_clients_archive_activity BEFORE DELETE ON clients
BEGIN
    INSERT INTO client_activity_archive
        (ClientID, ClientName, ActivityType, Timestamp, FileCount, BytesTransferred)
        SELECT ClientID, OLD.Name, ActivityType, Timestamp, FileCount, BytesTransferred
          FROM client_activity WHERE ClientID = OLD.ID ORDER BY ID;
    DELETE FROM client_activity WHERE ClientID = OLD.ID;
END;
