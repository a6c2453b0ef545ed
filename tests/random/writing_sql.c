/* Plain SQLite sessions: every form of insertion, change and deletion, with pragmas of their own.
 */
#include "writing.h"

#include <stdlib.h>
#include <string.h>

/* What the tables of this version have. */
typedef struct shape {
	bool original;
	bool extension;
	bool stored;
	bool missing;
	bool versions;
	bool links;
	bool key;    /* RowKey. */
	bool unique; /* ID alone is a key. */
	bool known;  /* Not of a time before ClientID. */
	unsigned count;
	int64_t least;
	int64_t most;
} shape;

static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

#define HAS(table, column)                                                                         \
	(ask(db,                                                                                   \
	     "SELECT count(*) FROM pragma_table_info('" table "') WHERE name = '" column "'") > 0)

static shape shape_of(sqlite3 *db)
{
	return (shape){
		.original = HAS("files", "OriginalPath"),
		.extension = HAS("files", "FileExtension"),
		.stored = HAS("files", "IsStored"),
		.missing = HAS("files", "MissingSince"),
		.versions = HAS("file_versions", "CRC"),
		.links = HAS("files", "CurrentVersionID"),
		.key = HAS("files", "RowKey"),
		.unique = ask(db, "SELECT sum(pk > 0) FROM pragma_table_info('files')") == 1,
		.known = HAS("files", "ClientID"),
		.count = (unsigned)ask(db, "SELECT count(*) FROM files"),
		.least = ask(db, "SELECT min(rowid) FROM files"),
		.most = ask(db, "SELECT max(rowid) FROM files"),
	};
}

void run_sql(writing *w, sqlite3 *db, const char *sql)
{
	char *words = NULL;
	int code = sqlite3_exec(db, sql, NULL, NULL, &words) & 0xff;

	if (code == SQLITE_CONSTRAINT) {
		write_log(w, "  (%s)", words);
	} else if (code != SQLITE_OK) {
		write_log(w, "FAILED %s: %s", words, sql);
		w->failed = true;
	}
	sqlite3_free(words);
}

/* ---- Values ---- */

static void add_literal(sr_buffer *sql, sr_text text)
{
	bool blob = one_in(6);

	sr_buffer_add_string(sql, blob ? "x'" : "CAST(x'");
	for (size_t i = 0; i < text.length; i++)
		sr_buffer_printf(sql, "%02x", (unsigned char)text.data[i]);
	sr_buffer_add_string(sql, blob ? "'" : "' AS TEXT)");
}

static void add_file_id(sr_buffer *sql)
{
	if (one_in(60))
		sr_buffer_add_string(sql,
				     PICK(((const char *const[]){"NULL", "x'00'", "'short'"})));
	else
		sr_buffer_printf(sql, "x'f0%030x'", chance(3000));
}

static void add_client(sr_buffer *sql)
{
	if (one_in(25))
		sr_buffer_printf(sql, "x'%02x'", chance(3)); /* Nobody's. */
	else
		sr_buffer_printf(sql, "x'%s%02x'", "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", chance(5));
}

static void add_name_value(sr_buffer *sql, sr_text folder)
{
	sr_buffer name = SR_BUFFER_EMPTY;

	sr_buffer_add_text(&name, folder);
	add_name(&name);
	if (one_in(30)) /* With a NUL, which the library does not take. */
		sr_buffer_add(&name, "\0z", 2);
	add_literal(sql, sr_buffer_text(&name));
	sr_buffer_free(&name);
}

static const char *size(char text[32])
{
	static const char *const odd[] = {"NULL",  "-5",    "'many'",
					  "1.5",   "99.99", "9223372036854775807",
					  "x'00'", "'12'",  "0"};

	if (one_in(8))
		return PICK(odd);
	snprintf(text, 32, "%u", chance(one_in(3) ? 10 : 100000));
	return text;
}

static const char *date(char text[48])
{
	static const char *const odd[] = {"NULL",
					  "'2026-01-31'",
					  "'2025-08-05T18:20:36+00:00Z'",
					  "'2025-08-05 18:20:36.5'",
					  "'yesterday'",
					  "x'323032352d30312d3031'",
					  "20260131",
					  "''",
					  "'2024-02-29T23:59:59.999999'"};

	if (one_in(2))
		return PICK(odd);
	snprintf(text, 48, "'20%02u-%02u-%02uT%02u:00:00'", 20 + chance(8), 1 + chance(12),
		 1 + chance(31), chance(24));
	return text;
}

