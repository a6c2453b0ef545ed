/* The public calls about schema versions; src/schema does the work on a connection. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/path.h"
#include "catalog.h"
#include "keys.h"
#include "queries.h"
#include "search_index.h"

/* Of the connection that rehearses: as many as a pool has in all. */
#define CACHE_PAGES 10000

/* ---- Status ---- */

/* What sr_migration_status_get returns, and the memory behind it. */
typedef struct status {
	sr_migration_status status; /* First, so that its address is this one's. */
	char *path;
	sr_migration *migrations;
	size_t filled;   /* Migrations whose texts are copied. */
	size_t capacity; /* Migrations allocated. */
	sr_own_migration *own;
	bool failed; /* A copy could not be allocated. */
} status;

static void forget_migrations(status *all)
{
	for (size_t i = 0; i < all->filled; i++) {
		free((char *)(uintptr_t)all->migrations[i].description);
		free((char *)(uintptr_t)all->migrations[i].applied_at);
	}
	all->filled = 0;
	for (size_t i = 0; i < all->status.own_count; i++) {
		free((char *)(uintptr_t)all->own[i].description);
		free((char *)(uintptr_t)all->own[i].applied_at);
		free((char *)(uintptr_t)all->own[i].down_sql);
	}
	all->status.own_count = 0;
}

void sr_migration_status_free(sr_migration_status *out)
{
	status *all = (status *)out;

	if (all == NULL)
		return;
	forget_migrations(all);
	free(all->migrations);
	free(all->own);
	free(all->path);
	free(all);
}

static const sr_migration_source *source_of(int version)
{
	for (int i = 0; i < sr_migration_count; i++)
		if (sr_migration_sources[i].version == version)
			return &sr_migration_sources[i];
	return NULL;
}

static bool add_migration(status *all, int version, const char *description, const char *applied_at)
{
	const sr_migration_source *source = source_of(version);
	sr_migration *one;

	if (all->filled == all->capacity) {
		size_t capacity = all->capacity + 16;
		sr_migration *more = realloc(all->migrations, capacity * sizeof(*more));

		if (more == NULL)
			return false;
		all->migrations = more;
		all->capacity = capacity;
	}
	one = &all->migrations[all->filled++];
	one->version = version;
	one->up_sql = source != NULL ? source->up.text : NULL;
	one->down_sql = source != NULL ? source->down.text : NULL;
	one->description = strdup(description);
	one->applied_at = applied_at ? strdup(applied_at) : NULL;
	return one->description != NULL && (one->applied_at != NULL || applied_at == NULL);
}

static void take_migration(void *arg, int version, const char *description, const char *applied_at)
{
	status *all = arg;

	if (!add_migration(all, version, description, applied_at))
		all->failed = true;
}

static void take_own(void *arg, const sr_own_migration *migration)
{
	status *all = arg;
	const size_t count = all->status.own_count;
	sr_own_migration *more = realloc(all->own, (count + 1) * sizeof(*more));
	sr_own_migration *one;

	if (more == NULL) {
		all->failed = true;
		return;
	}
	all->own = more;
	all->status.own_count++;
	one = &more[count];
	*one = (sr_own_migration){.version = migration->version};
	one->description = strdup(migration->description);
	one->applied_at = strdup(migration->applied_at);
	one->down_sql = migration->down_sql ? strdup(migration->down_sql) : NULL;
	if (one->description == NULL || one->applied_at == NULL ||
	    (migration->down_sql != NULL && one->down_sql == NULL))
		all->failed = true;
}

/* Where there is no database every migration is pending. */
static void list_embedded(status *all)
{
	for (int i = 0; i < sr_migration_count; i++) {
		if (sr_migration_sources[i].version > 0)
			take_migration(all, sr_migration_sources[i].version,
				       sr_migration_sources[i].description, NULL);
	}
	all->status.current_version = -1;
}

static sr_status list_on(status *all, const sr_settings *settings, sr_access access)
{
	const sr_conn_options options = {
		.access = access,
		.durability = settings->durability,
		.busy_timeout = settings->timeout,
		.cache_pages = 500,
	};
	sr_conn *conn;
	sr_status rc;
	bool legacy;

	if ((rc = sr_conn_open(&sr_sqlite, settings->path, &options, &conn)) != SR_OK)
		return rc;
	rc = sr_schema_version(conn, &all->status.current_version, &legacy);
	if (rc == SR_OK)
		rc = sr_schema_ledger_each(conn, take_migration, all);
	if (rc == SR_OK)
		rc = sr_own_ledger_each(conn, take_own, all);
	sr_conn_close(conn);
	return rc;
}

