/* Activity as it is written: one row a call, in its transaction, and none of what did not happen.
 */
#include "catalog_fixture.h"
#include "fault_vfs.h"

#include <sqlite3.h>

#define COUNT_OF(type)                                                                             \
	"SELECT (SELECT count(*) FROM client_activity WHERE ActivityType = '" type "') +"          \
	" (SELECT count(*) FROM client_activity_archive WHERE ActivityType = '" type "')"

static void save_size(const catalog_fixture *f, const char *path, int64_t size)
{
	sr_file file = file_at(f, path);

	file.size = size;
	file.stored = false;
	(void)save(f, &file);
}

/* The newest activity is that. */
static void assert_newest(const catalog_fixture *f, const char *type, int64_t files, int64_t bytes)
{
	const sr_activity *activity;
	sr_activities *cursor;

	assert_ok(sr_activity_list(f->catalog, NULL, &cursor));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_non_null(activity);
	assert_text(activity->type, type);
	assert_int_equal(activity->files, files);
	assert_int_equal(activity->bytes, bytes);
	sr_activities_close(cursor);
}

static void test_deleting_a_file(void **state)
{
	catalog_fixture *f = *state;

	save_size(f, "/a", 70);
	save_size(f, "/none", SR_NULL_INTEGER);
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/a")));
	assert_newest(f, "delete", 1, 70);
	assert_ok(sr_file_delete_stored(f->catalog, &f->client, sr_text_of("/none")));
	assert_newest(f, "delete", 1, 0);
	assert_int_equal(integer(f, COUNT_OF("delete")), 2);
	assert_fails(sr_file_delete(f->catalog, &f->client, sr_text_of("/a")), SR_NOT_FOUND, "/a");
	assert_fails(sr_file_delete_stored(f->catalog, &f->client, sr_text_of("/a")), SR_NOT_FOUND,
		     "/a");
	assert_int_equal(integer(f, COUNT_OF("delete")), 2);
}

static void save_in_run(const catalog_fixture *f, const char *path, int64_t size,
			sr_activity_run *run)
{
	sr_file file = file_at(f, path);

	file.size = size;
	file.stored = false;
	assert_ok(sr_file_save_run(f->catalog, &file, 1, NULL, NULL, NULL, run));
}

static void test_a_run_is_one_activity(void **state)
{
	catalog_fixture *f = *state;
	sr_activity_run run = {0, 0}, before;
	sr_file bad = file_at(f, "/bad");

	save_in_run(f, "/a", 10, &run);
	save_in_run(f, "/b", 20, &run);
	save_size(f, "/alone", 5);
	save_in_run(f, "/c", 30, &run);
	save_in_run(f, "/c", 30, &run); /* Unchanged: nothing to tell. */
	assert_int_equal(integer(f, COUNT_OF("save")), 2);
	assert_int_equal(integer(f, "SELECT FileCount * 1000 + BytesTransferred FROM"
				    " client_activity ORDER BY ID LIMIT 1"),
			 3060);
	assert_ok(sr_activity_failed(f->catalog, &f->client, 2, &run));
	assert_ok(sr_activity_failed(f->catalog, &f->client, 3, &run));
	assert_newest(f, "save_failed", 5, 0);
	assert_int_equal(integer(f, COUNT_OF("save_failed")), 1);
	/* What fails is no part of it. */
	before = run;
	sr_id_new(&bad.client_id);
	assert_fails(sr_file_save_run(f->catalog, &bad, 1, NULL, NULL, NULL, &run), SR_NOT_FOUND,
		     "");
	assert_memory_equal(&run, &before, sizeof(run));
	assert_int_equal(integer(f, "SELECT TotalFiles FROM transfer_stats"), 9);
}

