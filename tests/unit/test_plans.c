/*
 * No statement of the catalog reads a whole table where an index should serve.
 *
 * The statements are those that the calls really run: all of test_messages, and the ones below,
 * which go further into each. What each would read whole is asked of SQLite on a catalog of the
 * latest version, with and without what ANALYZE knows of it, triggers and foreign keys included.
 * Whatever is not on the list of allowed scans, with its reason, fails the test.
 */
#include "catalog_fixture.h"
#include "plans.h"
#include "statements.h"

#include <sys/wait.h>

/* ---- What may be read whole ---- */

/* Tables that are small however large the catalog is. */
static const char *const small[] = {
	"file_totals",      "search_state",       "search_segments",        "clients",
	"catalog_settings", "client_quotas",      "client_quotas_replaced", "category_rules",
	"file_categories",  "retention_policies", "database_migrations",    "files_replaced",
	"client_usage",     "sqlite_stat1",       "sqlite_sequence",        "sqlite_stat4",
	"master_keys",
};

static const struct allowed {
	const char *table;   /* "": any. */
	const char *through; /* The index; "": any, or none. */
	const char *words;   /* Which the statement holds. */
	const char *why;
} allowed[] = {
	{"files", "", "f.ModificationDate, 0,",
	 "a search that nothing narrows decides on each row"},
	{"file_versions", "", "WHERE v.ID IS NOT coalesce(", "the same of all versions"},
	{"files", "", ") f ORDER BY f.row_number", "lists all files"},
	{"client_activity", "idx_client_activity_time", "ORDER BY a.Timestamp DESC",
	 "read from the newest, as far as is asked for"},
	{"client_activity_archive", "idx_client_activity_archive_time", "ORDER BY a.Timestamp DESC",
	 "the same"},
	{"catalog_activity", "idx_catalog_activity_time", "ORDER BY a.Timestamp DESC", "the same"},
	{"catalog_activity", "", "SELECT DISTINCT Detail FROM catalog_activity",
	 "backups that are known, before master keys are forgotten"},
	{"client_activity_archive", "", "WHERE ClientName = $1",
	 "asked only where no client has that name"},
	{"files", "", "SELECT count(*) FROM", "counted for people who asked for it"},
	{"files", "", "SELECT coalesce(max(rowid), 0) FROM files", "the last row only"},
	{"files", "", "(SELECT max(rowid) FROM files)", "the same"},
	{"files", "", "SELECT EXISTS (SELECT 1 FROM", "the first row only"},
	{"files", "idx_files_client_name", "f.OriginalPath IS NULL AND f.IsStored <> 0",
	 "what is stored, compared with the folder"},
	{"files", "idx_files_stored_path", "f.OriginalPath IS NOT NULL AND f.IsStored <> 0",
	 "the same"},
	{"files", "idx_files_client_id", "SELECT min(ClientID) FROM files",
	 "one row of each client"},
	{"files", "", "SET FileCategory = $2 WHERE FileCategory = $1",
	 "a category that goes; an index would cost every save"},
	{"client_usage_daily", "", "DELETE FROM client_usage_daily", "old days that go"},
	{"search_changes", "", "SELECT RowKey FROM search_changes ORDER BY RowKey",
	 "all marks, of which there are few"},
	{"search_changes", "", "SELECT 1 FROM search_changes LIMIT 1024", "some of them"},
	{"files", "", "(SELECT max(RowKey) FROM files)", "the last row only"},
	{"search_chunks", "idx_search_chunks_dates", "SELECT count(*) FROM search_chunks",
	 "one row for 2,048 files"},
	{"search_chunks", "idx_search_chunks_dates", "ORDER BY Newest", "as far as is needed"},
	{"search_chunks", "", "SELECT coalesce(max(Chunk), -1) FROM search_chunks",
	 "the last only"},
	{"", "", "WITH n AS MATERIALIZED (", "health counts the counters anew"},
	{"files", "", "INSERT OR REPLACE INTO client_recorded", "a migration or repair does"},
	{"files", "", "INSERT OR REPLACE INTO file_totals", "the same"},
	{"files", "", "INTO file_days (Date, Files", "the same"},
	{"", "", "SELECT \"", "migrations and rehearsals compare tables whole"},
	{"", "", "SELECT rowid, \"", "the same"},
	{"", "", "SELECT count(*) FROM \"",
	 "a step or a user's own migration, which may lose rows"},
	{"", "", "SELECT EXISTS (SELECT 1 FROM \"", "the first row only"},
	{"files", "", "SELECT ClientID, FileSize FROM files", "health counts usage anew"},
	{"files", "", "INSERT OR REPLACE INTO client_usage", "repair counts usage anew"},
	{"files", "", "CASE WHEN f.CurrentVersionID IS NULL THEN 2", "health looks at all links"},
	{"file_versions", "", "CASE WHEN g.active <> 1 THEN 3", "the same"},
	{"", "", "CASE WHEN v.VersionHash IS NOT NULL", "the same"},
	{"file_versions", "", "p.FileID IS NOT v.FileID", "the same"},
	{"orphaned_rows", "", "SELECT count(*) FROM orphaned_rows", "small, unless very ill"},
};

