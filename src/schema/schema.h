/* What the files of this room share; nobody outside includes it but tests. */
#ifndef SR_SCHEMA_H
#define SR_SCHEMA_H

#include "../base/buffer.h"
#include "../base/error.h"
#include "../base/log.h"
#include "migrate.h"

/* ---- Small questions about a schema (objects.c) ---- */

/* The type ("table", "view", "index", "trigger", "virtual", "shadow") of what has the name, or
 * "" for nothing. */
sr_status sr_object_type(sr_conn *conn, const char *name, char type[16]);
/* Likewise for a name of this program's: SR_CORRUPT when something else than a table has it. */
sr_status sr_table_type(sr_conn *conn, const char *name, char type[16]);
sr_status sr_column_exists(sr_conn *conn, const char *table, const char *column, bool *exists);
/* Whether no two rows of the table can have the same value there, so that others may refer to it.
 */
sr_status sr_column_unique(sr_conn *conn, const char *table, const char *column, bool *unique);

/* The integer of a one-row statement with up to two text parameters; 0 without a row. */
sr_status sr_ask(sr_conn *conn, const char *sql, const char *first, const char *second,
		 int64_t *value);

/* "name" with quotes doubled. */
void sr_buffer_add_identifier(sr_buffer *buffer, const char *name);

/* A list of names; zeroed is empty. */
typedef struct sr_names {
	char **names;
	size_t count;
} sr_names;

sr_status sr_names_add(sr_names *names, const char *name);
bool sr_names_have(const sr_names *names, const char *name); /* In any case. */
void sr_names_free(sr_names *names);

/* Whether a NULL-terminated list holds the word, in any case. */
bool sr_list_has(const char *const *list, const char *word);

/* The ordinary tables (no views, virtual or SQLite's own), without the ledgers. */
sr_status sr_tables(sr_conn *conn, sr_names *tables);

/* Whether two SQL texts say the same, whatever their blanks, comments and case. */
sr_status sr_sql_same(const char *a, const char *b, bool *same);

/* Past what stands at sql: a quoted run, a comment, a byte order mark, else one byte. */
const char *sr_sql_next(const char *sql);

/* Whether a byte order mark is there: as a token begins it is a blank, in a word a letter. */
bool sr_sql_is_mark(const char *sql);

/* The object of that type and name at a version, or NULL. */
const sr_schema_object *sr_schema_find(const sr_schema_object *schema, const char *type,
				       const char *name);
bool sr_schema_has_column(const sr_schema_object *table, const char *name);

/* ---- The ledger (ledger.c) ---- */

/* As this program makes it, and as SQLite keeps that. */
#define SR_LEDGER_SQL "CREATE TABLE " SR_LEDGER_TEXT
#define SR_LEDGER_TEXT                                                                             \
	"database_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL,"             \
	" applied_at TEXT NOT NULL, rollback_sql TEXT, checksum TEXT)"

/* Versions that a ledger is asked about are below. */
#define SR_LEDGER_MOST 256

/* What the ledger says (ledger_rows.c). */
typedef struct sr_ledger {
	bool there;               /* There is one, */
	bool any;                 /* and it has a row of this program's. */
	int64_t highest;          /* Of those, */
	bool has[SR_LEDGER_MOST]; /* and which versions they are of. */
	int64_t *foreign;         /* Versions of rows that are users' own. */
	size_t foreign_count;
} sr_ledger;

/* Whatever it returns, sr_ledger_free may follow. */
sr_status sr_ledger_read(sr_conn *conn, sr_ledger *ledger);
void sr_ledger_free(sr_ledger *ledger);
bool sr_ledger_has(const sr_ledger *ledger, int version);

/* The highest version written down; -1 without a ledger or a row of this program's in it. */
sr_status sr_ledger_version(sr_conn *conn, int *version);

/* Makes the ledger or adds the columns it lacks, moves foreign rows to the ledger of users' own,
 * and writes down what `version` implies but it does not say. */
