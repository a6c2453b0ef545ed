/*
 * Databases as the old code made them, built with its own SQL by a plain SQLite: versions 0
 * to 5, and the stages before version 0.
 */
#ifndef OLD_DATABASE_H
#define OLD_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>

typedef enum old_stage {
	OLD_CORE,         /* The seed's `files`. */
	OLD_ID_IS_CLIENT, /* ID is the client's, (ID, FileName) the key, nothing else. */
	OLD_WITH_SIZE,    /* The same, and FileSize, */
	OLD_WITH_DATE,    /* and ModificationDate, */
	OLD_WITH_CRC,     /* and CRC, */
	OLD_WITH_CLIENT,  /* and ClientID, still null in every other row, */
	OLD_WITH_OWN_ID,  /* and ID replaced by a random one. */
	OLD_WITHOUT_KEY,  /* The seed's columns in another order, without a foreign key. */
} old_stage;

typedef enum old_ledger { OLD_LEDGER_FULL, OLD_LEDGER_SHORT, OLD_LEDGER_NONE } old_ledger;

typedef struct old_options {
	int version; /* 0 to 5 */
	old_stage stage;
	old_ledger ledger;
	bool extra_indexes; /* The ones that the old code makes by itself. */
	bool users;         /* A user's own table, column, views and triggers. */
	int files;          /* Rows; 0: a few. */
} old_options;

/* Makes the database; any failure ends the test. */
void old_database_make(const char *path, const old_options *options);

/* Sets the database aside as it is, and puts it back so as often as wanted, in place of whatever
 * has become of it. Nobody has it open. */
void old_database_keep(const char *path);
void old_database_put_back(const char *path);

/* Runs SQL with a plain connection; returns what went wrong, or NULL. Static. */
const char *old_database_run(const char *path, const char *sql);

/* All rows of a query as text, one a line, for comparing; sqlite3_free. */
char *old_database_dump(const char *path, const char *sql);

/* The rows of clients and files, the columns that version 0 and the stage have. With ids the
 * files' own ids as well, which stages before version 0 do not have. */
char *old_database_rows(const char *path, old_stage stage, bool ids);

/* The seed's core tables, as the old code makes them. */
#define OLD_TABLES                                                                                 \
	"CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name VARCHAR(255) UNIQUE NOT NULL, "       \
	"PublicKey BLOB(160), LastSeen TEXT NOT NULL, AESKey BLOB(32));"                           \
	"CREATE TABLE files (ID BLOB(16) PRIMARY KEY, FileName VARCHAR(255) NOT NULL, "            \
	"PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0, FileSize INTEGER, "           \
	"ModificationDate TEXT, CRC INTEGER, ClientID BLOB(16) NOT NULL, FOREIGN KEY (ClientID) "  \
	"REFERENCES clients(ID) ON DELETE CASCADE);"

/* A client and two files in them. */
#define OLD_ROWS                                                                                   \
	"INSERT INTO clients VALUES (x'00112233445566778899aabbccddeeff', 'old', x'0102', "        \
	"'2025-08-05T18:20:36+00:00Z', NULL);"                                                     \
	"INSERT INTO files VALUES (x'0000000000000000000000000000000a', 'One.TXT', "               \
	"'received_files/One.TXT', 1, 100, '2025-08-05T10:00:00', 7, "                             \
	"x'00112233445566778899aabbccddeeff'), (x'0000000000000000000000000000000b', 'two.pdf', "  \
	"'received_files/two.pdf', 0, NULL, 'yesterday', NULL, "                                   \
	"x'00112233445566778899aabbccddeeff');"

#endif
