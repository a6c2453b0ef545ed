/* Group commit, and those of its ugly cases that need no broken device. */
#include "pool_batch.h"

#include <sqlite3.h>

/* ---- The quiet case ---- */

static void test_batch_shares_one_commit(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[12] = {0};

	run_batch(pool, members, 12, NULL);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(members[i].status, SR_OK);
		assert_int_equal(members[i].runs, 1);
	}
	check_rows(pool, members, 12);
	assert_int_equal(figures(pool).commits, 1);
	assert_int_equal(figures(pool).acquired, 2 + 13); /* Held, led, and looked at. */
}

/* A batch is bounded: nobody waits for an endless one. */
static void test_batches_are_bounded(void **state)
{
	enum { COUNT = 300 };
	sr_pool *pool = fixture_pool(*state);
	member *members = calloc(COUNT, sizeof(*members));

	assert_non_null(members);
	run_batch(pool, members, COUNT, NULL);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(members[i].status, SR_OK);
	free(members);
	assert_int_equal(rows(pool), COUNT);
	assert_int_equal(figures(pool).operations, COUNT);
	assert_true(figures(pool).commits >= 2);
}

static void test_lone_writer(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member m = {.pool = pool, .operation = insert_member};

	for (int i = 0; i < 5; i++)
		commit_member(&m);
	assert_int_equal(m.status, SR_OK);
	assert_int_equal(m.runs, 5);
	assert_int_equal(figures(pool).commits, 5);
	assert_int_equal(figures(pool).operations, 5);
	assert_int_equal(figures(pool).waits, 0);
}

/* ---- What is large ---- */

static sr_status insert_and_refuse(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	return rc != SR_OK ? rc : sr_fail(SR_QUOTA, "the quota of member %d", 5);
}

/* Counts the savepoints that the writer begins. */
static int savepoints;

static int count_savepoint(unsigned type, void *arg, void *stmt, void *sql)
{
	(void)type;
	(void)arg;
	(void)stmt;
	savepoints += strncmp(sql, "SAVEPOINT", 9) == 0;
	return 0;
}

static void watch_savepoints(sr_conn *conn)
{
	savepoints = 0;
	assert_int_equal(
		sqlite3_trace_v2(sr_conn_handle(conn), SQLITE_TRACE_STMT, count_savepoint, NULL),
		SQLITE_OK);
}

/* Who fails alone needs no savepoint, and who comes after those that failed leads. */
static void test_after_failures_the_next_is_the_first(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[4] = {{.operation = insert_and_refuse}, {.operation = insert_and_refuse}};

	run_batch(pool, members, 4, watch_savepoints);
	assert_int_equal(savepoints, 0);
	assert_int_equal(members[0].status, SR_QUOTA);
	assert_int_equal(members[1].status, SR_QUOTA);
	check_rows(pool, members, 4);
	assert_int_equal(figures(pool).commits, 1);
	assert_int_equal(members[3].runs, 1);
}

static void *commit_large(void *arg)
{
	member *m = arg;

	m->status = sr_pool_commit_large(m->pool, "large", m->operation, m);
	return NULL;
}

/* Three, a large one, three: two batches, and the large one leads the second. */
static void test_large_operation_leads(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[7] = {0};
	sr_conn *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	watch_savepoints(conn);
	for (int i = 0; i < 7; i++) {
		members[i] = (member){.pool = pool, .operation = insert_member, .value = i};
		pthread_create(&members[i].thread, NULL, i == 3 ? commit_large : commit_member,
			       &members[i]);
		until_waiting(pool, i + 1);
	}
	clock_stop();
	sr_pool_release(pool, conn);
	for (int i = 0; i < 7; i++)
		pthread_join(members[i].thread, NULL);
	clock_go_on();
	check_rows(pool, members, 7);
	assert_int_equal(figures(pool).commits, 2);
	assert_int_equal(savepoints, 0);
}

/* Two batches with a lease between them: the lease is not overtaken, nor mixed with others. */
static void *roll_back_own(void *arg)
{
	sr_pool *pool = arg;
	int64_t value = 1000;

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value));
	assert_done(sr_pool_end(pool, false));
	return NULL;
}

