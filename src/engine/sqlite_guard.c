/* What a statement may do: SQLite's authorizer, in the words of engine.h. */
#include "sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int by_name(const void *a, const void *b)
{
	return strcasecmp(a, *(const char *const *)b);
}

static bool listed(const char *name, const char *const *list, size_t count)
{
	return name && bsearch(name, list, count, sizeof(*list), by_name);
}

#define LISTED(name, list) listed(name, list, sizeof(list) / sizeof((list)[0]))

/* Pragmas that tell something and change nothing, whatever their argument. Sorted. */
static const char *const telling[] = {
	"collation_list",   "compile_options", "database_list", "foreign_key_check",
	"foreign_key_list", "function_list",   "index_info",    "index_list",
	"index_xinfo",      "integrity_check", "module_list",   "pragma_list",
	"quick_check",      "table_info",      "table_list",    "table_xinfo",
};

/* Pragmas that tell something as long as they are given no argument. Sorted. */
static const char *const asking[] = {
	"application_id",     "auto_vacuum",     "automatic_index",    "busy_timeout",
	"cache_size",         "cache_spill",     "cell_size_check",    "data_version",
	"defer_foreign_keys", "encoding",        "foreign_keys",       "freelist_count",
	"fullfsync",          "hard_heap_limit", "journal_mode",       "journal_size_limit",
	"locking_mode",       "max_page_count",  "mmap_size",          "page_count",
	"page_size",          "query_only",      "read_uncommitted",   "recursive_triggers",
	"schema_version",     "secure_delete",   "synchronous",        "temp_store",
	"trusted_schema",     "user_version",    "wal_autocheckpoint", "writable_schema",
};

/* Functions that compute something from their arguments alone. Sorted. */
static const char *const computing[] = {
	"abs",
	"acos",
	"acosh",
	"asin",
	"asinh",
	"atan",
	"atan2",
	"atanh",
	"avg",
	"ceil",
	"ceiling",
	"changes",
	"char",
	"coalesce",
	"concat",
	"concat_ws",
	"cos",
	"cosh",
	"count",
	"cume_dist",
	"current_date",
	"current_time",
	"current_timestamp",
	"date",
	"datetime",
	"degrees",
	"dense_rank",
	"exp",
	"first_value",
	"floor",
	"format",
	"glob",
	"group_concat",
	"hex",
	"ifnull",
	"iif",
	"instr",
	"json",
	"json_array",
	"json_array_length",
	"json_extract",
	"json_group_array",
	"json_group_object",
	"json_insert",
	"json_object",
	"json_patch",
	"json_quote",
	"json_remove",
	"json_replace",
	"json_set",
	"json_type",
	"json_valid",
	"julianday",
	"lag",
	"last_insert_rowid",
	"last_value",
	"lead",
	"length",
	"like",
	"likelihood",
	"likely",
	"ln",
	"log",
	"log10",
	"log2",
	"lower",
	"ltrim",
	"max",
	"min",
	"mod",
	"nth_value",
	"ntile",
	"nullif",
	"octet_length",
	"percent_rank",
	"pi",
	"pow",
	"power",
	"printf",
	"quote",
	"radians",
	"random",
	"randomblob",
	"rank",
	"replace",
	"round",
	"row_number",
	"rtrim",
	"sign",
	"sin",
	"sinh",
	"soundex",
	"sqlite_source_id",
	"sqlite_version",
	"sqrt",
	"strftime",
	"string_agg",
	"substr",
	"substring",
	"sum",
	"tan",
	"tanh",
	"time",
	"timediff",
	"total",
	"total_changes",
	"trim",
	"trunc",
	"typeof",
	"unhex",
	"unicode",
	"unixepoch",
	"unlikely",
	"upper",
	"zeroblob",
};

/* Pragmas whose change would break what every connection relies on; the log is emptied by
 * sr_conn_checkpoint, in the one order that loses nothing. Sorted. */
static const char *const engines_own[] = {
	"journal_mode", "locking_mode", "mmap_size", "query_only", "wal_autocheckpoint",
};

bool sr_pragma_tells(const char *name, const char *argument)
{
	return LISTED(name, telling) || (argument == NULL && LISTED(name, asking));
}

/* ---- Translation ---- */

typedef struct asked {
	sr_action action;
	const char *first;
	const char *second;
} asked;

