/* Lending: waiting and its end, order, closing, forking, leaks, transactions of a thread. */
#include "pool/internal.h"
#include "pool_fixture.h"

#include <sys/wait.h>

/* ---- Lending ---- */

static void test_lends_and_counts(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool = fixture_pool(f);
	sr_conn *readers[4], *writer;
	sr_pool_statistics s = figures(pool);

	assert_true(s.enabled);
	assert_int_equal(s.size, 5);
	assert_int_equal(s.available, 5);
	assert_int_equal(s.created, 1); /* Readers are opened when they are wanted. */
	for (int i = 0; i < 4; i++)
		assert_done(sr_pool_read(pool, SR_HERE, &readers[i]));
	assert_done(sr_pool_write(pool, SR_HERE, &writer));
	s = figures(pool);
	assert_int_equal(s.active, 5);
	assert_int_equal(s.available, 0);
	assert_int_equal(s.created, 5);
	assert_false(sr_conn_in_transaction(writer));
	sr_pool_release(pool, writer);
	for (int i = 0; i < 4; i++)
		sr_pool_release(pool, readers[i]);
	assert_done(sr_pool_read(pool, SR_HERE, &readers[0]));
	sr_pool_release(pool, readers[0]);
	s = figures(pool);
	assert_int_equal(s.active, 0);
	assert_int_equal(s.available, 5);
	assert_int_equal(s.peak, 5);
	assert_int_equal(s.acquired, 6);
	assert_int_equal(s.created, 5);
	assert_int_equal(s.closed, 0);
	assert_int_equal(s.waits, 0);
	assert_int_equal(s.timeouts, 0);
}

static void test_reader_cannot_write(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES (1)"), SR_READ_ONLY, "");
	sr_pool_release(pool, conn);
	assert_int_equal(rows(pool), 0);
}

static void test_release_rolls_back(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES (1)"));
	sr_pool_release(pool, conn);
	assert_int_equal(rows(pool), 0);
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_false(sr_conn_in_transaction(conn));
	sr_pool_release(pool, conn);
}

static void test_released_twice_is_harmless(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	sr_pool_release(pool, conn);
	sr_pool_release(pool, conn);
	assert_int_equal(times_logged("released twice"), 1);
	assert_int_equal(figures(pool).available, 5);
	sr_pool_release(pool, NULL);
}

static void test_release_keeps_the_words(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_int_not_equal(sr_exec(conn, "INSERT INTO nowhere VALUES (1)"), SR_OK);
	sr_pool_release(pool, conn);
	assert_says("nowhere");
}

static void test_read_only(void **state)
{
	pool_fixture *f = *state;
	int64_t one = 1;
	sr_pool *pool;
	sr_conn *conn;

	f->options.read_only = true;
	pool = fixture_pool(f);
	assert_fails(sr_pool_write(pool, SR_HERE, &conn), SR_READ_ONLY, "");
	assert_null(conn);
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_one, &one), SR_READ_ONLY, "");
	assert_fails(sr_pool_begin(pool, SR_HERE), SR_READ_ONLY, "");
	assert_fails(sr_pool_checkpoint(pool), SR_READ_ONLY, "");
	assert_int_equal(figures(pool).size, 4);
	assert_int_equal(rows(pool), 0);
}

static void test_open_fails_at_once(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool = (sr_pool *)1;

	f->options.path = "/nonexistent/strongroom/p.db";
	assert_int_not_equal(sr_pool_open(&pool, &f->options), SR_OK);
	assert_null(pool);
	assert_says("/nonexistent/strongroom/p.db");
}

/* ---- The end of patience ---- */

typedef struct attempt {
	sr_pool *pool;
	bool writer;
	sr_status status;
	char words[2048];
} attempt;

static void *try_to_get(void *arg)
{
	attempt *a = arg;
	sr_conn *conn;

	if (a->writer)
		a->status = sr_pool_write(a->pool, "the impatient", &conn);
	else
		a->status = sr_pool_read(a->pool, "the impatient", &conn);
	snprintf(a->words, sizeof(a->words), "%s", sr_error_message());
	if (a->status == SR_OK)
		sr_pool_release(a->pool, conn);
	return NULL;
}