static bool is_small(const char *table)
{
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (strcmp(small[i], table) == 0)
			return true;
	return false;
}

/* ---- What the calls run ---- */

#define EACH(open, next, close, type, row)                                                         \
	do {                                                                                       \
		type *cursor_;                                                                     \
		const row *row_;                                                                   \
                                                                                                   \
		assert_ok(open);                                                                   \
		do                                                                                 \
			assert_ok(next(cursor_, &row_));                                           \
		while (row_ != NULL);                                                              \
		close(cursor_);                                                                    \
	} while (0)

static void save_files(catalog_fixture *f)
{
	sr_text missing = sr_text_of("/a/b");
	sr_file file = file_at(f, "/a/b");
	sr_id id;

	for (file.size = 1; file.size <= 5; file.size++)
		(void)save(f, &file);
	file.date = sr_text_of("2026-01-31");
	file.path = sr_text_of("received_files/elsewhere");
	file.category = sr_text_of("code");
	(void)save(f, &file);
	file = file_named(f, "named");
	(void)save(f, &file);
	file = file_at(f, "/a/c/d");
	assert_ok(sr_file_save(f->catalog, &file, 1, NULL, &id, NULL));
	assert_ok(sr_file_mark_missing(f->catalog, &f->client, &missing, 1, 1, NULL));
}

static void use_files(catalog_fixture *f)
{
	sr_file *file = find(f, "/a/b");
	sr_id id = file->id;
	sr_file *found;
	sr_file_version *version;

	sr_file_free(file);
	sr_file_free(find(f, "named"));
	assert_fails(sr_file_find(f->catalog, &f->client, sr_text_of("nowhere"), &found),
		     SR_NOT_FOUND, "nowhere");
	assert_ok(sr_file_by_id(f->catalog, &id, &found));
	sr_file_free(found);
	EACH(sr_file_list(f->catalog, &f->client, &cursor_), sr_files_next, sr_files_close,
	     sr_files, sr_file);
	EACH(sr_file_list(f->catalog, NULL, &cursor_), sr_files_next, sr_files_close, sr_files,
	     sr_file);
	EACH(sr_file_list_below(f->catalog, &f->client, sr_text_of("/a"), sr_text_of("/a/a"), 5,
				&cursor_),
	     sr_files_next, sr_files_close, sr_files, sr_file);
	EACH(sr_folder_open(f->catalog, &f->client, sr_text_of("/a"), false, &cursor_),
	     sr_folder_next, sr_folder_close, sr_folder, sr_entry);
	EACH(sr_folder_open(f->catalog, &f->client, sr_text_of(""), true, &cursor_), sr_folder_next,
	     sr_folder_close, sr_folder, sr_entry);
	EACH(sr_version_list(f->catalog, &f->client, sr_text_of("/a/b"), &cursor_),
	     sr_versions_next, sr_versions_close, sr_versions, sr_file_version);
	assert_ok(sr_version_find(f->catalog, &f->client, sr_text_of("/a/b"), 2, &version));
	sr_version_free(version);
	assert_ok(sr_version_pin(f->catalog, &f->client, sr_text_of("/a/b"), 2, true, NULL));
	assert_ok(sr_version_activate(f->catalog, &f->client, sr_text_of("/a/b"), 1, NULL));
	assert_ok(sr_file_set_verified(f->catalog, &f->client, sr_text_of("named"), true, 5));
	assert_ok(sr_category_assign(f->catalog, &f->client, sr_text_of("/a/b"),
				     sr_text_of("image")));
}

