/* What doors need whose callers have connections: queries by who holds a reader, transactions that
 * another thread has left, and long runs inside one. */
#include "catalog_fixture.h"

#include <pthread.h>
#include <sys/wait.h>

#define COUNT  "SELECT count(*) FROM transfer_stats"
#define INSERT "INSERT INTO transfer_stats (Date) VALUES (?)"

static int64_t lease_integer(sr_lease *lease, const char *sql)
{
	const sr_value *values;
	sr_rows *rows;
	int64_t found;

	assert_ok(sr_lease_query_open(lease, sql, NULL, 0, &rows));
	assert_ok(sr_rows_next(rows, &values));
	assert_non_null(values);
	found = values[0].integer;
	sr_rows_close(rows);
	return found;
}

static sr_status insert(const catalog_fixture *f, const char *date)
{
	sr_value value = {.type = SR_TEXT, .text = sr_text_of(date)};

	return sr_execute(f->catalog, INSERT, &value, 1, NULL);
}

/* ---- Leases ---- */

static void test_holders_do_not_wait(void **state)
{
	catalog_fixture *f = *state;
	sr_description *found;
	sr_lease *leases[2];
	sr_rows *rows;

	f->options.pool_size = 2;
	f->options.timeout = 0.2;
	catalog_open(f);
	for (int i = 0; i < 2; i++)
		assert_ok(sr_lease_open(f->catalog, "holder", false, &leases[i]));
	assert_fails(sr_query_open(f->catalog, COUNT, NULL, 0, &rows), SR_BUSY, "holder");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lease_integer(leases[i], COUNT), 0);
		assert_ok(sr_lease_describe(leases[i], INSERT, &found));
		assert_int_equal(found->kind, SR_STATEMENT_WRITES);
		assert_int_equal(found->parameters, 1);
		sr_description_free(found);
	}
	assert_fails(sr_lease_query_open(leases[0], "DELETE FROM files", NULL, 0, &rows),
		     SR_READ_ONLY, "");
	assert_null(rows);
	assert_fails(sr_lease_query_open(leases[0], " ", NULL, 0, &rows), SR_INVALID, "");
	assert_fails(sr_lease_describe(leases[0], "SELEC", &found), SR_SQL, "syntax");
	assert_null(found);
	for (int i = 0; i < 2; i++)
		sr_lease_close(leases[i]);
}

static void test_a_lease_sees_what_is_committed(void **state)
{
	catalog_fixture *f = *state;
	sr_lease *lease;

	catalog_open(f);
	assert_ok(sr_lease_open(f->catalog, NULL, false, &lease));
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(insert(f, "a"));
	assert_int_equal(integer(f, COUNT), 1);
	assert_int_equal(lease_integer(lease, COUNT), 0);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(lease_integer(lease, COUNT), 1);
	sr_lease_close(lease);
}

static int use_in_child(sr_lease *lease)
{
	sr_description *found;
	sr_rows *rows;

	if (sr_lease_query_open(lease, COUNT, NULL, 0, &rows) != SR_FORKED || rows != NULL)
		return 1;
	if (sr_lease_describe(lease, COUNT, &found) != SR_FORKED || found != NULL)
		return 2;
	sr_lease_close(lease);
	return 0;
}

