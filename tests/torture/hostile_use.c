/* All calls that read, and those that write, on a database of which nothing is known. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

enum {
	NAMES = 12,       /* Files that are tried one by one. */
	CALL_SECONDS = 5, /* What a call may take before it is asked to end. */
};

typedef struct use {
	const hostile_place *place;
	const char *what; /* What is being done. */
	bool thorough;
	double until; /* When the call is asked to end. */
	sr_catalog *catalog;
	sr_id client; /* The first of those that are there. */
	bool has_client;
	char *names[NAMES]; /* Keys of its files. */
	size_t lengths[NAMES];
	size_t count;
} use;

void hostile_name(hostile_place *place, const char *folder)
{
	snprintf(place->folder, sizeof(place->folder), "%s", folder);
	snprintf(place->database, sizeof(place->database), "%s/catalog/catalog.db", folder);
	snprintf(place->storage, sizeof(place->storage), "%s/catalog/received_files", folder);
	snprintf(place->outside, sizeof(place->outside), "%s/outside", folder);
}

/* ---- What must hold of every call ---- */

static void bad(const use *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void bad(const use *u, const char *format, ...)
{
	char words[1024], whole[1400];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "%s: %s", u->what, words);
	u->place->bad(u->place->arg, whole);
}

/* Control characters of both sets, and bytes that are no text. */
static bool one_line(const char *words)
{
	const unsigned char *at = (const unsigned char *)words;

	if (!sr_text_is_utf8(sr_text_of(words)))
		return false;
	for (; *at != '\0'; at++)
		if (*at < ' ' || *at == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0) ||
		    (at[0] == 0xE2 && at[1] == 0x80 && at[2] >= 0xA8 && at[2] <= 0xAE))
			return false;
	return true;
}

static bool fine(use *u, sr_status rc, const char *what)
{
	const char *words = sr_error_message();

	u->what = what;
	if (rc == SR_OK && words[0] != '\0')
		bad(u, "done, but: %s", words);
	else if (rc != SR_OK && (words[0] == '\0' || !one_line(words)))
		bad(u, "%s: '%s'", sr_status_name(rc), words);
	return rc == SR_OK;
}

