/*
 * Databases that were made to harm: what is planted on the names of ours, schema texts that ask
 * for what is not there, counters at their end. Reading gives results or says which file is
 * wrong; nothing planted runs with our rights.
 */
#include "catalog_fixture.h"

typedef struct planted {
	const char *what;
	const char *sql;
	sr_status open;
	sr_status search;
	sr_status write;
	const char *words; /* Of the first that fails; NULL: none does. */
} planted;

#define CLIENT "x'00112233445566778899aabbccddeeff'"
#define SCHEMA "PRAGMA writable_schema = ON;"

static const planted cases[] = {
	{"nothing", "SELECT 1", SR_OK, SR_OK, SR_OK, NULL},
	{"a trigger whose type is not spelt as usual",
	 SCHEMA "INSERT INTO sqlite_schema VALUES ('TRIGGER', 'evil', 'FILES', 0,"
		" 'CREATE TRIGGER evil AFTER INSERT ON files BEGIN DELETE FROM clients; END')",
	 SR_OK, SR_OK, SR_READ_ONLY, "evil"},
	{"a trigger whose text is a blob with a NUL",
	 SCHEMA "INSERT INTO sqlite_schema VALUES ('trigger', 'evil', 'files', 0, CAST("
		" 'CREATE TRIGGER evil AFTER INSERT ON files BEGIN DELETE FROM clients; END' ||"
		" char(0) || 'x' AS BLOB))",
	 SR_OK, SR_OK, SR_READ_ONLY, "evil"},
	{"a trigger in the guise of a table",
	 SCHEMA "INSERT INTO sqlite_schema VALUES ('table', 'calm', 'calm', 0,"
		" 'CREATE TRIGGER evil AFTER INSERT ON files BEGIN DELETE FROM clients; END')",
	 SR_CORRUPT, SR_CORRUPT, SR_CORRUPT, "is damaged"},
	{"a view in the place of a table", "DROP TABLE files; CREATE VIEW files AS SELECT 1 AS ID",
	 SR_CORRUPT, SR_CORRUPT, SR_CORRUPT, "files is a view"},
	{"an endless view in the place of the ledger",
	 "DROP TABLE database_migrations; CREATE VIEW database_migrations AS WITH RECURSIVE n(i)"
	 " AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS version FROM n",
	 SR_CORRUPT, SR_CORRUPT, SR_CORRUPT, "database_migrations is a view"},
	{"a ledger without its column",
	 "DROP TABLE database_migrations; CREATE TABLE database_migrations (x)", SR_CORRUPT,
	 SR_CORRUPT, SR_CORRUPT, "ledger"},
	{"a version that no program has",
	 "INSERT INTO database_migrations VALUES (9223372036854775807, '', '', NULL, NULL)",
	 SR_CORRUPT, SR_CORRUPT, SR_CORRUPT, "the ledger says version 9223372036854775807"},
	{"a collation that does not exist, in a table",
	 SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'FileName VARCHAR(255)',"
		" 'FileName VARCHAR(255) COLLATE klingon') WHERE name = 'files'",
	 SR_OK, SR_SQL, SR_READ_ONLY, "klingon"},
	{"a collation by which two names are one",
	 SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'FileName VARCHAR(255)',"
		" 'FileName VARCHAR(255) COLLATE NOCASE') WHERE name = 'files'",
	 SR_OK, SR_OK, SR_READ_ONLY, "NOCASE"},
	{"a constraint that drops what is written",
	 SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE NOT NULL',"
		" 'UNIQUE ON CONFLICT IGNORE NOT NULL') WHERE name = 'clients'",
	 SR_OK, SR_OK, SR_READ_ONLY, "CONFLICT"},
	{"a foreign key by which a client goes with a file",
	 "ALTER TABLE clients ADD COLUMN fav BLOB REFERENCES files(ID) ON DELETE CASCADE", SR_OK,
	 SR_OK, SR_READ_ONLY, "fav"},
	{"a table of its version that is gone",
	 "DROP TRIGGER trg_client_quotas_warn; DROP TABLE clients", SR_OK, SR_SQL, SR_SQL,
	 "clients"},
	{"a collation that does not exist, in an index",
	 SCHEMA "CREATE INDEX zz ON files (PathName COLLATE nocase); UPDATE sqlite_schema"
		" SET sql = replace(sql, 'nocase', 'klingon') WHERE name = 'zz'",
	 SR_OK, SR_OK, SR_SQL, "klingon"},
	{"a check that calls what does not exist",
	 SCHEMA "UPDATE sqlite_schema SET sql = replace(sql, 'PathName VARCHAR(255)',"
		" 'PathName VARCHAR(255) CHECK (nosuch(PathName))') WHERE name = 'files'",
	 SR_OK, SR_OK, SR_READ_ONLY, "nosuch"},
	{"no counters", "DELETE FROM sqlite_sequence", SR_OK, SR_OK, SR_OK, NULL},
	{"a counter that is none", "UPDATE sqlite_sequence SET seq = 'words'", SR_OK, SR_OK, SR_OK,
	 NULL},
	{"a counter at its end",
	 "DELETE FROM sqlite_sequence;"
	 "INSERT INTO sqlite_sequence VALUES ('file_versions', 9223372036854775807)",
	 SR_OK, SR_OK, SR_NO_SPACE, "no space is left"},
	{"no table of counters", SCHEMA "DELETE FROM sqlite_schema WHERE name = 'sqlite_sequence'",
	 SR_OK, SR_OK, SR_CORRUPT, "is damaged"},
	{"a user's numbers in the header", "PRAGMA user_version = 77; PRAGMA application_id = 5",
	 SR_OK, SR_OK, SR_OK, NULL},
	{"a view that never ends",
	 "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	 " SELECT i FROM n",
	 SR_OK, SR_OK, SR_OK, NULL},
	{"values of other types",
	 "UPDATE files SET FileSize = 'words', ModificationDate = x'ff00', Verified = 'x',"
	 " CRC = 1e300, TotalVersions = -5, CurrentVersionID = 99",
	 SR_OK, SR_OK, SR_OK, NULL},
	{"a schema text that is no UTF-8",
	 SCHEMA
	 "UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS TEXT), 'WHEN', x'9b' || 'HEN')"
	 " AS TEXT) WHERE name = 'trg_files_note_insert'",
	 SR_CORRUPT, SR_CORRUPT, SR_CORRUPT, "is damaged"},
	{"a row of 20 MB", "UPDATE files SET PathName = zeroblob(20000000)", SR_OK, SR_OK, SR_OK,
	 NULL},
};