static void test_own_transaction_is_not_mixed(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[8] = {0};
	pthread_t owner;
	sr_conn *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	for (int i = 0; i < 8; i++) {
		if (i == 4) {
			pthread_create(&owner, NULL, roll_back_own, pool);
			until_waiting(pool, 5);
		}
		members[i] = (member){.pool = pool, .operation = insert_member, .value = i};
		pthread_create(&members[i].thread, NULL, commit_member, &members[i]);
		until_waiting(pool, i + 1 + (i >= 4));
	}
	clock_stop();
	sr_pool_release(pool, conn);
	for (int i = 0; i < 8; i++)
		pthread_join(members[i].thread, NULL);
	pthread_join(owner, NULL);
	clock_go_on();
	check_rows(pool, members, 8);
	assert_int_equal(figures(pool).commits, 2);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM t WHERE v = 1000"), 0);
}

/* ---- Done at once ---- */

static int times_together;      /* insert_all was called, */
static size_t most_together;    /* with so many at most. */
static sr_status together_says; /* What it returns in the end. */

static sr_status insert_all(sr_conn *conn, void *const *args, size_t count)
{
	sr_status rc = SR_OK;

	times_together++;
	most_together = count > most_together ? count : most_together;
	for (size_t i = 0; rc == SR_OK && i < count; i++)
		rc = insert_one(conn, &((member *)args[i])->value);
	if (rc == SR_OK && together_says != SR_OK)
		rc = sr_fail(together_says, "not these");
	return rc;
}

static void *commit_together(void *arg)
{
	member *m = arg;

	m->status = sr_pool_commit_together(m->pool, "together", m->operation, insert_all, m);
	snprintf(m->words, sizeof(m->words), "%s", sr_error_message());
	return NULL;
}

/* In line behind the writer: the one at `other` does not do it with others. */
static void run_together(sr_pool *pool, member *members, int count, int other, sr_status says)
{
	sr_conn *conn;

	times_together = 0;
	most_together = 0;
	together_says = says;
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	for (int i = 0; i < count; i++) {
		members[i] = (member){.pool = pool, .operation = insert_member, .value = i};
		pthread_create(&members[i].thread, NULL,
			       i == other ? commit_member : commit_together, &members[i]);
		until_waiting(pool, i + 1);
	}
	clock_stop();
	sr_pool_release(pool, conn);
	for (int i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
	clock_go_on();
}

static void test_done_at_once(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[40];

	run_together(pool, members, 40, 16, SR_OK);
	check_rows(pool, members, 40);
	assert_int_equal(figures(pool).commits, 1);
	assert_int_equal(times_together, 2);
	assert_int_equal(most_together, 23);
	assert_int_equal(members[0].runs, 0);
	assert_int_equal(members[16].runs, 1);
}

static void test_few_are_done_by_themselves(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[16];

	run_together(pool, members, 16, 15, SR_OK);
	check_rows(pool, members, 16);
	assert_int_equal(times_together, 0);
	assert_int_equal(members[3].runs, 1);
}

/* Where that fails each is done by itself, and for a while it is not tried again. */
static void test_done_apart_after_all(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	int64_t value = 1000;
	member members[20];

	run_together(pool, members, 20, -1, SR_CONSTRAINT);
	check_rows(pool, members, 20);
	assert_int_equal(figures(pool).commits, 1);
	assert_int_equal(times_together, 1);
	assert_int_equal(members[3].runs, 1);
	run_together(pool, members, 20, -1, SR_OK);
	assert_int_equal(times_together, 0);
	for (int i = 0; i < 16; i++)
		assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value));
	run_together(pool, members, 20, -1, SR_OK);
	assert_int_equal(times_together, 1);
	assert_int_equal(rows(pool), 3 * 20 + 16);
}

static sr_status lose_all(sr_conn *conn, void *const *args, size_t count)
{
	(void)insert_all(conn, args, count);
	return sr_exec(conn, "ROLLBACK");
}

static void *commit_lost(void *arg)
{
	member *m = arg;

	m->status = sr_pool_commit_together(m->pool, "together", m->operation, lose_all, m);
	return NULL;
}

