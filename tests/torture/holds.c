#include "holds.h"

#include <ctype.h>
#include <fts.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void add(holds *all, char *line)
{
	if ((all->count & (all->count - 1)) == 0) {
		size_t room = all->count > 0 ? 2 * all->count : 1;

		all->lines = realloc(all->lines, room * sizeof(*all->lines));
	}
	if (all->lines == NULL || line == NULL)
		abort();
	all->lines[all->count++] = line;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(holds *all)
{
	if (all->count > 0)
		qsort(all->lines, all->count, sizeof(*all->lines), compare);
}

void holds_free(holds *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->lines[i]);
	free(all->lines);
	*all = (holds){0};
}

/* ---- The database ---- */

#define OF_CLIENT " FROM files f JOIN clients c ON c.ID = f.ClientID WHERE c.Name <> 'judge'"

/* Older versions lack some of the tables and columns, and with them these lines. */
static const char *const queries[] = {
	"SELECT 'client', Name, hex(PublicKey), length(AESKey) FROM clients WHERE Name NOT IN"
	" ('judge', 'gone')",
	"SELECT 'file', c.Name, f.FileName, f.PathName, f.FileSize, f.CRC, f.Verified" OF_CLIENT,
	"SELECT 'found', c.Name, f.OriginalPath, f.FileHash, f.FileCategory, f.TotalVersions,"
	" f.MissingSince IS NULL, f.IsStored" OF_CLIENT,
	"SELECT 'version', c.Name, f.OriginalPath, v.VersionNumber, v.FileSize, v.VersionHash,"
	" v.Pinned, v.IsActive FROM file_versions v JOIN files f ON f.ID = v.FileID"
	" JOIN clients c ON c.ID = f.ClientID WHERE c.Name <> 'judge'",
	"SELECT 'quota', c.Name, q.QuotaBytes, q.WarningThreshold FROM client_quotas q"
	" JOIN clients c ON c.ID = q.ClientID WHERE c.Name <> 'judge'",
	"SELECT 'category', Name, Description, Color FROM file_categories",
	"SELECT 'rule', Category, Kind, Pattern FROM category_rules",
	"SELECT 'policy', c.Name, p.KeepLast, p.KeepDaily FROM retention_policies p"
	" JOIN clients c ON c.ID = p.ClientID",
	"SELECT 'metric', metric_name, value FROM metrics_history",
	"SELECT 'setting', Name, Value FROM catalog_settings",
	"SELECT 'schema', max(version) FROM database_migrations",
	"SELECT 'own', Version, Description FROM own_migrations",
	"SELECT 'user', name, what FROM users_notes",
	"SELECT 'table', name FROM sqlite_schema WHERE type = 'table'",
	"SELECT 'check', * FROM pragma_integrity_check",
	"SELECT 'broken', * FROM pragma_foreign_key_check",
};

static const char activity_query[] =
	"SELECT 'activity', c.Name, a.ActivityType, sum(a.FileCount), sum(a.BytesTransferred)"
	" FROM client_activity a JOIN clients c ON c.ID = a.ClientID WHERE c.Name <> 'judge'"
	" GROUP BY 2, 3 UNION ALL SELECT 'past', ClientName, ActivityType, sum(FileCount),"
	" sum(BytesTransferred) FROM client_activity_archive GROUP BY 2, 3";

static void read_rows(holds *all, sqlite3_stmt *stmt)
{
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		sqlite3_str *line = sqlite3_str_new(NULL);
		char *text;

		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *value = (const char *)sqlite3_column_text(stmt, i);

			sqlite3_str_appendf(line, "%s%s", i > 0 ? "|" : "", value ? value : "-");
		}
		text = sqlite3_str_finish(line);
		add(all, strdup(text));
		sqlite3_free(text);
	}
}

static void fail(holds *all, sqlite3 *db)
{
	char words[300];

	snprintf(words, sizeof(words), "ERROR %s", sqlite3_errmsg(db));
	add(all, strdup(words));
}

