/* Activity as it is read: three tables in one order, filters, retention, databases of every age. */
#include "catalog_fixture.h"
#include "old_database.h"

#define DAY (86400 * INT64_C(1000000))

static const char rows[] =
	"INSERT INTO clients (ID, Name, LastSeen) VALUES (x'000102030405060708090a0b0c0d0e0f',"
	" 'one', ''), (x'100102030405060708090a0b0c0d0e0f', 'two', '');"
	"INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount,"
	" BytesTransferred) VALUES"
	" (x'000102030405060708090a0b0c0d0e0f', 'a1', '2026-01-31T23:59:59Z', 1, 10),"
	" (x'100102030405060708090a0b0c0d0e0f', 'b', '2026-02-01T00:00:01Z', 2, 20),"
	" (x'000102030405060708090a0b0c0d0e0f', 'a2', '2026-02-01T00:00:01Z', 3, 30);"
	"INSERT INTO client_activity_archive (ClientID, ClientName, ActivityType, Timestamp,"
	" FileCount, BytesTransferred) VALUES"
	" (x'200102030405060708090a0b0c0d0e0f', 'gone', 'g', '2026-02-01T00:00:00Z', 4, 40),"
	" (x'300102030405060708090a0b0c0d0e0f', 'one', 'h', '2026-01-30T00:00:00Z', 5, 50);"
	"INSERT INTO catalog_activity (ActivityType, Timestamp, Detail, BytesTransferred) VALUES"
	" ('w', '2026-02-01T00:00:01Z', 'of all', 60)";

/* The types of what the query lists, one after the other. */
static const char *listed(const catalog_fixture *f, const sr_activity_query *query)
{
	static char types[256];
	const sr_activity *activity;
	sr_activities *cursor;

	types[0] = '\0';
	assert_ok(sr_activity_list(f->catalog, query, &cursor));
	for (;;) {
		assert_ok(sr_activities_next(cursor, &activity));
		if (activity == NULL)
			break;
		strncat(types, " ", sizeof(types) - strlen(types) - 1);
		strncat(types, activity->type.data, sizeof(types) - strlen(types) - 1);
	}
	/* And no more comes. */
	assert_ok(sr_activities_next(cursor, &activity));
	assert_null(activity);
	sr_activities_close(cursor);
	return types;
}

static void test_newest_first(void **state)
{
	catalog_fixture *f = *state;
	sr_activity_query query;

	catalog_open(f);
	assert_string_equal(listed(f, NULL), "");
	foreign_sql(f, rows);
	assert_string_equal(listed(f, NULL), " a2 b w g a1 h");
	sr_activity_query_init(&query);
	assert_int_equal(query.limit, 100);
	query.limit = 3;
	assert_string_equal(listed(f, &query), " a2 b w");
	query.limit = 0;
	assert_string_equal(listed(f, &query), " a2 b w g a1 h");
}

static void test_fields(void **state)
{
	catalog_fixture *f = *state;
	const sr_activity *activity;
	sr_activities *cursor;

	catalog_open(f);
	foreign_sql(f, rows);
	assert_ok(sr_activity_list(f->catalog, NULL, &cursor));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_true(activity->has_client);
	assert_false(activity->deleted);
	assert_text(activity->client_name, "one");
	assert_int_equal(activity->client_id.bytes[15], 15);
	assert_text(activity->timestamp, "2026-02-01T00:00:01Z");
	assert_int_equal(activity->files, 3);
	assert_int_equal(activity->bytes, 30);
	assert_null(activity->detail.data);
	assert_ok(sr_activities_next(cursor, &activity));
	assert_ok(sr_activities_next(cursor, &activity));
	assert_false(activity->has_client);
	assert_null(activity->client_name.data);
	assert_int_equal(activity->files, SR_NULL_INTEGER);
	assert_int_equal(activity->bytes, 60);
	assert_text(activity->detail, "of all");
	assert_ok(sr_activities_next(cursor, &activity));
	assert_true(activity->deleted);
	assert_text(activity->client_name, "gone");
	sr_activities_close(cursor);
}

