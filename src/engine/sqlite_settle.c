#include "sqlite_settle.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../base/log.h"

/* What the log keeps on the disk after it was emptied: as long as it grows while many write, since
 * writing over what is there takes half the time of making a file longer. */
#define LOG_KEPT_BYTES (64 << 20)

/* Settings that are switched through the API, read back each. */
static const struct {
	int setting;
	int value;
} switches[] = {
	{SQLITE_DBCONFIG_DEFENSIVE, 1},
	{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	{SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
	{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
	{SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
};

/* For everybody, and tighter ones for the untrusted. VACUUM needs to attach one; a deep or wide
 * statement is somebody's attempt to exhaust us. */
static const struct {
	int limit;
	int trusted; /* -1: as it is. */
	int untrusted;
} limits[] = {
	{SQLITE_LIMIT_ATTACHED, 1, 0},
	{SQLITE_LIMIT_LENGTH, 256 << 20, 16 << 20},
	{SQLITE_LIMIT_SQL_LENGTH, 16 << 20, 1 << 20},
	{SQLITE_LIMIT_EXPR_DEPTH, -1, 200},
	{SQLITE_LIMIT_COMPOUND_SELECT, -1, 50},
	{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1, 5000},
	{SQLITE_LIMIT_FUNCTION_ARG, -1, 64},
	{SQLITE_LIMIT_TRIGGER_DEPTH, 50, 10},
	{SQLITE_LIMIT_WORKER_THREADS, 0, 0},
};

static sr_status switch_one(sqlite_conn *c, int setting, int value)
{
	int now = -1;

	if (sqlite3_db_config(c->db, setting, value, &now) == SQLITE_OK && now == value)
		return SR_OK;
	return sr_fail(SR_SQL, "%s: this SQLite does not take the setting %d", c->base.path,
		       setting);
}

static sr_status harden(sqlite_conn *c, bool bare)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]) && rc == SR_OK; i++)
		rc = switch_one(c, switches[i].setting, switches[i].value);
	if (rc == SR_OK && bare && (rc = switch_one(c, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)) == SR_OK)
		rc = switch_one(c, SQLITE_DBCONFIG_ENABLE_VIEW, 0);
	if (rc != SR_OK)
		return rc;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int value = c->untrusted ? limits[i].untrusted : limits[i].trusted;

		if (value >= 0)
			sqlite3_limit(c->db, limits[i].limit, value);
	}
	return SR_OK;
}

/* Runs a pragma and keeps the first column of its first row; "" without one. */
static int pragma(sqlite_conn *c, const char *sql, char *answer, size_t size)
{
	sqlite3_stmt *stmt;
	int code;

	answer[0] = '\0';
	if ((code = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL)) != SQLITE_OK)
		return code;
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		snprintf(answer, size, "%s", text ? text : "");
		while (sqlite3_step(stmt) == SQLITE_ROW)
			;
	}
	return sqlite3_finalize(stmt);
}

/* A setting that must hold: sets it and reads it back. */
static sr_status settle_pragma(sqlite_conn *c, const char *name, const char *value,
			       const char *expected)
{
	char sql[128], answer[64];
	int code;

	snprintf(sql, sizeof(sql), "PRAGMA %s=%s", name, value);
	code = pragma(c, sql, answer, sizeof(answer));
	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	if (code == SQLITE_OK)
		code = pragma(c, sql, answer, sizeof(answer));
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (strcasecmp(answer, expected) != 0)
		return sr_fail(SR_SQL, "%s: SQLite does not take %s=%s (it says '%s')",
			       c->base.path, name, value, answer);
	return SR_OK;
}

/* ---- The journal ---- */

/* Whether this process has not yet warned about the path; part of the log, hence shared. */
static bool warn_first(const char *path)
{
	static _Atomic uint64_t warned[64];
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 1099511628211u;
	for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
		uint64_t empty = 0;

		if (atomic_compare_exchange_strong(&warned[i], &empty, hash))
			return true;
		if (empty == hash)
			return false;
	}
	return true;
}

static bool shared_memory_failed(int code)
{
	return code == SQLITE_IOERR_SHMOPEN || code == SQLITE_IOERR_SHMMAP ||
	       code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_SHMLOCK;
}

/* TRUNCATE with FULL, or DELETE with EXTRA: DELETE with FULL can lose a commit with its folder
 * entry. Neither `normal` here: it risks more than the last commits. */
