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

#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"
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

/* While the copy is checked. */
static bool halves_between(void *arg, int64_t done, int64_t total)
{
	halves *h = arg;

	(void)done;
	(void)total;
	return h->progress != NULL && h->progress(h->arg, h->base, h->total);
}

/* The file that the copy is the part of: none, but its name tells what it is. */
static sr_status copy_name(const char *database, char part[4096], sr_buffer *name)
{
	sr_buffer whole = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&whole, "%s.optimize", database);
	sr_buffer_add_text(name, sr_path_name(sr_buffer_text(&whole)));
	if ((rc = sr_buffer_status(&whole)) == SR_OK && (rc = sr_buffer_status(name)) == SR_OK)
		rc = sr_part_name(whole.data, part);
	sr_buffer_free(&whole);
	return rc;
}

static sr_status copy_make(sr_conn *conn, sr_conn *keeper, const char *part, halves *h)
{
	sr_watch watch = {.progress = halves_between, .arg = h};
	sr_compact_needs needs;
	sr_status rc;

	/* The lock first: how much is needed cannot change any more. */
	if ((rc = sr_conn_begin(keeper, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_schema_compact_needs(keeper, &needs)) == SR_OK &&
	    (rc = sr_space_check(sr_conn_path(conn), needs.needed,
				 "making the database compact")) == SR_NO_SPACE)
		sr_fail_also(rc, "; free some first, nothing was changed");
	if (rc != SR_OK || (rc = sr_conn_compact(conn, part, halves_progress, h)) != SR_OK)
		goto err1;
	h->base = h->total / 2;
	if ((rc = sr_copy_verify(keeper, part, false, &watch, NULL)) != SR_OK)
		sr_private_remove(part);
err1:
	sr_conn_rollback(keeper);
	return rc;
}

static sr_status compact(sr_conn *conn, const char *part, halves *h)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_WRITE, .busy_timeout = BUSY_SECONDS, .cache_pages = 500};
	sr_conn *keeper;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, sr_conn_path(conn), &options, &keeper)) != SR_OK)
		return rc;
	rc = copy_make(conn, keeper, part, h);
	/* Closed before: where there is no log, it would be in the way. */
	sr_conn_close(keeper);
	if (rc != SR_OK)
		return rc;
	rc = sr_conn_replace(conn, part, true, halves_progress, h);
	sr_private_remove(part);
	return rc;
}

sr_status sr_schema_compact(sr_conn *conn, sr_progress_fn progress, void *arg)
{
	halves h = {.progress = progress, .arg = arg};
	sr_buffer name = SR_BUFFER_EMPTY;
	char part[4096];
	int hold = -1;
	sr_status rc;

	if ((rc = copy_name(sr_conn_path(conn), part, &name)) == SR_OK)
		sr_parts_remove(NULL, sr_conn_path(conn), name.data);
	sr_buffer_free(&name);
	if (rc == SR_OK && (rc = sr_part_hold(part, &hold)) == SR_OK)
		rc = compact(conn, part, &h);
	sr_part_let_go(&hold);
	return rc;
}