/* So many that the search index is read by its dates. */
static void fill_the_index(catalog_fixture *f)
{
	assert_ok(
		sr_execute(f->catalog,
			   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
			   " i < 6000) INSERT INTO files (ID, FileName, PathName, ClientID,"
			   " ModificationDate, IsStored) SELECT randomblob(16), 'b' || i, 'p/b' ||"
			   " i, c.ID, '2026-01-31', 0 FROM n, clients c",
			   NULL, 0, NULL));
	assert_ok(sr_search_index_build(f->catalog, true, NULL, NULL, NULL));
}

/* Every filter, each sort, with and without a term. */
static void search(catalog_fixture *f)
{
	for (unsigned bits = 0; bits < 1024; bits++) {
		sr_query query;

		sr_query_init(&query);
		query.limit = 10;
		query.term = sr_text_of(bits & 1 ? (bits & 512 ? "b" : "named") : NULL);
		query.client_name = sr_text_of(bits & 2 ? "host" : NULL);
		query.client_part = sr_text_of(bits & 4 ? "HO" : NULL);
		query.file_type = sr_text_of(bits & 4 ? "c" : NULL);
		query.min_size = bits & 8 ? 1 : SR_NULL_INTEGER;
		query.max_size = bits & 8 ? 100 : SR_NULL_INTEGER;
		query.from = bits & 16 ? 0 : SR_NULL_INTEGER;
		query.verified_only = bits & 32;
		query.present_only = bits & 64;
		query.all_versions = bits & 128;
		query.sort = (sr_sort)(bits >> 8 & 3);
		query.reverse = bits & 512;
		EACH(sr_search(f->catalog, &query, &cursor_), sr_files_next, sr_files_close,
		     sr_files, sr_file);
	}
}

static void use_the_rest(catalog_fixture *f)
{
	const sr_id *client = &f->client;
	sr_activity_query of_client;
	sr_classify_options classify;
	sr_statistics *statistics;
	sr_health_options full;
	sr_health *health;
	sr_quota *quota;

	sr_activity_query_init(&of_client);
	of_client.client = client;
	of_client.since = 0;
	of_client.type = sr_text_of("save");
	EACH(sr_activity_list(f->catalog, NULL, &cursor_), sr_activities_next, sr_activities_close,
	     sr_activities, sr_activity);
	EACH(sr_activity_list(f->catalog, &of_client, &cursor_), sr_activities_next,
	     sr_activities_close, sr_activities, sr_activity);
	of_client.client = NULL;
	of_client.client_name = sr_text_of("host");
	EACH(sr_activity_list(f->catalog, &of_client, &cursor_), sr_activities_next,
	     sr_activities_close, sr_activities, sr_activity);
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now(), NULL));
	EACH(sr_transfer_day_list(f->catalog, 7, &cursor_), sr_transfer_days_next,
	     sr_transfer_days_close, sr_transfer_days, sr_transfer_day);
	EACH(sr_client_usage_list(f->catalog, 30, &cursor_), sr_client_usages_next,
	     sr_client_usages_close, sr_client_usages, sr_client_usage);
	EACH(sr_client_list(f->catalog, true, &cursor_), sr_clients_next, sr_clients_close,
	     sr_clients, sr_client);
	EACH(sr_quota_list(f->catalog, &cursor_), sr_quotas_next, sr_quotas_close, sr_quotas,
	     sr_quota);
	assert_ok(sr_quota_set(f->catalog, client, 1 << 30, 0.5, &quota));
	sr_quota_free(quota);
	assert_ok(sr_statistics_get(f->catalog, &statistics));
	sr_statistics_free(statistics);
	sr_classify_options_init(&classify);
	assert_ok(sr_category_classify_files(f->catalog, &classify, NULL, NULL));
	sr_health_options_init(&full);
	full.full = true;
	assert_ok(sr_health_check(f->catalog, &full, &health));
	sr_health_free(health);
}