static const char *conflict(void)
{
	return PICK(((const char *const[]){"", "", "", "OR REPLACE ", "OR REPLACE ", "OR IGNORE ",
					   "OR FAIL ", "OR ABORT ", "OR ROLLBACK "}));
}

/* ---- Which rows ---- */

static void add_where(sr_buffer *sql, const shape *s)
{
	int64_t span = s->most - s->least + 1;
	int64_t from = s->least + (span > 0 ? (int64_t)(chance(1000) * (uint64_t)span / 1000) : 0);

	switch (chance(10)) {
	case 0:
		sr_buffer_printf(sql, " WHERE rowid BETWEEN %lld AND %lld", (long long)from,
				 (long long)from + chance(70));
		break;
	case 1:
		sr_buffer_printf(sql, " WHERE rowid %% 37 = %u", chance(37));
		break;
	case 2:
		sr_buffer_add_string(sql, " WHERE ID = ");
		add_file_id(sql);
		break;
	case 3:
		sr_buffer_printf(sql, " WHERE rowid = (SELECT max(rowid) FROM files)");
		break;
	case 4:
		sr_buffer_add_string(sql, " WHERE ClientID = ");
		add_client(sql);
		sr_buffer_printf(sql, " AND length(FileName) %% 11 = %u", chance(11));
		break;
	default:
		sr_buffer_printf(
			sql, " WHERE rowid = (SELECT min(rowid) FROM files WHERE rowid >= %lld)",
			(long long)from);
	}
}

/* ---- Statements ---- */

static void add_row_number(sr_buffer *sql, const shape *s)
{
	switch (chance(6)) {
	case 0: /* Far ahead; what comes without a number goes on behind it. */
		sr_buffer_printf(sql, "%lld",
				 (long long)(s->most < INT64_C(1) << 40 ? s->most + chance(100000)
									: s->most + 1));
		break;
	case 1:
		sr_buffer_printf(sql, "%d", -(int)chance(50));
		break;
	default: /* Where there is one, or was. */
		sr_buffer_printf(sql, "%lld", (long long)s->least + chance(s->count + 40));
	}
}

static void insert_rows(sr_buffer *sql, const shape *s)
{
	unsigned rows = one_in(2) ? 1 : 1 + chance(50);
	bool numbered = one_in(4);
	sr_buffer folder = SR_BUFFER_EMPTY;
	char number[48];

	add_folder(&folder);
	sr_buffer_printf(sql,
			 "INSERT %sINTO files (%sID, FileName, PathName, Verified, FileSize, "
			 "ModificationDate, ClientID%s%s%s) VALUES ",
			 conflict(),
			 !numbered             ? ""
			 : s->key && one_in(2) ? "RowKey, "
					       : "rowid, ",
			 s->original ? ", OriginalPath" : "", s->extension ? ", FileExtension" : "",
			 s->stored ? ", IsStored" : "");
	for (unsigned i = 0; i < rows; i++) {
		sr_buffer_add_string(sql, i ? ", (" : "(");
		if (numbered) {
			add_row_number(sql, s);
			sr_buffer_add_string(sql, ", ");
		}
		add_file_id(sql);
		sr_buffer_add_string(sql, ", ");
		add_name_value(sql, sr_text_of(""));
		sr_buffer_add_string(sql, ", ");
		add_name_value(sql, one_in(2) ? sr_buffer_text(&folder) : sr_text_of("received/"));
		sr_buffer_printf(sql, ", %u, %s, ", chance(2), size(number));
		sr_buffer_printf(sql, "%s, ", date(number));
		add_client(sql);
		if (s->original && one_in(3)) {
			sr_buffer_add_string(sql, ", NULL");
		} else if (s->original) {
			sr_buffer_add_string(sql, ", ");
			add_name_value(sql, sr_buffer_text(&folder));
		}
		if (s->extension)
			sr_buffer_add_string(
				sql, PICK(((const char *const[]){", NULL", ", 'txt'", ", '.c'",
								 ", 'Pdf'", ", 77", ", ''"})));
		if (s->stored)
			sr_buffer_add_string(sql, ", 0");
		sr_buffer_add_string(sql, ")");
	}
	if (one_in(6))
		sr_buffer_add_string(sql, " ON CONFLICT DO NOTHING");
	else if (s->unique && one_in(4))
		sr_buffer_add_string(
			sql, " ON CONFLICT (ID) DO UPDATE SET FileName = excluded.FileName, "
			     "PathName = PathName || 'u', FileSize = excluded.FileSize");
	sr_buffer_free(&folder);
}