static void in_a_thread(attempt *a)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, try_to_get, a), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_timeout_names_the_holders(void **state)
{
	pool_fixture *f = *state;
	attempt a = {0};
	sr_conn *one, *two;

	f->options.readers = 2;
	f->options.timeout = 0.05;
	a.pool = fixture_pool(f);
	assert_done(sr_pool_read(a.pool, "first owner", &one));
	assert_done(sr_pool_read(a.pool, "second owner", &two));
	in_a_thread(&a);
	assert_int_equal(a.status, SR_BUSY);
	assert_non_null(strstr(a.words, "Connection pool exhausted"));
	assert_null(strstr(a.words, "creating new connection"));
	assert_non_null(strstr(a.words, "first owner (thread "));
	assert_non_null(strstr(a.words, "second owner (thread "));
	assert_non_null(strstr(a.words, "the impatient"));
	assert_non_null(strstr(a.words, "raise CONNECTION_POOL_SIZE or look for a leak"));
	assert_int_equal(times_logged("pool: Connection pool exhausted"), 1);
	sr_pool_release(a.pool, one);
	in_a_thread(&a);
	assert_int_equal(a.status, SR_OK);
	sr_pool_release(a.pool, two);
	assert_int_equal(figures(a.pool).timeouts, 1);
	assert_int_equal(figures(a.pool).created, 3); /* It never grew. */
}

static void test_timeout_of_the_writer(void **state)
{
	pool_fixture *f = *state;
	attempt a = {.writer = true};

	f->options.timeout = 0.05;
	a.pool = fixture_pool(f);
	assert_done(sr_pool_begin(a.pool, "nightly import"));
	in_a_thread(&a);
	assert_int_equal(a.status, SR_BUSY);
	assert_non_null(strstr(a.words, "Connection pool exhausted"));
	assert_non_null(strstr(a.words, "nightly import (thread "));
	assert_done(sr_pool_end(a.pool, false));
	in_a_thread(&a);
	assert_int_equal(a.status, SR_OK);
}

/* ---- Order ---- */

#define IN_LINE 12

typedef struct line {
	sr_pool *pool;
	bool writer;
	int order[IN_LINE + 1]; /* Who was served when. */
	atomic_int served;
} line;

typedef struct stand {
	line *line;
	int number;
} stand;

static sr_status note_turn(sr_conn *conn, void *arg)
{
	stand *s = arg;

	(void)conn;
	s->line->order[atomic_fetch_add(&s->line->served, 1)] = s->number;
	return SR_OK;
}

static void *stand_in_line(void *arg)
{
	stand *s = arg;
	line *l = s->line;
	sr_conn *conn;

	if (l->writer && s->number % 3 == 0) {
		assert_done(sr_pool_commit(l->pool, SR_HERE, note_turn, s));
	} else if (l->writer && s->number % 3 == 1) {
		assert_done(sr_pool_begin(l->pool, SR_HERE));
		note_turn(NULL, s);
		assert_done(sr_pool_end(l->pool, true));
	} else {
		if (l->writer)
			assert_done(sr_pool_write(l->pool, SR_HERE, &conn));
		else
			assert_done(sr_pool_read(l->pool, SR_HERE, &conn));
		note_turn(conn, s);
		sr_pool_release(l->pool, conn);
	}
	return NULL;
}

/* One place; everybody else queues in a known order, and he who gave it back goes to the end. */
static void check_order(pool_fixture *f, bool writer)
{
	line l = {.writer = writer};
	pthread_t threads[IN_LINE];
	stand stands[IN_LINE + 1];
	sr_conn *conn;

	f->options.readers = 1;
	l.pool = fixture_pool(f);
	if (writer)
		assert_done(sr_pool_write(l.pool, SR_HERE, &conn));
	else
		assert_done(sr_pool_read(l.pool, SR_HERE, &conn));
	for (int i = 0; i <= IN_LINE; i++)
		stands[i] = (stand){&l, i};
	for (int i = 0; i < IN_LINE; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, stand_in_line, &stands[i]), 0);
		until_waiting(l.pool, i + 1);
	}
	sr_pool_release(l.pool, conn);
	stand_in_line(&stands[IN_LINE]);
	for (int i = 0; i < IN_LINE; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i <= IN_LINE; i++)
		assert_int_equal(l.order[i], i);
	assert_int_equal(figures(l.pool).waiting, 0);
}

static void test_nobody_is_overtaken_reading(void **state)
{
	check_order(*state, false);
}

static void test_nobody_is_overtaken_writing(void **state)
{
	check_order(*state, true);
}

/* ---- Health of connections ---- */

static void test_recycles_by_age(void **state)
{
	pool_fixture *f = *state;
	sr_pool_statistics s;
	sr_pool *pool;

	f->options.recycle_after = 1e-9;
	pool = fixture_pool(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rows(pool), 0);
	s = figures(pool);
	assert_int_equal(s.created, 4); /* The writer, and a reader each time. */
	assert_int_equal(s.closed, 2);
	assert_int_equal(s.recycled, 2);
}

