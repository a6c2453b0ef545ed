-- Description: Names and stored paths in fewer bytes
-- Allows: drop index
--
-- ARCHITECTURE.md has what each of these took and what is asked of it.

-- One index finds a name everywhere and in a client, and tells whether the file is known by it alone.
DROP INDEX IF EXISTS idx_files_filename;
CREATE INDEX idx_files_filename ON files(FileName, ClientID, (OriginalPath IS NULL));

-- Only files without a path are listed by their names.
DROP INDEX IF EXISTS idx_files_client_name;
CREATE INDEX idx_files_client_name ON files(ClientID, FileName) WHERE OriginalPath IS NULL;

-- What is stored under its own name is found by that; here is the rest.
DROP INDEX IF EXISTS idx_files_stored_path;
CREATE INDEX idx_files_stored_path ON files(substr(PathName, -16)) WHERE IsStored <> 0
    AND coalesce(OriginalPath IS NULL AND typeof(FileName) = 'text' AND typeof(PathName) = 'text'
        AND instr(FileName, '/') = 0
        AND substr('/' || PathName, -1 - length(FileName)) = '/' || FileName, 0) = 0;