/* A day's transfers are the sum of its activities, so none reaches over midnight. */
static void test_a_run_goes_on_with_a_new_row_on_a_new_day(void **state)
{
	catalog_fixture *f = *state;
	sr_activity_run run = {0, 0};

	save_in_run(f, "/a", 10, &run);
	assert_ok(sr_execute(f->catalog,
			     "UPDATE client_activity SET Timestamp = '2020-01-31T23:59:59Z'", NULL,
			     0, NULL));
	save_in_run(f, "/b", 20, &run);
	save_in_run(f, "/c", 30, &run);
	assert_int_equal(integer(f, COUNT_OF("save")), 2);
	assert_newest(f, "save", 2, 50);
}

static void test_deleting_a_client(void **state)
{
	catalog_fixture *f = *state;
	const sr_activity *activity;
	sr_activities *cursor;

	save_size(f, "/a", 30);
	save_size(f, "/b", 12);
	assert_ok(sr_client_delete(f->catalog, &f->client, NULL));
	assert_newest(f, "delete", 2, 42);
	assert_ok(sr_activity_list(f->catalog, NULL, &cursor));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_true(activity->deleted);
	assert_text(activity->client_name, "host");
	assert_memory_equal(&activity->client_id, &f->client, sizeof(f->client));
	sr_activities_close(cursor);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), 0);
	assert_fails(sr_client_delete(f->catalog, &f->client, NULL), SR_NOT_FOUND, "");
	assert_int_equal(integer(f, COUNT_OF("delete")), 1);
}

static void write_stored(const char *name, const char *bytes)
{
	char path[200];
	FILE *file;

	(void)mkdir(scratch_path("received_files"), 0700);
	snprintf(path, sizeof(path), "received_files/%s", name);
	assert_non_null(file = fopen(scratch_path(path), "w"));
	fputs(bytes, file);
	assert_int_equal(fclose(file), 0);
}

static void save_stored(const catalog_fixture *f, const char *name, const char *path, int64_t size)
{
	sr_file file = file_named(f, name);

	file.path = sr_text_of(path);
	file.size = size;
	(void)save(f, &file);
}

static void test_verifying(void **state)
{
	catalog_fixture *f = *state;

	save_stored(f, "good", "received_files/good", 5);
	save_stored(f, "damaged", "received_files/damaged", 5);
	save_stored(f, "gone", "received_files/gone", 5);
	save_size(f, "/catalogued", 5);
	write_stored("good", "12345");
	write_stored("damaged", "123456");
	assert_ok(sr_file_verify(f->catalog, &f->client, sr_text_of("good")));
	assert_newest(f, "verify", 1, 5);
	assert_fails(sr_file_verify(f->catalog, &f->client, sr_text_of("damaged")), SR_CORRUPT,
		     "6 bytes");
	assert_newest(f, "verify_failed", 1, 6);
	assert_fails(sr_file_verify(f->catalog, &f->client, sr_text_of("gone")), SR_NOT_FOUND,
		     "gone");
	assert_newest(f, "verify_failed", 1, 0);
	assert_fails(sr_file_verify(f->catalog, &f->client, sr_text_of("/catalogued")), SR_INVALID,
		     "");
	assert_fails(sr_file_verify(f->catalog, &f->client, sr_text_of("none")), SR_NOT_FOUND, "");
	assert_int_equal(integer(f, COUNT_OF("verify")), 1);
	assert_int_equal(integer(f, COUNT_OF("verify_failed")), 2);
	assert_ok(sr_file_delete_stored(f->catalog, &f->client, sr_text_of("good")));
	assert_newest(f, "delete", 1, 5);
}

/* What somebody else has verified. */
static void test_setting_verified(void **state)
{
	catalog_fixture *f = *state;

	save_size(f, "/a", 8);
	assert_ok(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), true, 7));
	assert_newest(f, "verify", 1, 8);
	assert_ok(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), false,
				       SR_NULL_INTEGER));
	assert_newest(f, "verify_failed", 1, 8);
	assert_fails(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/b"), true, 7),
		     SR_NOT_FOUND, "");
	assert_fails(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), true, -7),
		     SR_INVALID, "");
	assert_int_equal(integer(f, COUNT_OF("verify")), 1);
}