static void ask(holds *all, sqlite3 *db, const char *query)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, query, -1, &stmt, NULL) != SQLITE_OK) {
		if (sqlite3_errcode(db) != SQLITE_ERROR) /* No such table or column. */
			fail(all, db);
		return;
	}
	read_rows(all, stmt);
	if (sqlite3_finalize(stmt) != SQLITE_OK)
		fail(all, db);
}

void holds_read(holds *all, const char *database, bool activity)
{
	sqlite3 *db = NULL;

	*all = (holds){0};
	if (sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
		fail(all, db);
	} else {
		sqlite3_busy_timeout(db, 10000);
		sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
			ask(all, db, queries[i]);
		if (activity)
			ask(all, db, activity_query);
	}
	sqlite3_close(db);
	sort(all);
}

/* ---- Names ---- */

/* Dates, and the letters of ids and of mkstemp, say nothing; each run of them is one #. */
static char *general(const char *path)
{
	char *name = calloc(1, strlen(path) + 1), *to = name;

	if (name == NULL)
		abort();
	for (const char *p = path; *p != '\0'; p++) {
		if (strncmp(p, HOLDS_ASIDE, strlen(HOLDS_ASIDE)) == 0) {
			strcpy(to, HOLDS_ASIDE);
			break;
		}
		if (isdigit((unsigned char)*p) == 0)
			*to++ = *p;
		else if (to > name + 2 && to[-1] == '_' && to[-2] == '#')
			to--; /* A date, a time, and which one of that second. */
		else if (to == name || to[-1] != '#')
			*to++ = '#';
	}
	return name;
}

bool holds_drop(holds *names, const char *words)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++) {
		if (strstr(names->lines[i], words) == NULL)
			names->lines[kept++] = names->lines[i];
		else
			free(names->lines[i]);
	}
	if (kept == names->count)
		return false;
	names->count = kept;
	return true;
}

void holds_names(holds *names, const char *folder)
{
	char *roots[] = {(char *)(uintptr_t)folder, NULL};
	size_t prefix = strlen(folder) + 1;
	FTSENT *entry;
	FTS *walk;

	*names = (holds){0};
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	while (walk != NULL && (entry = fts_read(walk)) != NULL)
		if (entry->fts_level > 0 && entry->fts_info != FTS_DP)
			add(names, general(entry->fts_path + prefix));
	if (walk != NULL)
		fts_close(walk);
	sort(names);
}

/* ---- Comparing ---- */

static bool has(const holds *all, const char *line)
{
	return all->count > 0 &&
	       bsearch(&line, all->lines, all->count, sizeof(*all->lines), compare) != NULL;
}

bool holds_equal(const holds *a, const holds *b, char *words, size_t size)
{
	size_t i = 0;

	while (i < a->count && i < b->count && strcmp(a->lines[i], b->lines[i]) == 0)
		i++;
	if (i == a->count && i == b->count)
		return true;
	snprintf(words, size, "there is '%s' where '%s' was expected",
		 i < a->count ? a->lines[i] : "nothing more",
		 i < b->count ? b->lines[i] : "nothing more");
	return false;
}

bool holds_within(const holds *all, const holds *a, const holds *b, char *words, size_t size)
{
	for (size_t i = 0; i < all->count; i++)
		if (!has(a, all->lines[i]) && !has(b, all->lines[i])) {
			snprintf(words, size, "'%s' is neither of before nor of after",
				 all->lines[i]);
			return false;
		}
	return true;
}

bool holds_between(const holds *all, const holds *a, const holds *b, char *words, size_t size)
{
	if (!holds_within(all, a, b, words, size))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (has(b, a->lines[i]) && !has(all, a->lines[i])) {
			snprintf(words, size, "'%s' is lost", a->lines[i]);
			return false;
		}
	return true;
}