static void test_filters(void **state)
{
	catalog_fixture *f = *state;
	const sr_id one = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
	const sr_id gone = {{0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
	sr_activity_query query;

	catalog_open(f);
	foreign_sql(f, rows);
	sr_activity_query_init(&query);
	query.client_name = sr_text_of("one");
	assert_string_equal(listed(f, &query), " a2 a1 h");
	query.type = sr_text_of("a1");
	assert_string_equal(listed(f, &query), " a1");
	sr_activity_query_init(&query);
	query.client_name = sr_text_of("gone");
	assert_string_equal(listed(f, &query), " g");
	sr_activity_query_init(&query);
	query.client = &one;
	assert_string_equal(listed(f, &query), " a2 a1");
	query.client = &gone;
	assert_string_equal(listed(f, &query), " g");
	sr_activity_query_init(&query);
	query.type = sr_text_of("w");
	assert_string_equal(listed(f, &query), " w");
	query.type = sr_text_of("none such");
	assert_string_equal(listed(f, &query), "");
	sr_activity_query_init(&query);
	assert_ok(sr_time_parse("2026-02-01", &query.since, NULL));
	assert_string_equal(listed(f, &query), " a2 b w g");
	query.since++;
	assert_string_equal(listed(f, &query), " a2 b w");
	query.since = INT64_MIN + 1;
	assert_string_equal(listed(f, &query), " a2 b w g a1 h");
	query.since = INT64_MAX;
	assert_string_equal(listed(f, &query), "");
}

static void test_refusals(void **state)
{
	catalog_fixture *f = *state;
	const sr_id nobody = {{7}};
	sr_activities *cursor = (sr_activities *)state;
	sr_activity_query query;

	catalog_open(f);
	foreign_sql(f, rows);
	sr_activity_query_init(&query);
	query.client_name = sr_text_of("no\nbody");
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_NOT_FOUND, "no\\nbody");
	assert_null(cursor);
	query.client = &nobody;
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_INVALID, "both");
	query.client_name = sr_text_of(NULL);
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_NOT_FOUND, "0700");
	sr_activity_query_init(&query);
	query.limit = -1;
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_INVALID, "-1");
	query.version = 0;
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_INVALID, "version 0");
}

/* Other programs' forms: since means the instant, and what cannot be read is not so young. */
static void test_other_forms(void **state)
{
	catalog_fixture *f = *state;
	sr_activity_query query;

	catalog_open(f);
	foreign_sql(
		f,
		"INSERT INTO catalog_activity (ActivityType, Timestamp) VALUES"
		" ('blank', '2026-01-31 12:00:00'), ('east', '2026-02-01T01:00:00+14:00'),"
		" ('west', '2026-01-30T23:00:00-14:00'), ('both', '2026-01-31T12:00:00+00:00Z'),"
		" ('word', 'yesterday'), ('blob', x'00ff'), ('null', CAST(x'3230323600' AS TEXT))");
	sr_activity_query_init(&query);
	assert_ok(sr_time_parse("2026-01-31T12:00:00Z", &query.since, NULL));
	assert_string_equal(listed(f, &query), " both blank west");
	query.since -= 3600 * INT64_C(1000000);
	assert_string_equal(listed(f, &query), " east both blank west");
	query.since = SR_NULL_INTEGER;
	assert_int_equal(strlen(listed(f, &query)), strlen(" blob word east both blank west null"));
}