static void test_a_lease_in_a_child(void **state)
{
	catalog_fixture *f = *state;
	sr_lease *lease;
	int status;
	pid_t child;

	catalog_open(f);
	assert_ok(sr_lease_open(f->catalog, NULL, false, &lease));
	assert_int_equal(lease_integer(lease, COUNT), 0);
	if ((child = fork()) == 0) {
		alarm(60);
		_exit(use_in_child(lease));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(lease_integer(lease, COUNT), 0);
	sr_lease_close(lease);
}

/* ---- Transactions of other threads ---- */

typedef struct leaver {
	const catalog_fixture *f;
	int levels;
	sr_rows *rows; /* Opened in the transaction and left. */
	int64_t thread;
} leaver;

static void *leave_open(void *arg)
{
	leaver *l = arg;
	const sr_value *values;

	l->thread = gettid();
	for (int i = 0; i < l->levels; i++)
		assert_ok(sr_begin(l->f->catalog, "leaver"));
	assert_ok(insert(l->f, "left"));
	assert_ok(
		sr_query_open(l->f->catalog, "SELECT Date FROM transfer_stats", NULL, 0, &l->rows));
	assert_ok(sr_rows_next(l->rows, &values));
	return NULL;
}

static void leave(leaver *l)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, leave_open, l), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_taken_over(void **state)
{
	catalog_fixture *f = *state;
	leaver l = {.f = f, .levels = 2};

	f->options.timeout = 0.2;
	catalog_open(f);
	leave(&l);
	assert_fails(insert(f, "b"), SR_BUSY, "leaver");
	assert_false(sr_in_transaction(f->catalog));
	/* Its cursor is still open. */
	assert_fails(sr_transaction_take(f->catalog, l.thread, 0), SR_BUSY, "leaver");
	assert_fails(sr_transaction_take(f->catalog, l.thread + 1, 1), SR_INVALID,
		     "no transaction");
	assert_ok(sr_transaction_take(f->catalog, l.thread, 1));
	assert_true(sr_in_transaction(f->catalog));
	sr_rows_close(l.rows);
	assert_ok(sr_commit(f->catalog));
	assert_ok(sr_rollback(f->catalog));
	assert_false(sr_in_transaction(f->catalog));
	assert_ok(insert(f, "b"));
	assert_int_equal(integer(f, COUNT), 1);
	assert_fails(sr_transaction_take(f->catalog, l.thread, 0), SR_INVALID, "no transaction");
}

static void test_taken_over_and_committed(void **state)
{
	catalog_fixture *f = *state;
	leaver l = {.f = f, .levels = 1};

	catalog_open(f);
	leave(&l);
	assert_ok(sr_transaction_take(f->catalog, l.thread, 1));
	sr_rows_close(l.rows);
	assert_ok(insert(f, "more"));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 2);
}

/* ---- Long runs ---- */

static void test_a_long_run(void **state)
{
	catalog_fixture *f = *state;
	sr_value values[3];
	sr_executed executed = {0};

	catalog_open(f);
	for (int i = 0; i < 3; i++)
		values[i] = (sr_value){.type = SR_TEXT, .text = sr_text_of(i == 2 ? "0" : "1")};
	values[0].text = sr_text_of("0");
	assert_fails(sr_execute_more(f->catalog, INSERT, values, 3, 1, NULL), SR_INVALID,
		     "no transaction");
	assert_ok(sr_begin(f->catalog, NULL));
	/* The third breaks the key: the two before it stay, as after so many calls. */
	assert_fails(sr_execute_more(f->catalog, INSERT, values, 3, 1, &executed), SR_CONSTRAINT,
		     "row 3 of 3");
	assert_int_equal(executed.changes, 0);
	assert_int_equal(integer(f, COUNT), 2);
	values[0].text = sr_text_of("2");
	assert_ok(sr_execute_more(f->catalog, INSERT, values, 1, 1, &executed));
	assert_int_equal(executed.changes, 1);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 3);
}

static void test_a_long_run_that_is_refused(void **state)
{
	catalog_fixture *f = *state;
	sr_value none[1];

	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(insert(f, "a"));
	/* Before it runs: nothing is lost. */
	assert_fails(sr_execute_more(f->catalog, "DROP TABLE files", none, 1, 0, NULL), SR_REFUSED,
		     "");
	assert_int_equal(integer(f, COUNT), 1);
	/* And after: all is. */
	assert_fails(sr_execute_more(f->catalog, "DELETE FROM clients WHERE Name > ''", none, 1, 0,
				     NULL),
		     SR_REFUSED, "it empties clients");
	assert_fails(insert(f, "b"), SR_SQL, "rolled back");
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(integer(f, COUNT), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holders_do_not_wait, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_lease_sees_what_is_committed, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_lease_in_a_child, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_taken_over_and_committed, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_long_run, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_long_run_that_is_refused,
						catalog_setup_client, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