static void test_validates_after_idling(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool;

	f->options.validate_after = 1e-9;
	pool = fixture_pool(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rows(pool), 0);
	assert_int_equal(figures(pool).created, 2);
	assert_int_equal(figures(pool).recycled, 0);
}

static void test_reports_a_leak_once(void **state)
{
	pool_fixture *f = *state;
	sr_conn *conn;
	sr_pool *pool;

	f->options.leak_after = 0.001;
	pool = fixture_pool(f);
	assert_done(sr_pool_read(pool, "forgetful.c:7", &conn));
	usleep(2000);
	assert_int_equal(figures(pool).leaks, 1);
	assert_int_equal(figures(pool).leaks, 1);
	sr_pool_release(pool, conn);
	assert_int_equal(figures(pool).leaks, 1);
	assert_int_equal(times_logged("held by forgetful.c:7 (thread "), 1);
	assert_done(sr_pool_read(pool, "forgetful.c:8", &conn));
	usleep(2000);
	sr_pool_release(pool, conn); /* Also when nobody looked meanwhile. */
	assert_int_equal(figures(pool).leaks, 2);
}

/* Waits of 1 to 100 ms and one of 3 s: what is told is at most a bucket too high, never too low. */
static void test_percentiles_of_waits(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool = fixture_pool(f);
	sr_pool_statistics s = figures(pool);

	assert_true(s.waits == 0 && s.wait_p50 <= 0 && s.wait_max <= 0);
	pthread_mutex_lock(&pool->lock);
	for (int64_t ms = 100; ms > 0; ms--)
		sr_figures_waited(pool, ms * 1000000);
	sr_figures_waited(pool, 3000000000);
	pthread_mutex_unlock(&pool->lock);
	s = figures(pool);
	assert_int_equal(s.waits, 101);
	assert_true(s.wait_p50 >= 0.050 && s.wait_p50 <= 0.051 * 1.13);
	assert_true(s.wait_p95 >= 0.095 && s.wait_p95 <= 0.096 * 1.13);
	assert_true(s.wait_p99 >= 0.099 && s.wait_p99 <= 0.100 * 1.13);
	assert_true(s.wait_max > 2.999 && s.wait_max < 3.001);
}

/* ---- Closing ---- */

static void test_close_leaves_no_log(void **state)
{
	pool_fixture *f = *state;
	int64_t one = 1;

	for (int direct = 0; direct < 2; direct++) {
		f->options.direct = direct == 1;
		fixture_pool(f);
		for (int i = 0; i < 10; i++)
			assert_done(sr_pool_commit(f->pool, SR_HERE, insert_one, &one));
		assert_int_equal(rows(f->pool), 10 * (direct + 1));
		assert_done(sr_pool_close(f->pool));
		f->pool = NULL;
		assert_false(fixture_has(f, "-wal"));
		assert_false(fixture_has(f, "-shm"));
	}
	assert_done(sr_pool_close(NULL));
}

static void test_close_sends_waiters_away(void **state)
{
	pool_fixture *f = *state;
	attempt waiters[6];
	pthread_t threads[6];
	sr_conn *reader, *writer;
	sr_status rc;

	f->options.readers = 1;
	f->options.timeout = 3;
	fixture_pool(f);
	assert_done(sr_pool_read(f->pool, "holds a reader", &reader));
	assert_done(sr_pool_write(f->pool, "holds the writer", &writer));
	for (int i = 0; i < 6; i++) {
		waiters[i] = (attempt){.pool = f->pool, .writer = i % 2 == 1};
		pthread_create(&threads[i], NULL, try_to_get, &waiters[i]);
	}
	until_waiting(f->pool, 6);
	rc = sr_pool_close(f->pool);
	assert_int_equal(rc, SR_BUSY);
	assert_says("holds a reader (thread ");
	assert_says("holds the writer (thread ");
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(waiters[i].status, SR_CLOSED);
		assert_non_null(strstr(waiters[i].words, "closed"));
	}
	in_a_thread(&(attempt){.pool = f->pool});
	/* What is out still works, and the last one to come back frees everything. */
	assert_done(sr_exec(writer, "INSERT INTO t VALUES (1)"));
	sr_pool_release(f->pool, writer);
	assert_true(fixture_has(f, "-wal"));
	sr_pool_release(f->pool, reader);
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
}

static void *close_it(void *arg)
{
	return (void *)(intptr_t)sr_pool_close(arg);
}

