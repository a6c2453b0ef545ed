-- Description: Master keys, and which clients' AES keys are still plain
-- Changes: master_keys
--
-- The master keys themselves are kept elsewhere: docs/KEYS.md.
CREATE TABLE IF NOT EXISTS master_keys (
    ID VARCHAR(16) PRIMARY KEY NOT NULL,
    CreatedAt TEXT NOT NULL,
    IsCurrent INTEGER NOT NULL DEFAULT 0,
    CleanedAt TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_master_keys_current ON master_keys(IsCurrent) WHERE IsCurrent = 1;

-- What old code writes is plain: found here at once, and wrapped.
CREATE INDEX IF NOT EXISTS idx_clients_plain_key ON clients(ID)
    WHERE length(CAST(AESKey AS BLOB)) > 0
    AND (length(CAST(AESKey AS BLOB)) < 44 OR substr(CAST(AESKey AS BLOB), 1, 8) <> x'9353524B45590A01');