static void logged(void *arg, sr_log_level level, const char *module, const char *message)
{
	use *u = arg;

	(void)level;
	if (!one_line(message))
		bad(u, "logged by %s: '%s'", module, message);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool late(void *arg)
{
	const use *u = arg;

	return now() > u->until;
}

static void begin(use *u, const char *what)
{
	u->what = what;
	u->until = now() + CALL_SECONDS;
}

/* ---- Reading ---- */

static void note_name(use *u, sr_text key)
{
	if (u->count == NAMES || key.data == NULL)
		return;
	if ((u->names[u->count] = malloc(key.length + 1)) == NULL)
		abort();
	memcpy(u->names[u->count], key.data, key.length);
	u->lengths[u->count++] = key.length;
}

static void read_clients(use *u)
{
	const sr_client *client = NULL;
	sr_clients *cursor;
	sr_status rc;

	begin(u, "clients");
	if (!fine(u, sr_client_list(u->catalog, true, &cursor), "clients"))
		return;
	while ((rc = sr_clients_next(cursor, &client)) == SR_OK && client && !late(u)) {
		if (!u->has_client)
			u->client = client->id;
		u->has_client = true;
	}
	(void)fine(u, rc, "a client");
	sr_clients_close(cursor);
}

static void found(use *u, const char *what, const sr_query *query)
{
	const sr_file *file = NULL;
	sr_files *files;
	sr_status rc;

	begin(u, what);
	if (!fine(u, sr_search(u->catalog, query, &files), what))
		return;
	while ((rc = sr_files_next(files, &file)) == SR_OK && file && !late(u))
		if (u->has_client && memcmp(&file->client_id, &u->client, sizeof(sr_id)) == 0)
			note_name(u, file->original_path.data ? file->original_path : file->name);
	(void)fine(u, rc, what);
	sr_files_close(files);
}

static void search(use *u)
{
	const sr_condition like = {SR_MATCH_GLOB, false, sr_text_of("**/f*")};
	sr_found counts;
	sr_query query;

	sr_query_init(&query);
	found(u, "search", &query);
	query.term = sr_text_of("ile");
	query.sort = SR_SORT_PATH;
	query.all_versions = true;
	found(u, "search by a term", &query);
	query.matches = &like;
	query.match_count = 1;
	found(u, "search by a pattern", &query);
	begin(u, "count");
	(void)fine(u, sr_search_count(u->catalog, &query, &counts), "count");
}

static void browse(use *u)
{
	const sr_entry *entry = NULL;
	const sr_file_version *version = NULL;
	sr_versions *versions;
	sr_folder *folder;
	sr_status rc;

	begin(u, "folder");
	if (fine(u, sr_folder_open(u->catalog, &u->client, sr_text_of("/"), true, &folder),
		 "folder")) {
		while ((rc = sr_folder_next(folder, &entry)) == SR_OK && entry && !late(u))
			;
		(void)fine(u, rc, "an entry");
		sr_folder_close(folder);
	}
	for (size_t i = 0; i < u->count && i < 3; i++) {
		sr_text key = {u->names[i], u->lengths[i]};

		begin(u, "history");
		if (!fine(u, sr_version_list(u->catalog, &u->client, key, &versions), "history"))
			continue;
		while ((rc = sr_versions_next(versions, &version)) == SR_OK && version && !late(u))
			;
		(void)fine(u, rc, "a version");
		sr_versions_close(versions);
	}
}

static void figures(use *u)
{
	sr_statistics *statistics;
	const sr_activity *activity = NULL;
	sr_activity_query query;
	sr_activities *activities;
	sr_size_limits *limits;
	sr_status rc;

	begin(u, "statistics");
	if (fine(u, sr_statistics_get(u->catalog, &statistics), "statistics"))
		sr_statistics_free(statistics);
	begin(u, "size");
	if (fine(u, sr_size_limits_get(u->catalog, &limits), "size"))
		sr_size_limits_free(limits);
	sr_activity_query_init(&query);
	begin(u, "activity");
	if (fine(u, sr_activity_list(u->catalog, &query, &activities), "activity")) {
		while ((rc = sr_activities_next(activities, &activity)) == SR_OK && activity)
			;
		(void)fine(u, rc, "an activity");
		sr_activities_close(activities);
	}
	begin(u, "verify the schema");
	(void)fine(u, sr_migrate_verify(u->catalog, NULL, NULL, NULL), "verify the schema");
}

static void query(use *u, const char *sql)
{
	const sr_value *values;
	sr_rows *rows;
	sr_status rc;
	int count = 0;

	begin(u, "query");
	if (!fine(u, sr_query_open(u->catalog, sql, NULL, 0, &rows), "query"))
		return;
	while ((rc = sr_rows_next(rows, &values)) == SR_OK && values && ++count < 1000)
		;
	(void)fine(u, rc, "a row");
	sr_rows_close(rows);
}

static void health(use *u, bool full)
{
	sr_options options;
	sr_health_options how;
	sr_health *health;

	sr_options_init(&options);
	options.path = u->place->database;
	sr_health_options_init(&how);
	how.full = full;
	how.verify_files = true;
	how.seconds = 1;
	begin(u, "health");
	if (!fine(u, sr_health_look(&options, &how, &health), "health"))
		return;
	for (size_t i = 0; i < health->finding_count; i++)
		if (!one_line(health->findings[i].meaning))
			bad(u, "finding %s: '%s'", health->findings[i].code,
			    health->findings[i].meaning);
	sr_health_free(health);
}

/* ---- Writing ---- */

static void each_file(use *u)
{
	for (size_t i = 0; i < u->count; i++) {
		sr_text key = {u->names[i], u->lengths[i]};

		begin(u, "verify");
		(void)fine(u, sr_file_verify(u->catalog, &u->client, key), "verify");
		begin(u, "delete a stored file");
		if (i % 2 == 0)
			(void)fine(u, sr_file_delete_stored(u->catalog, &u->client, key),
				   "delete a stored file");
	}
}

static void save(use *u)
{
	sr_client fresh = {.name = sr_text_of("fresh")};
	sr_file file;

	sr_id_new(&fresh.id);
	begin(u, "save a client");
	(void)fine(u, sr_client_save(u->catalog, &fresh, 1, NULL), "save a client");
	sr_file_init(&file);
	file.client_id = u->client;
	begin(u, "save files");
	for (size_t i = 0; i <= u->count; i++) {
		file.original_path = (sr_text){u->names[i % NAMES], u->lengths[i % NAMES]};
		if (i == u->count)
			file.original_path = sr_text_of("/home/fresh");
		file.crc = (int64_t)i + 77;
		(void)fine(u, sr_file_save(u->catalog, &file, 1, NULL, NULL, NULL), "save a file");
	}
}

static void prune(use *u)
{
	sr_prune_options options;
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = 1;
	sr_prune_options_init(&options);
	options.keep = &keep;
	options.delete_stored = true;
	begin(u, "prune");
	(void)fine(u, sr_prune(u->catalog, &options, NULL), "prune");
}

static void repair(use *u, bool apply)
{
	sr_repair_options how;
	sr_repair *repair;

	sr_repair_options_init(&how);
	how.backup = false;
	begin(u, "plan a repair");
	if (!fine(u, sr_repair_plan(u->catalog, &how, &repair), "plan a repair"))
		return;
	begin(u, "repair");
	if (apply)
		(void)fine(u, sr_repair_apply(u->catalog, repair, &how), "repair");
	sr_repair_free(repair);
}

static void backup(use *u)
{
	sr_backup_options options;
	sr_backed_up made;
	char path[4200];

	snprintf(path, sizeof(path), "%s/catalog/copy.db", u->place->folder);
	sr_backup_options_init(&options);
	options.path = path;
	begin(u, "backup");
	(void)fine(u, sr_backup(u->catalog, &options, &made), "backup");
}

/* The copy in the place of the catalog, and gone. */
static void restore(use *u)
{
	sr_backup_report report;
	sr_restored restored;
	sr_options options;
	char path[4200];

	snprintf(path, sizeof(path), "%s/catalog/copy.db", u->place->folder);
	if (access(path, F_OK) != 0)
		return;
	sr_options_init(&options);
	options.path = u->place->database;
	begin(u, "verify a backup");
	(void)fine(u, sr_backup_verify(&options, path, NULL, &report), "verify a backup");
	begin(u, "restore");
	(void)fine(u, sr_restore(&options, path, NULL, &restored), "restore");
}

static void salvage(use *u)
{
	sr_salvaged *salvaged;
	char path[4200];

	snprintf(path, sizeof(path), "%s/catalog/fresh.db", u->place->folder);
	unlink(path);
	begin(u, "salvage");
	if (fine(u, sr_salvage(u->place->database, path, NULL, &salvaged), "salvage"))
		sr_salvaged_free(salvaged);
	unlink(path);
}

/* ---- All of it ---- */

typedef enum way { READ_ONLY, AS_IT_IS, UPGRADING } way;

static bool open_it(use *u, way how)
{
	sr_options options;

	sr_options_init(&options);
	options.path = u->place->database;
	options.pool_size = 2;
	options.timeout = 3;
	options.backup = 0;
	options.read_only = how == READ_ONLY;
	options.migrate = how == UPGRADING;
	u->count = 0;
	u->has_client = false;
	begin(u, "open");
	return fine(u, sr_open(&u->catalog, &options), "open");
}

static void close_it(use *u)
{
	for (size_t i = 0; i < u->count; i++)
		free(u->names[i]);
	u->count = 0;
	begin(u, "close");
	(void)fine(u, sr_close(u->catalog), "close");
}

static void read_all(use *u)
{
	read_clients(u);
	search(u);
	browse(u);
	figures(u);
	query(u, "SELECT * FROM files");
	query(u, "SELECT name, sql FROM sqlite_schema");
}

static void write_all(use *u)
{
	each_file(u);
	save(u);
	prune(u);
	repair(u, true);
	if (u->thorough)
		backup(u);
	save(u);
	begin(u, "delete a client");
	(void)fine(u, sr_client_delete(u->catalog, &u->client, NULL), "delete a client");
}

void hostile_use(const hostile_place *place, bool thorough)
{
	use u = {.place = place, .thorough = thorough};
	sr_migration_status *status;
	sr_options options;

	sr_log_set(logged, &u);
	sr_cancel_set(late, &u);
	sr_options_init(&options);
	options.path = place->database;
	begin(&u, "status");
	if (fine(&u, sr_migration_status_get(&options, &status), "status"))
		sr_migration_status_free(status);
	if (thorough)
		health(&u, true);
	if (thorough)
		salvage(&u);
	if (open_it(&u, READ_ONLY)) {
		read_all(&u);
		close_it(&u);
	}
	if (open_it(&u, AS_IT_IS)) {
		read_all(&u);
		if (!thorough)
			repair(&u, false);
		write_all(&u);
		close_it(&u);
	}
	if (thorough)
		restore(&u);
	if (thorough && open_it(&u, UPGRADING)) {
		read_clients(&u);
		search(&u);
		save(&u);
		close_it(&u);
	}
	sr_cancel_set(NULL, NULL);
	sr_log_set(NULL, NULL);
}
