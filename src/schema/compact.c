/*
 * Making a database compact: the free pages given back, the others filled.
 *
 *	1. A second connection takes the write lock: nobody commits, in any process.
 *	2. This one writes a compact copy beside the database.
 *	3. The copy is compared with what the second still sees.
 *	4. The second lets go, and this one puts the copy back in one transaction, unless somebody
 *	   has committed in the moment between.
 *
 * Whatever fails before the end of 4 leaves the database as it was, and takes the copy away.
 */
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/path.h"
#include "copy.h"

#define BUSY_SECONDS 30

sr_status sr_schema_compact_needs(sr_conn *conn, sr_compact_needs *needs)
{
	int64_t page, pages, unused, logged;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_size", &page)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA freelist_count", &unused)) != SR_OK ||
	    (rc = sr_query_integer(conn, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
				   &logged)) != SR_OK ||
	    (rc = sr_space_free(sr_conn_path(conn), &needs->available)) != SR_OK)
		return rc;
	needs->size = pages * page;
	needs->compact = (pages - unused) * page;
	/* Without a log, a journal keeps what was there. Both say a little about each page. */
	needs->needed = needs->compact + (logged == 1 ? needs->compact : needs->size);
	needs->needed += needs->needed / 100 + (1 << 20);
	return SR_OK;
}

/* ---- The copy's name ---- */

/* NAME.optimize.PID.part, so that what a killed process leaves can be told from work. */
#define PART ".optimize."

static sr_status part_name(const char *database, char path[4096])
{
	int n = snprintf(path, 4096, "%s" PART "%ld.part", database, (long)getpid());

	if (n < 0 || n >= 4096)
		return sr_fail(SR_INVALID, "the path %s is too long for a copy beside it",
			       database);
	return SR_OK;
}

static bool part_is_stale(const char *base, const char *name)
{
	size_t length = strlen(base);
	const char *at = name + length + strlen(PART);
	char *end;
	long pid;

	if (strncmp(name, base, length) != 0 || strncmp(name + length, PART, strlen(PART)) != 0)
		return false;
	pid = strtol(at, &end, 10);
	return end > at && pid > 0 &&
	       (strcmp(end, ".part") == 0 || strcmp(end, ".part-journal") == 0) &&
	       (pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
}

/* While the write lock is held: none of this process can be at work. */
static void parts_remove(const char *database)
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct dirent *entry;
	DIR *dir = NULL;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(database)));
	if (sr_buffer_status(&folder) == SR_OK)
		dir = opendir(folder.data);
	while (dir && (entry = readdir(dir)))
		if (part_is_stale(base, entry->d_name) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			sr_log("migrate", SR_LOG_INFO, "removed the unfinished copy %s",
			       entry->d_name);
	if (dir)
		closedir(dir);
	sr_buffer_free(&folder);
}

/* ---- The two halves as one ---- */

typedef struct halves {
	sr_progress_fn progress; /* May be NULL. */
	void *arg;
	int64_t base;  /* Pages done by the half before. */
	int64_t total; /* Pages of both. */
} halves;

static bool halves_progress(void *arg, int64_t done, int64_t total)
{
	halves *h = arg;

	/* What was foreseen for the second half may differ a little from what it has. */
	h->total = h->base ? h->base + total : 2 * total;
	return h->progress != NULL && h->progress(h->arg, h->base + done, h->total);
}

static sr_status copy_make(sr_conn *conn, sr_conn *keeper, const char *part, halves *h)
{
	sr_compact_needs needs;
	sr_status rc;

	/* The lock first: how much is needed cannot change any more. */
	if ((rc = sr_conn_begin(keeper, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	parts_remove(sr_conn_path(conn));
	if ((rc = sr_schema_compact_needs(keeper, &needs)) == SR_OK)
		rc = sr_space_check(sr_conn_path(conn), needs.needed, "making it compact");
	if (rc == SR_OK && (rc = sr_conn_compact(conn, part, halves_progress, h)) == SR_OK &&
	    (rc = sr_copy_verify(keeper, part, false, NULL, NULL)) != SR_OK)
		unlink(part);
	h->base = h->total / 2;
	sr_conn_rollback(keeper);
	return rc;
}

sr_status sr_schema_compact(sr_conn *conn, sr_progress_fn progress, void *arg)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_WRITE, .busy_timeout = BUSY_SECONDS, .cache_pages = 500};
	halves h = {.progress = progress, .arg = arg};
	char part[4096];
	sr_conn *keeper;
	sr_status rc;

	if ((rc = part_name(sr_conn_path(conn), part)) != SR_OK ||
	    (rc = sr_conn_open(&sr_sqlite, sr_conn_path(conn), &options, &keeper)) != SR_OK)
		return rc;
	rc = copy_make(conn, keeper, part, &h);
	/* Closed before: where there is no log, it would be in the way. */
	sr_conn_close(keeper);
	if (rc != SR_OK)
		return rc;
	rc = sr_conn_replace(conn, part, true, halves_progress, &h);
	unlink(part);
	return rc;
}
