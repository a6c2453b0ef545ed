#include "old_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char core_clients[] = "CREATE TABLE IF NOT EXISTS clients ("
				   "ID BLOB(16) PRIMARY KEY, Name VARCHAR(255) UNIQUE NOT NULL,"
				   " PublicKey BLOB(160), LastSeen TEXT NOT NULL, AESKey BLOB(32))";

static const char *const stages[] = {
	[OLD_CORE] =
		"CREATE TABLE files (ID BLOB(16) PRIMARY KEY, FileName VARCHAR(255) NOT NULL,"
		" PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0, FileSize INTEGER,"
		" ModificationDate TEXT, CRC INTEGER, ClientID BLOB(16) NOT NULL,"
		" FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE)",
	[OLD_WITHOUT_KEY] =
		"CREATE TABLE files (ID BLOB(16) PRIMARY KEY, ClientID BLOB(16) NOT NULL,"
		" FileName VARCHAR(255) NOT NULL, PathName VARCHAR(255) NOT NULL,"
		" Verified BOOLEAN DEFAULT 0, CRC INTEGER, FileSize INTEGER,"
		" ModificationDate TEXT)",
	[OLD_ID_IS_CLIENT] =
		"CREATE TABLE files (ID BLOB(16) NOT NULL, FileName VARCHAR(255) NOT NULL,"
		" PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0,"
		" PRIMARY KEY (ID, FileName))",
};

static const char *const added[] = {
	[OLD_WITH_SIZE] = "ALTER TABLE files ADD COLUMN FileSize INTEGER",
	[OLD_WITH_DATE] = "ALTER TABLE files ADD COLUMN ModificationDate TEXT",
	[OLD_WITH_CRC] = "ALTER TABLE files ADD COLUMN CRC INTEGER",
	[OLD_WITH_CLIENT] = "ALTER TABLE files ADD COLUMN ClientID BLOB(16);"
			    "UPDATE files SET ClientID = ID WHERE rowid % 2",
	[OLD_WITH_OWN_ID] = "UPDATE files SET ClientID = ID; UPDATE files SET ID = randomblob(16)",
};