static void expect(const planted *one, const catalog_fixture *f, const char *what, sr_status rc,
		   sr_status wanted)
{
	const char *words = sr_error_message();

	if (rc != wanted)
		fail_msg("%s: %s: %s, not %s: %s", one->what, what, sr_status_name(rc),
			 sr_status_name(wanted), words);
	if (rc == SR_OK)
		return;
	if (!sr_text_is_utf8(sr_text_of(words)))
		fail_msg("%s: %s: is no text: %s", one->what, what, words);
	if (strstr(words, f->path) == NULL)
		fail_msg("%s: %s: does not name the file: %s", one->what, what, words);
	/* The write may have another reason than what came before it. */
	if (strcmp(what, "write") != 0 && strstr(words, one->words) == NULL)
		fail_msg("%s: %s: no '%s' in: %s", one->what, what, one->words, words);
}

static sr_status search(sr_catalog *catalog)
{
	const sr_file *file = NULL;
	sr_files *files;
	sr_query query;
	sr_status rc;

	sr_query_init(&query);
	if ((rc = sr_search(catalog, &query, &files)) != SR_OK)
		return rc;
	do
		rc = sr_files_next(files, &file);
	while (rc == SR_OK && file != NULL);
	sr_files_close(files);
	return rc;
}

/* A changed and a new file, so that all that a save does is done. */
static sr_status write_both(const catalog_fixture *f)
{
	sr_file files[2];

	files[0] = file_named(f, "known");
	files[0].crc = 7;
	files[1] = file_named(f, "new");
	return sr_file_save(f->catalog, files, 2, NULL, NULL, NULL);
}

