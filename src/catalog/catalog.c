#include "catalog.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "querier.h"
#include "search_index.h"

/* The seed's figure; pool.c says how connections share it. */
#define CACHE_PAGES 10000

/* ---- Memory ---- */

/* For what looks at the catalog before it asks the pool, which knows too: a lock may have been held
 * while the child was made. */
sr_status sr_catalog_check_process(const sr_catalog *catalog)
{
	if (getpid() == catalog->process)
		return SR_OK;
	return sr_fail(SR_FORKED,
		       "%s was opened by process %ld and this is its child: open it anew",
		       sr_quoted(sr_text_of(catalog->settings.path)), (long)catalog->process);
}

void sr_catalog_keep(sr_catalog *catalog)
{
	atomic_fetch_add(&catalog->references, 1);
}

void sr_catalog_let_go(sr_catalog *catalog)
{
	if (atomic_fetch_sub(&catalog->references, 1) != 1)
		return;
	pthread_mutex_destroy(&catalog->lock);
	sr_keyring_free(&catalog->keyring);
	sr_shape_free(&catalog->shape);
	sr_settings_free(&catalog->settings);
	sr_buffer_free(&catalog->warnings);
	free(catalog->only_reads);
	free(catalog);
}

/* ---- Opening ---- */

/* What stands at the path, before anything opens it. */
static sr_status look(const sr_settings *settings, bool create, bool *missing)
{
	struct stat st;

	*missing = false;
	if (stat(settings->path, &st) == 0)
		return SR_OK;
	if (errno != ENOENT && errno != ENOTDIR)
		return sr_fail_errno(errno, "cannot open the database %s",
				     sr_quoted(sr_text_of(settings->path)));
	if (!create)
		return sr_fail(SR_NOT_FOUND, "no database %s; `strongroom init` makes one",
			       sr_quoted(sr_text_of(settings->path)));
	if (settings->read_only)
		return sr_fail(SR_READ_ONLY, "no database %s, and read-only it cannot be made",
			       sr_quoted(sr_text_of(settings->path)));
	*missing = true;
	return SR_OK;
}

/* Makes the file, so that the pool finds one. */
static sr_status make_file(const sr_settings *settings)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_CREATE,
		.durability = settings->durability,
		.busy_timeout = settings->timeout,
	};
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, settings->path, &options, &conn)) == SR_OK)
		sr_conn_close(conn);
	return rc;
}

static sr_status open_pool(sr_catalog *catalog)
{
	const sr_settings *settings = &catalog->settings;
	const sr_pool_options options = {
		.engine = &sr_sqlite,
		.path = settings->path,
		.readers = settings->pool_size,
		.timeout = settings->timeout,
		.durability = settings->durability,
		.read_only = settings->read_only,
		.direct = settings->direct,
		.late_writer = true,
		.cache_pages = CACHE_PAGES,
	};

	return sr_pool_open(&catalog->pool, &options);
}

static sr_status migrate(sr_catalog *catalog)
{
	const sr_schema_options options = {
		.to = -1,
		.backup = catalog->settings.backup,
		.validate = catalog->settings.validate,
		.block_dangerous = catalog->settings.block_dangerous,
	};
	sr_migrated migrated;
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pool_write(catalog->pool, SR_HERE, &conn)) != SR_OK)
		return rc;
	rc = sr_schema_migrate(conn, &options, &migrated);
	sr_pool_release(catalog->pool, conn);
	if (rc == SR_OK && migrated.from < 0)
		sr_log("catalog", SR_LOG_INFO, "%s is new, at schema version %d",
		       sr_quoted(sr_text_of(catalog->settings.path)), migrated.to);
	else if (rc == SR_OK && migrated.from != migrated.to)
		sr_log("catalog", SR_LOG_INFO, "%s is at schema version %d now, from %d",
		       sr_quoted(sr_text_of(catalog->settings.path)), migrated.to, migrated.from);
	return rc;
}

/* Decides what to do about the version that a reader, which changes nothing, has found. */
static sr_status settle_version(sr_catalog *catalog, int version, bool legacy,
				const sr_options *options)
{
	const char *path = catalog->settings.path;
	bool reads = catalog->settings.read_only;
	bool create = options != NULL && options->create && !reads;
	bool upgrade = options != NULL && options->migrate && !reads;
	bool empty = version == -1 && !legacy;

	if (version > sr_schema_latest())
		return sr_fail(SR_TOO_NEW,
			       "the database %s is at schema version %d, this program knows %d; "
			       "use the newer program",
			       sr_quoted(sr_text_of(path)), version, sr_schema_latest());
	if (empty && !create && !upgrade)
		return sr_fail(SR_NOT_FOUND,
			       "the database %s is empty; `strongroom init` fills it in",
			       sr_quoted(sr_text_of(path)));
	if ((legacy || version < sr_schema_latest()) && (upgrade || (empty && create)))
		return migrate(catalog);
	return SR_OK;
}

