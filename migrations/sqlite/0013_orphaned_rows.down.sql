-- Allows: drop table orphaned_rows
-- Changes: orphaned_rows
DROP TABLE IF EXISTS orphaned_rows;