static const char *const versions[] = {
	NULL,
	"CREATE INDEX IF NOT EXISTS idx_files_client_id ON files(ClientID);"
	"CREATE INDEX IF NOT EXISTS idx_files_filename ON files(FileName);"
	"CREATE INDEX IF NOT EXISTS idx_clients_name ON clients(Name);"
	"CREATE INDEX IF NOT EXISTS idx_files_verified ON files(Verified);"
	"CREATE INDEX IF NOT EXISTS idx_clients_lastseen ON clients(LastSeen);"
	"CREATE INDEX IF NOT EXISTS idx_files_size ON files(FileSize);"
	"CREATE INDEX IF NOT EXISTS idx_files_client_verified ON files(ClientID, Verified);"
	"CREATE INDEX IF NOT EXISTS idx_files_client_name ON files(ClientID, FileName)",
	"ALTER TABLE files ADD COLUMN FileCategory VARCHAR(50) DEFAULT 'document';"
	"ALTER TABLE files ADD COLUMN MimeType VARCHAR(100);"
	"ALTER TABLE files ADD COLUMN FileExtension VARCHAR(10);"
	"ALTER TABLE files ADD COLUMN OriginalPath TEXT;"
	"ALTER TABLE files ADD COLUMN FileHash VARCHAR(64);"
	"ALTER TABLE files ADD COLUMN TransferDuration INTEGER;"
	"ALTER TABLE files ADD COLUMN TransferSpeed INTEGER;"
	"ALTER TABLE files ADD COLUMN CompressionRatio REAL",
	"CREATE TABLE transfer_stats (Date TEXT PRIMARY KEY, TotalFiles INTEGER DEFAULT 0,"
	" TotalBytes INTEGER DEFAULT 0, SuccessfulTransfers INTEGER DEFAULT 0,"
	" FailedTransfers INTEGER DEFAULT 0, AverageFileSize INTEGER DEFAULT 0,"
	" PeakTransferSpeed INTEGER DEFAULT 0);"
	"CREATE TABLE client_activity (ID INTEGER PRIMARY KEY AUTOINCREMENT,"
	" ClientID BLOB(16) NOT NULL, ActivityType VARCHAR(50) NOT NULL, Timestamp TEXT NOT NULL,"
	" FileCount INTEGER DEFAULT 0, BytesTransferred INTEGER DEFAULT 0,"
	" FOREIGN KEY (ClientID) REFERENCES clients(ID));"
	"CREATE TABLE file_categories (ID INTEGER PRIMARY KEY AUTOINCREMENT,"
	" Name VARCHAR(50) UNIQUE NOT NULL, Description TEXT, DefaultPath VARCHAR(255),"
	" Color VARCHAR(7) DEFAULT '#007acc');"
	"INSERT INTO file_categories (Name, Description, DefaultPath) VALUES"
	" ('document', 'Docs', 'received_files/documents/'),"
	" ('image', 'Pictures', 'received_files/images/'),"
	" ('backup', 'Backups', 'received_files/backups/'),"
	" ('other', 'Rest', 'received_files/other/')",
	"CREATE TABLE client_quotas (ClientID BLOB(16) PRIMARY KEY,"
	" QuotaBytes INTEGER NOT NULL DEFAULT 1073741824, UsedBytes INTEGER DEFAULT 0,"
	" LastUpdated TEXT NOT NULL, WarningThreshold REAL DEFAULT 0.8,"
	" FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE);"
	"INSERT INTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated)"
	" SELECT ID, 1073741824, 0, datetime('now') FROM clients",
	"CREATE TABLE file_versions (ID INTEGER PRIMARY KEY AUTOINCREMENT, FileID BLOB(16) NOT "
	"NULL,"
	" VersionNumber INTEGER NOT NULL, PathName VARCHAR(255) NOT NULL, FileSize INTEGER,"
	" CreatedDate TEXT NOT NULL, IsActive BOOLEAN DEFAULT 1, VersionHash VARCHAR(64),"
	" ParentVersionID INTEGER,"
	" FOREIGN KEY (FileID) REFERENCES files(ID) ON DELETE CASCADE,"
	" FOREIGN KEY (ParentVersionID) REFERENCES file_versions(ID));"
	"ALTER TABLE files ADD COLUMN CurrentVersionID INTEGER;"
	"ALTER TABLE files ADD COLUMN TotalVersions INTEGER DEFAULT 1;"
	"CREATE INDEX idx_file_versions_file_id ON file_versions(FileID);"
	"CREATE INDEX idx_file_versions_active ON file_versions(IsActive)",
};

/* Times in every form that was ever written, a key that is short and one that is null. */
static const char clients[] =
	"INSERT INTO clients VALUES"
	" (x'00000000000000000000000000000001', 'alice', zeroblob(160),"
	"  '2025-08-05T18:20:36+00:00Z', zeroblob(32)),"
	" (x'00000000000000000000000000000002', 'bob', zeroblob(67), '2025-08-05T18:20:36', NULL),"
	" (x'00000000000000000000000000000003', 'Çédille', NULL,"
	"  '2025-08-05T18:20:36.123456+00:00', NULL)";

/* Client 4 does not exist; client 2 uses three times its quota. */
static const char fill[] =
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	" INSERT INTO files (ID, FileName, PathName, Verified%s) SELECT %s"
	" CASE i %% 7 WHEN 0 THEN CAST(x'ff' || printf('raw%%d', i) AS BLOB)"
	"  WHEN 1 THEN printf('ünïcode %%d.txt', i) ELSE printf('file%%d.dat', i) END,"
	" printf('received_files/file%%d', i), i %% 2%s FROM n";

static void die(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	abort();
}

