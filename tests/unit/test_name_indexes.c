/* Names and stored paths in fewer indexes: that each question still goes along one, that what is
 * listed by two of them is all there is, and that going down gives back those that there were. */
#include "migrate_fixture.h"
#include "old_database.h"
#include "plans.h"
#include "schema/schema.h"

#define BEFORE 17
#define AFTER  18

/* ---- There and back ---- */

static void test_down_restores_them(void **state)
{
	static const char texts[] = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE"
				    " type = 'index' ORDER BY name";

	(void)state;
	migrate_there_and_back(BEFORE, AFTER, texts);
}

/* Old code makes some of them by itself whenever it opens a database. */
static void test_old_code_keeps_them(void **state)
{
	const char *path = migrate_path();
	char *before, *after;

	(void)state;
	migrate_to(path, AFTER, true);
	before = old_database_dump(path, "SELECT sql FROM sqlite_schema ORDER BY name");
	assert_null(old_database_run(path, "CREATE INDEX IF NOT EXISTS idx_files_filename ON"
					   " files(FileName)"));
	after = old_database_dump(path, "SELECT sql FROM sqlite_schema ORDER BY name");
	assert_string_equal(after, before);
	assert_null(old_database_run(path, "CREATE INDEX idx_files_client_filename ON"
					   " files(ClientID, FileName)"));
	assert_int_equal(migrate_drift(path), 0);
	migrate_to(path, BEFORE, true);
	migrate_to(path, AFTER, true);
	assert_int_equal(migrate_drift(path), 0);
	sqlite3_free(after);
	sqlite3_free(before);
}

/* ---- Plans ---- */

#define FILES "(SELECT *, rowid AS row_number FROM files) f"

#define ELSEWHERE                                                                                  \
	"coalesce(OriginalPath IS NULL AND typeof(FileName) = 'text' AND typeof(PathName) ="       \
	" 'text' AND instr(FileName, '/') = 0 AND substr('/' || PathName, -1 - length(FileName))"  \
	" = '/' || FileName, 0) = 0"

static const struct {
	const char *sql;
	const char *plan; /* All of it. */
} questions[] = {
	/* What the documents of old promise. */
	{"SELECT * FROM files WHERE ClientID = ?",
	 "SEARCH files USING INDEX idx_files_client_id (ClientID=?)"},
	{"SELECT * FROM files WHERE ClientID = ? AND FileName = ?",
	 "SEARCH files USING INDEX idx_files_filename (FileName=? AND ClientID=?)"},
	{"UPDATE files SET Verified = ?, CRC = ? WHERE ClientID = ? AND FileName = ?",
	 "SEARCH files USING COVERING INDEX idx_files_filename (FileName=? AND ClientID=?)"},
	{"SELECT * FROM files WHERE FileName = ?",
	 "SEARCH files USING INDEX idx_files_filename (FileName=?)"},

	/* The newest of a name, with and without a path, whatever their number: nothing is sorted.
	 */
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.FileName = ?"
	 " AND (f.OriginalPath IS NULL) = 1 ORDER BY f.row_number DESC LIMIT 1",
	 "SEARCH files USING INDEX idx_files_filename (FileName=? AND ClientID=? AND <expr>=?)"},
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.FileName = ?"
	 " AND (f.OriginalPath IS NULL) = 0 ORDER BY f.row_number DESC LIMIT 1",
	 "SEARCH files USING INDEX idx_files_filename (FileName=? AND ClientID=? AND <expr>=?)"},
	{"SELECT * FROM " FILES " WHERE f.ClientID = ? AND f.OriginalPath IS NULL"
	 " AND f.FileName >= ? AND f.FileName < ? ORDER BY f.FileName, f.row_number",
	 "SEARCH files USING INDEX idx_files_client_name (ClientID=? AND FileName>? AND "
	 "FileName<?)"},

	/* What is stored: who refers to it, and all of it. */
	{"SELECT 1 FROM files WHERE FileName IN (?1, ?2) AND (OriginalPath IS NULL) = 1"
	 " AND PathName IN (?1, ?2) AND IsStored <> 0",
	 "SEARCH files USING INDEX idx_files_filename (FileName=?)"},
	{"SELECT 1 FROM files WHERE substr(PathName, -16) IN (substr(?1, -16), substr(?2, -16))"
	 " AND PathName IN (?1, ?2) AND IsStored <> 0 AND " ELSEWHERE,
	 "SEARCH files USING INDEX idx_files_stored_path (<expr>=?)"},
	{"SELECT PathName FROM files WHERE OriginalPath IS NULL AND IsStored <> 0",
	 "SCAN files USING INDEX idx_files_client_name"},
	{"SELECT PathName FROM files WHERE OriginalPath IS NOT NULL AND IsStored <> 0"
	 " AND " ELSEWHERE,
	 "SCAN files USING INDEX idx_files_stored_path"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_down_restores_them),
		TEST(test_old_code_keeps_them),
		TEST(test_each_question_has_its_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
