/* Many threads at once, and the figures exact afterwards. Nothing here asserts on time. */
#include "pool_fixture.h"

#define THREADS 64

typedef struct worker {
	sr_pool *pool;
	int number;
	int rounds;
	int64_t inserted;   /* Rows that it was told are durable. */
	int64_t operations; /* Operations and transactions that were committed. */
	int64_t leases;     /* Connections that it was lent, but for leading. */
	int64_t refused;    /* Attempts that ended in SR_BUSY. */
	pthread_t thread;
} worker;

static void start(worker *workers, int count, sr_pool *pool, int rounds, void *(*work)(void *))
{
	for (int i = 0; i < count; i++) {
		workers[i] = (worker){.pool = pool, .number = i, .rounds = rounds};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static worker finish(worker *workers, int count)
{
	worker sum = {0};

	for (int i = 0; i < count; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		sum.inserted += workers[i].inserted;
		sum.operations += workers[i].operations;
		sum.leases += workers[i].leases;
		sum.refused += workers[i].refused;
	}
	return sum;
}

static void check_at_rest(sr_pool *pool)
{
	sr_pool_statistics s = figures(pool);

	assert_int_equal(s.active, 0);
	assert_int_equal(s.waiting, 0);
	assert_int_equal(s.available, s.size);
	assert_in_range(s.created - s.closed, 0, s.size);
	assert_in_range(s.peak, 1, s.size);
	assert_true(s.waits <= s.acquired);
	assert_true(s.wait_p50 <= s.wait_p95 && s.wait_p95 <= s.wait_p99);
	assert_true(s.wait_p99 <= s.wait_max);
	assert_true(s.commits <= s.operations);
}

/* ---- Everything at once ---- */

static void read_some(worker *w)
{
	int64_t count, again;
	sr_conn *conn;

	assert_int_equal(sr_pool_read(w->pool, SR_HERE, &conn), SR_OK);
	assert_int_equal(sr_conn_begin(conn, SR_TRANSACTION_READ), SR_OK);
	assert_int_equal(sr_query_integer(conn, "SELECT count(*) FROM t", &count), SR_OK);
	sched_yield();
	assert_int_equal(sr_query_integer(conn, "SELECT count(*) FROM t", &again), SR_OK);
	assert_int_equal(count, again);
	sr_pool_release(w->pool, conn);
	w->leases++;
}

static void write_one(worker *w)
{
	int64_t value = w->number;

	assert_int_equal(sr_pool_commit(w->pool, SR_HERE, insert_one, &value), SR_OK);
	w->inserted++;
	w->operations++;
}

static void write_transaction(worker *w, bool keep)
{
	int64_t value = w->number;

	assert_int_equal(sr_pool_begin(w->pool, SR_HERE), SR_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(sr_pool_commit(w->pool, SR_HERE, insert_one, &value), SR_OK);
	assert_int_equal(sr_pool_end(w->pool, keep), SR_OK);
	w->leases++;
	w->inserted += keep ? 2 : 0;
	w->operations += keep;
}

static void write_by_lease(worker *w)
{
	int64_t value = w->number;
	sr_conn *conn;

	assert_int_equal(sr_pool_write(w->pool, SR_HERE, &conn), SR_OK);
	assert_int_equal(insert_one(conn, &value), SR_OK);
	sr_pool_release(w->pool, conn);
	w->leases++;
	w->inserted++;
}

static void *do_everything(void *arg)
{
	worker *w = arg;

	for (int i = 0; i < w->rounds; i++) {
		switch ((w->number + i) % 8) {
		case 0:
		case 1:
			read_some(w);
			break;
		case 2:
			write_transaction(w, true);
			break;
		case 3:
			write_transaction(w, false);
			break;
		case 4:
			write_by_lease(w);
			break;
		default:
			write_one(w);
		}
	}
	return NULL;
}

static void hammer(pool_fixture *f, int rounds)
{
	sr_pool *pool = fixture_pool(f);
	worker workers[THREADS], sum;
	sr_pool_statistics s;

	start(workers, THREADS, pool, rounds, do_everything);
	sum = finish(workers, THREADS);
	check_at_rest(pool);
	s = figures(pool);
	assert_int_equal(s.size, 5);
	assert_int_equal(s.operations, sum.operations);
	assert_int_equal(s.timeouts, 0);
	/* All leases are counted, and of the operations those that led. */
	assert_true(s.acquired >= sum.leases);
	assert_true(s.acquired <= sum.leases + sum.operations);
	assert_int_equal(rows(pool), sum.inserted);
	assert_int_equal(integer_of(pool, "SELECT count(DISTINCT v) FROM t"), THREADS);
}

static void test_64_threads_on_5_connections(void **state)
{
	pool_fixture *f = *state;

	f->options.checkpoint_bytes = 100000; /* Checkpoints among them. */
	hammer(f, 24);
	assert_true(figures(f->pool).checkpoints > 0);
	assert_true(figures(f->pool).waits > 0);
	assert_in_range(figures(f->pool).peak, 2, 5);
	assert_done(sr_pool_close(f->pool));
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
}

static void test_64_threads_and_recycling(void **state)
{
	pool_fixture *f = *state;

	f->options.recycle_after = 1e-9; /* At every lease. */
	f->options.validate_after = 1e-9;
	hammer(f, 8);
	assert_true(figures(f->pool).recycled > 0);
	assert_int_equal(figures(f->pool).recycled, figures(f->pool).closed);
}

static void test_64_threads_directly(void **state)
{
	pool_fixture *f = *state;

	f->options.direct = true;
	hammer(f, 8);
	assert_int_equal(figures(f->pool).created, figures(f->pool).closed);
}

/* ---- The end of patience meets a hand-over ---- */

static void *take_and_hold(void *arg)
{
	worker *w = arg;
	int64_t value = w->number;
	sr_conn *conn;
	sr_status rc;

	for (int i = 0; i < w->rounds; i++) {
		switch ((w->number + i) % 3) {
		case 0:
			rc = sr_pool_commit(w->pool, SR_HERE, insert_one, &value);
			w->inserted += rc == SR_OK;
			break;
		case 1:
			if ((rc = sr_pool_write(w->pool, SR_HERE, &conn)) == SR_OK) {
				usleep(700);
				sr_pool_release(w->pool, conn);
				w->leases++;
			}
			break;
		default:
			if ((rc = sr_pool_read(w->pool, SR_HERE, &conn)) == SR_OK) {
				usleep(700);
				sr_pool_release(w->pool, conn);
				w->leases++;
			}
		}
		assert_true(rc == SR_OK || rc == SR_BUSY);
		w->refused += rc == SR_BUSY;
	}
	return NULL;
}

static void test_timeouts_race_with_hand_over(void **state)
{
	pool_fixture *f = *state;
	worker workers[16], sum;
	sr_pool_statistics s;
	sr_pool *pool;

	f->options.readers = 1;
	f->options.timeout = 0.002; /* As long as two or three turns. */
	pool = fixture_pool(f);
	start(workers, 16, pool, 120, take_and_hold);
	sum = finish(workers, 16);
	check_at_rest(pool); /* No place was lost between the two. */
	s = figures(pool);
	assert_int_equal(s.timeouts, sum.refused);
	assert_true(s.acquired >= sum.leases);
	assert_true(s.acquired <= sum.leases + sum.inserted);
	assert_int_equal(rows(pool), sum.inserted);
	assert_int_equal(s.operations, sum.inserted);
}

/* ---- Closing in the middle ---- */

/* Works until it is told that the pool is closed. The pool outlives it: this thread's own
 * lease keeps the memory, though close gives up on it. */
static void *work_until_closed(void *arg)
{
	worker *w = arg;
	int64_t value = w->number;
	sr_conn *conn;
	sr_status rc;

	for (;;) {
		if ((rc = sr_pool_commit(w->pool, SR_HERE, insert_one, &value)) != SR_OK)
			break;
		w->inserted++;
		if ((rc = sr_pool_read(w->pool, SR_HERE, &conn)) != SR_OK)
			break;
		sr_pool_release(w->pool, conn);
	}
	assert_int_equal(rc, SR_CLOSED);
	return NULL;
}

static void test_close_among_64_threads(void **state)
{
	pool_fixture *f = *state;
	worker workers[THREADS], sum;
	sr_conn *keeper;
	sr_pool *pool;

	f->options.timeout = 5;
	pool = fixture_pool(f);
	start(workers, THREADS, pool, 0, work_until_closed);
	assert_done(sr_pool_read(pool, "keeps the memory", &keeper));
	while (figures(pool).operations < 500)
		usleep(200);
	assert_fails(sr_pool_close(pool), SR_BUSY, "keeps the memory");
	sum = finish(workers, THREADS);
	sr_pool_release(pool, keeper);
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
	assert_int_equal(rows(fixture_pool(f)), sum.inserted);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_64_threads_on_5_connections), TEST(test_64_threads_and_recycling),
		TEST(test_64_threads_directly),         TEST(test_timeouts_race_with_hand_over),
		TEST(test_close_among_64_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
