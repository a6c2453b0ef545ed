/*
 * Repairs: a plan that is shown, and then that plan and nothing else.
 *
 * Inside the transaction the questions are asked again, and only rows that are in both answers are
 * mended. Indexes and triggers come before the questions about rows, which rely on them.
 */
#include "repair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "activity.h"

#define TELL_EVERY 50000000 /* Nanoseconds between two calls of progress. */

/* What sr_repair_plan returns, and the memory behind it. */
typedef struct plan {
	sr_repair repair; /* First, so that its address is this one's. */
	sr_repair_step *steps;
	sr_mends mends; /* mends.list[i] is steps[i]'s. */
	char *backup;
	bool applied;
} plan;

/* How far it is; asked by the statements that run. */
typedef struct watching {
	const sr_repair_options *options;
	int64_t done;
	int64_t total;
	int64_t told;
	bool cancelled;
} watching;

static bool stop(void *arg)
{
	watching *w = arg;
	int64_t now = sr_clock_ns();

	if (w->cancelled || w->options->progress == NULL || now - w->told < TELL_EVERY)
		return w->cancelled;
	w->told = now;
	w->cancelled = w->options->progress(w->options->progress_arg, w->done, w->total);
	return w->cancelled;
}

void sr_repair_options_init(sr_repair_options *options)
{
	*options = (sr_repair_options){.version = SR_REPAIR_OPTIONS_VERSION, .backup = true};
}

static sr_status take_options(const sr_repair_options *given, sr_repair_options *options)
{
	if (given == NULL)
		sr_repair_options_init(options);
	else
		*options = *given;
	if (options->version != SR_REPAIR_OPTIONS_VERSION)
		return sr_fail(SR_INVALID,
			       "sr_repair_options of version %u, not %d: sr_repair_options_init it",
			       options->version, SR_REPAIR_OPTIONS_VERSION);
	return SR_OK;
}

/* ---- The plan ---- */

static void release(const char *text)
{
	free((char *)(uintptr_t)text);
}

void sr_repair_free(sr_repair *repair)
{
	plan *all = (plan *)repair;

	if (all == NULL)
		return;
	for (size_t i = 0; i < all->repair.step_count; i++) {
		release(all->steps[i].what);
		release(all->steps[i].failure);
	}
	free(all->steps);
	free(all->backup);
	sr_mends_free(&all->mends);
	free(all);
}

static const char *code_of(const sr_mend *mend)
{
	switch (mend->how) {
	case SR_MEND_OBJECT:
		return strncmp(mend->sql, "DROP", 4) == 0 ? "schema_differs" : "schema_lacks";
	case SR_MEND_INDEX:
		return "index_broken";
	case SR_MEND_ORPHANS:
	case SR_MEND_LOST_PARENTS:
		return "orphans";
	case SR_MEND_PARENTS:
		return "version_parent";
	case SR_MEND_USAGE:
		return "usage_wrong";
	case SR_MEND_QUOTAS:
		return "quota_wrong";
	case SR_MEND_LINKS:
		return "version_links";
	default:
		return "version_differs";
	}
}

/* What is done, in words around the name of what it is done to. */
typedef struct phrase {
	const char *before;
	const char *behind;
} phrase;

static phrase phrase_of(const sr_mend *mend)
{
	switch (mend->how) {
	case SR_MEND_OBJECT:
		return (phrase){"make ", " as the schema has it"};
	case SR_MEND_INDEX:
		return (phrase){"build the index ", " anew"};
	case SR_MEND_ORPHANS:
		return (phrase){"move rows of ", " that refer to nothing to orphaned_rows"};
	case SR_MEND_LOST_PARENTS:
	case SR_MEND_PARENTS:
		return (phrase){"take parents that are not theirs from rows of ", ""};
	case SR_MEND_USAGE:
		return (phrase){"count anew what clients use, in ", ""};
	case SR_MEND_QUOTAS:
		return (phrase){"set UsedBytes in ", " to what is used"};
	case SR_MEND_LINKS:
		return (phrase){"make current version, active flags and TotalVersions of ",
				" agree"};
	default:
		return (phrase){"bring the history of ", " up to what they are"};
	}
}

static sr_status describe(plan *all)
{
	all->steps = calloc(all->mends.count + 1, sizeof(*all->steps));
	if (all->steps == NULL)
		return sr_fail_memory();
	all->repair.steps = all->steps;
	for (size_t i = 0; i < all->mends.count; i++) {
		const sr_mend *mend = &all->mends.list[i];
		phrase around = phrase_of(mend);
		char *what = NULL;

		if (asprintf(&what, "%s%s%s", around.before, sr_quoted(sr_text_of(mend->table)),
			     around.behind) < 0)
			return sr_fail_memory();
		all->steps[i] = (sr_repair_step){
			.code = code_of(mend),
			.subject = mend->table,
			.count = mend->count > 0 ? (int64_t)mend->count : 1,
			.what = what,
		};
		all->repair.step_count++;
	}
	all->repair.damage = all->mends.damage;
	return SR_OK;
}

