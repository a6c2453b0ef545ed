/* A thread ends its own call: what it is asked about, by whom, and what is left behind. */
#include "catalog_fixture.h"

#include <pthread.h>
#include <sqlite3.h>

#include "../../src/base/cancel.h"
#include "../../src/catalog/catalog.h"

#define FOREVER "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
#define COUNT   "SELECT count(*) FROM transfer_stats"

/* What a thread is asked, and answers. */
typedef struct asked {
	const catalog_fixture *f;
	int times;        /* How often it was. */
	int patience;     /* The times after which it says yes. */
	bool looks;       /* It has another thread look at the pool while it is asked. */
	pthread_t thread; /* The one that may be asked. */
} asked;

/* Would wait for ever if the asking thread held the pool's lock. */
static void *look(void *arg)
{
	const asked *a = arg;
	sr_pool_statistics figures;

	if (sr_pool_statistics_get(a->f->catalog, &figures) != SR_OK)
		abort();
	return NULL;
}

static bool answer(void *arg)
{
	asked *a = arg;
	pthread_t other;

	if (!pthread_equal(pthread_self(), a->thread))
		abort();
	a->times++;
	if (a->looks && (pthread_create(&other, NULL, look, a) != 0 || pthread_join(other, NULL)))
		abort();
	return a->times > a->patience;
}

/* Long enough since it was asked last for being asked at once. */
static asked begin_asking(const catalog_fixture *f, int patience)
{
	usleep((useconds_t)(SR_CANCEL_PAUSE * 1.5e6));
	return (asked){.f = f, .patience = patience, .thread = pthread_self()};
}

static void stop_asking(void)
{
	sr_cancel_set(NULL, NULL);
}

static int waiting(const catalog_fixture *f)
{
	sr_pool_statistics figures;

	assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	return figures.waiting;
}

static void wait_for_waiters(const catalog_fixture *f, int count)
{
	while (waiting(f) != count)
		usleep(1000);
}

/* ---- Waiting ---- */

/* A thread with a call that waits. */
typedef struct caller {
	const catalog_fixture *f;
	bool writes;
	int patience; /* -1: it asks nobody. */
	sr_status status;
	int times;
	char words[512];
	pthread_t thread;
} caller;

static sr_status call(const caller *c)
{
	sr_client client = {.name = sr_text_of("waiter")};
	sr_table *table = NULL;
	sr_status rc;

	if (c->writes) {
		sr_id_new(&client.id);
		return sr_client_save(c->f->catalog, &client, 1, NULL);
	}
	rc = sr_fetch(c->f->catalog, "SELECT 1", NULL, 0, 0, &table);
	sr_table_free(table);
	return rc;
}

static void *run_caller(void *arg)
{
	caller *c = arg;
	asked a = {.f = c->f, .patience = c->patience, .looks = true, .thread = pthread_self()};

	if (c->patience >= 0)
		sr_cancel_set(answer, &a);
	c->status = call(c);
	snprintf(c->words, sizeof(c->words), "%s", sr_error_message());
	sr_cancel_set(NULL, NULL);
	c->times = a.times;
	return NULL;
}

static void start(caller *c)
{
	assert_int_equal(pthread_create(&c->thread, NULL, run_caller, c), 0);
}

static void finish(const caller *c, sr_status status, const char *words)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	if (c->status != status || strstr(c->words, words) == NULL)
		fail_msg("%s: %s", sr_status_name(c->status), c->words);
}

/* One that gives up lets those behind it pass, and one that only asks keeps its place. */
static void wait_for_turn(const catalog_fixture *f, bool writes, void (*let_go)(void *), void *arg)
{
	caller first = {.f = f, .writes = writes, .patience = 2};
	caller second = {.f = f, .writes = writes, .patience = 1000000};
	caller third = {.f = f, .writes = writes, .patience = -1};
	sr_pool_statistics figures;

	start(&first);
	finish(&first, SR_INTERRUPTED, writes ? "waited for the writer" : "waited for a reader");
	assert_int_equal(first.times, 3);
	assert_int_equal(waiting(f), 0);
	start(&second);
	wait_for_waiters(f, 1);
	start(&third);
	wait_for_waiters(f, 2);
	usleep((useconds_t)(SR_CANCEL_PAUSE * 2.5e6));
	let_go(arg);
	finish(&second, SR_OK, "");
	finish(&third, writes ? SR_EXISTS : SR_OK, "");
	assert_true(second.times >= 1);
	assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	assert_int_equal(figures.timeouts, 0);
	assert_int_equal(figures.active, 0);
}

static void close_rows(void *arg)
{
	sr_rows_close(arg);
}