sr_status sr_ledger_prepare(sr_conn *conn, const sr_migration_source *sources, int version);
sr_status sr_ledger_add(sr_conn *conn, const sr_migration_source *source, const char *checksum);
sr_status sr_ledger_remove(sr_conn *conn, int version);

/* Now, as both ledgers write it. */
void sr_ledger_now(char text[48]);

/* ---- The ledger of users' own migrations (own_ledger.c) ---- */

#define SR_OWN_LEDGER_SQL "CREATE TABLE " SR_OWN_LEDGER_TEXT
#define SR_OWN_LEDGER_TEXT                                                                         \
	"own_migrations (version INTEGER PRIMARY KEY, description TEXT NOT NULL,"                  \
	" applied_at TEXT NOT NULL, rollback_sql TEXT, checksum TEXT)"

/* Numbers of users' own migrations are from 1 to this: room for dates and times of day. */
#define SR_OWN_VERSION_MAX INT64_C(1000000000000000)

/* Whether a table is one of the two ledgers. */
bool sr_is_ledger(const char *table);

/* Makes it where it is missing. SR_EXISTS where something else has its name. */
sr_status sr_own_ledger_prepare(sr_conn *conn);

/* The last version that the old code knows: of those above, this program writes every row itself.
 */
#define SR_LAST_OF_OLD_CODE 5

/* Writes them into this program's ledger as well, where the old code looks for them: in a database
 * that goes back to it. The next migration moves them back. */
sr_status sr_own_ledger_lend(sr_conn *conn);

/* Moves the foreign rows of this program's ledger there. */
sr_status sr_own_ledger_move(sr_conn *conn, const sr_ledger *ledger);

sr_status sr_own_ledger_add(sr_conn *conn, const sr_own_migration *migration, const char *checksum);

/* From whichever of the two ledgers it is in. */
sr_status sr_own_ledger_remove(sr_conn *conn, int64_t version);

/* One that is applied: its checksum and the SQL that leads back, owned, NULL where not known. */
typedef struct sr_own_applied {
	bool found;
	char *checksum;
	char *down_sql;
} sr_own_applied;

sr_status sr_own_ledger_find(sr_conn *conn, int64_t version, sr_own_applied *applied);
void sr_own_applied_free(sr_own_applied *applied);

/* ---- Recognising (recognise.c) ---- */

/* Whether this is a catalog of the latest version in this program's own words: shape->known, and
 * then all that follows from it. */
sr_status sr_shape_recognise(sr_conn *conn, sr_shape *shape);

/* ---- Running (migrate.c, step.c) ---- */

/* Migrations to run: the embedded ones, or a test's own. */
typedef struct sr_migrations {
	const sr_migration_source *sources;
	int count;
} sr_migrations;

sr_status sr_schema_run(sr_conn *conn, const sr_migrations *migrations,
			const sr_schema_options *options, sr_migrated *migrated);

/* One migration's statements, guarded. */
sr_status sr_script_run(sr_conn *conn, const sr_migration_source *source,
			const sr_migration_script *script, bool block_dangerous);

/* The engine's refusal to write the schema table, in the words of the guard. */
sr_status sr_script_refused(sr_status rc, const char *who);

/* What is needed around migrations of both kinds. Whether any table has a row; */
sr_status sr_schema_has_rows(sr_conn *conn, bool *some);
/* and the space for a copy, the log and what the database grows by. */
sr_status sr_schema_space_check(sr_conn *conn, bool backup);

/* Brings a long log into the database between two steps (tend.c); outside transactions. Whether
 * all of it is in, so that the next write begins it anew. */
bool sr_log_tend_between(sr_conn *conn);

/* ---- The guard (guard.c) ---- */

