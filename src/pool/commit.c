/*
 * Group commit.
 *
 * Operations wait for the writer in the same line as leases. The one that gets the writer leads:
 * it begins a transaction, runs itself and whatever operations stand behind it, commits once, and
 * tells everybody how his own came out. Nobody waits for company: a lone writer begins at once, and
 * company gathers by itself while a leader is at its fsync.
 *
 * They are run without savepoints at first, hoping that all succeed: within one, SQLite copies each
 * page before it changes it, and looks through all pages that were touched so far with each
 * statement that fires a trigger. When one fails the transaction is rolled back, and the others are
 * run again, each in its savepoint, as those of the next CAREFUL batches are: failures seldom come
 * alone.
 *
 *                    +--------- newcomers, while it is short and young --------+
 *                    v                                                         |
 *	[take] --> [attempt] -- every operation, then COMMIT ---------------------+
 *	             |   |  |
 *	             |   |  +-- committed, or outcome unknown --> everybody is told
 *	             |   +-- the commit was rolled back ---> each is run again alone
 *	             +-- an operation failed without a savepoint, or made the engine roll
 *	             |     everything back --> the others attempt again, each in its savepoint;
 *	             |     who did the latter afterwards alone
 *	             +-- some could not be done at once --> all attempt again, one by one
 *
 * What is promised:
 * 1. SR_OK only after a COMMIT that succeeded with the operation in it.
 * 2. An operation that fails leaves nothing, and the others as if it had not been there.
 * 3. Who was told anything is never run again; who is run again was told nothing.
 * 4. An interrupt is somebody's wish: the operation that it hit is not run again, unless it was one
 * of many that were done at once.
 * 5. Batches and threads' own transactions never share a transaction: both need the writer.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* A batch holds the writer, and those in it wait for all of it. */
#define BATCH_COUNT 256
#define BATCH_TIME  INT64_C(20000000) /* Nanoseconds in which newcomers are taken. */
#define CAREFUL     16 /* Batches behind a failure in which everybody has a savepoint. */
#define TOGETHER    16 /* Operations of one kind that are worth being done at once. */
#define APART       16 /* Batches behind some that could not be, in which nobody is. */

/* Operations that a leader has taken, linked through sr_waiter.next. */
typedef struct batch {
	sr_waiter *first;
	sr_waiter *last;
	int count;
} batch;

typedef enum verdict {
	SETTLED,  /* Every operation has its status for good. */
	CULPRIT,  /* One made the engine roll back; nothing is kept. */
	FAILED,   /* One failed where it could not be undone alone; nothing is kept. */
	TO_PART,  /* Some could not be done at once; nothing is kept. */
	ALL_BACK, /* The commit failed and nothing is kept. */
} verdict;

static void batch_add(batch *b, sr_waiter *operation)
{
	operation->next = NULL;
	if (b->last != NULL)
		b->last->next = operation;
	else
		b->first = operation;
	b->last = operation;
	b->count++;
}

static void batch_remove(batch *b, sr_waiter *operation)
{
	sr_waiter *before = NULL;

	for (sr_waiter *w = b->first; w != operation; w = w->next)
		before = w;
	if (before != NULL)
		before->next = operation->next;
	else
		b->first = operation->next;
	if (b->last == operation)
		b->last = before;
	b->count--;
}

/* ---- One operation ---- */

/* Keeps an outcome with the words of this moment. */
static void settle(sr_waiter *operation, sr_status status)
{
	operation->status = status;
	snprintf(operation->words, sizeof(operation->words), "%s",
		 status == SR_OK ? "" : sr_error_message());
}

/* Whether the connection still is in the transaction that was begun, and worth going on with. */
static bool alive(sr_conn *conn)
{
	return sr_conn_in_transaction(conn) && !sr_conn_broken(conn);
}

