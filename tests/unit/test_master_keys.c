/* Version 19: there and back, what the index of plain keys is asked, and that wrapped keys keep a
 * catalog from going down to where they would be taken for keys. */
#include "migrate_fixture.h"
#include "old_database.h"
#include "plans.h"

#define BEFORE 18
#define AFTER  19

static void test_down_restores(void **state)
{
	static const char texts[] = "SELECT name, tbl_name, sql FROM sqlite_schema ORDER BY name";

	(void)state;
	migrate_there_and_back(BEFORE, AFTER, texts);
}

/* Of every version that the old code left, with its keys as they are. */
static void test_old_keys_stay(void **state)
{
	(void)state;
	for (int version = 0; version <= 5; version++) {
		const char *path = migrate_path();
		char *before, *after;

		old_database_make(path, &(old_options){.version = version});
		assert_null(old_database_run(path, "UPDATE clients SET AESKey = randomblob(32)"));
		before = old_database_dump(path, "SELECT ID, Name, hex(AESKey) FROM clients");
		migrate_to(path, AFTER, true);
		after = old_database_dump(path, "SELECT ID, Name, hex(AESKey) FROM clients");
		assert_string_equal(after, before);
		sqlite3_free(after);
		after = old_database_dump(path,
					  "SELECT count(*) FROM clients WHERE " SR_KEY_IS_PLAIN
					  " UNION SELECT count(*) FROM clients");
		assert_null(strchr(strchr(after, '\n') + 1, '\n'));
		sqlite3_free(after);
		sqlite3_free(before);
	}
}

static void test_down_refused_while_wrapped(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	sr_migrated migrated;
	char *rows;

	(void)state;
	migrate_to(path, AFTER, true);
	assert_null(old_database_run(path,
				     "INSERT INTO clients (ID, Name, LastSeen, AESKey) VALUES "
				     "(x'01', 'a', '', x'9353524B45590A01' || zeroblob(36)), "
				     "(x'02', 'b', '', x'9353524B45590A01' || zeroblob(35))"));
	options.to = BEFORE;
	options.accept_loss = true;
	assert_int_equal(migrate_run(path, &options, &migrated), SR_REFUSED);
	assert_says("keys unwrap");
	assert_says("2 clients");
	rows = old_database_dump(path, "SELECT max(version) FROM database_migrations");
	assert_non_null(strstr(rows, ":19\n"));
	sqlite3_free(rows);
	/* Nor is what is left of one a plain key. */
	assert_null(old_database_run(path, "UPDATE clients SET AESKey = NULL WHERE Name = 'a'"));
	assert_int_equal(migrate_run(path, &options, &migrated), SR_REFUSED);
	assert_null(old_database_run(path, "UPDATE clients SET AESKey = NULL"));
	assert_int_equal(migrate_run(path, &options, &migrated), SR_OK);
}

/* Of the rows in the index alone it is looked at whether they were wrapped. */
#define SCAN_PLAIN                                                                                 \
	"SCAN clients USING INDEX idx_clients_plain_key; CORRELATED SCALAR SUBQUERY 1; SEARCH m "  \
	"USING COVERING INDEX sqlite_autoindex_master_keys_1 (ID=?)"

/* The condition has the index's, word for word, or it would be a scan. */
static void test_plain_keys_have_their_index(void **state)
{
	const char *path = migrate_path();
	char *plan;

	(void)state;
	migrate_to(path, AFTER, true);
	plan = plans_words(path, "SELECT EXISTS (SELECT 1 FROM clients WHERE " SR_KEY_IS_PLAIN ")");
	assert_non_null(plan);
	assert_string_equal(plan, "SCAN CONSTANT ROW; SCALAR SUBQUERY 2; " SCAN_PLAIN);
	sqlite3_free(plan);
	plan = plans_words(path, "SELECT rowid FROM clients WHERE " SR_KEY_IS_PLAIN);
	assert_non_null(plan);
	assert_string_equal(plan, SCAN_PLAIN);
	sqlite3_free(plan);
}

/* What the conditions say of everything that a column can hold. */
static void test_conditions(void **state)
{
	static const struct {
		const char *value;
		const char *says; /* Plain, wrapped, damaged. */
	} values[] = {
		{"NULL", "0 0 0"},
		{"x''", "0 0 0"},
		{"''", "0 0 0"},
		{"x'00'", "1 0 0"},
		{"zeroblob(16)", "1 0 0"},
		{"zeroblob(44)", "1 0 0"},
		{"zeroblob(32)", "1 0 0"},
		{"'a text'", "1 0 0"},
		{"0", "1 0 0"},
		{"1.25", "1 0 0"},
		{"x'9353524B45590A01'", "0 0 1"},
		{"x'9353524B45590A01' || zeroblob(35)", "0 0 1"},
		{"x'9353524B45590A01' || zeroblob(36)", "0 1 0"},
		{"x'9353524B45590A01' || zeroblob(5000)", "0 1 0"},
		{"x'9353524B45590A02' || zeroblob(36)", "0 0 1"},
		{"x'9353524B4500000000000000'", "0 0 1"},
		{"x'9353524B45'", "0 0 1"},
		{"x'9353524B'", "1 0 0"},
		{"x'9353524B00000000' || zeroblob(36)", "1 0 0"},
		{"x'000000000000000000112233445566ff' || zeroblob(28)", "0 0 1"},
		{"x'000000000000000000112233445566ff' || zeroblob(27)", "1 0 0"},
		{"x'000000000000000000112233445566fe' || zeroblob(28)", "1 0 0"},
		{"CAST(x'9353524B45590A01' AS TEXT) || printf('%100s', 'x')", "0 1 0"},
	};
	const char *path = migrate_path();

	(void)state;
	migrate_to(path, AFTER, true);
	assert_null(old_database_run(path, "INSERT INTO master_keys (ID, CreatedAt) VALUES "
					   "('00112233445566ff', '')"));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char sql[1024], *says;

		snprintf(sql, sizeof(sql),
			 "DELETE FROM clients; INSERT INTO clients (ID, Name, LastSeen, AESKey) "
			 "VALUES (x'01', 'a', '', %s)",
			 values[i].value);
		assert_null(old_database_run(path, sql));
		says = old_database_dump(
			path,
			"SELECT (SELECT count(*) FROM clients WHERE " SR_KEY_IS_PLAIN
			") || ' ' || (SELECT count(*) FROM clients WHERE " SR_KEY_IS_WRAPPED
			") || ' ' || (SELECT count(*) FROM clients WHERE " SR_KEY_IS_DAMAGED ")");
		if (strstr(says, values[i].says) == NULL)
			fail_msg("%s: %s", values[i].value, says);
		sqlite3_free(says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_down_restores),
		TEST(test_old_keys_stay),
		TEST(test_down_refused_while_wrapped),
		TEST(test_plain_keys_have_their_index),
		TEST(test_conditions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