static sr_status find_all(sr_catalog *catalog, const sr_repair_options *options, sr_mends *mends)
{
	watching w = {.options = options, .total = 2};
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_repair_plan", &reading)) != SR_OK)
		return rc;
	if (!reading.shape.latest) {
		rc = sr_fail(SR_TOO_OLD,
			     "the database %s is at schema version %d, a repair needs %d: run "
			     "`strongroom migrate up`",
			     sr_quoted(sr_text_of(catalog->settings.path)), reading.shape.version,
			     sr_schema_latest());
		goto err0;
	}
	sr_conn_watch(reading.conn, stop, &w);
	if ((rc = sr_mends_find_objects(reading.conn, mends)) == SR_OK) {
		w.done = 1;
		rc = sr_mends_find_rows(reading.conn, mends);
	}
	sr_conn_watch(reading.conn, NULL, NULL);

err0:
	sr_reading_end(&reading);
	return rc;
}

sr_status sr_repair_plan(sr_catalog *catalog, const sr_repair_options *given, sr_repair **repair)
{
	sr_repair_options options;
	plan *all = NULL;
	sr_status rc;

	*repair = NULL;
	if ((rc = take_options(given, &options)) != SR_OK)
		return sr_return(rc);
	if ((all = calloc(1, sizeof(*all))) == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = find_all(catalog, &options, &all->mends)) == SR_OK &&
	    (rc = describe(all)) == SR_OK)
		*repair = &all->repair;
	else
		sr_repair_free(&all->repair);
	return sr_return(rc);
}

/* ---- Doing it ---- */

typedef struct repairing {
	sr_catalog *catalog;
	sr_conn *conn; /* The writer. */
	plan *all;
	char now[SR_TIME_TEXT_SIZE];
	watching watch;
} repairing;

static int compare_keys(const void *a, const void *b)
{
	const sr_value *one = a;
	const sr_value *other = b;

	if (one->type != other->type)
		return (int)one->type - (int)other->type;
	if (one->type == SR_INTEGER)
		return one->integer < other->integer ? -1 : one->integer > other->integer;
	return sr_text_compare(one->text, other->text);
}

/* Those of `shown` that are in `now` too; both are sorted. The others' memory stays shown's. */
static size_t count_common(sr_mend *shown, const sr_mend *now)
{
	size_t kept = 0;

	for (size_t i = 0; i < shown->count; i++) {
		sr_value key = shown->keys[i];

		if (now->count == 0 ||
		    bsearch(&key, now->keys, now->count, sizeof(key), compare_keys) == NULL)
			continue;
		shown->keys[i] = shown->keys[kept];
		shown->keys[kept++] = key;
	}
	return kept;
}

static const sr_mend *find_same(const sr_mends *mends, const sr_mend *mend)
{
	for (size_t i = 0; i < mends->count; i++)
		if (mends->list[i].how == mend->how &&
		    strcmp(mends->list[i].table, mend->table) == 0)
			return &mends->list[i];
	return NULL;
}

static bool is_of_rows(const sr_mend *mend)
{
	return mend->how != SR_MEND_OBJECT && mend->how != SR_MEND_INDEX;
}

/* Rows that are mended in one savepoint. SQLite keeps what a savepoint changes in a list that it
 * walks at the end of each statement inside, so that one for all rows takes the square of their
 * number. */
#define PIECE 256

static sr_status do_piece(repairing *r, const sr_mend *piece, sr_repair_step *step)
{
	int64_t done = 0;
	sr_status rc;

	if ((rc = sr_savepoint(r->conn)) != SR_OK)
		return rc;
	if ((rc = sr_mend_do(r->conn, piece, r->now, &done)) != SR_OK) {
		sr_savepoint_rollback(r->conn);
		return rc;
	}
	if ((rc = sr_savepoint_release(r->conn)) == SR_OK)
		step->done += done;
	return rc;
}

/* One step, a piece at a time: what fails ends it and no other, unless the transaction is lost. */
static sr_status do_step(repairing *r, const sr_mend *mend, sr_repair_step *step)
{
	sr_mend piece = *mend;
	size_t left = mend->count;
	sr_status rc;

	step->done = 0;
	for (;;) {
		piece.count = left < PIECE ? left : PIECE;
		rc = do_piece(r, &piece, step);
		left -= piece.count;
		if (rc != SR_OK || left == 0)
			break;
		piece.keys += piece.count;
	}
	if (rc == SR_OK || rc == SR_INTERRUPTED || rc == SR_NO_MEMORY ||
	    !sr_conn_in_transaction(r->conn))
		return rc;
	step->failure = strdup(sr_error_message());
	return step->failure == NULL ? sr_fail_memory() : SR_OK;
}

static sr_status do_objects(repairing *r)
{
	plan *all = r->all;
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < all->mends.count; i++)
		if (!is_of_rows(&all->mends.list[i])) {
			rc = do_step(r, &all->mends.list[i], &all->steps[i]);
			r->watch.done++;
		}
	return rc;
}