/* What the operation's own status tells; the engine may have said more by itself. */
static sr_status run_inside(sr_conn *conn, const sr_waiter *operation)
{
	sr_status rc = operation->operation(conn, operation->arg);

	if (rc == SR_OK && !alive(conn))
		return sr_fail(SR_SQL, "%s: the database rolled the transaction back by itself",
			       operation->site);
	return rc;
}

/* Runs it in its savepoint. False: the transaction is gone, and all that was in it. */
static bool run(sr_conn *conn, sr_waiter *operation)
{
	sr_status rc;

	if ((rc = sr_savepoint(conn)) != SR_OK) {
		settle(operation, rc);
		return alive(conn);
	}
	settle(operation, run_inside(conn, operation));
	if (!alive(conn))
		return false;
	if (operation->status == SR_OK)
		settle(operation, sr_savepoint_release(conn));
	else
		sr_savepoint_rollback(conn);
	return alive(conn);
}

/* The same without: where it fails, nothing may be committed. */
static bool run_bare(sr_conn *conn, sr_waiter *operation)
{
	sr_status rc = run_inside(conn, operation);

	if (rc == SR_OK)
		rc = sr_conn_check_deferred(conn);
	settle(operation, rc);
	return alive(conn);
}

/* ---- One transaction ---- */

static void settle_all(batch *b, sr_status status)
{
	for (sr_waiter *w = b->first; w != NULL; w = w->next)
		settle(w, status);
}

static int count_good(const batch *b)
{
	int good = 0;

	for (const sr_waiter *w = b->first; w != NULL; w = w->next)
		good += w->status == SR_OK;
	return good;
}

/* A transaction on a fit connection, replaced if the last attempt broke it; but not one that
 * the thread also has as a lease, which would be left with a closed one. */
static sr_status begin(sr_pool *pool, sr_place *place, bool own)
{
	bool leased = place->holds > 1;
	sr_status rc;

	if (!leased && place->conn != NULL && sr_conn_broken(place->conn))
		sr_place_drop(pool, place);
	if (!leased && (rc = sr_place_ready(pool, place)) != SR_OK)
		return rc;
	/* Nobody's operation but the leader's own waits for another process here. */
	if (own)
		sr_cancel_resume();
	rc = sr_conn_begin(place->conn, SR_TRANSACTION_WRITE);
	if (own)
		sr_cancel_hold();
	return rc;
}

/* Takes who stands next in line into the batch while it is short and young. NULL: commit now. */
static sr_waiter *newcomer(sr_pool *pool, batch *b, int64_t since)
{
	sr_waiter *operation;

	if (b->count >= BATCH_COUNT || sr_clock_ns() - since >= BATCH_TIME)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	operation = sr_wait_take(pool);
	pthread_mutex_unlock(&pool->lock);
	if (operation != NULL)
		batch_add(b, operation);
	return operation;
}

/* Ends the transaction in which all of the batch was run. */
static verdict commit(sr_pool *pool, sr_place *place, batch *b)
{
	int good = count_good(b);
	sr_status rc;

	if (good == 0) {
		sr_conn_rollback(place->conn);
		return SETTLED;
	}
	if ((rc = sr_conn_commit(place->conn)) == SR_OK) {
		pthread_mutex_lock(&pool->lock);
		pool->commits++;
		pool->operations += good;
		pthread_mutex_unlock(&pool->lock);
		return SETTLED;
	}
	/* The statuses of those that had failed stand: they left nothing in any outcome. What a
	 * lone operation hits is its own, and waiting again for another process's lock helps
	 * nobody. */
	if (rc != SR_OUTCOME_UNKNOWN && rc != SR_BUSY && b->count > 1)
		return ALL_BACK;
	for (sr_waiter *w = b->first; w != NULL; w = w->next)
		if (w->status == SR_OK)
			settle(w, rc);
	return SETTLED;
}

/* Those of one kind from this one on, with newcomers where they are welcome; *behind comes after.
 */