static void test_close_waits_for_what_is_lent(void **state)
{
	pool_fixture *f = *state;
	pthread_t thread;
	sr_conn *conn, *none;
	sr_status rc;
	void *closed;

	fixture_pool(f);
	assert_done(sr_pool_write(f->pool, SR_HERE, &conn));
	assert_int_equal(pthread_create(&thread, NULL, close_it, f->pool), 0);
	/* A reader of another thread would be SR_CLOSED once the closing has begun; this thread
	 * holds the writer and asks as somebody who joins, so look for it by beginning. */
	do {
		attempt a = {.pool = f->pool};
		in_a_thread(&a);
		rc = a.status;
	} while (rc == SR_OK);
	assert_int_equal(rc, SR_CLOSED);
	assert_done(sr_pool_read(f->pool, SR_HERE, &none)); /* Joining goes on, to finish. */
	sr_pool_release(f->pool, none);
	assert_done(sr_exec(conn, "INSERT INTO t VALUES (1)"));
	sr_pool_release(f->pool, conn);
	pthread_join(thread, &closed);
	f->pool = NULL;
	assert_int_equal((intptr_t)closed, SR_OK);
	assert_false(fixture_has(f, "-wal"));
	assert_int_equal(rows(fixture_pool(f)), 1);
}

/* ---- Forking ---- */

/* 0 if every call in the child is refused; else the number of the one that was not. */
static int child_of(sr_pool *pool, sr_conn *lent)
{
	int64_t one = 1;
	sr_conn *conn;

	if (sr_pool_read(pool, SR_HERE, &conn) != SR_FORKED || conn != NULL)
		return 1;
	if (strstr(sr_error_message(), "child") == NULL)
		return 2;
	if (sr_pool_write(pool, SR_HERE, &conn) != SR_FORKED)
		return 3;
	if (sr_pool_commit(pool, SR_HERE, insert_one, &one) != SR_FORKED)
		return 4;
	if (sr_pool_begin(pool, SR_HERE) != SR_FORKED)
		return 5;
	if (sr_pool_end(pool, true) != SR_FORKED)
		return 6;
	if (sr_pool_checkpoint(pool) != SR_FORKED)
		return 7;
	if (figures(pool).size != 0 || sr_pool_in_transaction(pool))
		return 8;
	sr_pool_release(pool, lent);
	return sr_pool_close(pool) == SR_OK ? 0 : 9;
}

static void test_child_is_refused_and_hurts_nothing(void **state)
{
	pool_fixture *f = *state;
	int64_t two = 2;
	sr_conn *conn;
	int status;
	pid_t child;

	fixture_pool(f);
	assert_done(sr_pool_begin(f->pool, SR_HERE));
	assert_done(sr_pool_commit(f->pool, SR_HERE, insert_one, &two));
	assert_done(sr_pool_write(f->pool, SR_HERE, &conn));
	if ((child = fork()) == 0)
		_exit(child_of(f->pool, conn));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	sr_pool_release(f->pool, conn);
	assert_done(sr_pool_end(f->pool, true));
	assert_int_equal(rows(f->pool), 1);
	assert_done(sr_pool_close(f->pool));
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
}

/* ---- Direct mode ---- */

static void test_direct_mode(void **state)
{
	pool_fixture *f = *state;
	int64_t one = 1;
	sr_pool_statistics s;
	sr_pool *pool;

	f->options.direct = true;
	pool = fixture_pool(f);
	s = figures(pool);
	assert_false(s.enabled);
	assert_int_equal(s.created, s.closed);
	for (int i = 0; i < 5; i++)
		assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_int_equal(rows(pool), 6);
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 6);
	s = figures(pool);
	assert_int_equal(s.created, 8); /* At opening, and one a call or transaction. */
	assert_int_equal(s.closed, 8);
	assert_int_equal(s.recycled, 0);
	check_order(f, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_lends_and_counts),
		TEST(test_reader_cannot_write),
		TEST(test_release_rolls_back),
		TEST(test_released_twice_is_harmless),
		TEST(test_release_keeps_the_words),
		TEST(test_read_only),
		TEST(test_open_fails_at_once),
		TEST(test_timeout_names_the_holders),
		TEST(test_timeout_of_the_writer),
		TEST(test_nobody_is_overtaken_reading),
		TEST(test_nobody_is_overtaken_writing),
		TEST(test_recycles_by_age),
		TEST(test_validates_after_idling),
		TEST(test_reports_a_leak_once),
		TEST(test_percentiles_of_waits),
		TEST(test_close_leaves_no_log),
		TEST(test_close_sends_waiters_away),
		TEST(test_close_waits_for_what_is_lent),
		TEST(test_child_is_refused_and_hurts_nothing),
		TEST(test_direct_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
