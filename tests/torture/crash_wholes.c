/* Scenarios: what becomes of a whole database, and copies of it. */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "schema/schema.h"
#include "unit/old_database.h"

static const char key[] = "correct horse battery staple";

/* ---- Copies ---- */

/* Whether these bytes were found to be good before: a passphrase takes a while each time. */
static bool is_known(const char *path, bool good)
{
	static uint64_t known[64];
	static size_t count;
	uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */
	FILE *file = fopen(path, "r");
	int byte;

	while (file && (byte = getc(file)) != EOF)
		sum = (sum ^ (unsigned)byte) * UINT64_C(1099511628211);
	if (file)
		fclose(file);
	for (size_t i = 0; i < count && i < 64; i++)
		if (known[i] == sum)
			return true;
	if (good)
		known[count++ % 64] = sum;
	return false;
}

/* Whatever bears the name of a backup is whole. */
static void look_backup(crash_look *look, const char *name)
{
	sr_backup_read_options how;
	sr_options options = look->stage->options;
	char path[4600], words[512];

	snprintf(path, sizeof(path), "%s/%s", look->folder, name);
	sr_backup_read_options_init(&how);
	how.key = strstr(name, ".sealed") ? key : NULL;
	how.key_length = strlen(key);
	options.path = look->path;
	if (is_known(path, false))
		return;
	if (sr_backup_verify(&options, path, &how, NULL) != SR_OK)
		snprintf(look->words, sizeof(look->words), "the backup is not whole: %.400s",
			 sr_error_message());
	else if (how.key == NULL && oracle_digest(path, words) <= ORACLE_DAMAGED)
		snprintf(look->words, sizeof(look->words), "the backup %s: %.400s", name, words);
	else
		is_known(path, true);
}

void crash_look_backups(crash_look *look)
{
	DIR *dir = opendir(look->folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		size_t length = strlen(name);

		if ((strstr(name, "_backup_") && length > 3 &&
		     strcmp(name + length - 3, ".db") == 0) ||
		    strcmp(name, "one.db") == 0 || strcmp(name, "two.sealed") == 0)
			look_backup(look, name);
	}
	if (dir)
		closedir(dir);
}

static void filled(stage *s)
{
	stage_create(s);
	stage_save_many(s, 0, 40, 1);
	stage_close(s);
}

/* Into the folder of a database that has been written to: what SQLite does for a new log is done.
 */
static void back_up(stage *s, const char *name, bool packed)
{
	char path[4400];
	sr_backup_options options;

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	sr_backup_options_init(&options);
	options.path = path;
	options.compress = packed;
	options.key = packed ? key : NULL;
	options.key_length = strlen(key);
	stage_good(s, stage_save(s, 700, 7), "saving");
	stage_good(s, sr_backup(s->catalog, &options, NULL), "backing up");
}

static void backup(stage *s)
{
	int promise = stage_promise(s, "file:one.db");

	stage_open(s);
	back_up(s, "one.db", false);
	stage_tell(s, promise);
	stage_close(s);
}

static void backup_packed(stage *s)
{
	int promise = stage_promise(s, "file:two.sealed");

	stage_open(s);
	back_up(s, "two.sealed", true);
	stage_tell(s, promise);
	stage_close(s);
}

/* ---- Restoring ---- */

/* A backup with 40 files, and a catalog that has gone on since. */
static void with_backup(stage *s)
{
	filled(s);
	stage_open(s);
	back_up(s, "one.db", false);
	stage_save_many(s, 500, 30, 2);
	stage_close(s);
}

static void with_backup_alone(stage *s)
{
	with_backup(s);
	if (unlink(s->path) != 0)
		abort();
}

/* The database's first page is gone, and a log lies beside it. */
static void with_backup_and_damage(stage *s)
{
	static char nothing[4096];
	int fd;

	with_backup(s);
	memset(nothing, 'x', sizeof(nothing));
	if ((fd = open(s->path, O_WRONLY | O_CLOEXEC)) < 0 ||
	    pwrite(fd, nothing, sizeof(nothing), 0) != (ssize_t)sizeof(nothing) || close(fd) != 0)
		abort();
	stage_write(s->folder, "catalog.db-wal", "what was a log once");
}

static void restore(stage *s)
{
	int promise = stage_promise(s, "SELECT count(*) = 41 FROM files");
	char path[4400];

	snprintf(path, sizeof(path), "%s/one.db", s->folder);
	stage_good(s, sr_restore(&s->options, path, NULL, NULL), "restoring");
	stage_tell(s, promise);
	stage_open(s);
	promise = stage_promise(s, STAGE_IS_THERE, 900, 9);
	stage_forget(s);
	stage_good(s, stage_save(s, 900, 9), "saving");
	stage_tell(s, promise);
	stage_close(s);
}

/* ---- Made compact ---- */

static void with_holes(stage *s)
{
	char path[64];

	stage_create(s);
	stage_save_many(s, 0, 300, 1);
	for (int i = 0; i < 250; i++) {
		sr_file file = stage_file(s, path, i, 1);

		stage_good(s, sr_file_delete(s->catalog, &s->client, file.original_path),
			   "deleting");
	}
	stage_close(s);
}