static void must(sqlite3 *db, const char *sql)
{
	if (sql && sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s\n", sql);
		die(sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
	}
}

static void fill_files(sqlite3 *db, const old_options *options)
{
	static const char client[] =
		"CAST(x'000000000000000000000000000000' ||"
		" CASE i % 10 WHEN 0 THEN x'04' ELSE char(1 + i % 3) END AS BLOB)";
	bool core = options->stage == OLD_CORE || options->stage == OLD_WITHOUT_KEY;
	int rows = options->files ? options->files : 60;
	char first[256];
	char last[512];
	char *sql;

	snprintf(first, sizeof(first), "%s,", core ? "randomblob(16)" : client);
	snprintf(last, sizeof(last), "%s%s", core ? ", " : "", core ? client : "");
	sql = sqlite3_mprintf(fill, rows, core ? ", ClientID" : "", first, last);
	must(db, sql);
	sqlite3_free(sql);
	if (core)
		/* A second save of a name is a second row. */
		must(db, "INSERT INTO files (ID, FileName, PathName, Verified, ClientID)"
			 " SELECT randomblob(16), FileName, PathName, 0, ClientID FROM files"
			 " WHERE rowid <= 5");
}

static void make_files(sqlite3 *db, const old_options *options)
{
	bool core = options->stage == OLD_CORE || options->stage == OLD_WITHOUT_KEY;

	must(db, stages[core ? options->stage : OLD_ID_IS_CLIENT]);
	fill_files(db, options);
	for (old_stage s = OLD_WITH_SIZE; !core && s <= options->stage; s++)
		must(db, added[s]);
	if (core || options->stage >= OLD_WITH_SIZE)
		must(db, "UPDATE files SET FileSize = rowid * 1000");
	if (core)
		must(db, "UPDATE files SET FileSize = 3221225472 WHERE rowid = 1");
	if (core || options->stage >= OLD_WITH_DATE)
		must(db, "UPDATE files SET ModificationDate = '2025-07-0' || (1 + rowid % 9) ||"
			 " 'T10:00:00' WHERE rowid % 4");
	if (core || options->stage >= OLD_WITH_CRC)
		must(db, "UPDATE files SET CRC = rowid * 7919 WHERE rowid % 3");
}

static void make_ledger(sqlite3 *db, const old_options *options)
{
	bool full = options->ledger == OLD_LEDGER_FULL;

	if (options->ledger == OLD_LEDGER_NONE)
		return;
	must(db, full ? "CREATE TABLE database_migrations (version INTEGER PRIMARY KEY,"
			" description TEXT NOT NULL, applied_at TEXT NOT NULL, rollback_sql TEXT)"
		      : "CREATE TABLE database_migrations (version INTEGER PRIMARY KEY,"
			" description TEXT NOT NULL, applied_at TEXT NOT NULL)");
	for (int v = 1; v <= options->version; v++) {
		char *sql = sqlite3_mprintf("INSERT INTO database_migrations (version, description,"
					    " applied_at) VALUES (%d, 'old', "
					    "'2025-08-29T17:42:34.123456+00:00')",
					    v);

		must(db, sql);
		sqlite3_free(sql);
	}
}

static void make_users_own(sqlite3 *db)
{
	must(db, "ALTER TABLE files ADD COLUMN Remark TEXT DEFAULT 'none';"
		 "CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT);"
		 "INSERT INTO notes (words) VALUES ('keep'), ('me');"
		 "CREATE INDEX idx_notes ON notes(words);"
		 "CREATE VIEW verified_files AS SELECT FileName FROM files WHERE Verified = 1;"
		 "CREATE TRIGGER note_new_files AFTER INSERT ON files BEGIN"
		 " INSERT INTO notes (words) VALUES (NEW.PathName); END;"
		 "CREATE TRIGGER no_update BEFORE UPDATE OF Verified ON files WHEN 0 BEGIN"
		 " SELECT RAISE(ABORT, 'never'); END");
}

void old_database_make(const char *path, const old_options *options)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		die(path, "cannot be made");
	must(db, "PRAGMA journal_mode = WAL; BEGIN");
	must(db, core_clients);
	must(db, clients);
	make_files(db, options);
	must(db,
	     "CREATE TABLE metrics_history (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	     " timestamp TEXT NOT NULL, metric_name VARCHAR(100) NOT NULL, value REAL NOT NULL);"
	     "INSERT INTO metrics_history (timestamp, metric_name, value)"
	     " VALUES ('2025-08-05T18:20:36', 'load', 0.5)");
	if (options->extra_indexes)
		must(db, "CREATE INDEX idx_clients_name ON clients(Name);"
			 "CREATE INDEX idx_clients_lastseen ON clients(LastSeen);"
			 "CREATE INDEX idx_files_filename ON files(FileName);"
			 "CREATE INDEX idx_files_verified ON files(Verified);"
			 "CREATE INDEX idx_metrics_name_time ON metrics_history(metric_name, "
			 "timestamp)");
	if (options->extra_indexes && options->stage == OLD_CORE)
		must(db, "CREATE INDEX idx_files_clientid ON files(ClientID);"
			 "CREATE INDEX idx_files_client_filename ON files(ClientID, FileName);"
			 "CREATE INDEX idx_files_moddate ON files(ModificationDate);"
			 "CREATE INDEX idx_files_filesize ON files(FileSize)");
	for (int v = 1; v <= options->version; v++)
		must(db, versions[v]);
	if (options->users)
		make_users_own(db);
	make_ledger(db, options);
	must(db, "COMMIT");
	sqlite3_close(db);
}

