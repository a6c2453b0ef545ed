/*
 * One schedule: a pool over the stub engine, threads that do by chance what the scenario says, and
 * what each call of theirs must come to.
 */
#include "base/cancel.h"
#include "base/error.h"
#include "pool/internal.h"
#include "schedule.h"

#include <string.h>

/* Beyond what any schedule lets pass, but for those in which patience runs out. */
#define PATIENCE 1000.0

/* What an operation does besides inserting its row. */
typedef enum deed_kind {
	GOOD,
	REFUSES,           /* Returns an error. */
	BREAKS,            /* The engine rolls the transaction back, and says so. */
	BREAKS_IN_COMPANY, /* Only with others in the transaction. */
	HIDES,             /* The engine rolls back, and the operation says that all is well. */
	VIOLATES,          /* Leaves a foreign key open. */
	INTERRUPTED,       /* Somebody interrupts it. */
	JOINS,             /* Calls the pool itself. */
	DEED_KINDS,
} deed_kind;

typedef struct deed {
	int row;
	deed_kind kind;
	bool told; /* Its caller has heard of it. */
	sr_status status;
	bool unsure;        /* It may be there or not. */
	struct deed *inner; /* What it joined last. */
} deed;

/* This schedule's. */
static const schedule_scenario *scenario;
static schedule_plant planted;
static sr_pool *pool;
static deed deeds[STUB_ROWS];
static int deed_count;
static sr_conn *lent[SCHEDULE_THREADS]; /* What each thread has. */
static int64_t exhausted;               /* Told so. */
static int64_t operations;              /* Told SR_OK, as the pool counts them. */
static int64_t unsure;                  /* Told that the outcome is unknown. */
static bool done[SCHEDULE_THREADS];     /* Workers that have ended. */
static bool closing;

/* ---- The engine ---- */

static sr_status insert(sr_conn *conn, int row)
{
	return scenario->real ? real_insert(conn, row) : stub_insert(conn, row);
}

static int count_rows(sr_conn *conn)
{
	return scenario->real ? real_count(conn) : stub_count(conn);
}

/* How often the row is committed. */
static int times_of(int row)
{
	return scenario->real ? real_times(row) : stub_times(row);
}

/* ---- Deeds ---- */

static deed *new_deed(deed_kind kind)
{
	deed *d = &deeds[deed_count];

	if (deed_count == STUB_ROWS)
		schedule_fail("more than %d operations", STUB_ROWS);
	*d = (deed){.row = deed_count++, .kind = kind};
	return d;
}

static deed_kind any_kind(void)
{
	if (!schedule_once_in(scenario->bad_deeds))
		return GOOD;
	return scenario->real ? REFUSES : (deed_kind)(1 + schedule_chance(DEED_KINDS - 1));
}

static sr_status break_it(sr_conn *conn, sr_status status)
{
	stub_break(conn);
	return status == SR_OK ? SR_OK : sr_fail(status, "the transaction is gone");
}

static sr_status do_deed(sr_conn *conn, void *arg);

/* The call joins the transaction in which it is made. */
static sr_status join(deed *d)
{
	sr_status rc;

	d->inner = new_deed(GOOD);
	rc = sr_pool_commit(pool, "inner", do_deed, d->inner);
	d->inner->told = true;
	d->inner->unsure = true; /* Whatever becomes of what it joined. */
	return rc;
}

static sr_status do_deed(sr_conn *conn, void *arg)
{
	deed *d = arg;
	sr_status rc;

	if (d->told)
		schedule_fail("operation %d is run again after its caller was told", d->row);
	if ((rc = insert(conn, d->row)) != SR_OK)
		return rc;
	switch (d->kind) {
	case REFUSES:
		return sr_fail(SR_INVALID, "it refuses");
	case BREAKS:
		return break_it(conn, SR_NO_SPACE);
	case BREAKS_IN_COMPANY:
		return stub_pending(conn) > 1 ? break_it(conn, SR_NO_SPACE) : SR_OK;
	case HIDES:
		return break_it(conn, SR_OK);
	case VIOLATES:
		stub_violate(conn);
		return SR_OK;
	case INTERRUPTED:
		return break_it(conn, SR_INTERRUPTED);
	case JOINS:
		return join(d);
	default:
		return SR_OK;
	}
}