/* What a plain session has left wrong. */
static void mend(catalog_fixture *f)
{
	sr_repair_options how;
	sr_repair *plan;

	sr_repair_options_init(&how);
	how.backup = false;
	assert_ok(sr_repair_plan(f->catalog, &how, &plan));
	assert_true(plan->step_count > 3);
	assert_ok(sr_repair_apply(f->catalog, plan, &how));
	sr_repair_free(plan);
}

static void damage(const catalog_fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_trace_v2(db, 0, NULL, NULL); /* It is not the catalog's. */
	assert_int_equal(
		sqlite3_exec(db,
			     "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
			     " (x'01', 'lost', 'p', x'99');"
			     "INSERT INTO file_versions (FileID, VersionNumber, PathName,"
			     " CreatedDate) VALUES (x'98', 1, 'p', 'now');"
			     "INSERT INTO client_activity (ClientID, ActivityType, Timestamp)"
			     " VALUES (x'97', 'save', 'now');"
			     "UPDATE client_usage SET Files = 7, Bytes = 9;"
			     "UPDATE files SET TotalVersions = 9, CurrentVersionID = 4711;"
			     "UPDATE file_versions SET ParentVersionID = 4712 WHERE ID = 2;"
			     "DROP INDEX idx_files_filename",
			     NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

static void remove_things(catalog_fixture *f)
{
	sr_prune_options options;
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = keep.daily = 1;
	sr_prune_options_init(&options);
	options.keep = &keep;
	options.delete_stored = true;
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_ok(sr_policy_set(f->catalog, &f->client, &keep));
	options.keep = NULL;
	options.policies = true;
	assert_ok(sr_prune(f->catalog, &options, NULL));
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("named")));
	assert_ok(sr_client_delete(f->catalog, &f->client, NULL));
}

static void record(catalog_fixture *f)
{
	const char *folder = scratch_path("tree");
	sr_record_summary summary;

	assert_int_equal(mkdir(folder, 0700), 0);
	for (int i = 0; i < 3; i++) {
		char path[192];
		FILE *file;

		snprintf(path, sizeof(path), "%s/f%d.txt", folder, i);
		assert_non_null(file = fopen(path, "w"));
		fprintf(file, "%d", i);
		assert_int_equal(fclose(file), 0);
	}
	for (int i = 0; i < 2; i++)
		assert_ok(sr_record(f->catalog, &f->client, &folder, 1, NULL, &summary));
}

static void wrap_keys(catalog_fixture *f)
{
	int64_t faults;
	sr_keys_done done;

	assert_ok(sr_keys_init(f->catalog, NULL, &done));
	foreign_sql(f, "UPDATE clients SET AESKey = zeroblob(16)");
	add_client(f, "with keys");
	assert_ok(sr_keys_check(f->catalog, NULL, NULL, NULL, &faults));
	assert_ok(sr_keys_unwrap(f->catalog, &done));
}

static void run_the_calls(catalog_fixture *f)
{
	statements_begin();
	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	f->client = add_client(f, "host");
	save_files(f);
	use_files(f);
	fill_the_index(f);
	search(f);
	record(f);
	use_the_rest(f);
	wrap_keys(f);
	damage(f);
	mend(f);
	remove_things(f);
}

/* Those of the calls that test_messages makes, which are all there are. */
static void add_statements_of_messages(void)
{
	char program[512], *text = NULL;
	const char *path = scratch_path("statements");
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 32);
	size_t room = 0, before = statements_count();
	FILE *file;
	pid_t child;
	int status;

	assert_true(length > 0);
	program[length] = '\0';
	strcpy(strrchr(program, '/') + 1, "test_messages");
	if ((child = fork()) == 0) {
		setenv(STATEMENTS_VARIABLE, path, 1);
		(void)!freopen("/dev/null", "w", stdout);
		(void)!freopen("/dev/null", "w", stderr);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s ended with %d", program, status);
	assert_non_null(file = fopen(path, "r"));
	while (getdelim(&text, &room, '\0', file) > 0)
		statements_add(text);
	fclose(file);
	free(text);
	assert_true(statements_count() > before);
}

/* ---- A catalog to ask ---- */

#define ROWS                                                                                       \
	"INSERT INTO clients (ID, Name, LastSeen) SELECT CAST(printf('client%010d', value) AS"     \
	" BLOB), 'client ' || value, 'now' FROM n WHERE value <= 40;"
#define NUMBERS                                                                                    \
	"CREATE TEMP VIEW n AS WITH RECURSIVE r(value) AS (SELECT 1 UNION ALL SELECT value + 1"    \
	" FROM r WHERE value < 4000) SELECT value FROM r;"
#define OF_CLIENT "CAST(printf('client%010d', 1 + value % 40) AS BLOB)"
#define OF_FILE   "CAST(printf('file%012d', value) AS BLOB)"

/* Rows of every large table, as many of each value as a large catalog has beside one another. */
static const char fill[] = NUMBERS ROWS
	"INSERT INTO files (ID, FileName, PathName, FileSize, ModificationDate, ClientID,"
	" OriginalPath, IsStored, Verified, FileCategory, FileHash, MissingSince) SELECT " OF_FILE
	", 'name ' || (value % 900), 'p/' || value, value, '2026-01-' || value % 30, " OF_CLIENT
	", CASE WHEN value % 9 THEN '/d/' || value END, value % 2, value % 3 = 0, 'c' || value % 5,"
	" 'hash' || value, CASE WHEN value % 50 = 0 THEN 'then' END FROM n;"
	"INSERT INTO file_versions (FileID, VersionNumber, PathName, CreatedDate, IsActive,"
	" ParentVersionID) SELECT CAST(printf('file%012d', value / 4 + 1) AS BLOB), value % 4 + 1,"
	" 'v/' || value, 'then', value % 4 = 3, CASE WHEN value % 4 > 1 THEN value - 1 END FROM n;"
	"INSERT INTO client_activity (ClientID, ActivityType, Timestamp) SELECT " OF_CLIENT
	", 'save', '2026-01-' || value FROM n;"
	"INSERT INTO client_activity_archive (ClientID, ClientName, ActivityType, Timestamp)"
	" SELECT " OF_CLIENT ", 'old', 'save', '2026-01-' || value FROM n;"
	"INSERT INTO catalog_activity (ActivityType, Timestamp) SELECT 'backup',"
	" '2026-01-' || value FROM n;"
	"INSERT OR IGNORE INTO client_usage_daily (ClientID, Date, Files, Bytes) SELECT " OF_CLIENT
	", date('2020-01-01', value || ' days'), 1, 1 FROM n;"
	"INSERT INTO transfer_stats (Date) SELECT date('2020-01-01', value || ' days') FROM n;"
	"INSERT INTO metrics_history (timestamp, metric_name, value) SELECT '2026-01-' || value,"
	" 'm' || value % 10, 1 FROM n;";

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sqlite3_errmsg(db), sql);
}