/* Without a trace beside the database where that can be: not while its log waits to be brought
 * in, nor when somebody begins to write meanwhile. */
static sr_status list_applied(status *all, const sr_settings *settings)
{
	sr_status rc = list_on(all, settings, SR_ACCESS_INSPECT);

	if (rc != SR_READ_ONLY && rc != SR_BUSY)
		return rc;
	forget_migrations(all);
	return list_on(all, settings, SR_ACCESS_READ);
}

static sr_status read_status(status *all, const sr_options *options)
{
	sr_migration_status *out = &all->status;
	sr_settings settings;
	struct stat st;
	sr_status rc;

	if ((rc = sr_settings_resolve(options, &settings)) != SR_OK)
		goto err0;
	if ((all->path = strdup(settings.path)) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	out->database_file = all->path;
	out->latest_version = sr_schema_latest();
	out->database_exists = stat(settings.path, &st) == 0;
	if (!out->database_exists && errno != ENOENT && errno != ENOTDIR)
		rc = sr_fail_errno(errno, "cannot look at the database %s",
				   sr_quoted(sr_text_of(settings.path)));
	else if (out->database_exists)
		rc = list_applied(all, &settings);
	else
		list_embedded(all);
	if (rc == SR_OK && all->failed)
		rc = sr_fail_memory();

err0:
	sr_settings_free(&settings);
	return rc;
}

sr_status sr_migration_status_get(const sr_options *options, sr_migration_status **out)
{
	status *all = calloc(1, sizeof(*all));
	sr_status rc;

	*out = NULL;
	if (all == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = read_status(all, options)) != SR_OK) {
		sr_migration_status_free(&all->status);
		return sr_return(rc);
	}
	for (size_t i = 0; i < all->filled; i++)
		all->status.pending_migrations += all->migrations[i].applied_at == NULL;
	all->status.total_migrations = (int)all->filled;
	all->status.migrations = all->migrations;
	all->status.own = all->own;
	*out = &all->status;
	return sr_return(SR_OK);
}

/* ---- Up and down ---- */

void sr_migrate_options_init(sr_migrate_options *options)
{
	*options = (sr_migrate_options){.version = SR_MIGRATE_OPTIONS_VERSION, .to = -1};
}

/* Foreign triggers are no hindrance: migrations keep them and do not fire them. */
static sr_status run(sr_catalog *catalog, const sr_schema_options *options, sr_migrated *migrated)
{
	sr_conn *conn;
	sr_heed heed;
	sr_status rc;

	if ((rc = sr_pool_write(catalog->pool, "sr_migrate", &conn)) != SR_OK)
		return rc;
	/* Each step is alone in its transaction. */
	heed = sr_conn_heed(conn, SR_HEED_ALL);
	if (sr_conn_in_transaction(conn))
		rc = sr_fail(SR_INVALID, "the schema cannot be migrated inside a transaction: end "
					 "the one that this thread has open");
	else
		rc = sr_schema_migrate(conn, options, migrated);
	(void)sr_conn_heed(conn, heed);
	sr_pool_release(catalog->pool, conn);
	return rc;
}

/* While the search index is built all migrations are done: it may be stopped all the same. */
static bool go_on(void *arg, int64_t done, int64_t total)
{
	const sr_schema_options *options = arg;

	(void)done;
	(void)total;
	return options->progress(options->progress_arg, 1, 1);
}