static sr_status do_together(sr_conn *conn, void *const *args, size_t count)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < count && rc == SR_OK; i++)
		rc = do_deed(conn, args[i]);
	return rc;
}

/* ---- What a call may come to ---- */

/* What anything may fail with for reasons that are not its own. */
static bool excused(sr_status rc)
{
	const stub_faults *f = &scenario->faults;

	if (rc == SR_BUSY && strstr(sr_error_message(), "Connection pool exhausted") != NULL) {
		exhausted++;
		return scenario->impatience > 0;
	}
	return (rc == SR_BUSY && (f->begin > 0 || f->busy > 0)) ||
	       (rc == SR_NO_SPACE && f->full > 0) || (rc == SR_IO && f->open > 0) ||
	       (rc == SR_OUTCOME_UNKNOWN && f->unknown > 0) ||
	       (rc == SR_CLOSED && scenario->closes) || (rc == SR_INTERRUPTED && scenario->cancels);
}

static void check_words(const char *what, sr_status rc)
{
	if ((rc == SR_OK) != (sr_error_message()[0] == '\0'))
		schedule_fail("%s returns %s with the words '%s'", what, sr_status_name(rc),
			      sr_error_message());
}

/* Where nothing but SR_OK is right, but for an excuse. */
static bool came_well(const char *what, sr_status rc)
{
	if (rc == SR_OK)
		return true;
	if (!excused(rc))
		schedule_fail("%s fails: %s (%s)", what, sr_error_message(), sr_status_name(rc));
	check_words(what, rc);
	return false;
}

static sr_status own_status(deed_kind kind)
{
	static const sr_status statuses[DEED_KINDS] = {
		[REFUSES] = SR_INVALID,     [BREAKS] = SR_NO_SPACE,         [HIDES] = SR_SQL,
		[VIOLATES] = SR_CONSTRAINT, [INTERRUPTED] = SR_INTERRUPTED,
	};

	return statuses[kind];
}

/* What is committed of an operation is what its caller was told. */
static void check_deed(const deed *d)
{
	int times = times_of(d->row);

	if (!d->told || (d->unsure && times <= 1))
		return;
	if (times != (d->status == SR_OK))
		schedule_fail("operation %d was told '%s' and is there %d times", d->row,
			      sr_status_name(d->status), times);
	if (d->status == SR_OK && d->inner != NULL && times_of(d->inner->row) != 1)
		schedule_fail("operation %d is there and what it joined is not", d->row);
}

/* ---- Being asked ---- */

/* Asking with the pool's lock held would be seen, since the answer wants it as well. */
static bool end_call(void *arg)
{
	sr_pool_statistics figures;

	(void)arg;
	if (pool != NULL && !scenario->closes)
		sr_pool_statistics_read(pool, &figures);
	return schedule_once_in(3);
}

static void may_be_asked(void)
{
	sr_cancel_set(scenario->cancels && schedule_once_in(2) ? end_call : NULL, NULL);
}

/* ---- Works ---- */

static void note_lent(sr_conn *conn)
{
	for (int i = 0; i < SCHEDULE_THREADS; i++)
		if (lent[i] == conn)
			schedule_fail("thread %d was lent a connection that thread %d has",
				      schedule_self(), i);
	lent[schedule_self()] = conn;
}

static void give_back(sr_conn *conn)
{
	lent[schedule_self()] = NULL;
	sr_pool_release(pool, conn);
}

static void rest(void)
{
	if (schedule_once_in(2))
		schedule_sleep((double)(1 + schedule_chance(100)) / 1e3);
}

static void work_read(void)
{
	sr_conn *conn;
	int before;

	if (!came_well("a read", sr_pool_read(pool, "read", &conn)))
		return;
	note_lent(conn);
	if (sr_conn_begin(conn, SR_TRANSACTION_READ) != SR_OK)
		schedule_fail("a read does not begin: %s", sr_error_message());
	before = count_rows(conn);
	if (scenario->often[WORK_REST] > 0)
		rest();
	if (count_rows(conn) != before)
		schedule_fail("what a thread reads changes under it");
	if (schedule_once_in(2))
		sr_conn_rollback(conn);
	give_back(conn);
}