/* A catalog of the latest version with its rows, as plain SQLite has it. */
static sqlite3 *open_filled(void)
{
	static char path[192];
	sr_catalog *catalog;
	sr_options options;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s", scratch_path("filled.db"));
	sr_options_init(&options);
	options.path = path;
	options.create = options.migrate = true;
	assert_ok(sr_open(&catalog, &options));
	assert_ok(sr_close(catalog));
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	run(db, "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; BEGIN");
	run(db, fill);
	run(db, "COMMIT");
	return db;
}

/* ---- Judging ---- */

typedef struct judging {
	const char *sql;
	unsigned used[sizeof(allowed) / sizeof(allowed[0])];
	unsigned wrong;
	bool quiet;
} judging;

static void judge(void *arg, const char *table, const char *through, const char *how)
{
	judging *j = arg;

	if (is_small(table))
		return;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		const struct allowed *a = &allowed[i];

		if ((*a->table == '\0' || strcmp(a->table, table) == 0) &&
		    (*a->through == '\0' || strcmp(a->through, through) == 0) &&
		    strstr(j->sql, a->words) != NULL) {
			j->used[i]++;
			return;
		}
	}
	j->wrong++;
	if (!j->quiet)
		print_error("all of %s is read (%s of %s) by: %s\n", table, how, through, j->sql);
}