static sr_status do_rows(repairing *r)
{
	plan *all = r->all;
	sr_mends now = {0};
	sr_status rc;

	rc = sr_mends_find_rows(r->conn, &now);
	for (size_t i = 0; i < now.count; i++)
		qsort(now.list[i].keys, now.list[i].count, sizeof(sr_value), compare_keys);
	for (size_t i = 0; rc == SR_OK && i < all->mends.count; i++) {
		sr_mend *mend = &all->mends.list[i];
		const sr_mend *same = find_same(&now, mend);
		sr_mend both = *mend;

		if (!is_of_rows(mend))
			continue;
		both.count = same ? count_common(mend, same) : 0;
		rc = do_step(r, &both, &all->steps[i]);
		r->watch.done++;
	}
	sr_mends_free(&now);
	return rc;
}

static sr_status note_activity(repairing *r)
{
	const plan *all = r->all;
	sr_buffer words = SR_BUFFER_EMPTY;
	sr_status rc;

	for (size_t i = 0; i < all->repair.step_count; i++)
		if (all->steps[i].done > 0)
			sr_buffer_printf(&words, "%s%s: %" PRId64, words.length > 0 ? ", " : "",
					 all->steps[i].code, all->steps[i].done);
	if ((rc = sr_buffer_status(&words)) == SR_OK && words.length > 0)
		rc = sr_activity_append_catalog(r->conn, SR_ACTIVITY_REPAIR, words.data, 0, r->now);
	sr_buffer_free(&words);
	return rc;
}

/* Rows of one family go one by one: keys between them are looked at in the end. */
#define DEFER "PRAGMA defer_foreign_keys = ON"

/* What another program has dropped still has its name taken on this connection, until a statement
 * that reads finds the schema changed: one that creates does not look. */
#define RENEW "SELECT 1 FROM sqlite_schema"

static sr_status repair_in_transaction(repairing *r)
{
	int64_t one;
	sr_status rc;
	bool stale;

	if ((rc = sr_conn_begin(r->conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_catalog_admit(r->catalog, r->conn, &stale)) != SR_OK ||
	    (rc = sr_exec(r->conn, DEFER)) != SR_OK ||
	    (rc = sr_query_integer(r->conn, RENEW, &one)) != SR_OK ||
	    (rc = do_objects(r)) != SR_OK || (rc = do_rows(r)) != SR_OK ||
	    (rc = note_activity(r)) != SR_OK) {
		sr_conn_rollback(r->conn);
		return rc;
	}
	sr_conn_watch(r->conn, NULL, NULL);
	return sr_conn_commit(r->conn);
}

static sr_status make_backup(repairing *r)
{
	sr_backup_options options;
	sr_backed_up made;
	sr_status rc;

	sr_backup_options_init(&options);
	if ((rc = sr_backup(r->catalog, &options, &made)) != SR_OK)
		return sr_fail_within(rc, "nothing was repaired: the backup before it failed");
	if ((r->all->backup = strdup(made.path)) == NULL)
		return sr_fail_memory();
	r->all->repair.backup = r->all->backup;
	return SR_OK;
}

/* After a failure nothing was done, whatever the steps said. */
static void forget_done(plan *all)
{
	for (size_t i = 0; i < all->repair.step_count; i++)
		all->steps[i].done = 0;
}

static sr_status apply(repairing *r, const sr_repair_options *options)
{
	sr_status rc;

	if ((rc = sr_catalog_writable(r->catalog)) != SR_OK)
		return rc;
	if (r->all->applied)
		return sr_fail(SR_INVALID, "the plan of this repair was applied before");
	if (sr_pool_in_transaction(r->catalog->pool))
		return sr_fail(SR_INVALID, "nothing is repaired inside a transaction: end the one "
					   "that this thread has open");
	if (r->all->repair.step_count == 0)
		return SR_OK;
	if (options->backup && (rc = make_backup(r)) != SR_OK)
		return rc;
	if ((rc = sr_pool_write(r->catalog->pool, "sr_repair_apply", &r->conn)) != SR_OK)
		return rc;
	sr_time_format(sr_time_now(), r->now);
	sr_conn_watch(r->conn, stop, &r->watch);
	rc = repair_in_transaction(r);
	sr_conn_watch(r->conn, NULL, NULL);
	sr_pool_release(r->catalog->pool, r->conn);
	if (rc == SR_OK)
		r->all->applied = true;
	else
		forget_done(r->all);
	return rc;
}

sr_status sr_repair_apply(sr_catalog *catalog, sr_repair *repair, const sr_repair_options *given)
{
	sr_repair_options options;
	repairing r = {.catalog = catalog, .all = (plan *)repair};
	sr_status rc;

	if ((rc = take_options(given, &options)) != SR_OK)
		return sr_return(rc);
	r.watch = (watching){.options = &options, .total = (int64_t)repair->step_count};
	sr_catalog_keep(catalog);
	rc = apply(&r, &options);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