static void settle_deed(deed *d, sr_status rc)
{
	d->told = true;
	d->status = rc;
	d->unsure = rc == SR_OUTCOME_UNKNOWN;
	unsure += d->unsure;
	operations += rc == SR_OK;
	check_words("an operation", rc);
	if (rc != own_status(d->kind) && !excused(rc))
		schedule_fail("operation %d of kind %d fails: %s (%s)", d->row, (int)d->kind,
			      sr_error_message(), sr_status_name(rc));
	check_deed(d);
}

static void work_commit(void)
{
	deed *d = new_deed(any_kind());

	settle_deed(d, schedule_once_in(8) ? sr_pool_commit_large(pool, "large", do_deed, d)
					   : sr_pool_commit(pool, "commit", do_deed, d));
}

static void work_together(void)
{
	deed *d = new_deed(any_kind());

	settle_deed(d, sr_pool_commit_together(pool, "together", do_deed, do_together, d));
}

/* Rows of a transaction lie side by side, or are not there. */
static void check_transaction(const deed *const *all, int count, bool there)
{
	int first = -1;

	for (int i = 0; i < stub.count && first < 0; i++)
		if (count > 0 && stub.rows[i] == all[0]->row)
			first = i;
	for (int i = 0; i < count; i++) {
		check_deed(all[i]);
		if (there && !scenario->real && !all[i]->unsure &&
		    stub.rows[first + i] != all[i]->row)
			schedule_fail("a transaction is torn");
	}
}

/* Up to some operations of an open transaction; which were told SR_OK. */
static int fill_transaction(deed *good[4])
{
	int goods = 0;

	for (unsigned i = 0, many = schedule_chance(4); i < many; i++) {
		deed_kind kind = any_kind();
		deed *d = new_deed(kind == JOINS ? GOOD : kind);
		bool nested = schedule_once_in(4);
		sr_conn *conn;

		if (nested && sr_pool_begin(pool, "nested") != SR_OK)
			break;
		if (sr_pool_commit(pool, "joined", do_deed, d) == SR_OK)
			good[goods++] = d;
		if (nested && sr_pool_end(pool, true) != SR_OK)
			break;
		if (sr_pool_read(pool, "joined read", &conn) != SR_OK)
			break;
		if (scenario->real ? count_rows(conn) < goods : stub_pending(conn) < goods)
			schedule_fail("a read in a transaction does not see it");
		sr_pool_release(pool, conn);
	}
	return goods;
}

static void work_transaction(void)
{
	deed *good[4] = {NULL};
	bool keep = schedule_once_in(2);
	int goods;
	sr_status rc;

	if (!came_well("a transaction", sr_pool_begin(pool, "transaction")))
		return;
	if (!sr_pool_in_transaction(pool))
		schedule_fail("a thread's transaction is not known");
	goods = fill_transaction(good);
	rc = sr_pool_end(pool, keep);
	if (sr_pool_in_transaction(pool))
		schedule_fail("a transaction goes on after its end");
	if (!keep && rc != SR_OK)
		schedule_fail("a rollback fails: %s", sr_error_message());
	operations += keep && rc == SR_OK;
	unsure += rc == SR_OUTCOME_UNKNOWN;
	for (int i = 0; i < goods; i++) {
		good[i]->told = true;
		good[i]->unsure = rc == SR_OUTCOME_UNKNOWN;
		good[i]->status = keep ? rc : SR_INVALID;
	}
	check_transaction((const deed *const *)good, goods, keep && rc == SR_OK);
}

/* The writer by itself, with a transaction of the holder's, of the pool's, or none. */
static void work_lease(void)
{
	deed *d = new_deed(GOOD);
	sr_conn *conn;
	sr_status rc = SR_OK;

	d->told = true;
	d->status = SR_INVALID; /* Until it is kept. */
	if (!came_well("a lease", sr_pool_write(pool, "lease", &conn)))
		return;
	note_lent(conn);
	switch (schedule_chance(3)) {
	case 0: /* Left open: it is rolled back. */
		if ((rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) == SR_OK)
			(void)insert(conn, d->row);
		break;
	case 1:
		d->told = false;
		settle_deed(d, sr_pool_commit(pool, "in a lease", do_deed, d));
		break;
	default:
		rest();
	}
	if (rc != SR_OK && !excused(rc))
		schedule_fail("a lease cannot begin: %s", sr_error_message());
	give_back(conn);
	check_deed(d);
}