static void test_old_databases(void **state)
{
	catalog_fixture *f = *state;
	const sr_activity *activity;
	sr_activity_query query;
	sr_activities *cursor;

	old_database_make(f->path, &(old_options){.version = 2});
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_string_equal(listed(f, NULL), "");
	sr_activity_query_init(&query);
	query.client_name = sr_text_of("nobody");
	assert_fails(sr_activity_list(f->catalog, &query, &cursor), SR_NOT_FOUND, "nobody");
	assert_fails(sr_activity_cleanup(f->catalog, sr_time_now(), NULL), SR_TOO_OLD,
		     "migrate up");
	assert_ok(sr_close(f->catalog));
	assert_int_equal(unlink(f->path), 0);
	old_database_make(f->path, &(old_options){.version = 5});
	catalog_open(f);
	foreign_sql(f, "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) SELECT ID,"
		       " 'old', '2025-08-05T18:20:36' FROM clients LIMIT 1");
	assert_ok(sr_activity_list(f->catalog, NULL, &cursor));
	do {
		assert_ok(sr_activities_next(cursor, &activity));
		assert_non_null(activity);
	} while (strcmp(activity->type.data, "old") != 0);
	assert_non_null(activity->client_name.data);
	assert_int_equal(activity->files, 0);
	sr_activities_close(cursor);
}

/* More rows than a portion, in all three tables; whole days, whatever the hour. */
static void test_cleanup(void **state)
{
	catalog_fixture *f = *state;
	int64_t before, removed = 7;

	catalog_open(f);
	foreign_sql(f, rows);
	foreign_sql(
		f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		   "4500) INSERT INTO client_activity (ClientID, ActivityType, Timestamp) SELECT"
		   " x'000102030405060708090a0b0c0d0e0f', 'many',"
		   " strftime('%Y-%m-%dT%H:%M:%SZ', '2025-12-01', i || ' minutes') FROM n;"
		   "INSERT INTO catalog_activity (ActivityType, Timestamp) VALUES"
		   " ('word', 'yesterday'), ('old', '2026-01-31 10:00:00'),"
		   " ('east', '2026-02-01T01:00:00+02:00'), ('west', '2026-01-31T23:00:00-02:00')");
	assert_ok(sr_time_parse("2026-02-01T17:30:00Z", &before, NULL));
	assert_ok(sr_activity_cleanup(f->catalog, before, &removed));
	assert_int_equal(removed, 4500 + 2 + 2);
	assert_string_equal(listed(f, NULL), " word a2 b w g west");
	assert_ok(sr_activity_cleanup(f->catalog, before, &removed));
	assert_int_equal(removed, 0);
	assert_ok(sr_activity_cleanup(f->catalog, before + DAY, NULL));
	assert_string_equal(listed(f, NULL), " word");
	assert_ok(sr_activity_cleanup(f->catalog, -DAY - 1, NULL));
	assert_fails(sr_activity_cleanup(f->catalog, INT64_MIN, &removed), SR_INVALID, "year 0");
}

/* In the thread's transaction it goes with that. */
static void test_cleanup_rolled_back(void **state)
{
	catalog_fixture *f = *state;
	int64_t removed;

	catalog_open(f);
	foreign_sql(f, rows);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now(), &removed));
	assert_int_equal(removed, 6);
	assert_string_equal(listed(f, NULL), "");
	assert_ok(sr_rollback(f->catalog));
	assert_string_equal(listed(f, NULL), " a2 b w g a1 h");
}

/* Every list is read along an index: nothing is gathered and sorted. */
static void test_plans(void **state)
{
	static const char *const lists[] = {
		"client_activity a WHERE 1",
		"client_activity a WHERE a.ClientID = x'00'",
		"client_activity a WHERE a.Timestamp >= '2026'",
		"client_activity_archive a WHERE 1",
		"catalog_activity a WHERE 1",
	};
	catalog_fixture *f = *state;

	catalog_open(f);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char sql[256];
		char *plan;

		snprintf(sql, sizeof(sql),
			 "EXPLAIN QUERY PLAN SELECT * FROM %s ORDER BY a.Timestamp DESC, a.ID DESC",
			 lists[i]);
		plan = old_database_dump(f->path, sql);
		assert_non_null(strstr(plan, "USING INDEX"));
		assert_null(strstr(plan, "TEMP B-TREE"));
		sqlite3_free(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest_first, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_fields, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_filters, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_other_forms, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_cleanup, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_cleanup_rolled_back, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_plans, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
