/*
 * Rows that contradict others: the questions that health asks and that repair asks again. Each is a
 * SELECT over the latest version's tables whose first column is the key of a row.
 */
#ifndef SR_FAULTS_H
#define SR_FAULTS_H

#include "../engine/engine.h"
#include "../schema/counters.h"

/* The index that a message of the engine's integrity check is about, or null. */
sr_text sr_index_of_message(sr_text message);

/* Whether a table of that name is this program's. */
bool sr_is_own_table(const char *name);

/* Whether a repair makes anew what sr_schema_verify finds to be missing or otherwise
 * (repair_plan.c). */
bool sr_can_be_made(const char *kind, const char *object, const char *found);

/* Whether the search index is not to be believed; the words of the error at hand say why. In full:
 * held against every file, and SR_INTERRUPTED as soon as `stop` says so. (health_index.c) */
sr_status sr_search_index_fault(sr_conn *conn, bool full, sr_watch_fn stop, void *arg, bool *fault);

/* Whether its tables and triggers are there, so that it can be looked at. */
sr_status sr_search_index_whole(sr_conn *conn, bool *whole);

/* ClientID, Files, Bytes, the client's name: those counted from the id $1 up to below $2 (null: to
 * the end). Each is to be compared with sr_usage_of. */
#define SR_USAGE_ROWS                                                                              \
	"SELECT u.ClientID, u.Files, u.Bytes,"                                                     \
	" (SELECT c.Name FROM clients c WHERE c.ID = u.ClientID) FROM client_usage u"              \
	" WHERE u.ClientID >= $1 AND ($2 IS NULL OR u.ClientID < $2) ORDER BY u.ClientID"

/* Files and bytes of the client $1, counted. */
#define SR_USAGE_OF                                                                                \
	"SELECT count(*), coalesce(sum(" SR_COUNTED_SIZE "), 0) FROM files WHERE ClientID = $1"

/* ClientID, name: clients with files that have no row in client_usage. Found by leaping from one
 * client to the next in an index, however many files each has. */
#define SR_USAGE_LACKING                                                                           \
	"WITH RECURSIVE d(id) AS (SELECT min(ClientID) FROM files UNION ALL"                       \
	" SELECT (SELECT min(f.ClientID) FROM files f WHERE f.ClientID > d.id) FROM d"             \
	" WHERE d.id IS NOT NULL)"                                                                 \
	" SELECT d.id, (SELECT c.Name FROM clients c WHERE c.ID = d.id) FROM d"                    \
	" WHERE d.id IS NOT NULL"                                                                  \
	" AND NOT EXISTS (SELECT 1 FROM client_usage u WHERE u.ClientID = d.id)"

/* The key of each row that a table of counters has and a count has not, or the other way round; no
 * row and a row of zeros are the same. */
#define SR_COUNTED_WRONG(key, table, columns, some, counted)                                       \
	"WITH n AS MATERIALIZED (" counted "), k AS MATERIALIZED (SELECT " columns " FROM " table  \
	" WHERE " some ") SELECT DISTINCT " key " FROM (SELECT * FROM (SELECT " columns            \
	" FROM n EXCEPT SELECT " columns " FROM k) UNION ALL SELECT * FROM (SELECT " columns       \
	" FROM k EXCEPT SELECT " columns " FROM n))"
#define SR_TOTALS_WRONG                                                                            \
	SR_COUNTED_WRONG("Category || ', size class ' || SizeClass", "file_totals",                \
			 "Category, SizeClass, Verified, Files, Bytes",                            \
			 "Files <> 0 OR Bytes <> 0", SR_COUNTED_TOTALS("files"))
#define SR_DAYS_WRONG                                                                              \
	SR_COUNTED_WRONG("Date", "file_days", "Date, Files, Bytes, RecordedFiles, RecordedBytes",  \
			 "Files <> 0 OR Bytes <> 0 OR RecordedFiles <> 0 OR RecordedBytes <> 0",   \
			 SR_COUNTED_DAYS("files"))
#define SR_RECORDED_WRONG                                                                          \
	SR_COUNTED_WRONG("RecordedAt", "client_recorded", "ClientID, RecordedAt, Files", "1",      \
			 SR_COUNTED_RECORDED("files"))

/* Whether the sums over each table of counters are not the same, though all count every file. Bytes
 * are summed in halves, which do not overflow. */
#define SR_SUM_OF(table)                                                                           \
	" (SELECT coalesce(sum(Files), 0) AS f, coalesce(sum(Bytes >> 32), 0) AS h,"               \
	" coalesce(sum(Bytes & 4294967295), 0) AS l FROM " table ")"
