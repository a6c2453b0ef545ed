/*
 * Repairs: a plan that is shown, and then that plan and nothing else.
 *
 * Inside the transaction the questions are asked again, and only rows that are in both answers are
 * mended. Tables, indexes and triggers come before the questions about rows, which rely on them.
 *
 * What mending brings to light is mended in the same transaction, in rounds: a fault that was not
 * there, or could not be seen, when it began. What was there and not in the plan stays for another
 * repair, since nobody was shown it.
 */
#include "repair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "activity.h"
#include "search_index.h"

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
	case SR_MEND_TABLE:
		return "schema_lacks";
	case SR_MEND_OBJECT:
		return strncmp(mend->sql, "DROP", 4) == 0 ? "schema_differs" : "schema_lacks";
	case SR_MEND_INDEX:
		return "index_broken";
	case SR_MEND_SEARCH:
		return "search_index";
	case SR_MEND_ORPHANS:
	case SR_MEND_LOST_PARENTS:
		return "orphans";
	case SR_MEND_PARENTS:
		return "version_parent";
	case SR_MEND_USAGE:
		return "usage_wrong";
	case SR_MEND_TOTALS:
		return "totals_wrong";
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
	case SR_MEND_TABLE:
		return (phrase){"make the table ", " anew, without what it held"};
	case SR_MEND_OBJECT:
		return (phrase){"make ", " as the schema has it"};
	case SR_MEND_INDEX:
		return (phrase){"build the index ", " anew"};
	case SR_MEND_SEARCH:
		return (phrase){"make the search index anew, from ", " on"};
	case SR_MEND_ORPHANS:
		return (phrase){"move rows of ", " that refer to nothing to orphaned_rows"};
	case SR_MEND_LOST_PARENTS:
	case SR_MEND_PARENTS:
		return (phrase){"take parents that are not theirs from rows of ", ""};
	case SR_MEND_USAGE:
		return (phrase){"count anew what clients use, in ", ""};
	case SR_MEND_TOTALS:
		return (phrase){"count all files anew, for ", " and its like"};
	case SR_MEND_QUOTAS:
		return (phrase){"set UsedBytes in ", " to what is used"};
	case SR_MEND_LINKS:
		return (phrase){"make current version, active flags and TotalVersions of ",
				" agree"};
	default:
		return (phrase){"bring the history of ", " up to what they are"};
	}
}

static sr_status describe_one(plan *all, size_t i)
{
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
	return SR_OK;
}

