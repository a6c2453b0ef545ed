-- Allows: drop table transfer_stats, drop table client_activity, drop table file_categories
-- Changes: transfer_stats, client_activity, file_categories
-- Remakes: file_categories WHERE (Name, Description, DefaultPath, Color) IN (VALUES ('document', 'Documents and text files', 'received_files/documents/', '#007acc'), ('image', 'Images and photos', 'received_files/images/', '#007acc'), ('backup', 'Backup archives', 'received_files/backups/', '#007acc'), ('other', 'Other files', 'received_files/other/', '#007acc'))
DROP TABLE IF EXISTS file_categories;
DROP TABLE IF EXISTS client_activity;
DROP TABLE IF EXISTS transfer_stats;