/* Remembers the first of them for the messages. */
static void take_foreign(void *arg, const char *type, const char *name, const char *table)
{
	sr_buffer *words = arg;

	if (words->length > 0)
		return;
	sr_buffer_printf(words, "the %s %s", type, sr_quoted(sr_text_of(name)));
	if (table != NULL && strcmp(table, name) != 0)
		sr_buffer_printf(words, " on %s", sr_quoted(sr_text_of(table)));
	sr_buffer_add_string(words, " is not this program's; drop it, or set "
				    "TRUST_FOREIGN_TRIGGERS if you know what it does");
}

static const char *only_reads(sr_catalog *catalog)
{
	const char *why;

	pthread_mutex_lock(&catalog->lock);
	why = catalog->only_reads;
	pthread_mutex_unlock(&catalog->lock);
	return why;
}

bool sr_catalog_distrusted(sr_catalog *catalog)
{
	return only_reads(catalog) != NULL;
}

static void set_only_reads(sr_catalog *catalog, char *why)
{
	bool first;

	pthread_mutex_lock(&catalog->lock);
	if ((first = catalog->only_reads == NULL))
		catalog->only_reads = why;
	pthread_mutex_unlock(&catalog->lock);
	sr_pool_distrust(catalog->pool);
	if (first)
		sr_log("catalog", SR_LOG_WARNING, "%s is opened read-only: %s",
		       sr_quoted(sr_text_of(catalog->settings.path)), why);
	else
		free(why);
}

/* What would run on our behalf without being ours makes the catalog read only. Another program
 * may plant it at any time, so every change of the schema is looked at. */
static sr_status settle_trust(sr_catalog *catalog, sr_conn *conn)
{
	sr_buffer words = SR_BUFFER_EMPTY;
	int64_t count = 0;
	sr_status rc;

	if (catalog->settings.trust_foreign_triggers || only_reads(catalog) != NULL)
		return SR_OK;
	if ((rc = sr_schema_foreign(conn, take_foreign, &words, &count)) == SR_OK && count > 0 &&
	    (rc = sr_buffer_status(&words)) == SR_OK)
		set_only_reads(catalog, sr_buffer_take(&words));
	sr_buffer_free(&words);
	return rc;
}

/* An empty database may become a catalog; one that another program has filled is its own. */
static sr_status refuse_stranger(const sr_catalog *catalog, sr_conn *conn)
{
	int64_t tables;
	sr_status rc;

	rc = sr_query_integer(conn, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc != SR_OK || tables == 0)
		return rc;
	return sr_fail(SR_REFUSED,
		       "%s is a database of another kind: it holds tables, and none of a catalog's",
		       sr_quoted(sr_text_of(catalog->settings.path)));
}

/* A reader's look at the version, before anything is made of the tables. */
static sr_status examine(sr_catalog *catalog, int *version, bool *legacy)
{
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pool_read(catalog->pool, SR_HERE, &conn)) != SR_OK)
		return rc;
	rc = sr_shape_version(conn, &catalog->shape, legacy);
	*version = catalog->shape.version;
	if (rc == SR_OK && *version == -1 && !*legacy)
		rc = refuse_stranger(catalog, conn);
	sr_pool_release(catalog->pool, conn);
	return rc;
}

/* Version, then shape and trust as every call looks at them, then a writer that shows now whether
 * it can write. A database of another version keeps its writer shut: opening it changes the file,
 * and reading must not. */
static sr_status settle(sr_catalog *catalog, const sr_options *options)
{
	sr_reading reading = {0};
	bool legacy = false;
	int version = -1;
	bool latest;
	sr_conn *conn;
	sr_status rc;

	if ((rc = examine(catalog, &version, &legacy)) != SR_OK)
		return rc;
	if ((rc = settle_version(catalog, version, legacy, options)) != SR_OK)
		return rc;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	latest = reading.shape.latest;
	sr_reading_end(&reading);
	if (catalog->settings.read_only || only_reads(catalog) != NULL || !latest)
		return SR_OK;
	if ((rc = sr_pool_write(catalog->pool, SR_HERE, &conn)) == SR_OK)
		sr_pool_release(catalog->pool, conn);
	return rc;
}

