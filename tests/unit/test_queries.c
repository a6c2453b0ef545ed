/* The list of queries that a rehearsal looks at is what the catalog's calls really run. */
#include <sqlite3.h>

#include "catalog/queries.h"
#include "catalog_fixture.h"
#include "schema/migrate.h"
#include "statements.h"

#define MOST 2000

/* All steps of a plan on one line; sqlite3_free. NULL where it does not compile. */
static char *plan_of(sqlite3 *db, const char *sql)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	char *plan = sqlite3_mprintf("");
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK) {
		sqlite3_free(plan);
		plan = NULL;
	}
	while (plan && sqlite3_step(stmt) == SQLITE_ROW) {
		char *more = sqlite3_mprintf("%s%s; ", plan, sqlite3_column_text(stmt, 3));

		sqlite3_free(plan);
		plan = more;
	}
	sqlite3_finalize(stmt);
	sqlite3_free(explain);
	return plan;
}

/* ---- What the calls run ---- */

static void run_clients(catalog_fixture *f)
{
	const sr_client *one;
	sr_clients *clients;
	sr_client *client;

	assert_ok(sr_client_by_id(f->catalog, &f->client, &client));
	sr_client_free(client);
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("host"), &client));
	sr_client_free(client);
	assert_ok(sr_client_list(f->catalog, true, &clients));
	do
		assert_ok(sr_clients_next(clients, &one));
	while (one);
	sr_clients_close(clients);
}

static void run_files(catalog_fixture *f)
{
	const sr_file_version *version;
	const sr_entry *entry;
	const sr_file *one;
	sr_versions *versions;
	sr_folder *folder;
	sr_files *files;
	sr_file *file;

	sr_file_free(find(f, "named"));
	assert_fails(sr_file_find(f->catalog, &f->client, sr_text_of("nowhere"), &file),
		     SR_NOT_FOUND, "nowhere");
	file = find(f, "/a/b");
	sr_file_free(file);
	file = find(f, "/a/b");
	{
		sr_id id = file->id;

		sr_file_free(file);
		assert_ok(sr_file_by_id(f->catalog, &id, &file));
	}
	sr_file_free(file);
	assert_ok(sr_file_list(f->catalog, &f->client, &files));
	do
		assert_ok(sr_files_next(files, &one));
	while (one);
	sr_files_close(files);
	assert_ok(sr_folder_open(f->catalog, &f->client, sr_text_of("a"), true, &folder));
	do
		assert_ok(sr_folder_next(folder, &entry));
	while (entry);
	sr_folder_close(folder);
	assert_ok(sr_version_list(f->catalog, &f->client, sr_text_of("/a/b"), &versions));
	do
		assert_ok(sr_versions_next(versions, &version));
	while (version);
	sr_versions_close(versions);
}

static void run_search(catalog_fixture *f, const char *term, const char *client)
{
	const sr_file *one;
	sr_files *files;
	sr_query query;

	sr_query_init(&query);
	query.term = sr_text_of(term);
	query.sort = SR_SORT_NAME; /* Of all, so that no order makes another choice. */
	query.client_name = sr_text_of(client);
	assert_ok(sr_search(f->catalog, &query, &files));
	do
		assert_ok(sr_files_next(files, &one));
	while (one);
	sr_files_close(files);
}

static void run_everything(catalog_fixture *f)
{
	sr_text path = sr_text_of("/a/b");
	sr_file file = file_at(f, "/a/b");
	int64_t n;

	for (file.size = 1; file.size <= 2; file.size++)
		(void)save(f, &file);
	file = file_named(f, "named");
	(void)save(f, &file);
	run_clients(f);
	run_files(f);
	run_search(f, "", NULL);
	run_search(f, "", "host");
	run_search(f, "b", NULL);
	run_search(f, "b", "host");
	assert_ok(sr_file_mark_missing(f->catalog, &f->client, &path, 1, 1, &n));
	assert_ok(sr_file_delete(f->catalog, &f->client, path));
	assert_ok(sr_client_delete(f->catalog, &f->client, &n));
}

/* ---- Comparing ---- */

typedef struct comparing {
	sqlite3 *db;
	size_t traced;     /* Statements when all had been run, */
	char *plans[MOST]; /* and their plans. */
	int listed;
	int missing;
} comparing;

static void compare(void *to, const char *name, const char *sql)
{
	comparing *c = to;
	char *plan = plan_of(c->db, sql);
	bool found = false;

	c->listed++;
	assert_non_null(plan);
	for (size_t i = 0; i < c->traced && !found; i++)
		found = c->plans[i] && strcmp(c->plans[i], plan) == 0;
	if (!found) {
		print_error("nothing runs the query '%s': %s\n", name, plan);
		c->missing++;
	}
	sqlite3_free(plan);
}

static void test_list_is_what_is_run(void **state)
{
	catalog_fixture *f = *state;
	comparing c = {0};
	sr_conn_options options = {.access = SR_ACCESS_READ, .busy_timeout = 5, .cache_pages = 100};
	sr_shape shape;
	sr_conn *conn;
	size_t traced;

	run_everything(f);
	c.traced = traced = statements_count();
	assert_true(traced > 20 && traced < MOST);
	assert_done(sr_conn_open(&sr_sqlite, f->path, &options, &conn));
	assert_done(sr_shape_read(conn, &shape));
	c.db = sr_conn_handle(conn);
	for (size_t i = 0; i < traced; i++)
		c.plans[i] = plan_of(c.db, statements_at(i));
	assert_done(sr_queries_each(&shape, compare, &c));
	assert_true(c.listed > 12);
	assert_int_equal(c.missing, 0);
	for (size_t i = 0; i < traced; i++)
		sqlite3_free(c.plans[i]);
	sr_shape_free(&shape);
	sr_conn_close(conn);
}

static int setup(void **state)
{
	statements_begin();
	return catalog_setup_client(state);
}

static int teardown(void **state)
{
	int rc = catalog_teardown(state);

	statements_end();
	return rc;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list_is_what_is_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