static size_t gather(sr_pool *pool, batch *b, sr_waiter *first, bool open, int64_t since,
		     void *args[BATCH_COUNT], sr_waiter **behind)
{
	size_t count = 0;
	sr_waiter *w;

	for (w = first; w != NULL && w->together == first->together; w = w->next) {
		args[count++] = w->arg;
		if (w->next == NULL && open)
			(void)newcomer(pool, b, since);
	}
	*behind = w;
	return count;
}

/* Does those at once that can be, beginning with *operation, which then is the next. False: that
 * failed, and the transaction is rolled back. */
static bool run_together(sr_pool *pool, sr_conn *conn, batch *b, bool open, int64_t since,
			 sr_waiter **operation)
{
	void *args[BATCH_COUNT];
	sr_waiter *first = *operation, *behind;
	size_t count;
	sr_status rc;

	if (first->together == NULL || pool->apart > 0)
		return true;
	count = gather(pool, b, first, open, since, args, &behind);
	if (count < TOGETHER)
		return true;
	rc = first->together(conn, args, count);
	if (rc == SR_OK && alive(conn))
		rc = sr_conn_check_deferred(conn);
	if (rc != SR_OK || !alive(conn)) {
		sr_conn_rollback(conn);
		return false;
	}
	for (sr_waiter *w = first; w != behind; w = w->next)
		settle(w, SR_OK);
	*operation = behind;
	return true;
}

/* One transaction over the batch, and over newcomers where they are welcome. */
static verdict attempt(sr_pool *pool, sr_place *place, batch *b, bool open, sr_waiter **culprit)
{
	int64_t since = sr_clock_ns();
	/* Alone it has the transaction for a savepoint. */
	bool bare = pool->careful == 0 || b->count == 1;
	sr_waiter *operation, *next;
	sr_status rc;

	if ((rc = begin(pool, place, b->count == 1 && b->first->place == place)) != SR_OK) {
		settle_all(b, rc);
		return SETTLED;
	}
	for (operation = b->first; operation != NULL; operation = next) {
		next = operation;
		if (bare && !run_together(pool, place->conn, b, open, since, &next))
			return TO_PART;
		if (next == operation) {
			*culprit = operation;
			if (!(bare ? run_bare : run)(place->conn, operation)) {
				sr_conn_rollback(place->conn);
				return CULPRIT;
			}
			if (bare && operation->status != SR_OK) {
				sr_conn_rollback(place->conn);
				return b->count == 1 ? SETTLED : FAILED;
			}
			next = operation->next;
		}
		bare = pool->careful == 0;
		if (next == NULL && open)
			next = newcomer(pool, b, since);
	}
	return commit(pool, place, b);
}

/* ---- The leader ---- */

/* Wakes everybody in the batch but the leader. Their memory may be gone right after. */
static void tell(sr_pool *pool, batch *b, const sr_waiter *leader)
{
	sr_waiter *next;

	pthread_mutex_lock(&pool->lock);
	for (sr_waiter *w = b->first; w != NULL; w = next) {
		next = w->next;
		if (w != leader)
			sr_wait_done(w);
	}
	pthread_mutex_unlock(&pool->lock);
	memset(b, 0, sizeof(*b));
}

/* Moves everybody who is to be run again by himself. */
static void part(batch *from, batch *to)
{
	sr_waiter *next;

	for (sr_waiter *w = from->first; w != NULL; w = next) {
		next = w->next;
		batch_add(to, w);
	}
	memset(from, 0, sizeof(*from));
}

/* A culprit in company gets another try alone: a full disk may have been filled by the others. */
static void set_aside(batch *shared, sr_waiter *culprit, batch *alone, batch *finished)
{
	bool had_company = shared->count > 1;

	batch_remove(shared, culprit);
	if (had_company && culprit->status != SR_INTERRUPTED)
		batch_add(alone, culprit);
	else
		batch_add(finished, culprit);
}