static sr_status open_catalog(sr_catalog *catalog, const sr_options *options)
{
	bool create = options != NULL && options->create;
	bool missing;
	sr_status rc;

	if ((rc = sr_settings_resolve(options, &catalog->settings)) != SR_OK)
		return rc;
	if ((rc = look(&catalog->settings, create, &missing)) != SR_OK)
		return rc;
	if (missing && (rc = make_file(&catalog->settings)) != SR_OK)
		return rc;
	if ((rc = open_pool(catalog)) != SR_OK)
		return rc;
	if ((rc = settle(catalog, options)) == SR_OK && options != NULL && options->migrate &&
	    sr_catalog_changeable(catalog) == SR_OK)
		sr_index_catch_up(catalog, NULL, NULL);
	return rc;
}

sr_status sr_open(sr_catalog **catalog, const sr_options *options)
{
	sr_catalog *fresh = calloc(1, sizeof(*fresh));
	sr_status rc;

	*catalog = NULL;
	if (fresh == NULL)
		return sr_return(sr_fail_memory());
	pthread_mutex_init(&fresh->lock, NULL);
	sr_keyring_init(&fresh->keyring);
	fresh->process = getpid();
	atomic_init(&fresh->references, 1);
	fresh->unindexed = SR_INDEX_UNKNOWN;
	sr_index_set_step(fresh, 0);
	fresh->shape.cookie = -1;
	fresh->warnings = (sr_buffer)SR_BUFFER_EMPTY;
	if ((rc = open_catalog(fresh, options)) != SR_OK) {
		char why[SR_MESSAGE_SIZE];

		/* Closing must not replace the words. */
		strcpy(why, sr_error_message());
		if (fresh->pool != NULL)
			(void)sr_pool_close(fresh->pool);
		sr_catalog_let_go(fresh);
		sr_error_set(why);
		return sr_return(rc);
	}
	*catalog = fresh;
	return sr_return(SR_OK);
}

sr_status sr_close(sr_catalog *catalog)
{
	sr_status rc;

	/* A child leaves its copy alone: the connections are its parent's. */
	if (catalog == NULL || getpid() != catalog->process)
		return sr_return(SR_OK);
	/* The last connection to close is the pool's, which brings the log in. */
	sr_queriers_shut(catalog);
	rc = sr_pool_close(catalog->pool);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

const char *sr_catalog_path(const sr_catalog *catalog)
{
	return catalog->settings.path;
}

sr_status sr_catalog_version(sr_catalog *catalog, int *version)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) == SR_OK)
		*version = reading.shape.version;
	sr_reading_end(&reading);
	return sr_return(rc);
}

sr_status sr_pool_statistics_get(sr_catalog *catalog, sr_pool_statistics *statistics)
{
	sr_status rc = sr_catalog_check_process(catalog);

	if (rc == SR_OK)
		sr_pool_statistics_read(catalog->pool, statistics);
	return sr_return(rc);
}

/* ---- Reading ---- */

/* An owned copy. The strings are NULL in a shape that was never read. */
static sr_status copy_shape(const sr_shape *shape, sr_shape *copy)
{
	*copy = *shape;
	copy->files = shape->files ? strdup(shape->files) : NULL;
	copy->clients = shape->clients ? strdup(shape->clients) : NULL;
	if ((shape->files && !copy->files) || (shape->clients && !copy->clients)) {
		sr_shape_free(copy);
		*copy = (sr_shape){0};
		return sr_fail_memory();
	}
	return SR_OK;
}

/* Replaces the catalog's shape by what a reader has just seen. */
static sr_status keep_shape(sr_catalog *catalog, const sr_shape *seen)
{
	sr_shape fresh;
	sr_shape old;
	sr_status rc;

	if ((rc = copy_shape(seen, &fresh)) != SR_OK)
		return rc;
	pthread_mutex_lock(&catalog->lock);
	old = catalog->shape;
	catalog->shape = fresh;
	pthread_mutex_unlock(&catalog->lock);
	sr_shape_free(&old);
	return SR_OK;
}

/* The shape as this snapshot has it. What the thread's own transaction did to the schema may yet
 * be rolled back, so a nested reading keeps it to itself. */
static sr_status take_shape(sr_reading *reading)
{
	sr_catalog *catalog = reading->catalog;
	sr_status rc;
	bool stale;

	pthread_mutex_lock(&catalog->lock);
	rc = copy_shape(&catalog->shape, &reading->shape);
	pthread_mutex_unlock(&catalog->lock);
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_shape_stale(reading->conn, &reading->shape, &stale)) != SR_OK)
		return rc;
	if (!stale && reading->shape.files != NULL)
		return SR_OK;
	sr_shape_free(&reading->shape);
	/* The opening has found out the version, and nothing else. */
	if ((rc = stale ? sr_shape_read(reading->conn, &reading->shape)
			: sr_shape_fill(reading->conn, &reading->shape)) != SR_OK) {
		reading->shape = (sr_shape){0};
		return rc;
	}
	if (reading->nested)
		return SR_OK;
	if ((rc = settle_trust(catalog, reading->conn)) != SR_OK)
		return rc;
	return keep_shape(catalog, &reading->shape);
}