static void test_wait_for_reader(void **state)
{
	catalog_fixture *f = *state;
	sr_rows *rows;

	f->options.pool_size = 1;
	catalog_open(f);
	assert_ok(sr_query_open(f->catalog, "SELECT 1", NULL, 0, &rows));
	wait_for_turn(f, false, close_rows, rows);
}

static void roll_back(void *arg)
{
	const catalog_fixture *f = arg;

	assert_ok(sr_rollback(f->catalog));
}

static void test_wait_for_writer(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	assert_ok(sr_begin(f->catalog, "test"));
	wait_for_turn(f, true, roll_back, f);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
}

/* The lock of another process, for a write of the library's and for a transaction. */
static void test_wait_for_lock(void **state)
{
	catalog_fixture *f = *state;
	asked a;
	sqlite3 *db;

	catalog_open(f);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	a = begin_asking(f, 1);
	a.looks = true;
	sr_cancel_set(answer, &a);
	assert_fails(call(&(caller){.f = f, .writes = true}), SR_INTERRUPTED, "waiting for a lock");
	assert_int_equal(a.times, 2);
	a = begin_asking(f, 1);
	assert_fails(sr_begin(f->catalog, NULL), SR_INTERRUPTED, "waiting for a lock");
	assert_int_equal(a.times, 2);
	stop_asking();
	assert_false(sr_in_transaction(f->catalog));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 0);
	assert_ok(call(&(caller){.f = f, .writes = true}));
}

/* ---- Reading ---- */

static void test_query(void **state)
{
	catalog_fixture *f = *state;
	asked a;
	sr_table *table;
	sr_rows *rows;
	const sr_value *values;

	catalog_open(f);
	a = begin_asking(f, 2);
	a.looks = true;
	sr_cancel_set(answer, &a);
	assert_fails(sr_fetch(f->catalog, FOREVER " SELECT count(*) FROM n", NULL, 0, 0, &table),
		     SR_INTERRUPTED, "interrupted");
	assert_int_equal(a.times, 3);
	assert_null(table);
	/* Row after row. */
	a = begin_asking(f, 1);
	assert_ok(sr_query_open(f->catalog, FOREVER " SELECT i FROM n", NULL, 0, &rows));
	while (sr_rows_next(rows, &values) == SR_OK) {
	}
	assert_says("interrupted");
	assert_int_equal(a.times, 2);
	assert_ok(sr_rows_next(rows, &values));
	assert_null(values);
	sr_rows_close(rows);
	stop_asking();
	assert_int_equal(integer(f, "SELECT 7"), 7);
}

/* In the thread's transaction, which goes on. */
static void test_query_inside(void **state)
{
	catalog_fixture *f = *state;
	asked a;
	sr_table *table;

	catalog_open(f);
	assert_ok(sr_begin(f->catalog, "test"));
	assert_ok(sr_execute(f->catalog, "INSERT INTO transfer_stats (Date) VALUES ('x')", NULL, 0,
			     NULL));
	a = begin_asking(f, 0);
	sr_cancel_set(answer, &a);
	assert_fails(sr_fetch(f->catalog, FOREVER " SELECT count(*) FROM n", NULL, 0, 0, &table),
		     SR_INTERRUPTED, "interrupted");
	assert_int_equal(a.times, 1);
	stop_asking();
	assert_int_equal(integer(f, COUNT), 1);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 1);
}

/* Some thousand files, so that reading them is long. */
static void fill(const catalog_fixture *f)
{
	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		       "5000) INSERT INTO files (ID, ClientID, FileName, PathName, FileSize) "
		       "SELECT randomblob(16), (SELECT ID FROM clients), 'name' || i, 'p' || i, i "
		       "FROM n");
}

static sr_status read_all(sr_files *files)
{
	const sr_file *file;
	sr_status rc;

	while ((rc = sr_files_next(files, &file)) == SR_OK && file != NULL) {
	}
	sr_files_close(files);
	return rc;
}

static sr_status list(sr_catalog *catalog)
{
	sr_files *files;
	sr_status rc = sr_file_list(catalog, NULL, &files);

	return rc == SR_OK ? read_all(files) : rc;
}

static sr_query long_query(void)
{
	sr_query query;

	sr_query_init(&query);
	query.file_type = sr_text_of("none");
	query.sort = SR_SORT_NAME;
	return query;
}

static sr_status search(sr_catalog *catalog)
{
	sr_query query = long_query();
	sr_files *files;
	sr_status rc = sr_search(catalog, &query, &files);

	return rc == SR_OK ? read_all(files) : rc;
}

static sr_status count(sr_catalog *catalog)
{
	sr_query query = long_query();
	sr_found found;

	return sr_search_count(catalog, &query, &found);
}

static bool take_facet(void *arg, const sr_facet_value *value)
{
	(void)arg;
	(void)value;
	return false;
}