/* Those mends that are no steps yet. */
static sr_status describe(plan *all)
{
	sr_repair_step *steps = realloc(all->steps, (all->mends.count + 1) * sizeof(*steps));
	sr_status rc = SR_OK;

	if (steps == NULL)
		return sr_fail_memory();
	all->steps = steps;
	all->repair.steps = steps;
	while (all->repair.step_count < all->mends.count && rc == SR_OK)
		rc = describe_one(all, all->repair.step_count);
	all->repair.damage = all->mends.damage;
	return rc;
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
	if ((rc = sr_mends_find_objects(reading.conn, stop, &w, mends)) == SR_OK) {
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

static bool has_key(const sr_mend *sorted, const sr_value *key)
{
	return sorted && sorted->count > 0 &&
	       bsearch(key, sorted->keys, sorted->count, sizeof(*key), compare_keys) != NULL;
}

/* Brings those of its keys that are in `sorted`, or those that are not, to the front: how many. The
 * others' memory stays the mend's. */
static size_t count_keys(sr_mend *mend, const sr_mend *sorted, bool in)
{
	size_t kept = 0;

	for (size_t i = 0; i < mend->count; i++) {
		sr_value key = mend->keys[i];

		if (has_key(sorted, &key) != in)
			continue;
		mend->keys[i] = mend->keys[kept];
		mend->keys[kept++] = key;
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
	return mend->how > SR_MEND_SEARCH;
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

static sr_status find_sorted(repairing *r, sr_mends *mends)
{
	sr_status rc = sr_mends_find_rows(r->conn, mends);

	for (size_t i = 0; i < mends->count; i++)
		qsort(mends->list[i].keys, mends->list[i].count, sizeof(sr_value), compare_keys);
	return rc;
}

/* What the plan says, as far as it is so still. */
static sr_status do_planned_rows(repairing *r, const sr_mends *now, size_t planned)
{
	plan *all = r->all;
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < planned; i++) {
		sr_mend *mend = &all->mends.list[i];
		sr_mend both = *mend;

		if (!is_of_rows(mend))
			continue;
		both.count = count_keys(mend, find_same(now, mend), true);
		rc = do_step(r, &both, &all->steps[i]);
		r->watch.done++;
	}
	return rc;
}

/* The step that is of the same kind, or a new one without anything to do yet. */
static sr_status step_of(plan *all, const sr_mend *mend, sr_repair_step **step)
{
	const sr_mend *same = find_same(&all->mends, mend);
	sr_mend *added;
	sr_status rc;

	if (same == NULL) {
		if ((rc = sr_mends_add(&all->mends, mend->how, mend->table, NULL, &added)) !=
			    SR_OK ||
		    (rc = describe(all)) != SR_OK)
			return rc;
		same = added;
		all->steps[same - all->mends.list].count = 0;
	}
	*step = &all->steps[same - all->mends.list];
	return SR_OK;
}

/* Faults of `now` that were in no round before; *some tells whether there was any. */
static sr_status do_new_rows(repairing *r, const sr_mends *before, sr_mends *now, bool *some)
{
	sr_status rc = SR_OK;

	*some = false;
	for (size_t i = 0; rc == SR_OK && i < now->count; i++) {
		sr_mend fresh = now->list[i];
		sr_repair_step *step;
		int64_t done;

		fresh.count = count_keys(&now->list[i], find_same(before, &fresh), false);
		if (fresh.count == 0 || (rc = step_of(r->all, &fresh, &step)) != SR_OK)
			continue;
		*some = true;
		done = step->done;
		step->count += (int64_t)fresh.count;
		/* One that failed once stays so. */
		if (step->failure != NULL)
			continue;
		rc = do_step(r, &fresh, step);
		step->done += done;
	}
	return rc;
}

/* Takes all of `now` over into `before`. */
static sr_status remember(sr_mends *before, const sr_mends *now)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < now->count; i++) {
		const sr_mend *mend = &now->list[i];
		sr_mend *known = (sr_mend *)(uintptr_t)find_same(before, mend);

		if (known == NULL &&
		    (rc = sr_mends_add(before, mend->how, mend->table, NULL, &known)) != SR_OK)
			return rc;
		for (size_t k = 0; k < mend->count; k++)
			if ((rc = sr_mend_add_key(known, &mend->keys[k])) != SR_OK)
				return rc;
		qsort(known->keys, known->count, sizeof(sr_value), compare_keys);
	}
	return SR_OK;
}

/* Faults follow from faults in chains that are short: links, then content. Whatever does not end is
 * no chain. */
#define ROUNDS 8

/* before: what was wrong when nothing was done yet. */
static sr_status do_rows(repairing *r, sr_mends *before)
{
	size_t planned = r->all->mends.count;
	bool some = true;
	sr_status rc = SR_OK;

	for (int round = 0; rc == SR_OK && some && round < ROUNDS; round++) {
		sr_mends now = {0};

		if ((rc = find_sorted(r, &now)) == SR_OK &&
		    (round > 0 || (rc = do_planned_rows(r, &now, planned)) == SR_OK) &&
		    (rc = do_new_rows(r, before, &now, &some)) == SR_OK)
			rc = remember(before, &now);
		/* What was planned may bring the next to light. */
		some = some || round == 0;
		sr_mends_free(&now);
	}
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
	sr_mends before = {0};
	int64_t one;
	sr_status rc;
	bool stale;

	if ((rc = sr_conn_begin(r->conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_catalog_admit(r->catalog, r->conn, &stale)) != SR_OK ||
	    (rc = sr_exec(r->conn, DEFER)) != SR_OK ||
	    (rc = sr_query_integer(r->conn, RENEW, &one)) != SR_OK ||
	    (rc = find_sorted(r, &before)) != SR_OK || (rc = do_objects(r)) != SR_OK ||
	    (rc = do_rows(r, &before)) != SR_OK || (rc = note_activity(r)) != SR_OK) {
		sr_conn_rollback(r->conn);
		goto err0;
	}
	sr_conn_watch(r->conn, NULL, NULL);
	rc = sr_conn_commit(r->conn);
err0:
	sr_mends_free(&before);
	return rc;
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

static bool emptied_index(const plan *all)
{
	for (size_t i = 0; i < all->mends.count; i++)
		if (all->mends.list[i].how == SR_MEND_SEARCH && all->steps[i].done > 0)
			return true;
	return false;
}

/* All is mended by then; whoever has enough of it leaves the search index to later writes. */
static bool stop_indexing(void *arg, int64_t rows, int64_t total)
{
	(void)rows;
	(void)total;
	return stop(arg);
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
	if (rc != SR_OK) {
		forget_done(r->all);
		return rc;
	}
	r->all->applied = true;
	if (emptied_index(r->all))
		sr_index_catch_up(r->catalog, stop_indexing, &r->watch);
	return SR_OK;
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