static asked asked_ddl(int code, const char *first)
{
	switch (code) {
	case SQLITE_CREATE_INDEX:
		return (asked){SR_ACTION_CREATE, "index", first};
	case SQLITE_CREATE_TABLE:
		return (asked){SR_ACTION_CREATE, "table", first};
	case SQLITE_CREATE_TRIGGER:
		return (asked){SR_ACTION_CREATE, "trigger", first};
	case SQLITE_CREATE_VIEW:
		return (asked){SR_ACTION_CREATE, "view", first};
	case SQLITE_DROP_INDEX:
		return (asked){SR_ACTION_DROP, "index", first};
	case SQLITE_DROP_TABLE:
		return (asked){SR_ACTION_DROP, "table", first};
	case SQLITE_DROP_TRIGGER:
		return (asked){SR_ACTION_DROP, "trigger", first};
	case SQLITE_DROP_VIEW:
		return (asked){SR_ACTION_DROP, "view", first};
	case SQLITE_CREATE_VTABLE:
	case SQLITE_DROP_VTABLE:
		return (asked){SR_ACTION_OTHER, "virtual table", first};
	case SQLITE_ANALYZE:
		return (asked){SR_ACTION_OTHER, "analyze", first};
	case SQLITE_REINDEX:
		return (asked){SR_ACTION_OTHER, "reindex", first};
	default:
		return (asked){SR_ACTION_OTHER, "temporary object", first};
	}
}

static asked asked_of(int code, const char *first, const char *second)
{
	switch (code) {
	case SQLITE_READ:
		return (asked){SR_ACTION_READ, first, second};
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return (asked){SR_ACTION_SELECT, NULL, NULL};
	case SQLITE_INSERT:
		return (asked){SR_ACTION_INSERT, first, NULL};
	case SQLITE_UPDATE:
		return (asked){SR_ACTION_UPDATE, first, second};
	case SQLITE_DELETE:
		return (asked){SR_ACTION_DELETE, first, NULL};
	case SQLITE_ALTER_TABLE:
		return (asked){SR_ACTION_ALTER, second, NULL};
	case SQLITE_PRAGMA:
		return (asked){SR_ACTION_PRAGMA, first, second};
	case SQLITE_FUNCTION:
		return (asked){SR_ACTION_FUNCTION, second, NULL};
	case SQLITE_TRANSACTION:
		return (asked){SR_ACTION_TRANSACTION,
			       strcmp(first, "BEGIN") == 0    ? "begin"
			       : strcmp(first, "COMMIT") == 0 ? "commit"
							      : "rollback",
			       NULL};
	case SQLITE_SAVEPOINT:
		return (asked){SR_ACTION_TRANSACTION, "savepoint", second};
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return (asked){SR_ACTION_ATTACH, first, NULL};
	default:
		return asked_ddl(code, first);
	}
}

/* ---- What it is ---- */

void sr_sqlite_guard_begin(sqlite_conn *c)
{
	c->acts = false;
	c->tells = false;
	c->refused = SR_OK;
	c->inserts = false;
	c->kind = SR_STATEMENT_NONE;
	free(c->subject);
	c->subject = NULL;
}

void sr_sqlite_guard_end(sqlite_conn *c, sqlite_stmt *s)
{
	/* SQLite takes a look at the journal's mode for a change of it. */
	s->base.reads = !c->acts && (c->tells || sqlite3_stmt_readonly(s->stmt) ||
				     sqlite3_stmt_isexplain(s->stmt));
	/* What changes something that nobody was asked about: VACUUM. */
	s->base.kind = s->base.reads                  ? SR_STATEMENT_READS
		       : c->kind == SR_STATEMENT_NONE ? SR_STATEMENT_DEFINES
						      : c->kind;
	s->base.inserts = c->inserts && s->base.kind == SR_STATEMENT_WRITES;
	s->base.subject = c->subject;
	c->subject = NULL;
}

static sr_statement_kind kind_of_transaction(const char *operation)
{
	if (strcmp(operation, "BEGIN") == 0)
		return SR_STATEMENT_BEGINS;
	return strcmp(operation, "COMMIT") == 0 ? SR_STATEMENT_COMMITS : SR_STATEMENT_ROLLS_BACK;
}

static sr_statement_kind kind_of_savepoint(const char *operation)
{
	if (strcmp(operation, "BEGIN") == 0)
		return SR_STATEMENT_SAVEPOINT;
	return strcmp(operation, "RELEASE") == 0 ? SR_STATEMENT_RELEASES
						 : SR_STATEMENT_ROLLS_BACK_TO;
}

/* Without memory it has no name; who looks at a statement finds that out. */
static void note_subject(sqlite_conn *c, const char *subject)
{
	free(c->subject);
	c->subject = subject ? strdup(subject) : NULL;
}

/* Making or dropping something also asks for rows of the schema's table. */
static void note(sqlite_conn *c, int code, const asked *a, const char *inner, const char *operation)
{
	switch (a->action) {
	case SR_ACTION_TRANSACTION:
		c->acts = true;
		c->kind = code == SQLITE_SAVEPOINT ? kind_of_savepoint(operation)
						   : kind_of_transaction(operation);
		note_subject(c, a->second);
		break;
	case SR_ACTION_PRAGMA:
		c->tells = sr_pragma_tells(a->first, a->second);
		if (c->tells)
			break;
		c->acts = true;
		c->kind = SR_STATEMENT_PRAGMA;
		note_subject(c, a->first);
		break;
	case SR_ACTION_ATTACH:
		c->acts = true;
		c->kind = SR_STATEMENT_DEFINES;
		break;
	case SR_ACTION_INSERT:
		c->inserts = c->inserts || inner == NULL;
		/* fallthrough */
	case SR_ACTION_UPDATE:
	case SR_ACTION_DELETE:
		if (c->kind == SR_STATEMENT_NONE)
			c->kind = SR_STATEMENT_WRITES;
		break;
	case SR_ACTION_CREATE:
	case SR_ACTION_DROP:
	case SR_ACTION_ALTER:
	case SR_ACTION_OTHER:
		c->kind = SR_STATEMENT_DEFINES;
		break;
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
	case SR_ACTION_FUNCTION:
		break;
	}
}