/* A transaction that is gone is not taken for one that holds them. */
static void test_lost_while_done_at_once(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[20] = {0};
	sr_conn *conn;

	together_says = SR_OK;
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	for (int i = 0; i < 20; i++) {
		members[i] = (member){.pool = pool, .operation = insert_member, .value = i};
		pthread_create(&members[i].thread, NULL, commit_lost, &members[i]);
		until_waiting(pool, i + 1);
	}
	sr_pool_release(pool, conn);
	for (int i = 0; i < 20; i++)
		pthread_join(members[i].thread, NULL);
	check_rows(pool, members, 20);
	assert_int_equal(members[0].runs, 1);
}

/* ---- One fails by itself ---- */

static sr_status delete_all(sr_conn *conn, void *arg)
{
	(void)arg;
	return sr_exec(conn, "DELETE FROM t");
}

static void test_failing_operation_spoils_only_itself(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[10] = {[5] = {.operation = insert_and_refuse}};

	run_batch(pool, members, 10, watch_savepoints);
	assert_int_equal(members[5].status, SR_QUOTA);
	assert_string_equal(members[5].words, "the quota of member 5");
	check_alone(pool, members, 10, 5);
	assert_int_equal(figures(pool).commits, 1);
	/* Those before it, which were undone with it; those behind it. */
	assert_int_equal(members[0].runs, 2);
	assert_int_equal(members[5].runs, 1);
	assert_int_equal(members[9].runs, 1);
	assert_int_equal(savepoints, 9);
}

/* Behind a failure everybody has a savepoint for a while, and nobody is undone with another. */
static void test_careful_behind_a_failure(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	int64_t value = 1000;

	for (int round = 0; round < 3; round++) {
		member members[4] = {[2] = {.operation = insert_and_refuse}};

		run_batch(pool, members, 4, watch_savepoints);
		for (int i = 0; i < 4; i++)
			assert_int_equal(members[i].status, i == 2 ? SR_QUOTA : SR_OK);
		assert_int_equal(rows(pool), 3);
		assert_int_equal(members[0].runs, round == 0 ? 2 : 1);
		assert_int_equal(savepoints, 3);
		assert_done(sr_pool_commit(pool, SR_HERE, delete_all, NULL));
	}
	for (int i = 0; i < 16; i++)
		assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value));
	for (int i = 0; i < 2; i++) {
		member members[4] = {0};

		assert_done(sr_pool_commit(pool, SR_HERE, delete_all, NULL));
		run_batch(pool, members, 4, watch_savepoints);
		assert_int_equal(rows(pool), 4);
		assert_int_equal(savepoints, 0);
	}
}

static void test_batch_of_failures_commits_nothing(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[3] = {{.operation = insert_and_refuse},
			     {.operation = insert_and_refuse},
			     {.operation = insert_and_refuse}};

	run_batch(pool, members, 3, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(members[i].status, SR_QUOTA);
	check_rows(pool, members, 3);
	assert_int_equal(figures(pool).commits, 0);
}

static sr_status insert_orphan(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	return rc != SR_OK ? rc : sr_exec(conn, "INSERT INTO child VALUES (99)");
}

/* A later operation that would have made it good must not hide it. */
static sr_status insert_parent(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	return rc != SR_OK ? rc : sr_exec(conn, "INSERT INTO parent VALUES (99)");
}

static void test_deferred_key_is_charged_to_its_operation(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[6] = {
		[2] = {.operation = insert_orphan}, [3] = {.operation = insert_parent}};

	run_batch(pool, members, 6, NULL);
	assert_int_equal(members[2].status, SR_CONSTRAINT);
	check_alone(pool, members, 6, 2);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM child"), 0);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM parent"), 1);
}

/* ---- The one that leads has the transaction to itself ---- */

static sr_status insert_outside_savepoints(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	assert_int_equal(sr_savepoint_release(conn), SR_INVALID);
	return rc;
}