sr_status sr_reading_begin(sr_catalog *catalog, const char *site, sr_reading *reading)
{
	sr_status rc;

	*reading = (sr_reading){.catalog = catalog};
	sr_catalog_keep(catalog);
	if ((rc = sr_pool_read(catalog->pool, site, &reading->conn)) != SR_OK)
		goto err0;
	reading->asked = sr_keyring_asked(catalog);
	/* Lent ones are in none, so this is the thread's own, which the pool joined. */
	reading->nested = sr_conn_in_transaction(reading->conn);
	reading->heed = sr_conn_heed(reading->conn, SR_HEED_READS);
	if (!reading->nested && (rc = sr_conn_begin(reading->conn, SR_TRANSACTION_READ)) != SR_OK)
		goto err1;
	if ((rc = take_shape(reading)) != SR_OK)
		goto err1;
	return SR_OK;

err1:
	sr_reading_end(reading);
	return rc;
err0:
	*reading = (sr_reading){0};
	sr_catalog_let_go(catalog);
	return rc;
}

void sr_reading_end(sr_reading *reading)
{
	sr_catalog *catalog = reading->catalog;

	if (catalog == NULL)
		return;
	sr_shape_free(&reading->shape);
	(void)sr_conn_heed(reading->conn, reading->heed);
	if (!reading->nested)
		sr_conn_rollback(reading->conn);
	sr_pool_release(catalog->pool, reading->conn);
	*reading = (sr_reading){0};
	sr_catalog_let_go(catalog);
}

/* ---- Writing ---- */

static sr_status fail_too_old(const sr_catalog *catalog, int version)
{
	return sr_fail(SR_TOO_OLD,
		       "the database %s is at schema version %d, writing needs %d: run "
		       "`strongroom migrate up`",
		       sr_quoted(sr_text_of(catalog->settings.path)), version, sr_schema_latest());
}

static sr_status fail_only_reads(sr_catalog *catalog)
{
	return sr_fail(SR_READ_ONLY, "the database %s only reads: %s",
		       sr_quoted(sr_text_of(catalog->settings.path)), only_reads(catalog));
}

sr_status sr_catalog_changeable(sr_catalog *catalog)
{
	sr_status rc;

	if ((rc = sr_catalog_check_process(catalog)) != SR_OK)
		return rc;
	if (catalog->settings.read_only)
		return sr_fail(SR_READ_ONLY, "the database %s is open for reading only",
			       sr_quoted(sr_text_of(catalog->settings.path)));
	return only_reads(catalog) != NULL ? fail_only_reads(catalog) : SR_OK;
}

sr_status sr_catalog_writable(sr_catalog *catalog)
{
	sr_reading reading = {0};
	sr_status rc;
	bool latest;

	if ((rc = sr_catalog_changeable(catalog)) != SR_OK)
		return rc;
	pthread_mutex_lock(&catalog->lock);
	latest = catalog->shape.latest;
	pthread_mutex_unlock(&catalog->lock);
	if (latest || sr_pool_in_transaction(catalog->pool))
		return SR_OK;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if (only_reads(catalog) != NULL)
		rc = fail_only_reads(catalog);
	else if (!reading.shape.latest)
		rc = fail_too_old(catalog, reading.shape.version);
	sr_reading_end(&reading);
	return rc;
}

sr_status sr_catalog_admit(sr_catalog *catalog, sr_conn *conn, bool *stale)
{
	sr_shape shape;
	sr_status rc;

	pthread_mutex_lock(&catalog->lock);
	shape = (sr_shape){
		.cookie = catalog->shape.cookie,
		.version = catalog->shape.version,
		.latest = catalog->shape.latest,
	};
	pthread_mutex_unlock(&catalog->lock);
	*stale = false;
	if ((rc = sr_shape_stale(conn, &shape, stale)) != SR_OK)
		return rc;
	if (*stale) {
		if ((rc = sr_shape_read(conn, &shape)) != SR_OK)
			return rc;
		sr_shape_free(&shape);
		if ((rc = settle_trust(catalog, conn)) != SR_OK)
			return rc;
	}
	if (only_reads(catalog) != NULL)
		return fail_only_reads(catalog);
	return shape.latest ? SR_OK : fail_too_old(catalog, shape.version);
}
