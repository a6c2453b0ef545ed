-- Description: Rows that refer to nothing, moved aside by a repair
-- Changes: orphaned_rows
--
-- Content is the statement that would put the row back.
CREATE TABLE IF NOT EXISTS orphaned_rows (
    ID INTEGER PRIMARY KEY AUTOINCREMENT,
    TableName VARCHAR(100) NOT NULL,
    MovedAt TEXT NOT NULL,
    Reason TEXT NOT NULL,
    Content TEXT NOT NULL
);