static void lead(sr_pool *pool, sr_place *place, sr_waiter *leader)
{
	batch shared = {0}, alone = {0}, finished = {0};
	sr_waiter *culprit = NULL;
	bool open = true;

	SR_INVARIANT(place->writer && place->holds == 1);
	/* The thread's own wish to end its call is nothing to the others. */
	sr_cancel_hold();
	batch_add(&shared, leader);
	pool->careful -= pool->careful > 0;
	pool->apart -= pool->apart > 0;
	while (shared.count > 0) {
		switch (attempt(pool, place, &shared, open, &culprit)) {
		case SETTLED:
			tell(pool, &shared, leader);
			break;
		case CULPRIT:
			set_aside(&shared, culprit, &alone, &finished);
			/* Those who are run again have waited enough. */
			open = false;
			break;
		case FAILED:
			/* At most once: from here on there are savepoints. */
			batch_remove(&shared, culprit);
			batch_add(&finished, culprit);
			pool->careful = CAREFUL;
			break;
		case TO_PART:
			pool->apart = APART;
			break;
		case ALL_BACK:
			part(&shared, &alone);
			break;
		}
	}
	tell(pool, &finished, leader);
	SR_INVARIANT(shared.count == 0 && finished.count == 0);
	while (alone.first != NULL) {
		sr_waiter *operation = alone.first;
		batch one = {0};

		batch_remove(&alone, operation);
		batch_add(&one, operation);
		/* Whatever comes of it is its own now, so every verdict is the last. */
		(void)attempt(pool, place, &one, false, &culprit);
		tell(pool, &one, leader);
	}
	sr_cancel_resume();
}

/* ---- Inside the thread's own transaction ---- */

static sr_status run_joined(sr_pool *pool, sr_place *place, sr_operation operation, void *arg,
			    const char *site)
{
	sr_waiter self;

	sr_waiter_init(&self, site);
	self.operation = operation;
	self.arg = arg;
	self.place = place;
	sr_cancel_hold();
	if (!sr_conn_in_transaction(place->conn)) {
		/* The thread holds the writer by sr_pool_write, and has nothing begun. */
		batch one = {0};
		sr_waiter *culprit = NULL;

		batch_add(&one, &self);
		(void)attempt(pool, place, &one, false, &culprit);
	} else if (!run(place->conn, &self)) {
		sr_error_set(self.words);
		(void)sr_place_spoiled(place, self.status);
	}
	sr_cancel_resume();
	sr_error_set(self.words);
	return self.status;
}

static sr_status commit_operation(sr_pool *pool, const char *site, sr_operation operation,
				  sr_together together, void *arg, bool large)
{
	sr_waiter self;
	sr_place *place;
	sr_status rc;

	if ((rc = sr_pool_enter(pool)) != SR_OK)
		return rc;
	if (pool->options.read_only)
		return sr_fail(SR_READ_ONLY, "'%s' was opened to read only", pool->path);
	if ((rc = sr_pool_join(pool, &place)) != SR_OK)
		return rc;
	if (place != NULL) {
		rc = run_joined(pool, place, operation, arg, site);
		sr_place_return(pool, place);
		return rc;
	}
	sr_waiter_init(&self, site);
	self.operation = operation;
	self.arg = arg;
	self.together = together;
	self.large = large;
	if ((rc = sr_pool_acquire(pool, true, &self)) != SR_OK)
		return rc;
	if (self.state == SR_WAITER_LENT) {
		lead(pool, self.place, &self);
		sr_place_return(pool, self.place);
	}
	sr_error_set(self.words);
	return self.status;
}

sr_status sr_pool_commit(sr_pool *pool, const char *site, sr_operation operation, void *arg)
{
	return commit_operation(pool, site, operation, NULL, arg, false);
}

sr_status sr_pool_commit_large(sr_pool *pool, const char *site, sr_operation operation, void *arg)
{
	return commit_operation(pool, site, operation, NULL, arg, true);
}

sr_status sr_pool_commit_together(sr_pool *pool, const char *site, sr_operation operation,
				  sr_together together, void *arg)
{
	return commit_operation(pool, site, operation, together, arg, false);
}