/* ---- Answers ---- */

static int refuse(sqlite_conn *c, sr_status why)
{
	c->refused = why;
	return SQLITE_DENY;
}

/* What changes a table, in words: "delete from clients". */
static sr_status fail_written(const asked *a)
{
	static const char *const verbs[] = {
		[SR_ACTION_INSERT] = "insert into ",
		[SR_ACTION_UPDATE] = "update ",
		[SR_ACTION_DELETE] = "delete from ",
		[SR_ACTION_CREATE] = "create a ",
		[SR_ACTION_DROP] = "drop the ",
		[SR_ACTION_ALTER] = "alter ",
		[SR_ACTION_OTHER] = "",
	};

	/* Whatever makes or drops something asks for this first. */
	if (strncasecmp(a->first, "sqlite_", 7) == 0)
		return sr_fail(SR_READ_ONLY,
			       "only reading is allowed here, and this would change the schema");
	return sr_fail(SR_READ_ONLY, "only reading is allowed here, and this would %s%s",
		       verbs[a->action], a->first);
}

/* For files and statements of unknown origin: nothing but what is listed. */
static sr_status ask_untrusted(const asked *a)
{
	switch (a->action) {
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
		return SR_OK;
	case SR_ACTION_FUNCTION:
		if (LISTED(a->first, computing))
			return SR_OK;
		return sr_fail(SR_REFUSED, "the function %s is not allowed here", a->first);
	case SR_ACTION_PRAGMA:
		if (sr_pragma_tells(a->first, a->second))
			return SR_OK;
		return sr_fail(SR_REFUSED, "PRAGMA %s is not allowed here", a->first);
	case SR_ACTION_TRANSACTION:
		return sr_fail(SR_REFUSED, "%s is not allowed here", a->first);
	case SR_ACTION_ATTACH:
		return sr_fail(SR_REFUSED, "ATTACH and DETACH are not allowed here");
	default:
		return fail_written(a);
	}
}

/* What no caller may have, trusted or not. */
static sr_status ask_engine(const asked *a)
{
	if (a->action != SR_ACTION_PRAGMA)
		return SR_OK;
	if (strcasecmp(a->first, "wal_checkpoint") != 0 &&
	    (a->second == NULL || !LISTED(a->first, engines_own)))
		return SR_OK;
	return sr_fail(SR_REFUSED, "PRAGMA %s is the engine's own", a->first);
}

static sr_status ask_guard(sqlite_conn *c, const asked *a, const char *inner)
{
	if (c->base.guard == NULL)
		return SR_OK;
	sr_error_set("");
	if (c->base.guard(c->base.guard_arg, a->action, a->first, a->second, inner))
		return SR_OK;
	if (sr_error_message()[0] == '\0')
		sr_fail(SR_REFUSED, "the statement is refused");
	return SR_REFUSED;
}

static bool is_hidden(const sqlite_conn *c, const asked *a)
{
	return c->hidden_column != NULL && a->action == SR_ACTION_READ && a->second != NULL &&
	       strcasecmp(a->first, c->hidden_table) == 0 &&
	       strcasecmp(a->second, c->hidden_column) == 0;
}

int sr_sqlite_authorize(void *arg, int code, const char *first, const char *second,
			const char *database, const char *inner)
{
	sqlite_conn *c = arg;
	sr_status rc;
	asked a;

	(void)database;
	if (c->own)
		return SQLITE_OK;
	a = asked_of(code, first, second);
	note(c, code, &a, inner, first);
	/* A pragma that is ignored is a statement that does nothing. */
	if (c->base.examining)
		return a.action == SR_ACTION_PRAGMA && c->acts ? SQLITE_IGNORE : SQLITE_OK;
	if ((rc = ask_engine(&a)) != SR_OK || (c->untrusted && (rc = ask_untrusted(&a)) != SR_OK) ||
	    (rc = ask_guard(c, &a, inner)) != SR_OK)
		return refuse(c, rc);
	/* Ignoring a column means a null in its place, wherever the statement names it. */
	return is_hidden(c, &a) ? SQLITE_IGNORE : SQLITE_OK;
}

void sr_sqlite_guard_changed(sr_conn *conn)
{
	/* Setting it again makes SQLite prepare, and ask, anew what is still in use. */
	sqlite3_set_authorizer(sqlite_of(conn)->db, sr_sqlite_authorize, sqlite_of(conn));
}