static void do_all(const catalog_fixture *f, const sr_id *other)
{
	assert_ok(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), true, 7));
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/a")));
	assert_ok(sr_client_delete(f->catalog, other, NULL));
}

static void test_rollback_takes_it_back(void **state)
{
	catalog_fixture *f = *state;
	sr_id other = add_client(f, "other");
	int64_t live, archived;

	save_size(f, "/a", 8);
	live = integer(f, "SELECT count(*) FROM client_activity");
	assert_ok(sr_begin(f->catalog, NULL));
	do_all(f, &other);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), live + 2);
	assert_ok(sr_rollback(f->catalog));
	archived = integer(f, "SELECT count(*) FROM client_activity_archive");
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), live);
	assert_int_equal(archived, 0);
	/* An inner one takes back its own and nothing of the outer. */
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), true, 7));
	assert_ok(sr_begin(f->catalog, NULL));
	do_all(f, &other);
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT_OF("verify")), 1);
	assert_int_equal(integer(f, COUNT_OF("delete")), 0);
	/* And a call that fails in a transaction leaves what others did in it. */
	assert_ok(sr_begin(f->catalog, NULL));
	do_all(f, &other);
	assert_fails(sr_client_delete(f->catalog, &other, NULL), SR_NOT_FOUND, "");
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT_OF("verify")), 2);
	assert_int_equal(integer(f, COUNT_OF("delete")), 2);
}

/* ---- A full disk ---- */

static int fault_setup(void **state)
{
	fault_vfs_install();
	return catalog_setup_client(state);
}

static int fault_teardown(void **state)
{
	int rc;

	fault_disarm();
	rc = catalog_teardown(state);
	fault_vfs_remove();
	return rc;
}

static sr_status verify_stored(const catalog_fixture *f)
{
	return sr_file_verify(f->catalog, &f->client, sr_text_of("stored"));
}

static sr_status set_verified(const catalog_fixture *f)
{
	return sr_file_set_verified(f->catalog, &f->client, sr_text_of("/a"), true, 7);
}

static sr_status delete_file(const catalog_fixture *f)
{
	return sr_file_delete(f->catalog, &f->client, sr_text_of("/a"));
}

static sr_status delete_stored(const catalog_fixture *f)
{
	return sr_file_delete_stored(f->catalog, &f->client, sr_text_of("stored"));
}

static sr_status delete_client(const catalog_fixture *f)
{
	return sr_client_delete(f->catalog, &f->client, NULL);
}

/* Neither what was to be done nor a word of it is there; with space it is both. */
static void test_full_disk(void **state)
{
	static sr_status (*const calls[])(const catalog_fixture *f) = {
		verify_stored, set_verified, delete_file, delete_stored, delete_client,
	};
	static const char *const counted =
		"SELECT (SELECT count(*) FROM client_activity) + (SELECT count(*) FROM"
		" client_activity_archive)";
	static const char *const rows =
		"SELECT (SELECT count(*) FROM clients) * 100 + count(*) * 10 + sum(Verified)"
		" FROM files";
	catalog_fixture *f = *state;

	save_size(f, "/a", 8);
	save_size(f, "/b", 9);
	save_stored(f, "stored", "received_files/stored", 5);
	write_stored("stored", "12345");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int64_t activity = integer(f, counted);
		int64_t before = integer(f, rows);

		fault_arm(FAULT_WRITE, FAULT_ANY, 1, SQLITE_FULL, true);
		assert_int_equal(calls[i](f), SR_NO_SPACE);
		assert_true(fault_hits() > 0);
		fault_disarm();
		assert_int_equal(integer(f, counted), activity);
		assert_int_equal(integer(f, rows), before);
		assert_ok(calls[i](f));
		assert_int_equal(integer(f, counted), activity + 1);
	}
}

/* ---- Deleting clients, with foreign keys on and off ---- */

static void note(const catalog_fixture *f, const char *name)
{
	sr_value value = {.type = SR_TEXT, .text = sr_text_of(name)};

	assert_ok(sr_execute(f->catalog,
			     "INSERT INTO client_activity (ClientID, ActivityType, Timestamp,"
			     " FileCount, BytesTransferred) SELECT ID, 'save',"
			     " '2026-01-31T09:30:00Z', 3, 33 FROM clients WHERE Name = $1",
			     &value, 1, NULL));
}