static void optimize(stage *s)
{
	int promise = stage_promise(s, "SELECT (SELECT count(*) = 50 FROM files) AND "
				       "(SELECT count(*) > 0 FROM sqlite_stat1)");
	sr_optimized optimized;

	stage_open(s);
	stage_good(s, sr_optimize(s->catalog, NULL, &optimized), "optimizing");
	stage_tell(s, promise);
	stage_close(s);
}

static void with_index(stage *s)
{
	int64_t rows;

	stage_create(s);
	for (int i = 0; i < 3; i++) {
		stage_save_many(s, i * 300, 300, 1);
		stage_good(s, sr_search_index_build(s->catalog, false, NULL, NULL, &rows),
			   "indexing");
	}
	stage_close(s);
}

static void index_merge(stage *s)
{
	int64_t rows;

	stage_open(s);
	for (int i = 0; i < 2; i++) {
		int promise =
			stage_promise(s, "SELECT count(*) = 200 FROM files WHERE CRC = %d", i + 5);

		stage_save_many(s, 2000 + i * 200, 200, i + 5);
		stage_good(s, sr_search_index_build(s->catalog, i == 1, NULL, NULL, &rows),
			   "indexing");
		stage_tell(s, promise);
	}
	stage_close(s);
}

/* ---- Mended ---- */

/* What a repair makes anew: an index, a trigger, a counter. */
static void broken(stage *s)
{
	sqlite3 *db = NULL;

	filled(s);
	if (sqlite3_open(s->path, &db) != SQLITE_OK ||
	    sqlite3_exec(db,
			 "DROP INDEX idx_files_size; DROP TRIGGER trg_files_count_delete;"
			 "UPDATE client_usage SET Files = Files + 1",
			 NULL, NULL, NULL) != SQLITE_OK)
		abort();
	sqlite3_close(db);
}

static void repair(stage *s)
{
	int promise =
		stage_promise(s, "SELECT (SELECT count(*) = 2 FROM sqlite_schema WHERE name IN "
				 "('idx_files_size', 'trg_files_count_delete')) AND "
				 "(SELECT sum(Files) = 40 FROM client_usage)");
	sr_repair *plan = NULL;

	stage_open(s);
	stage_good(s, sr_repair_plan(s->catalog, NULL, &plan), "planning");
	stage_good(s, sr_repair_apply(s->catalog, plan, NULL), "repairing");
	stage_tell(s, promise);
	sr_repair_free(plan);
	stage_close(s);
}

/* The new catalog has a name that is looked for among backups. */
static void salvage(stage *s)
{
	int promise = stage_promise(s, "file:one.db");
	sr_salvaged *salvaged = NULL;
	char path[4400];

	snprintf(path, sizeof(path), "%s/one.db", s->folder);
	stage_good(s, sr_salvage(s->path, path, NULL, &salvaged), "salvaging");
	s->failed = s->failed || salvaged == NULL || salvaged->lost > 0;
	stage_tell(s, promise);
	sr_salvaged_free(salvaged);
}

/* ---- Migrations ---- */

static void of_old(stage *s)
{
	const old_options old = {.version = 3, .ledger = OLD_LEDGER_FULL, .files = 12};

	old_database_make(s->path, &old);
}

#define LEDGER "SELECT max(version) = %d FROM database_migrations"

static void migration_up(stage *s)
{
	int promise = stage_promise(s, LEDGER, sr_schema_latest());

	stage_open(s);
	stage_tell(s, promise);
	stage_close(s);
}

static void migration_down(stage *s)
{
	sr_migrate_options options;
	sr_migrated migrated;
	int promise = stage_promise(s, LEDGER, 12);

	stage_open(s);
	sr_migrate_options_init(&options);
	options.to = 12;
	options.accept_loss = true;
	stage_good(s, sr_migrate(s->catalog, &options, &migrated), "migrating");
	stage_tell(s, promise);
	stage_close(s);
}

const crash_scenario crash_wholes[] = {
	{.name = "migration up",
	 .prepare = of_old,
	 .run = migration_up,
	 .look = crash_look_backups},
	{.name = "migration down",
	 .prepare = filled,
	 .run = migration_down,
	 .look = crash_look_backups},
	{.name = "backup", .prepare = filled, .run = backup, .look = crash_look_backups},
	{.name = "backup, compressed and encrypted",
	 .prepare = filled,
	 .run = backup_packed,
	 .look = crash_look_backups},
	{.name = "restore", .prepare = with_backup, .run = restore, .look = crash_look_backups},
	{.name = "restore of a lost database",
	 .prepare = with_backup_alone,
	 .run = restore,
	 .look = crash_look_backups},
	{.name = "restore of a damaged database",
	 .prepare = with_backup_and_damage,
	 .run = restore,
	 .look = crash_look_backups,
	 .damaged = true},
	{.name = "optimize", .prepare = with_holes, .run = optimize},
	{.name = "index merge", .prepare = with_index, .run = index_merge},
	{.name = "repair", .prepare = broken, .run = repair, .look = crash_look_backups},
	{.name = "salvage", .prepare = filled, .run = salvage, .look = crash_look_backups},
	{.name = NULL},
};