/* Whether it reads or changes rows; what else there is works on a table by its name. */
static bool is_query(const char *sql)
{
	static const char *const words[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"};

	sql += strspn(sql, " \t\n");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (sqlite3_strnicmp(sql, words[i], (int)strlen(words[i])) == 0)
			return true;
	return false;
}

/* How many of the statements this catalog can run at all. */
static size_t judge_all(sqlite3 *db, judging *j)
{
	size_t count = 0;

	for (size_t i = 0; i < statements_count(); i++) {
		j->sql = statements_at(i);
		if (is_query(j->sql) && plans_scans(db, j->sql, judge, j))
			count++;
	}
	return count;
}

static void test_no_scan(void **state)
{
	sqlite3 *db = *state;
	judging j = {0};

	assert_true(judge_all(db, &j) > 200);
	run(db, "SAVEPOINT s; ANALYZE");
	(void)judge_all(db, &j);
	run(db, "ROLLBACK TO s; RELEASE s");
	/* No fault, but the list should not allow what nobody needs. */
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (j.used[i] == 0)
			print_message("nothing reads all of '%s' any more with: %s\n",
				      allowed[i].table, allowed[i].words);
	assert_int_equal(j.wrong, 0);
}

/* ---- Every index serves ---- */

static const struct {
	const char *index;
	const char *why;
} dispensable[] = {
	{"idx_files_verified", "the seed's: old code counts by it"},
	{"idx_files_client_verified", "the seed's: old code counts by it"},
};

static bool is_dispensable(const char *index)
{
	for (size_t i = 0; i < sizeof(dispensable) / sizeof(dispensable[0]); i++)
		if (strcmp(dispensable[i].index, index) == 0)
			return true;
	return false;
}

/* Whether a plan of some statement names it. */
static bool is_named(sqlite3 *db, const char *index)
{
	bool found = false;

	for (size_t i = 0; i < statements_count() && !found; i++)
		found = is_query(statements_at(i)) && plans_names(db, statements_at(i), index);
	return found;
}

static unsigned count_scans(sqlite3 *db)
{
	judging j = {.quiet = true};

	(void)judge_all(db, &j);
	return j.wrong;
}

/* Or what triggers and foreign keys do would read a table whole without it. */
static bool is_missed(sqlite3 *db, const char *index)
{
	unsigned before = count_scans(db), without;
	char *sql = sqlite3_mprintf("SAVEPOINT s; DROP INDEX %w", index);

	run(db, sql);
	sqlite3_free(sql);
	without = count_scans(db);
	run(db, "ROLLBACK TO s; RELEASE s");
	return without > before;
}

/* What finds one row, or a few, among a client's millions: another index of the client would do
 * without a scan, but not in time. */
static const struct {
	const char *words;
	const char *index;
} lookups[] = {
	{"f.ClientID = $1 AND f.OriginalPath = $2", "idx_files_identity_path"},
	{"f.ClientID = $1 AND f.OriginalPath >= $2", "idx_files_identity_path"},
	{"f.FileName = $2 AND (f.OriginalPath IS NULL) = 1", "idx_files_filename"},
	{"f.OriginalPath IS NULL AND f.FileName >= $2", "idx_files_client_name"},
	{"substr(PathName, -16) IN", "idx_files_filename"},
	{"substr(PathName, -16) IN", "idx_files_stored_path"},
	{"FROM file_versions v WHERE v.FileID = $1", "idx_file_versions_file_id"},
};

#define LOOKUPS (sizeof(lookups) / sizeof(lookups[0]))

/* How many of these statements do without their index; each lookup has some. */
static unsigned count_wrong_lookups(sqlite3 *db)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < LOOKUPS; i++) {
		unsigned seen = 0;

		for (size_t k = 0; k < statements_count(); k++) {
			const char *sql = statements_at(k);

			if (strstr(sql, lookups[i].words) == NULL)
				continue;
			seen++;
			wrong += !plans_names(db, sql, lookups[i].index);
		}
		if (seen == 0)
			fail_msg("no statement has: %s", lookups[i].words);
	}
	return wrong;
}

