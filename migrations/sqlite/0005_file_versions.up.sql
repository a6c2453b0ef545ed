-- Description: Add file versioning support
-- Changes: files, file_versions
CREATE TABLE IF NOT EXISTS file_versions (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    FileID BLOB(16) NOT NULL,
    VersionNumber INTEGER NOT NULL,
    PathName VARCHAR(255) NOT NULL,
    FileSize INTEGER,
    CreatedDate TEXT NOT NULL,
    IsActive BOOLEAN DEFAULT 1,
    VersionHash VARCHAR(64),
    ParentVersionID INTEGER,
    FOREIGN KEY (FileID) REFERENCES files(ID) ON DELETE CASCADE,
    FOREIGN KEY (ParentVersionID) REFERENCES file_versions(ID)
);

ALTER TABLE files ADD COLUMN CurrentVersionID INTEGER;
ALTER TABLE files ADD COLUMN TotalVersions INTEGER DEFAULT 1;

CREATE INDEX IF NOT EXISTS idx_file_versions_file_id ON file_versions(FileID);
CREATE INDEX IF NOT EXISTS idx_file_versions_active ON file_versions(IsActive);