static void test_leader_needs_no_savepoint(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[4] = {[0] = {.operation = insert_outside_savepoints}};

	run_batch(pool, members, 4, NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(members[i].status, SR_OK);
	assert_int_equal(figures(pool).commits, 1);
	check_rows(pool, members, 4);
}

/* What it left is rolled back before anybody else is run. */
static void test_leader_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[5] = {
		[0] = {.operation = insert_orphan}, [1] = {.operation = insert_parent}};

	run_batch(pool, members, 5, NULL);
	assert_int_equal(members[0].status, SR_CONSTRAINT);
	for (int i = 0; i < 5; i++)
		assert_int_equal(members[i].runs, 1);
	check_alone(pool, members, 5, 0);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM child"), 0);
}

/* ---- One makes the engine roll everything back ---- */

static sr_status insert_or_rollback(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	if (rc != SR_OK)
		return rc;
	return sr_exec(conn, "INSERT OR ROLLBACK INTO parent VALUES (1), (1)");
}

static void test_whole_rollback_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[9] = {[4] = {.operation = insert_or_rollback}};

	run_batch(pool, members, 9, NULL);
	assert_int_equal(members[4].status, SR_CONSTRAINT);
	assert_int_equal(members[4].runs, 2); /* In company, and alone. */
	assert_int_equal(members[0].runs, 2); /* Undone with it, and again without. */
	check_alone(pool, members, 9, 4);
}

/* It swallows the error: the pool must see for itself that the transaction is gone. */
static sr_status insert_and_hide_rollback(sr_conn *conn, void *arg)
{
	(void)insert_or_rollback(conn, arg);
	return SR_OK;
}

static void test_hidden_rollback_is_seen(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[5] = {[2] = {.operation = insert_and_hide_rollback}};

	run_batch(pool, members, 5, NULL);
	assert_non_null(strstr(members[2].words, "rolled the transaction back"));
	check_alone(pool, members, 5, 2);
}

static void test_several_culprits(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[8] = {[0] = {.operation = insert_or_rollback},
			     [3] = {.operation = insert_or_rollback},
			     [7] = {.operation = insert_or_rollback}};

	run_batch(pool, members, 8, NULL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(members[i].status, i % 4 == 3 || i == 0 ? SR_CONSTRAINT : SR_OK);
	check_rows(pool, members, 8);
}

static int interrupt_now(void *arg)
{
	(void)arg;
	return 1;
}

static sr_status insert_interrupted(sr_conn *conn, void *arg)
{
	sqlite3 *db = sr_conn_handle(conn);
	sr_status rc;

	if ((rc = insert_member(conn, arg)) != SR_OK)
		return rc;
	sqlite3_progress_handler(db, 10, interrupt_now, NULL);
	rc = sr_exec(conn, "WITH RECURSIVE n (i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n "
			   "WHERE i < 1000) INSERT INTO t SELECT i FROM n");
	sqlite3_progress_handler(db, 0, NULL, NULL);
	return rc;
}

static void test_interrupt_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[7] = {[3] = {.operation = insert_interrupted}};

	run_batch(pool, members, 7, NULL);
	assert_int_equal(members[3].status, SR_INTERRUPTED);
	assert_int_equal(members[3].runs, 1); /* Somebody wanted it to end. */
	check_alone(pool, members, 7, 3);
}

/* A plain insert has no statement journal: without room for it everything goes. */
static sr_status insert_without_room(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);
	int64_t pages;

	if (rc != SR_OK)
		return rc;
	if ((rc = sr_query_integer(conn, "PRAGMA max_page_count = 20", &pages)) != SR_OK)
		return rc;
	rc = sr_exec(conn, "INSERT INTO t VALUES (zeroblob(1000000))");
	sqlite3_exec(sr_conn_handle(conn), "PRAGMA max_page_count = 1073741823", NULL, NULL, NULL);
	return rc;
}

static void test_full_disk_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[7] = {[6] = {.operation = insert_without_room}};

	run_batch(pool, members, 7, NULL);
	assert_int_equal(members[6].status, SR_NO_SPACE);
	check_alone(pool, members, 7, 6);
}

static void leave_some_room(sr_conn *conn)
{
	int64_t pages;

	assert_done(sr_query_integer(conn, "PRAGMA max_page_count = 40", &pages));
}