static void copy(const char *from, const char *to)
{
	static unsigned char bytes[1 << 20];
	FILE *in = fopen(from, "rb");
	FILE *out = fopen(to, "wb");
	size_t length;

	assert_non_null(in);
	assert_non_null(out);
	while ((length = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, length, out), length);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Each case begins with a copy of it. */
static int setup(void **state)
{
	catalog_fixture *f;

	catalog_setup(state);
	f = *state;
	catalog_open(f);
	foreign_sql(f, "INSERT INTO clients VALUES (" CLIENT ", 'host', NULL, '2025-08-05', NULL);"
		       "INSERT INTO files (ID, FileName, PathName, CRC, ClientID)"
		       " VALUES (x'01', 'known', 'p', 5, " CLIENT ")");
	assert_ok(sr_id_parse("00112233445566778899aabbccddeeff", &f->client));
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	f->options.create = f->options.migrate = false;
	copy(f->path, scratch_path("whole.db"));
	return 0;
}

static void check(catalog_fixture *f, const planted *one)
{
	sr_status rc;

	copy(scratch_path("whole.db"), f->path);
	foreign_sql(f, one->sql);
	rc = sr_open(&f->catalog, &f->options);
	expect(one, f, "open", rc, one->open);
	if (rc == SR_OK) {
		rc = search(f->catalog);
		expect(one, f, "search", rc, one->search);
		rc = write_both(f);
		expect(one, f, "write", rc, one->write);
		if (one->search == SR_OK) {
			assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
			assert_int_equal(integer(f, "SELECT count(*) FROM files"),
					 one->write == SR_OK ? 2 : 1);
		}
		assert_ok(sr_close(f->catalog));
	}
	f->catalog = NULL;
	assert_int_equal(unlink(f->path), 0);
}

static void test_planted(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(*state, &cases[i]);
}

/* ---- Tables in another's place ---- */

#define ROOT_OF(name) "(SELECT rootpage FROM was WHERE name = '" name "')"
#define PLACE(table, at)                                                                           \
	"UPDATE sqlite_schema SET rootpage = " ROOT_OF(at) " WHERE name = '" table "';"
/* As they were, while they are changed. */
#define ROOTS                                                                                      \
	"CREATE TEMP TABLE was AS SELECT name, rootpage FROM sqlite_schema;"                       \
	"PRAGMA writable_schema = ON;"

static void assert_damaged(const catalog_fixture *f, bool full)
{
	sr_health_options options;
	sr_health *health;

	sr_health_options_init(&options);
	options.full = full;
	assert_ok(sr_health_check(f->catalog, &options, &health));
	assert_false(health->integrity_check);
	assert_true(health->errors > 0);
	sr_health_free(health);
}

/* Every read would have to look at every page to see it. Rows of another table may come, so that
 * the check-up tells, the quick one too. */
static void test_tables_in_anothers_place(void **state)
{
	static const char *const plants[] = {
		PLACE("files", "clients") PLACE("clients", "files"),
		PLACE("files", "clients"),
		PLACE("clients", "files"),
		PLACE("files", "files_replaced"),
		PLACE("files", "database_migrations"),
		PLACE("files", "idx_files_client_id"),
	};
	catalog_fixture *f = *state;

	for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
		char sql[1000];
		sr_status rc;

		print_message("%s\n", plants[i]);
		copy(scratch_path("whole.db"), f->path);
		snprintf(sql, sizeof(sql), "%s%s", ROOTS, plants[i]);
		foreign_sql(f, sql);
		assert_ok(sr_open(&f->catalog, &f->options));
		if ((rc = search(f->catalog)) != SR_OK)
			assert_fails(rc, SR_CORRUPT, f->path);
		assert_damaged(f, false);
		assert_damaged(f, true);
		assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
		assert_int_equal(unlink(f->path), 0);
	}
}

/* ---- What lies beside ---- */

/* A journal with nothing in it but the name of another file: SQLite looks for that first. */
static void write_journal(const catalog_fixture *f, const char *name)
{
	static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	unsigned char end[16] = {0};
	const size_t length = strlen(name);
	char path[128];
	FILE *file;
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)name[i];
	for (int i = 0; i < 4; i++) {
		end[i] = (unsigned char)(length >> (24 - 8 * i));
		end[4 + i] = (unsigned char)(sum >> (24 - 8 * i));
	}
	memcpy(end + 8, magic, sizeof(magic));
	snprintf(path, sizeof(path), "%s-journal", f->path);
	assert_non_null(file = fopen(path, "wb"));
	assert_int_equal(fwrite(magic, 1, 8, file), 8);
	for (int i = 0; i < 512 - 8 + 4; i++)
		fputc(0, file);
	assert_int_equal(fwrite(name, 1, length, file), length);
	assert_int_equal(fwrite(end, 1, sizeof(end), file), sizeof(end));
	assert_int_equal(fclose(file), 0);
}

/* SQLite would read the file that a journal names, and delete it. */
static void test_journal_of_somebody(void **state)
{
	catalog_fixture *f = *state;
	const char *names[3];
	char own[128];

	copy(scratch_path("whole.db"), f->path);
	copy(scratch_path("whole.db"), scratch_path("precious"));
	snprintf(own, sizeof(own), "%s-mj012345678", f->path);
	assert_int_equal(symlink(scratch_path("precious"), own), 0);
	names[0] = scratch_path("precious");
	names[1] = own; /* A link to it. */
	names[2] = "precious";
	for (int i = 0; i < 3; i++) {
		write_journal(f, names[i]);
		for (int reads = 0; reads < 2; reads++) {
			f->options.read_only = reads;
			assert_fails(sr_open(&f->catalog, &f->options), SR_REFUSED, "journal");
			assert_non_null(strstr(sr_error_message(), f->path));
		}
		assert_int_equal(access(scratch_path("precious"), F_OK), 0);
	}
	f->options.read_only = false;
	/* The one that a crash of sqlite3 has left is SQLite's business: what it names is gone, so
	 * the transaction was committed. */
	assert_int_equal(unlink(own), 0);
	write_journal(f, own);
	assert_ok(sr_open(&f->catalog, &f->options));
}

static void test_pipes_beside(void **state)
{
	static const char *const sides[] = {"-wal", "-shm", "-journal"};
	catalog_fixture *f = *state;

	copy(scratch_path("whole.db"), f->path);
	for (size_t i = 0; i < 3; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", f->path, sides[i]);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_fails(sr_open(&f->catalog, &f->options), SR_REFUSED, path);
		assert_int_equal(unlink(path), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_planted),
		TEST(test_tables_in_anothers_place),
		TEST(test_journal_of_somebody),
		TEST(test_pipes_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