#define SR_SUMS_DIFFER                                                                             \
	"SELECT t.f <> u.f OR t.f <> d.f OR (t.h - u.h) * 4294967296 + t.l - u.l <> 0"             \
	" OR (t.h - d.h) * 4294967296 + t.l - d.l <> 0"                                            \
	" OR (SELECT coalesce(sum(RecordedFiles), 0) FROM file_days) <>"                           \
	" (SELECT coalesce(sum(Files), 0) FROM client_recorded) FROM" SR_SUM_OF(                   \
		"file_totals") " t," SR_SUM_OF("client_usage") " u," SR_SUM_OF("file_days") " d"

/* ClientID, what the quota says is used, what is, name. */
#define SR_QUOTAS_WRONG                                                                            \
	"SELECT q.ClientID, q.UsedBytes, coalesce(u.Bytes, 0),"                                    \
	" (SELECT c.Name FROM clients c WHERE c.ID = q.ClientID) FROM client_quotas q"             \
	" LEFT JOIN client_usage u ON u.ClientID = q.ClientID"                                     \
	" WHERE q.UsedBytes IS NOT coalesce(u.Bytes, 0)"

/* What is wrong with the links of a file: the second column of the two below. */
enum {
	SR_LINK_CURRENT = 1, /* CurrentVersionID is of no version of it. */
	SR_LINK_COUNT,       /* TotalVersions is not how many it has. */
	SR_LINK_ACTIVE,      /* Not exactly one version is active. */
	SR_LINK_OTHER,       /* The active one is not the current one. */
};

/* Row of files, what, its name: looked at from the file's side. */
#define SR_FILES_MISLINKED                                                                         \
	"SELECT f.rowid, CASE WHEN f.CurrentVersionID IS NULL THEN 2 ELSE 1 END,"                  \
	" coalesce(f.OriginalPath, f.FileName) FROM files f"                                       \
	" WHERE (f.CurrentVersionID IS NOT NULL AND NOT EXISTS (SELECT 1 FROM file_versions v"     \
	" WHERE v.ID = f.CurrentVersionID AND v.FileID = f.ID))"                                   \
	" OR (f.CurrentVersionID IS NULL AND coalesce(f.TotalVersions, 1) <> 1"                    \
	" AND NOT EXISTS (SELECT 1 FROM file_versions v WHERE v.FileID = f.ID))"

/* The same, looked at from the versions' side; without those that the other finds. */
#define SR_VERSIONS_MISLINKED                                                                      \
	"SELECT f.rowid, CASE WHEN g.active <> 1 THEN 3 WHEN f.CurrentVersionID IS NOT g.id"       \
	" THEN 4 ELSE 2 END, coalesce(f.OriginalPath, f.FileName) FROM"                            \
	" (SELECT v.FileID, count(*) AS n, sum(v.IsActive IS NOT 0) AS active,"                    \
	" max(CASE WHEN v.IsActive IS NOT 0 THEN v.ID END) AS id"                                  \
	" FROM file_versions v GROUP BY v.FileID) g JOIN files f ON f.ID = g.FileID"               \
	" WHERE (f.TotalVersions IS NOT g.n OR g.active <> 1 OR f.CurrentVersionID IS NOT g.id)"   \
	" AND (f.CurrentVersionID IS NULL OR EXISTS (SELECT 1 FROM file_versions v"                \
	" WHERE v.ID = f.CurrentVersionID AND v.FileID = f.ID))"

/* Row of files, whether its content is another (by hash where both have one, else CRC, else size)
 * and not only what describes it, its name: the current version does not repeat its file. */
#define SR_VERSIONS_DIFFERING                                                                      \
	"SELECT f.rowid, CASE"                                                                     \
	" WHEN v.VersionHash IS NOT NULL AND f.FileHash IS NOT NULL"                               \
	" THEN lower(v.VersionHash) IS NOT lower(f.FileHash)"                                      \
	" WHEN v.CRC IS NOT NULL AND f.CRC IS NOT NULL THEN v.CRC IS NOT f.CRC"                    \
	" ELSE v.FileSize IS NOT NULL AND f.FileSize IS NOT NULL"                                  \
	" AND v.FileSize IS NOT f.FileSize END, coalesce(f.OriginalPath, f.FileName)"              \
	" FROM file_versions v JOIN files f ON f.ID = v.FileID"                                    \
	" WHERE f.CurrentVersionID = v.ID AND (v.FileSize IS NOT f.FileSize"                       \
	" OR v.VersionHash IS NOT f.FileHash OR v.CRC IS NOT f.CRC"                                \
	" OR v.PathName IS NOT f.PathName OR v.ModificationDate IS NOT f.ModificationDate)"

/* Row of file_versions, its number, nothing: its parent is a version of another file. */
#define SR_PARENTS_WRONG                                                                           \
	"SELECT v.ID, v.VersionNumber, NULL FROM file_versions v JOIN file_versions p"             \
	" ON p.ID = v.ParentVersionID WHERE p.FileID IS NOT v.FileID"

#endif