typedef struct sr_guard {
	const char *who;           /* "Migration 9", for the message. */
	const char *const *allows; /* What its header declares. */
	bool block;                /* Core tables are not to be touched even so. */
	sr_names *touched;         /* Of a user's own: the tables that it writes are added, */
	sr_status status;          /* and what came of that. */
} sr_guard;

bool sr_guard_migration(void *guard, sr_action action, const char *first, const char *second,
			const char *inner);

/* For users' own migrations, which declare nothing: what is this program's is not dropped or
 * emptied while that is blocked. */
bool sr_guard_own(void *guard, sr_action action, const char *first, const char *second,
		  const char *inner);

/* ---- Digests and counts around a step (digest.c) ---- */

typedef struct sr_measure {
	char *table;
	int64_t rows;
	uint64_t sum[2];    /* Of all rows, in any order. */
	int64_t violations; /* Rows that break a foreign key; -1: cannot be told. */
	bool digested;      /* sum is of now. */
} sr_measure;

typedef struct sr_measures {
	sr_measure *list;
	size_t count;
	int64_t data_version; /* The engine's number of others' commits that they hold for. */
} sr_measures;

/* Fills in what is lacking: everything after another process has written, else the digests
 * of those tables that are not in `changes`. */
sr_status sr_measures_take(sr_conn *conn, sr_measures *measures, const char *const *changes);

/* Measures anew and fails with SR_CORRUPT where a table that is not in `changes` is not as
 * it was, or foreign keys broke; then keeps the new measures. */
sr_status sr_measures_compare(sr_conn *conn, sr_measures *measures, const char *const *changes);
void sr_measures_free(sr_measures *measures);

/* The query for all stored columns of a table but those of `without` (may be NULL). */
sr_status sr_table_select(sr_conn *conn, const char *table, const sr_names *without,
			  sr_buffer *sql);

/* Rows of the table that break a foreign key; -1: it cannot be told. */
sr_status sr_table_violations(sr_conn *conn, const char *table, int64_t *violations);

/* How many rows the table has, and a sum over every stored column of them in any order. */
sr_status sr_table_digest(sr_conn *conn, const char *table, int64_t *rows, uint64_t sum[2]);

/* How many rows the query has, and a sum over them in any order. */
sr_status sr_rows_digest(sr_conn *conn, const char *sql, int64_t *rows, uint64_t sum[2]);

/* Rows of the core tables, whose loss no migration may hide. */
typedef struct sr_core_rows {
	int64_t clients;
	int64_t files;
} sr_core_rows;

sr_status sr_core_rows_count(sr_conn *conn, sr_core_rows *rows);

/* quick_check, or the whole integrity check; SR_CORRUPT with the first finding. */
sr_status sr_integrity(sr_conn *conn, bool full);

/* Logs how many rows break a foreign key, table by table; they are kept. */
sr_status sr_orphans_report(sr_conn *conn);

/* ---- Databases older than version 0 (legacy.c) ---- */

/* Whether `files` is not of the seed's shape. */
sr_status sr_legacy_find(sr_conn *conn, bool *legacy);

/* Brings clients and files to it, inside the caller's transaction, with foreign keys off. */
sr_status sr_legacy_rebuild(sr_conn *conn, const sr_migration_source *core);

/* ---- Parts of a CREATE TABLE text (clauses.c) ---- */

/* A column's definition or a constraint of the table. */
typedef struct sr_clause {
	const char *begin; /* Its first word, after blanks and comments. */
	const char *end;   /* The comma or parenthesis after it. */
	bool constraint;
} sr_clause;

/* The next clause of a text, the first one after a zeroed one; false where there is none. */
bool sr_clause_next(const char *sql, sr_clause *clause);
bool sr_clause_defines(const sr_clause *clause, const char *column);

/* The word, from there on, where it is no name and in no parentheses. */
bool sr_clause_word(const sr_clause *clause, const char *from, const char *word, sr_text *found);