static void set_foreign_keys(const catalog_fixture *f, bool on)
{
	sqlite3_stmt *stmt;
	sr_lease *lease;

	assert_ok(sr_lease_open(f->catalog, NULL, true, &lease));
	assert_int_equal(sqlite3_exec(sr_lease_handle(lease),
				      on ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sr_lease_close(lease);
	/* It is the same writer that the next call gets. */
	assert_ok(sr_lease_open(f->catalog, NULL, true, &lease));
	assert_int_equal(
		sqlite3_prepare_v2(sr_lease_handle(lease), "PRAGMA foreign_keys", -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	if (!f->options.direct)
		assert_int_equal(sqlite3_column_int(stmt, 0), on);
	sqlite3_finalize(stmt);
	sr_lease_close(lease);
}

static void assert_archived(const catalog_fixture *f, const char *name)
{
	sr_activity_query query;
	const sr_activity *activity;
	sr_activities *cursor;

	sr_activity_query_init(&query);
	query.client_name = sr_text_of(name);
	query.type = sr_text_of("save");
	assert_ok(sr_activity_list(f->catalog, &query, &cursor));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_non_null(activity);
	assert_true(activity->deleted);
	assert_int_equal(activity->files, 3);
	assert_int_equal(activity->bytes, 33);
	assert_ok(sr_activities_next(cursor, &activity));
	assert_null(activity);
	sr_activities_close(cursor);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity a WHERE NOT EXISTS"
				    " (SELECT 1 FROM clients c WHERE c.ID = a.ClientID)"),
			 0);
}

static void test_foreign_keys(void **state)
{
	catalog_fixture *f = *state;
	sr_id on = add_client(f, "on");
	sr_id off = add_client(f, "off");

	(void)add_client(f, "plain on");
	(void)add_client(f, "plain off");
	note(f, "on");
	note(f, "off");
	note(f, "plain on");
	note(f, "plain off");
	note(f, "host");
	set_foreign_keys(f, true);
	assert_ok(sr_client_delete(f->catalog, &on, NULL));
	assert_archived(f, "on");
	set_foreign_keys(f, false);
	assert_ok(sr_client_delete(f->catalog, &off, NULL));
	assert_archived(f, "off");
	foreign_sql(f, "PRAGMA foreign_keys = ON; DELETE FROM clients WHERE Name = 'plain on'");
	assert_archived(f, "plain on");
	foreign_sql(f, "PRAGMA foreign_keys = OFF; DELETE FROM clients WHERE Name = 'plain off'");
	assert_archived(f, "plain off");
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), 1);
}

/* A row that old code leaves behind: there is no client, so nobody's activity is told. */
static void test_orphans(void **state)
{
	catalog_fixture *f = *state;
	sr_id orphan = {{0}};

	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
		       " (x'01', 'a', 'a', zeroblob(16))");
	assert_ok(sr_file_delete(f->catalog, &orphan, sr_text_of("a")));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), 0);
}

/* Old programs replace a client to save it: its activity stays. */
static void test_replaced_clients_keep_theirs(void **state)
{
	catalog_fixture *f = *state;

	note(f, "host");
	foreign_sql(f, "PRAGMA foreign_keys = ON; INSERT OR REPLACE INTO clients (ID, Name, "
		       "LastSeen) SELECT ID, Name, 'now' FROM clients");
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"), 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity_archive"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deleting_a_file, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_run_is_one_activity, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_a_run_goes_on_with_a_new_row_on_a_new_day,
						catalog_setup_client, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_deleting_a_client, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_verifying, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_setting_verified, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_rollback_takes_it_back, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, fault_setup, fault_teardown),
		cmocka_unit_test_setup_teardown(test_foreign_keys, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_orphans, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_replaced_clients_keep_theirs,
						catalog_setup_client, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