/* Copies with ids of their own: many names that are alike. */
static void insert_copies(sr_buffer *sql, const shape *s)
{
	sr_buffer_printf(
		sql,
		"INSERT %sINTO files (ID, FileName, PathName, FileSize, ModificationDate, "
		"ClientID%s) SELECT CAST(printf('%%016d', (rowid & 0xffffffff) * 100 + %u) AS "
		"BLOB), FileName || %s, PathName, FileSize, ModificationDate, ClientID%s "
		"FROM files",
		conflict(), s->stored ? ", IsStored" : "", chance(100),
		one_in(2) ? "''" : "'_copy'", s->stored ? ", 0" : "");
	add_where(sql, s);
}

static void add_assignment(sr_buffer *sql, const shape *s)
{
	static const char *const changed[][2] = {
		{"upper(", ")"},
		{"lower(", ")"},
		{"", " || 'x'"},
		{"replace(", ", 'a', 'b')"},
		{"CAST(", " AS BLOB)"},
		{"CAST(", " AS TEXT)"},
		{"'new' || substr(", ", 2)"},
	};
	const char *const *around = PICK(changed);
	const char *name = PICK(((const char *const[]){"FileName", "PathName", "OriginalPath"}));
	char text[48];

	if (!s->original && strcmp(name, "OriginalPath") == 0)
		name = "FileName";
	switch (chance(12)) {
	case 0:
		sr_buffer_printf(sql, "FileSize = %s", size(text));
		break;
	case 1:
		sr_buffer_printf(sql, "ModificationDate = %s", date(text));
		break;
	case 2:
		sr_buffer_printf(sql, "Verified = %u", chance(2));
		break;
	case 3:
		sr_buffer_add_string(sql, "ClientID = ");
		add_client(sql);
		break;
	case 4:
		sr_buffer_add_string(sql, s->extension ? "FileExtension = 'C'" : "Verified = 1");
		break;
	case 5:
		sr_buffer_add_string(sql, !s->missing ? "Verified = 0"
					  : one_in(2) ? "MissingSince = NULL"
						      : "MissingSince = '2026-01-01'");
		break;
	case 6:
		sr_buffer_add_string(sql,
				     s->original ? "OriginalPath = NULL" : "PathName = FileName");
		break;
	case 7:
		sr_buffer_add_string(sql, "FileName = PathName, PathName = FileName");
		break;
	case 8:
	case 9:
		sr_buffer_printf(sql, "%s = %s%s%s", name, around[0], name, around[1]);
		break;
	default:
		sr_buffer_printf(sql, "%s = ", name);
		add_name_value(sql, sr_text_of(""));
	}
}

static void update_rows(sr_buffer *sql, const shape *s)
{
	sr_buffer_printf(sql, "UPDATE %sfiles SET ", conflict());
	add_assignment(sql, s);
	add_where(sql, s);
}

/* The keys themselves. */
static void update_keys(sr_buffer *sql, const shape *s)
{
	sr_buffer_printf(sql, "UPDATE %sfiles SET ", conflict());
	if (one_in(2)) {
		sr_buffer_add_string(sql, "ID = ");
		add_file_id(sql);
	} else {
		sr_buffer_printf(sql, "%s = ", s->key && one_in(2) ? "RowKey" : "rowid");
		if (one_in(4))
			sr_buffer_add_string(sql, "rowid + 1");
		else
			add_row_number(sql, s);
	}
	if (one_in(4)) {
		sr_buffer_add_string(sql, ", ");
		sr_buffer_add_string(sql, "FileName = FileName || 'k'");
	}
	add_where(sql, s);
}

static void delete_rows(sr_buffer *sql, const shape *s)
{
	sr_buffer_add_string(sql, "DELETE FROM files");
	if (one_in(60))
		return;
	if (one_in(12)) /* The latest: numbers that come again where nothing keeps them. */
		sr_buffer_printf(sql, " WHERE rowid > %lld", (long long)s->most - chance(40));
	else
		add_where(sql, s);
}

static void write_client(sr_buffer *sql)
{
	unsigned number = chance(5);

	switch (chance(4)) {
	case 0:
		sr_buffer_printf(sql, "DELETE FROM clients WHERE ID = x'%s%02x'",
				 "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", number);
		break;
	case 1:
		sr_buffer_printf(sql, "UPDATE %sclients SET Name = '%s' WHERE ID = x'%s%02x'",
				 conflict(), one_in(2) ? "Alpha" : "beta",
				 "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", number);
		break;
	default:
		sr_buffer_printf(sql,
				 "INSERT %sINTO clients (ID, Name, LastSeen) VALUES (x'%s%02x', "
				 "'%s', 'now')",
				 one_in(2) ? "OR REPLACE " : "OR IGNORE ",
				 "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", number,
				 PICK(((const char *const[]){"alpha", "beta", "gamma", "delta"})));
	}
}