static sr_status settle_rollback(sqlite_conn *c)
{
	char mode[32];
	int code = pragma(c, "PRAGMA journal_mode=TRUNCATE", mode, sizeof(mode));

	c->excludes = true;
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (strcmp(mode, "truncate") == 0)
		return settle_pragma(c, "synchronous", "FULL", "2");
	code = pragma(c, "PRAGMA journal_mode=DELETE", mode, sizeof(mode));
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (strcmp(mode, "delete") == 0)
		return settle_pragma(c, "synchronous", "EXTRA", "3");
	return sr_fail(SR_IO, "%s: no journal is available, SQLite insists on '%s'", c->base.path,
		       mode);
}

/* SQLite opens a log for reading that did not open for writing, and only a writer is told: without
 * this, each from here on, whatever has become of the disk. */
static sr_status settle_log(sqlite_conn *c)
{
	double timeout = c->busy_timeout;
	int code;

	c->busy_timeout = 0;
	code = sqlite3_exec(c->db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL, NULL);
	c->busy_timeout = timeout;
	if (code == SQLITE_READONLY)
		return sr_fail(SR_READ_ONLY,
			       "%s cannot be written: its log %s-wal does not open for writing",
			       c->base.path, c->base.path);
	/* Another one writes, and this may yet be told. */
	return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY ? SR_OK : sr_sqlite_fail(c, code);
}

/* A WAL that is refused reports OK: only reading the mode back tells. */
static sr_status settle_journal(sqlite_conn *c, sr_durability durability)
{
	bool normal = durability == SR_DURABILITY_NORMAL;
	char mode[32];
	int code = pragma(c, "PRAGMA journal_mode=WAL", mode, sizeof(mode));

	if (code != SQLITE_OK && !shared_memory_failed(code))
		return sr_sqlite_fail(c, code);
	if (code == SQLITE_OK && strcmp(mode, "wal") == 0) {
		sr_status rc = settle_pragma(c, "synchronous", normal ? "NORMAL" : "FULL",
					     normal ? "1" : "2");

		return rc != SR_OK ? rc : settle_log(c);
	}
	if (warn_first(c->base.path))
		sr_log("engine", SR_LOG_WARNING,
		       "WAL mode not available, using default journaling: %s (readers and the "
		       "writer wait for each other; move it to a local disk to have WAL)",
		       c->base.path);
	return settle_rollback(c);
}

/* ---- All of it ---- */

static sr_status settle_pragmas(sqlite_conn *c, const sr_conn_options *options)
{
	char sql[64], answer[64];
	sr_status rc;
	int code;

	if ((rc = settle_pragma(c, "foreign_keys", "ON", "1")) != SR_OK ||
	    (rc = settle_pragma(c, "temp_store", "MEMORY", "2")) != SR_OK)
		return rc;
	if (options->cache_pages > 0) {
		snprintf(answer, sizeof(answer), "%d", options->cache_pages);
		if ((rc = settle_pragma(c, "cache_size", answer, answer)) != SR_OK)
			return rc;
	}
	snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit=%d", LOG_KEPT_BYTES);
	if ((code = pragma(c, sql, answer, sizeof(answer))) != SQLITE_OK ||
	    (code = pragma(c, "PRAGMA mmap_size=0", answer, sizeof(answer))) != SQLITE_OK ||
	    (code = pragma(c, "PRAGMA page_size", answer, sizeof(answer))) != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	sscanf(answer, "%d", &c->page_size);
	return SR_OK;
}

sr_status sr_sqlite_settle(sqlite_conn *c, const sr_conn_options *options)
{
	bool writes = options->access == SR_ACCESS_WRITE || options->access == SR_ACCESS_CREATE;
	char answer[64];
	sr_status rc;
	int code;

	/* Before the file is looked at for the first time. */
	if ((rc = harden(c, options->bare)) != SR_OK ||
	    (rc = settle_pragma(c, "cell_size_check", "ON", "1")) != SR_OK)
		return rc;
	code = pragma(c, "SELECT count(*) FROM sqlite_schema", answer, sizeof(answer));
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (writes && (rc = settle_journal(c, options->durability)) != SR_OK)
		return rc;
	if ((rc = settle_pragmas(c, options)) != SR_OK)
		return rc;
	return writes ? SR_OK : settle_pragma(c, "query_only", "ON", "1");
}