static void copy_bytes(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb");
	FILE *out = fopen(to, "wb");
	char bytes[1 << 16];
	size_t n;

	if (in == NULL || out == NULL)
		die(in == NULL ? from : to, "cannot be opened");
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		if (fwrite(bytes, 1, n, out) != n)
			die(to, "cannot be written");
	if (ferror(in) || fclose(out) != 0)
		die(from, "cannot be copied");
	fclose(in);
}

static const char *beside(const char *path, const char *end)
{
	static char side[4096];

	snprintf(side, sizeof(side), "%s%s", path, end);
	return side;
}

void old_database_keep(const char *path)
{
	if (access(beside(path, "-wal"), F_OK) == 0)
		die(path, "is open, or its log holds what the file lacks");
	copy_bytes(path, beside(path, "-kept"));
}

void old_database_put_back(const char *path)
{
	static const char *const sides[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		unlink(beside(path, sides[i]));
	copy_bytes(beside(path, "-kept"), path);
}

const char *old_database_run(const char *path, const char *sql)
{
	static char words[512];
	const char *result = NULL;
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		snprintf(words, sizeof(words), "%s", sqlite3_errmsg(db));
		result = words;
	}
	sqlite3_close(db);
	return result;
}

static void dump_value(sqlite3_str *out, sqlite3_stmt *stmt, int column)
{
	const unsigned char *blob;

	if (sqlite3_column_type(stmt, column) != SQLITE_BLOB) {
		const char *text = (const char *)sqlite3_column_text(stmt, column);

		sqlite3_str_appendf(out, "|%d:%s", sqlite3_column_type(stmt, column),
				    text ? text : "");
		return;
	}
	blob = sqlite3_column_blob(stmt, column);
	sqlite3_str_appendall(out, "|x");
	for (int i = 0; i < sqlite3_column_bytes(stmt, column); i++)
		sqlite3_str_appendf(out, "%02x", blob[i]);
}

char *old_database_dump(const char *path, const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3_str *out;
	sqlite3 *db;
	int code;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	out = sqlite3_str_new(db);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			dump_value(out, stmt, i);
		sqlite3_str_appendall(out, "\n");
	}
	if (code != SQLITE_DONE)
		die(path, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return sqlite3_str_finish(out);
}

char *old_database_rows(const char *path, old_stage stage, bool ids)
{
	bool core = stage == OLD_CORE || stage == OLD_WITHOUT_KEY;
	char *sql, *files, *others, *all;

	sql = sqlite3_mprintf("SELECT rowid, FileName, PathName, Verified%s%s%s%s FROM files"
			      " ORDER BY rowid",
			      core || stage >= OLD_WITH_SIZE ? ", FileSize" : "",
			      core || stage >= OLD_WITH_DATE ? ", ModificationDate" : "",
			      core || stage >= OLD_WITH_CRC ? ", CRC" : "",
			      ids ? ", ID, ClientID" : "");
	files = old_database_dump(path, sql);
	others = old_database_dump(path, "SELECT rowid, * FROM clients ORDER BY rowid");
	all = sqlite3_mprintf("%s\n%s", files, others);
	sqlite3_free(others);
	sqlite3_free(files);
	sqlite3_free(sql);
	return all;
}
