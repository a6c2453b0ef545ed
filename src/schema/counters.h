/*
 * The counters of migration 17: what they count by, in SQL, and counting anew. Triggers keep them;
 * the expressions are those of the triggers, for rows of `files` or of a relation with its columns.
 */
#ifndef SR_COUNTERS_H
#define SR_COUNTERS_H

#include "../engine/engine.h"

#define SR_COUNTERS_VERSION                                                                        \
	17 /* From which on there are file_totals, file_days, client_recorded. */

/* What a size counts for. */
#define SR_COUNTED_SIZE                                                                            \
	"CASE WHEN typeof(FileSize) = 'integer'"                                                   \
	" THEN min(max(FileSize, 0), 9007199254740992) ELSE 0 END"

/* 0: the size is not known. 1: empty. 2 and on end below 2^10, 2^14, 2^18, 2^22, 2^26, 2^30. */
#define SR_COUNTED_CLASS                                                                           \
	"CASE WHEN typeof(FileSize) <> 'integer' THEN 0 WHEN FileSize < 1 THEN 1"                  \
	" WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3 WHEN FileSize < 262144 THEN 4"  \
	" WHEN FileSize < 4194304 THEN 5 WHEN FileSize < 67108864 THEN 6"                          \
	" WHEN FileSize < 1073741824 THEN 7 ELSE 8 END"

#define SR_COUNTED_CATEGORY "coalesce(FileCategory, '')"
#define SR_COUNTED_VERIFIED "coalesce(Verified <> 0, 0)"

/* The day of a date. */
#define SR_COUNTED_DAY                                                                             \
	"CASE WHEN ModificationDate GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"            \
	" THEN substr(ModificationDate, 1, 10) ELSE '' END"

/* Whether it is known when a row was recorded. */
#define SR_COUNTED_IS_RECORDED "RecordedAt GLOB '2\?\?\?-\?\?-\?\?T\?\?:\?\?:\?\?*Z'"

/* The rows that each table of counters should have, from relation `files`; none of them is 0. */
#define SR_COUNTED_TOTALS(files)                                                                   \
	"SELECT " SR_COUNTED_CATEGORY " AS Category, " SR_COUNTED_CLASS                            \
	" AS SizeClass, " SR_COUNTED_VERIFIED                                                      \
	" AS Verified, count(*) AS Files, sum(" SR_COUNTED_SIZE ") AS Bytes"                       \
	" FROM " files " GROUP BY 1, 2, 3"
#define SR_COUNTED_DAYS(files)                                                                     \
	"SELECT Date, sum(m) AS Files, sum(mb) AS Bytes, sum(r) AS RecordedFiles,"                 \
	" sum(rb) AS RecordedBytes FROM ("                                                         \
	"SELECT " SR_COUNTED_DAY " AS Date, count(*) AS m, sum(" SR_COUNTED_SIZE ") AS mb,"        \
	" 0 AS r, 0 AS rb FROM " files " GROUP BY 1 UNION ALL "                                    \
	"SELECT substr(RecordedAt, 1, 10), 0, 0, count(*), sum(" SR_COUNTED_SIZE ")"               \
	" FROM " files " WHERE " SR_COUNTED_IS_RECORDED " GROUP BY 1) GROUP BY 1"
#define SR_COUNTED_RECORDED(files)                                                                 \
	"SELECT ClientID, substr(RecordedAt, 1, 19) || 'Z' AS RecordedAt, count(*) AS Files"       \
	" FROM " files " WHERE ClientID IS NOT NULL AND " SR_COUNTED_IS_RECORDED " GROUP BY 1, 2"

/* The class of a size, SR_NULL_INTEGER for one that is not known; and what it counts for. */
int sr_counted_class(int64_t size);
int64_t sr_counted_size(int64_t size);

/* The day of a date: ten of its bytes, or none. */
sr_text sr_counted_day(sr_text date);

/* Whether the triggers on `files` are all there, each in the words of the latest version, and no
 * other: then who inserts rows with new keys may leave them out and count by himself. */
sr_status sr_counters_replaceable(sr_conn *conn, bool *replaceable);

/* Counts all of them anew, client_usage and what quotas say is used too; inside the caller's
 * transaction, with triggers off. */
sr_status sr_counters_rebuild(sr_conn *conn);

/* The three tables alone. */
sr_status sr_counters_rebuild_totals(sr_conn *conn);

#endif
