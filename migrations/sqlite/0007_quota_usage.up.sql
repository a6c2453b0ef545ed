-- Description: Count what clients use; no quota below what is already used
-- Changes: client_quotas
UPDATE client_quotas SET UsedBytes = (
    SELECT CAST(max(total(FileSize), 0) AS INTEGER) FROM files
     WHERE files.ClientID = client_quotas.ClientID);

UPDATE client_quotas SET QuotaBytes = CASE
        WHEN UsedBytes < 4611686018427387904 THEN UsedBytes * 2
        ELSE 9223372036854775807 END
 WHERE UsedBytes > QuotaBytes;