static void work_look(void)
{
	sr_pool_statistics s;
	char site[64];

	sr_pool_statistics_read(pool, &s);
	if (s.active + s.available != s.size || s.commits > s.operations || s.peak > s.size)
		schedule_fail("the figures do not fit together");
	(void)sr_pool_oldest_reader(pool, site, sizeof site);
}

static void work_other(void)
{
	if (schedule_once_in(2))
		stub_other_copies();
	else
		stub_other_writes();
}

static void do_work(schedule_work work)
{
	switch (work) {
	case WORK_READ:
		work_read();
		break;
	case WORK_COMMIT:
		work_commit();
		break;
	case WORK_TOGETHER:
		work_together();
		break;
	case WORK_TRANSACTION:
		work_transaction();
		break;
	case WORK_LEASE:
		work_lease();
		break;
	case WORK_CHECKPOINT:
		(void)came_well("a checkpoint", sr_pool_checkpoint(pool));
		break;
	case WORK_LOOK:
		work_look();
		break;
	case WORK_OTHER:
		work_other();
		break;
	default:
		rest();
	}
}

static schedule_work any_work(void)
{
	unsigned sum = 0, chosen;

	for (int i = 0; i < WORKS; i++)
		sum += scenario->often[i];
	chosen = schedule_chance(sum);
	for (int i = 0;; i++) {
		if (chosen < scenario->often[i])
			return (schedule_work)i;
		chosen -= scenario->often[i];
	}
}

static void worker(void *arg)
{
	unsigned steps = scenario->closes ? 1 : 1 + schedule_chance((unsigned)scenario->steps);

	(void)arg;
	for (unsigned i = 0; i < steps; i++) {
		may_be_asked();
		sr_error_set(NULL);
		do_work(any_work());
	}
	done[schedule_self()] = true;
}

/* ---- The whole ---- */

/* Whether the worker is done, holds a place or stands in line. */
static bool has_come(int worker_number)
{
	long number = 1000 + worker_number;

	if (done[worker_number] || (pool->writer.holds > 0 && pool->writer.thread == number))
		return true;
	for (int i = 0; i < pool->options.readers; i++)
		if (pool->readers[i].holds > 0 && pool->readers[i].thread == number)
			return true;
	for (const sr_waiter *w = pool->read_queue.first; w != NULL; w = w->next)
		if (w->thread == number)
			return true;
	for (const sr_waiter *w = pool->write_queue.first; w != NULL; w = w->next)
		if (w->thread == number)
			return true;
	return false;
}

static bool all_have_come(int workers)
{
	for (int i = 1; i <= workers; i++)
		if (!has_come(i))
			return false;
	return true;
}

/* Closes the pool when all workers have come: a later one would call what is no more. */
static void closer(void *arg)
{
	int workers = *(const int *)arg;
	sr_status rc;

	for (unsigned i = schedule_chance(3); i > 0; i--)
		schedule_sleep(0.001);
	while (!all_have_come(workers))
		schedule_sleep(0.001);
	closing = true;
	rc = sr_pool_close(pool);
	if (rc != SR_OK && (rc != SR_BUSY || scenario->impatience == 0))
		schedule_fail("closing fails: %s", sr_error_message());
}