static void write_version(sr_buffer *sql, const shape *s)
{
	char number[48];

	switch (chance(5)) {
	case 0:
		sr_buffer_printf(sql, "DELETE FROM file_versions WHERE ID %% 29 = %u", chance(29));
		break;
	case 1:
		sr_buffer_add_string(sql, "UPDATE file_versions SET PathName = ");
		add_name_value(sql, sr_text_of("/v/"));
		sr_buffer_printf(sql, ", FileSize = %s WHERE ID %% 23 = %u", size(number),
				 chance(23));
		break;
	case 2:
		sr_buffer_printf(sql, "UPDATE file_versions SET IsActive = %u WHERE ID %% 19 = %u",
				 chance(2), chance(19));
		break;
	case 3:
		sr_buffer_add_string(sql, "UPDATE files SET CurrentVersionID = (SELECT max(ID) "
					  "FROM file_versions v WHERE v.FileID = files.ID)");
		add_where(sql, s);
		break;
	default:
		sr_buffer_printf(
			sql,
			"INSERT INTO file_versions (FileID, VersionNumber, PathName, "
			"FileSize, ModificationDate, CreatedDate, IsActive) SELECT ID, %u, "
			"PathName || 'was', %s, %s, 'now', %u FROM files",
			1 + chance(3), size(number), date(number), chance(2));
		add_where(sql, s);
		sr_buffer_add_string(sql, " AND ID IS NOT NULL");
	}
}

static void write_statement(sr_buffer *sql, const shape *s, unsigned rows)
{
	unsigned what = chance(24);

	sr_buffer_clear(sql);
	if (s->count > rows) {
		sr_buffer_printf(sql, "DELETE FROM files WHERE rowid %% 5 = %u", chance(5));
		return;
	}
	if (what == 0)
		write_client(sql);
	else if (what <= 2 && s->versions)
		write_version(sql, s);
	else if (what <= 4)
		update_keys(sql, s);
	else if (what <= 9)
		update_rows(sql, s);
	else if (what <= 12)
		delete_rows(sql, s);
	else if (what == 13)
		insert_copies(sql, s);
	else
		insert_rows(sql, s);
}

void make_statement(writing *w, sqlite3 *db, sr_buffer *sql)
{
	shape s = shape_of(db);

	write_statement(sql, &s, w->rows);
}

/* ---- Sessions ---- */

static void log_statement(writing *w, const char *sql)
{
	write_log(w, "  %s;", sql);
}

static void begin_session(writing *w, sqlite3 *db)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "PRAGMA foreign_keys = %u; PRAGMA recursive_triggers = %u",
		 !one_in(3), one_in(3));
	write_log(w, "plain session: %s", sql);
	run_sql(w, db, sql);
}

/* One transaction, or statements on their own. */
static void run_session(writing *w, sqlite3 *db)
{
	int count = 1 + (int)chance(one_in(3) ? 12 : 3);
	bool transaction = one_in(2), rolled_back = one_in(5);
	int commits = transaction ? 1 : count;
	sr_buffer sql = SR_BUFFER_EMPTY;

	write_begins(w, commits);
	if (transaction) {
		write_log(w, "  BEGIN%s", rolled_back ? " (will be rolled back)" : "");
		run_sql(w, db, "BEGIN IMMEDIATE");
	}
	for (int i = 0; i < count; i++) {
		shape s = shape_of(db);

		if (!s.known)
			break;
		write_statement(&sql, &s, w->rows);
		log_statement(w, sql.data);
		run_sql(w, db, sql.data);
		/* After an OR ROLLBACK each more would be a commit of its own. */
		if (transaction && sqlite3_get_autocommit(db))
			break;
	}
	if (!sqlite3_get_autocommit(db))
		run_sql(w, db, rolled_back ? "ROLLBACK" : "COMMIT");
	write_ends(w, commits);
	sr_buffer_free(&sql);
}

void write_by_sql(writing *w)
{
	sqlite3 *db = open_plain(w->path);

	begin_session(w, db);
	run_session(w, db);
	sqlite3_close(db);
}