sr_status sr_migrate(sr_catalog *catalog, const sr_migrate_options *options, sr_migrated *migrated)
{
	sr_schema_options schema = {
		.to = -1,
		.backup = catalog->settings.backup,
		.validate = catalog->settings.validate,
		.block_dangerous = catalog->settings.block_dangerous,
	};
	sr_migrated done = {0};
	sr_status rc;

	if (options != NULL &&
	    (options->version < 1 || options->version > SR_MIGRATE_OPTIONS_VERSION))
		return sr_return(sr_fail(SR_INVALID,
					 "sr_migrate_options of version %u, not %d: "
					 "sr_migrate_options_init it",
					 options->version, SR_MIGRATE_OPTIONS_VERSION));
	if (options != NULL) {
		schema.to = options->to;
		schema.accept_loss = options->accept_loss;
		schema.full_check = options->full_check;
		schema.up_only = options->version >= 2 && options->up_only;
		schema.progress = options->progress;
		schema.progress_arg = options->progress_arg;
	}
	sr_catalog_keep(catalog);
	if (!schema.backup || (rc = sr_keys_wrap_for_backup(catalog)) == SR_OK)
		rc = run(catalog, &schema, &done);
	if (rc == SR_OK && done.to > done.from && sr_catalog_changeable(catalog) == SR_OK)
		sr_index_catch_up(catalog, schema.progress ? go_on : NULL, &schema);
	sr_catalog_let_go(catalog);
	if (rc == SR_OK && migrated != NULL)
		*migrated = done;
	return sr_return(rc);
}

/* ---- Rehearsing ---- */

void sr_rehearse_options_init(sr_rehearse_options *options)
{
	*options = (sr_rehearse_options){.version = SR_REHEARSE_OPTIONS_VERSION, .to = -1};
}

/* The snapshot is taken from a reader, which is given back before anything runs on it. */
static sr_status begin(sr_catalog *catalog, const sr_rehearse_settings *settings,
		       sr_rehearse **rehearse)
{
	sr_reading reading = {0};
	sr_status rc;

	*rehearse = NULL;
	if ((rc = sr_reading_begin(catalog, "sr_migrate_rehearse", &reading)) != SR_OK)
		return rc;
	if (reading.nested)
		rc = sr_fail(SR_INVALID, "migrations cannot be rehearsed inside a transaction: end "
					 "the one that this thread has open");
	else
		rc = sr_rehearse_begin(reading.conn, settings, rehearse);
	sr_reading_end(&reading);
	return rc;
}

static sr_status rehearse(sr_catalog *catalog, const sr_rehearse_options *options,
			  sr_rehearsal **report)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_rehearse_settings settings = {
		.to = options->to,
		.keep = options->keep,
		.full_check = options->full_check,
		.backup = catalog->settings.backup,
		.validate = catalog->settings.validate,
		.block_dangerous = catalog->settings.block_dangerous,
		.durability = catalog->settings.durability,
		.busy_timeout = catalog->settings.timeout,
		.cache_pages = CACHE_PAGES,
		.queries = sr_queries_each,
		.progress = options->progress,
		.progress_arg = options->progress_arg,
	};
	sr_rehearse *work;
	sr_status rc = SR_OK;

	if (options->folder)
		rc = sr_path_absolute(NULL, sr_text_of(options->folder), &folder);
	if (rc == SR_OK && options->folder && (rc = sr_buffer_status(&folder)) == SR_OK)
		settings.folder = folder.data;
	if (rc == SR_OK && (rc = begin(catalog, &settings, &work)) == SR_OK) {
		rc = sr_rehearse_run(work, report);
		sr_rehearse_end(work);
	}
	sr_buffer_free(&folder);
	return rc;
}

sr_status sr_migrate_rehearse(sr_catalog *catalog, const sr_rehearse_options *options,
			      sr_rehearsal **report)
{
	sr_rehearse_options defaults;
	sr_status rc;

	*report = NULL;
	sr_rehearse_options_init(&defaults);
	if (options == NULL)
		options = &defaults;
	if (options->version != SR_REHEARSE_OPTIONS_VERSION)
		return sr_return(sr_fail(SR_INVALID,
					 "sr_rehearse_options of version %u, not %d: "
					 "sr_rehearse_options_init it",
					 options->version, SR_REHEARSE_OPTIONS_VERSION));
	sr_catalog_keep(catalog);
	rc = rehearse(catalog, options, report);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

/* ---- Verifying ---- */

sr_status sr_migrate_verify(sr_catalog *catalog, sr_drift_fn fn, void *arg, int64_t *differences)
{
	sr_reading reading = {0};
	int64_t count = 0;
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_migrate_verify", &reading)) != SR_OK)
		return sr_return(rc);
	rc = sr_schema_verify(reading.conn, fn, arg, &count);
	sr_reading_end(&reading);
	if (rc == SR_OK && differences != NULL)
		*differences = count;
	return sr_return(rc);
}