static sr_status open_pool(void)
{
	sr_pool_options options = {
		.engine = &stub_engine,
		.path = "/stub",
		.readers = 1 + (int)schedule_chance((unsigned)scenario->readers),
		.timeout = scenario->impatience > 0 ? 0.01 : PATIENCE,
		.direct = scenario->direct,
		.checkpoint_bytes = STUB_PAGE << schedule_chance(4),
		.log_alarm_bytes = 40 * STUB_PAGE,
		.recycle_after = scenario->ages ? 0.02 : 0,
		.validate_after = scenario->ages ? 0.01 : 0,
		.leak_after = scenario->ages ? 0.03 : 0,
	};
	sr_pool *opened;
	sr_status rc;

	if (scenario->real) {
		options.engine = real_engine(&options.path);
		options.durability = SR_DURABILITY_NORMAL;
	}

	stub_begin(&scenario->faults);
	stub.early = planted == PLANT_EARLY_ANSWER;
	stub.markless = planted == PLANT_LOG_FREE;
	rc = sr_pool_open(&opened, &options);
	pool = rc == SR_OK ? opened : NULL;
	check_pool(pool);
	return rc;
}

/* When nobody does anything any more. */
static void check_end(void)
{
	sr_pool_statistics s;

	sr_pool_statistics_read(pool, &s);
	if (s.active != 0 || s.waiting != 0 || s.available != s.size)
		schedule_fail("at rest %lld are lent and %lld wait", (long long)s.active,
			      (long long)s.waiting);
	if (pool->copying)
		schedule_fail("at rest somebody copies");
	if (s.timeouts != exhausted)
		schedule_fail("%lld timeouts are counted, %lld were told", (long long)s.timeouts,
			      (long long)exhausted);
	if (s.operations != operations)
		schedule_fail("%lld operations are counted, %lld were told",
			      (long long)s.operations, (long long)operations);
	if (unsure == 0 && !scenario->real && s.commits < stub.commits)
		schedule_fail("%lld commits are counted, %lld were made", (long long)s.commits,
			      (long long)stub.commits);
	if (s.leaks > s.acquired)
		schedule_fail("more leaks than leases");
	if (!scenario->real &&
	    s.created - s.closed + (pool->second != NULL) + (pool->stay != NULL) != stub.open)
		schedule_fail("%d connections are open, %lld counted", stub.open,
			      (long long)(s.created - s.closed));
}

static void forget_all(void)
{
	memset(lent, 0, sizeof lent);
	memset(done, 0, sizeof done);
	deed_count = 0;
	exhausted = operations = unsure = 0;
	closing = false;
	pool = NULL;
	check_pool(NULL);
}

static void host(void *arg)
{
	int workers =
		scenario->threads[0] +
		(int)schedule_chance((unsigned)(scenario->threads[1] - scenario->threads[0] + 1));

	(void)arg;
	if (open_pool() != SR_OK) {
		if (!excused(SR_IO))
			schedule_fail("it does not open: %s", sr_error_message());
		return;
	}
	for (int i = 0; i < workers; i++)
		schedule_spawn(worker, NULL);
	if (scenario->closes)
		schedule_spawn(closer, &workers);
	schedule_join_all();
	for (int i = 0; i < deed_count; i++)
		check_deed(&deeds[i]);
	if (!closing) {
		check_end();
		if (sr_pool_close(pool) != SR_OK)
			schedule_fail("closing at rest fails: %s", sr_error_message());
	}
	check_pool(NULL);
	if (stub.open != 0)
		schedule_fail("%d connections stay open behind a closed pool", stub.open);
}

/* Linked in place of the pool's, which is the real one: see meson.build. */
void __real_sr_wait_grant(sr_pool *p, sr_place *place);
void __wrap_sr_wait_grant(sr_pool *p, sr_place *place);

void __wrap_sr_wait_grant(sr_pool *p, sr_place *place)
{
	bool handed = !place->writer && p->read_queue.first != NULL;

	__real_sr_wait_grant(p, place);
	if (planted == PLANT_DOUBLE_LEND && handed) {
		place->below = p->idle_readers;
		p->idle_readers = place;
		p->idle++;
	}
}

bool schedule_one(const schedule_scenario *chosen, uint64_t seed, schedule_plant plant)
{
	schedule_plan plan = {
		.seed = seed,
		.impatience = chosen->impatience,
		.unstarted = chosen->unstarted,
		.drop = plant == PLANT_LOST_WAKEUP ? 1 + (unsigned)(seed % 4) : 0,
		.watch = {check_unlock, check_wait, check_forget},
	};

	scenario = chosen;
	planted = plant;
	forget_all();
	return schedule_run(&plan, host, NULL);
}