static sr_status insert_wide(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	return rc != SR_OK ? rc : sr_exec(conn, "INSERT INTO wide VALUES (zeroblob(40000))");
}

/* Those for whom there is room are served, in whatever order the others ran into the wall. */
static void test_full_disk_takes_what_fits(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[10] = {0};
	int good = 0;

	for (int i = 0; i < 10; i += 2)
		members[i].operation = insert_wide;
	run_batch(pool, members, 10, leave_some_room);
	for (int i = 0; i < 10; i++) {
		if (i % 2 == 1)
			assert_int_equal(members[i].status, SR_OK);
		good += i % 2 == 0 && members[i].status == SR_OK;
	}
	assert_in_range(good, 1, 4);
	check_rows(pool, members, 10);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM wide"), good);
}

static sr_status insert_without_memory(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	if (rc != SR_OK)
		return rc;
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + 100000);
	rc = sr_exec(conn, "INSERT INTO t VALUES (randomblob(20000000))");
	sqlite3_hard_heap_limit64(0);
	return rc;
}

static void test_no_memory_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[6] = {[1] = {.operation = insert_without_memory}};

	run_batch(pool, members, 6, NULL);
	assert_int_equal(members[1].status, SR_NO_MEMORY);
	check_alone(pool, members, 6, 1);
}

/* ---- Leaving the line ---- */

static void test_timeout_runs_nothing(void **state)
{
	pool_fixture *f = *state;
	member m = {.operation = insert_member};
	sr_conn *conn;

	f->options.timeout = 0.05;
	m.pool = fixture_pool(f);
	assert_done(sr_pool_write(m.pool, "holds it", &conn));
	pthread_create(&m.thread, NULL, commit_member, &m);
	pthread_join(m.thread, NULL);
	assert_int_equal(m.status, SR_BUSY);
	assert_int_equal(m.runs, 0);
	assert_non_null(strstr(m.words, "holds it (thread "));
	sr_pool_release(m.pool, conn);
	assert_int_equal(rows(m.pool), 0);
	assert_int_equal(figures(m.pool).timeouts, 1);
}

static void test_close_runs_nothing(void **state)
{
	pool_fixture *f = *state;
	member members[4] = {0};
	sr_conn *conn;

	f->options.timeout = 3;
	fixture_pool(f);
	assert_done(sr_pool_write(f->pool, SR_HERE, &conn));
	for (int i = 0; i < 4; i++) {
		members[i].pool = f->pool;
		members[i].operation = insert_member;
		pthread_create(&members[i].thread, NULL, commit_member, &members[i]);
	}
	until_waiting(f->pool, 4);
	assert_fails(sr_pool_close(f->pool), SR_BUSY, "");
	for (int i = 0; i < 4; i++) {
		pthread_join(members[i].thread, NULL);
		assert_int_equal(members[i].status, SR_CLOSED);
		assert_int_equal(members[i].runs, 0);
	}
	sr_pool_release(f->pool, conn);
	f->pool = NULL;
	assert_int_equal(rows(fixture_pool(f)), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_batch_shares_one_commit),
		TEST(test_batches_are_bounded),
		TEST(test_lone_writer),
		TEST(test_after_failures_the_next_is_the_first),
		TEST(test_large_operation_leads),
		TEST(test_own_transaction_is_not_mixed),
		TEST(test_done_at_once),
		TEST(test_few_are_done_by_themselves),
		TEST(test_done_apart_after_all),
		TEST(test_lost_while_done_at_once),
		TEST(test_failing_operation_spoils_only_itself),
		TEST(test_careful_behind_a_failure),
		TEST(test_batch_of_failures_commits_nothing),
		TEST(test_deferred_key_is_charged_to_its_operation),
		TEST(test_leader_needs_no_savepoint),
		TEST(test_leader_fails_alone),
		TEST(test_whole_rollback_fails_alone),
		TEST(test_hidden_rollback_is_seen),
		TEST(test_several_culprits),
		TEST(test_interrupt_fails_alone),
		TEST(test_full_disk_fails_alone),
		TEST(test_full_disk_takes_what_fits),
		TEST(test_no_memory_fails_alone),
		TEST(test_timeout_runs_nothing),
		TEST(test_close_runs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
