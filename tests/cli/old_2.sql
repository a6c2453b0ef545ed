-- The old code's migration 2.
ALTER TABLE files ADD COLUMN FileCategory VARCHAR(50) DEFAULT 'document';
ALTER TABLE files ADD COLUMN MimeType VARCHAR(100);
ALTER TABLE files ADD COLUMN FileExtension VARCHAR(10);
ALTER TABLE files ADD COLUMN OriginalPath TEXT;
ALTER TABLE files ADD COLUMN FileHash VARCHAR(64);
ALTER TABLE files ADD COLUMN TransferDuration INTEGER;
ALTER TABLE files ADD COLUMN TransferSpeed INTEGER;
ALTER TABLE files ADD COLUMN CompressionRatio REAL;
CREATE TABLE IF NOT EXISTS database_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT);
INSERT INTO database_migrations VALUES (2, 'Extended file metadata', '2025-08-29T17:42:34.123456+00:00', NULL);