static void test_lookups(void **state)
{
	sqlite3 *db = *state;

	assert_int_equal(count_wrong_lookups(db), 0);
	run(db, "SAVEPOINT s; ANALYZE");
	assert_int_equal(count_wrong_lookups(db), 0);
	run(db, "ROLLBACK TO s; RELEASE s");
}

/* Without any of the indexes that matter most all of this would fail. */
static void test_dropped_index_is_noticed(void **state)
{
	sqlite3 *db = *state;

	assert_true(is_missed(db, "idx_file_versions_file_id"));       /* A file's deletion. */
	assert_true(is_missed(db, "idx_file_versions_parent"));        /* A version's. */
	assert_true(is_missed(db, "idx_client_activity_client_time")); /* A client's. */
	for (size_t i = 0; i < LOOKUPS; i++) {
		char *sql = sqlite3_mprintf("SAVEPOINT s; DROP INDEX %w", lookups[i].index);

		run(db, sql);
		sqlite3_free(sql);
		assert_true(count_wrong_lookups(db) > 0);
		run(db, "ROLLBACK TO s; RELEASE s");
	}
}

/* Their names, one a line; sqlite3_free. */
static char *all_indexes(sqlite3 *db)
{
	char **table, *names = NULL;
	int rows;

	if (sqlite3_get_table(db,
			      "SELECT coalesce(group_concat(name, char(10)), '') FROM sqlite_schema"
			      " WHERE type = 'index' AND sql IS NOT NULL",
			      &table, &rows, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	names = sqlite3_mprintf("%s", table[1]);
	sqlite3_free_table(table);
	return names;
}

static void test_every_index_serves(void **state)
{
	sqlite3 *db = *state;
	char *names = all_indexes(db), *rest = names, *index;
	unsigned wrong = 0, looked = 0;

	while ((index = strsep(&rest, "\n")) != NULL) {
		bool serves = is_named(db, index) || is_missed(db, index);

		looked++;
		if (serves || is_dispensable(index))
			continue;
		wrong++;
		print_error("%s serves nothing\n", index);
	}
	sqlite3_free(names);
	assert_true(looked > 10);
	assert_int_equal(wrong, 0);
}

static catalog_fixture *the_fixture;

/* The statements, and a catalog to ask of them. */
static int setup(void **state)
{
	void *fixture;

	catalog_setup(&fixture);
	run_the_calls(fixture);
	add_statements_of_messages();
	*state = open_filled();
	sqlite3_trace_v2(*state, 0, NULL, NULL);
	the_fixture = fixture;
	return 0;
}

static int teardown(void **state)
{
	void *fixture = the_fixture;

	sqlite3_close(*state);
	statements_end();
	return catalog_teardown(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_scan),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_dropped_index_is_noticed),
		cmocka_unit_test(test_every_index_serves),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