static sr_status facets(sr_catalog *catalog)
{
	sr_query query = long_query();

	return sr_search_facets(catalog, &query, SR_FACET_MONTH, take_facet, NULL, NULL);
}

static sr_status check_up(sr_catalog *catalog)
{
	sr_health *health = NULL;
	sr_status rc = sr_health_check(catalog, NULL, &health);

	sr_health_free(health);
	return rc;
}

static void test_long_reading(void **state)
{
	static const struct {
		const char *name;
		sr_status (*call)(sr_catalog *catalog);
	} calls[] = {
		{"list", list},     {"search", search},     {"count", count},
		{"facets", facets}, {"check_up", check_up},
	};
	catalog_fixture *f = *state;

	fill(f);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		asked a = begin_asking(f, 0);
		sr_status rc;

		sr_cancel_set(answer, &a);
		rc = calls[i].call(f->catalog);
		stop_asking();
		if (rc != SR_INTERRUPTED || a.times == 0)
			fail_msg("%s: %s", calls[i].name, sr_status_name(rc));
		assert_ok(calls[i].call(f->catalog));
	}
}

/* ---- Writing ---- */

static void test_write_alone(void **state)
{
	catalog_fixture *f = *state;
	asked a;

	catalog_open(f);
	a = begin_asking(f, 2);
	sr_cancel_set(answer, &a);
	assert_fails(sr_execute(f->catalog,
				FOREVER " INSERT INTO transfer_stats (Date) SELECT i FROM n", NULL,
				0, NULL),
		     SR_INTERRUPTED, "interrupted");
	assert_int_equal(a.times, 3);
	a = begin_asking(f, 0);
	assert_fails(sr_execute_script(f->catalog,
				       "INSERT INTO transfer_stats (Date) VALUES ('a');" FOREVER
				       " INSERT INTO transfer_stats (Date) SELECT i FROM n"),
		     SR_INTERRUPTED, "interrupted");
	stop_asking();
	assert_false(sr_in_transaction(f->catalog));
	assert_int_equal(integer(f, COUNT), 0);
	assert_ok(sr_execute(f->catalog, "INSERT INTO transfer_stats (Date) VALUES ('b')", NULL, 0,
			     NULL));
	assert_int_equal(integer(f, COUNT), 1);
}

/* Interrupted, it would take the whole transaction with it. */
static void test_write_inside(void **state)
{
	catalog_fixture *f = *state;
	asked a;

	catalog_open(f);
	assert_ok(sr_begin(f->catalog, "test"));
	a = begin_asking(f, 0);
	sr_cancel_set(answer, &a);
	assert_ok(sr_execute(f->catalog,
			     FOREVER " INSERT INTO transfer_stats (Date) SELECT i FROM n LIMIT "
				     "50000",
			     NULL, 0, NULL));
	stop_asking();
	assert_int_equal(a.times, 0);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 50000);
}

static sr_status write_long(sr_conn *conn, void *arg)
{
	int64_t sum;

	*(bool *)arg = sr_cancel_asks();
	return sr_query_integer(conn, FOREVER " SELECT sum(i) FROM (SELECT i FROM n LIMIT 50000)",
				&sum);
}

/* What is written together with others', or for them, is not this thread's alone. */
static void test_batch_is_left_alone(void **state)
{
	catalog_fixture *f = *state;
	bool asks = true;
	asked a;

	catalog_open(f);
	a = begin_asking(f, 0);
	sr_cancel_set(answer, &a);
	assert_true(sr_cancel_asks());
	assert_done(sr_pool_commit(f->catalog->pool, "test", write_long, &asks));
	assert_false(asks);
	assert_true(sr_cancel_asks());
	assert_int_equal(a.times, 0);
	asks = true;
	assert_ok(sr_begin(f->catalog, "test"));
	assert_done(sr_pool_commit(f->catalog->pool, "test", write_long, &asks));
	assert_false(asks);
	assert_true(sr_cancel_asks());
	stop_asking();
	assert_false(sr_cancel_asks());
	assert_ok(sr_rollback(f->catalog));
}

/* It goes on where nobody minds. */
static void test_no(void **state)
{
	catalog_fixture *f = *state;
	asked a;

	catalog_open(f);
	a = begin_asking(f, 1000000);
	sr_cancel_set(answer, &a);
	assert_int_equal(integer(f, FOREVER " SELECT count(*) FROM (SELECT i FROM n LIMIT 300000)"),
			 300000);
	stop_asking();
	assert_true(a.times > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wait_for_reader, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_wait_for_writer, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_wait_for_lock, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_query, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_query_inside, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_long_reading, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_write_alone, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_write_inside, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_batch_is_left_alone, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_no, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
