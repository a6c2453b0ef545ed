/* The indexes on files: which there are, that each question goes along the one made for it, and
 * that going down gives back those that there were. */
#include "migrate_fixture.h"
#include "old_database.h"
#include "plans.h"
#include "schema/schema.h"

#define BEFORE 14
#define AFTER  15

/* ---- There and back ---- */

static void test_down_restores_them(void **state)
{
	static const char texts[] = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE"
				    " type = 'index' ORDER BY name";

	(void)state;
	migrate_there_and_back(BEFORE, AFTER, texts);
}

static void test_which_there_are(void **state)
{
	const char *path = migrate_path();
	char *names;

	(void)state;
	migrate_to(path, AFTER, true);
	names = old_database_dump(path, "SELECT name FROM sqlite_schema WHERE type = 'index' AND"
					" sql IS NOT NULL ORDER BY name");
	assert_null(strstr(names, "idx_clients_name"));
	assert_null(strstr(names, "idx_files_identity_name"));
	assert_null(strstr(names, "idx_file_versions_active"));
	assert_non_null(strstr(names, "idx_files_client_id"));
	sqlite3_free(names);
}

/* Old code makes some of them by itself whenever it opens a database. */
static void test_old_code_brings_some_back(void **state)
{
	const char *path = migrate_path();

	(void)state;
	migrate_to(path, AFTER, true);
	assert_null(old_database_run(path, "CREATE INDEX IF NOT EXISTS idx_clients_name ON"
					   " clients(Name); CREATE INDEX IF NOT EXISTS"
					   " idx_files_verified ON files(Verified)"));
	assert_int_equal(migrate_drift(path), 0);
	migrate_to(path, BEFORE, true);
	migrate_to(path, AFTER, true);
	assert_int_equal(migrate_drift(path), 0);
}

/* ---- Plans ---- */

#define FILES "(SELECT *, rowid AS row_number FROM files) f"

static const struct {
	const char *sql;
	const char *plan; /* All of it. */
} questions[] = {
	/* What the documents of old promise. */
	{"SELECT * FROM files WHERE ClientID = ?",
	 "SEARCH files USING INDEX idx_files_client_id (ClientID=?)"},
	{"SELECT * FROM files WHERE ClientID = ? AND Verified = 1",
	 "SEARCH files USING INDEX idx_files_client_verified (ClientID=? AND Verified=?)"},
	{"SELECT * FROM files WHERE Verified = 1",
	 "SEARCH files USING INDEX idx_files_verified (Verified=?)"},
	{"SELECT * FROM files WHERE ClientID = ? AND FileName = ?",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName=?)"},
	{"UPDATE files SET Verified = ?, CRC = ? WHERE ClientID = ? AND FileName = ?",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName=?)"},
	{"SELECT * FROM files WHERE FileName = ?",
	 "SEARCH files USING INDEX idx_files_filename (FileName=?)"},
	{"SELECT * FROM files WHERE FileSize > ?",
	 "SEARCH files USING INDEX idx_files_size (FileSize>?)"},
	{"SELECT * FROM clients WHERE Name = ?",
	 "SEARCH clients USING INDEX sqlite_autoindex_clients_2 (Name=?)"},
	{"SELECT ID FROM clients ORDER BY LastSeen",
	 "SCAN clients USING INDEX idx_clients_lastseen"},

	/* The newest of a name, with and without a path, whatever their number: nothing is sorted.
	 */
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.FileName = ?"
	 " AND (f.OriginalPath IS NULL) = 1 ORDER BY f.row_number DESC LIMIT 1",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName=? AND <expr>=?)"},
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.FileName = ?"
	 " AND (f.OriginalPath IS NULL) = 0 ORDER BY f.row_number DESC LIMIT 1",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName=? AND <expr>=?)"},
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.OriginalPath = ?"
	 " ORDER BY f.row_number DESC LIMIT 1",
	 "SEARCH files USING INDEX idx_files_identity_path (ClientID=? AND OriginalPath=?)"},
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND (f.OriginalPath IS NULL) = 1"
	 " AND f.FileName >= ? AND f.FileName < ?"
	 " ORDER BY f.FileName, (f.OriginalPath IS NULL), f.row_number",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName>? AND "
	 "FileName<?)"},

	/* Why idx_files_client_id stays, though others begin with its column: only there a client's
	 * files stand in the order of their keys, for long lists and for work in pieces. */
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? ORDER BY f.row_number",
	 "SEARCH files USING INDEX idx_files_client_id (ClientID=?)"},
	{"SELECT row_number FROM " FILES " WHERE f.ClientID = ? AND f.row_number > ?"
	 " ORDER BY f.row_number LIMIT 300",
	 "SEARCH files USING COVERING INDEX idx_files_client_id (ClientID=? AND rowid>?)"},

	/* Who else refers to stored bytes. */
	{"SELECT 1 FROM files WHERE substr(PathName, -16) IN (substr(?1, -16), substr(?2, -16))"
	 " AND PathName IN (?1, ?2) AND IsStored <> 0",
	 "SEARCH files USING INDEX idx_files_stored_path (<expr>=?)"},
	{"SELECT m.ID FROM file_versions m WHERE m.FileID = ? AND m.IsActive = 1",
	 "SEARCH m USING INDEX idx_file_versions_file_id (FileID=?)"},
};

static void test_each_question_has_its_index(void **state)
{
	const char *path = migrate_path();

	(void)state;
	migrate_to(path, AFTER, true);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		char *plan = plans_words(path, questions[i].sql);

		assert_non_null(plan);
		assert_string_equal(plan, questions[i].plan);
		sqlite3_free(plan);
	}
}

/* What the index of the key that refers to a client is for: without one each deletion of a client
 * would read all files. */
static void test_references_are_indexed(void **state)
{
	const char *path = migrate_path();
	char *lacking;

	(void)state;
	migrate_to(path, AFTER, true);
	lacking = old_database_dump(
		path,
		"SELECT m.name, k.\"from\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) k"
		" WHERE m.type = 'table' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i,"
		" pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = k.\"from\" AND NOT"
		" i.partial)");
	assert_string_equal(lacking ? lacking : "", "");
	sqlite3_free(lacking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_down_restores_them),        TEST(test_which_there_are),
		TEST(test_old_code_brings_some_back), TEST(test_each_question_has_its_index),
		TEST(test_references_are_indexed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