/* Whether the first parentheses of a constraint hold that column and no other. */
bool sr_clause_is_of(const sr_clause *clause, const char *column);

/* Past blanks and comments; and the word that stands there, in its quotes if it has any, empty
 * where none does. */
const char *sr_sql_blanks_end(const char *sql);
sr_text sr_sql_word_after(const char *sql);

/* Whether a word is that one of SQL's own, in any case. */
bool sr_sql_is(sr_text word, const char *keyword);

/* Whether a word, perhaps quoted, is that name, in any case. */
bool sr_sql_names(sr_text word, const char *name);

/* Adds ", " and the column's definition in the text's words; false where it has none. */
bool sr_clause_column(const char *sql, const char *column, sr_buffer *out);

/* Adds ", " and each constraint of the table, but its primary key, that names one of the
 * columns. */
void sr_clause_constraints(const char *sql, const sr_names *columns, sr_buffer *out);

/* ---- The key of files (files_key.c, files_key_text.c) ---- */

/* Hooks of migrations, inside their transaction: `files` gets RowKey, the number of the row, as
 * its last column and its key, and ID is merely unique; and back. No row is written again on the
 * way up where the text of ID is the seed's. */
sr_status sr_files_key_add(sr_conn *conn);
sr_status sr_files_key_remove(sr_conn *conn);

/* Another: SR_REFUSED while AES keys are wrapped (keys.c). */
sr_status sr_keys_all_plain(sr_conn *conn);

/* The text of files with the key, from one where RowKey is a plain column, and back. *same says
 * that rows and indexes are stored the same under both. */
sr_status sr_files_key_text(const char *sql, sr_buffer *out, bool *same);
sr_status sr_files_keyless_text(const char *sql, sr_buffer *out, bool *same);

/* The text of a table whose "REFERENCES files" means the primary key, naming ID. */
sr_status sr_files_child_text(const char *sql, sr_buffer *out);

/* ---- Names that a migration needs (clash.c) ---- */

/* SR_EXISTS where something else has a name that `now` has and `before` had not. */
sr_status sr_schema_clash(sr_conn *conn, const sr_schema_object *before,
			  const sr_schema_object *now);

/* ---- What going down loses (loss.c) ---- */

/* Adds "table T: n rows" and "column T.C: n rows" for each that the step down from source to
 * before drops. */
sr_status sr_loss_describe(sr_conn *conn, const sr_migration_source *source,
			   const sr_schema_object *before, sr_buffer *words);

/* ---- Users' own views, triggers and indexes, set aside (extras.c) ---- */

typedef struct sr_extra {
	char *type;
	char *name;
	char *table;
	char *sql;
	bool broken; /* Did not work before either. */
} sr_extra;

typedef struct sr_extras {
	sr_extra *list;
	size_t count;
} sr_extras;

/* Takes away all views and all triggers and indexes that are not in `known`, remembering
 * their texts. Indexes only where the text names one of the columns (NULL: all of them). */
sr_status sr_extras_take(sr_conn *conn, const sr_schema_object *known, const sr_names *columns,
			 sr_extras *extras);

/* Puts them back. What no longer works is left out: named in lost. Views always return. */
sr_status sr_extras_restore(sr_conn *conn, sr_extras *extras, sr_buffer *lost);
void sr_extras_free(sr_extras *extras);

/* Whether the table can be written, with every trigger on it; triggers are off, and stay off. */
sr_status sr_table_works(sr_conn *conn, const char *table, bool *works);

/* ---- Backups (backup.c) ---- */

/* A verified copy beside the database; path receives its name. */
sr_status sr_backup_make(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg);

/* Takes a backup away again that turned out not to be needed. */
void sr_backup_forget(sr_conn *conn, const char *path);

/* Removes the older ones that sr_backup_make made, but for the last five. Not before it is sure
 * that the new one is kept: else trying five times in vain would remove all that matter. */
void sr_backup_cut(sr_conn *conn);

#endif
