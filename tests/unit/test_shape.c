/* The shape of a schema: that what is recognised by its words has the shape that asking finds. */
#include "expect.h"
#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/schema.h"

/* Both ways give the same, whatever was done to the database. */
static void assert_same_shape(sr_conn *conn, bool known, const char *what)
{
	sr_shape quick, slow;
	bool quick_legacy, legacy;

	assert_done(sr_shape_version(conn, &quick, &quick_legacy));
	if (quick.known != known)
		fail_msg("%s: known %d", what, quick.known);
	slow = (sr_shape){.cookie = quick.cookie};
	assert_done(sr_schema_version(conn, &slow.version, &legacy));
	assert_int_equal(quick.version, slow.version);
	assert_int_equal(quick_legacy, legacy);
	assert_int_equal(quick.latest, slow.version == sr_schema_latest() && !legacy);
	assert_done(sr_shape_fill(conn, &quick));
	assert_done(sr_shape_fill(conn, &slow));
	assert_string_equal(quick.files, slow.files);
	assert_string_equal(quick.clients, slow.clients);
	assert_int_equal(quick.has_versions, slow.has_versions);
	assert_int_equal(quick.searchable, slow.searchable);
	sr_shape_free(&quick);
	sr_shape_free(&slow);
}

static void test_latest(void **state)
{
	static const struct {
		const char *sql;
		bool known;
	} changes[] = {
		{"SELECT 1", true},
		{"CREATE TABLE mine (a); CREATE TRIGGER files AFTER INSERT ON mine BEGIN SELECT 1; "
		 "END; CREATE INDEX more ON files(CRC)",
		 true},
		{"DROP TRIGGER trg_files_search_insert", true},
		{"DROP TRIGGER trg_files_search_update; CREATE TABLE trg_files_search_update (a)",
		 true},
		{"DELETE FROM database_migrations WHERE version = 9", false},
		{"DELETE FROM database_migrations WHERE version ="
		 " (SELECT max(version) FROM database_migrations)",
		 false},
		{"DELETE FROM database_migrations", false},
		{"INSERT INTO database_migrations (version, description, applied_at) VALUES "
		 "(0, 'a', 'b'), (-3, 'a', 'b')",
		 true},
		{"INSERT INTO database_migrations (version, description, applied_at)"
		 " SELECT max(version) + 1, 'a', 'b' FROM database_migrations",
		 false},
		{"ALTER TABLE database_migrations ADD COLUMN more", false},
		{"ALTER TABLE files ADD COLUMN more", false},
		{"ALTER TABLE files RENAME COLUMN Inode TO Node", false},
		{"ALTER TABLE clients DROP COLUMN PublicKey", false},
		{"DROP TABLE file_versions", false},
		{"DROP TABLE file_versions; CREATE VIEW file_versions AS SELECT 1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *path = migrate_path();
		const char *words;
		sr_conn *conn;

		conn = migrate_open(path);
		assert_done(
			sr_schema_migrate(conn, &(sr_schema_options){.to = -1}, &(sr_migrated){0}));
		sr_conn_close(conn);
		if ((words = old_database_run(path, changes[i].sql)) != NULL)
			fail_msg("%s: %s", changes[i].sql, words);
		conn = migrate_open(path);
		assert_same_shape(conn, changes[i].known, changes[i].sql);
		sr_conn_close(conn);
	}
}

static void test_older(void **state)
{
	(void)state;
	for (int version = 0; version <= 5; version++) {
		const char *path = migrate_path();
		sr_conn *conn;

		old_database_make(path, &(old_options){.version = version});
		conn = migrate_open(path);
		assert_same_shape(conn, false, "old");
		sr_conn_close(conn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_latest),
		TEST(test_older),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
