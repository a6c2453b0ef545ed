-- Allows: drop table client_quotas
-- Changes: client_quotas
-- Remakes: client_quotas WHERE (QuotaBytes = 1073741824 OR UsedBytes > 1073741824 AND QuotaBytes = UsedBytes * 2) AND WarningThreshold = 0.8
DROP TABLE IF EXISTS client_quotas;
