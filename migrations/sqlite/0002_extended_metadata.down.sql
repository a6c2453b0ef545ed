-- Changes: files
ALTER TABLE files DROP COLUMN CompressionRatio;
ALTER TABLE files DROP COLUMN TransferSpeed;
ALTER TABLE files DROP COLUMN TransferDuration;
ALTER TABLE files DROP COLUMN FileHash;
ALTER TABLE files DROP COLUMN OriginalPath;
ALTER TABLE files DROP COLUMN FileExtension;
ALTER TABLE files DROP COLUMN MimeType;
ALTER TABLE files DROP COLUMN FileCategory;
