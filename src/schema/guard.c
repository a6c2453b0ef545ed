/*
 * What SQL may do, decided by what the engine is asked to do and not by its text.
 *
 * A migration may read, insert, update, create and alter. What takes something away, its
 * header declares: "-- Allows: drop table NAME, drop index, delete NAME". Core tables
 * are not dropped or emptied even so unless DANGEROUS_OPERATIONS_BLOCKED is off. Attaching,
 * pragmas, transactions, virtual and temporary objects are no migration's business.
 */
#include "schema.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const core_tables[] = {
	"clients", "files", "metrics_history", "database_migrations", "own_migrations", NULL};

static bool is_engines_own(const char *name)
{
	return name && strncasecmp(name, "sqlite_", 7) == 0;
}

static bool is_ours(const char *name)
{
	const sr_schema_object *schema = sr_migration_sources[sr_migration_count - 1].schema;

	if (name == NULL)
		return false;
	if (sr_list_has(core_tables, name))
		return true;
	for (; schema->type; schema++)
		if (strcasecmp(schema->name, name) == 0)
			return true;
	return false;
}

/* Who runs a caller's own SQL, for the message. */
static const char statement[] = "The statement";

static bool refuse(const char *who, const char *what, const char *name)
{
	const char *cure = who == statement ? "DANGEROUS_OPERATIONS_BLOCKED stands in the way"
					    : "review its SQL";

	sr_fail(SR_REFUSED, "%s contains potentially dangerous operations: %s%s%s; %s", who, what,
		name ? " " : "", name ? name : "", cure);
	return false;
}

/* "drop table" of "files": declared as such, or with the name. */
static bool declared(const sr_guard *guard, const char *what, const char *name)
{
	char whole[256];

	if (sr_list_has(guard->allows, what))
		return true;
	snprintf(whole, sizeof(whole), "%s %s", what, name ? name : "");
	return sr_list_has(guard->allows, whole);
}

static bool may_drop(const sr_guard *guard, const char *kind, const char *name)
{
	char what[64];

	snprintf(what, sizeof(what), "drop %s", kind ? kind : "");
	if (!declared(guard, what, name) || (guard->block && kind && strcmp(kind, "table") == 0 &&
					     sr_list_has(core_tables, name ? name : "")))
		return refuse(guard->who, what, name);
	return true;
}

static bool may_delete(const sr_guard *guard, const char *table)
{
	if (is_engines_own(table))
		return true;
	/* Dropping a table asks for this as well. */
	if (!declared(guard, "delete", table) && !declared(guard, "drop table", table))
		return refuse(guard->who, "delete from", table);
	if (guard->block && sr_list_has(core_tables, table ? table : ""))
		return refuse(guard->who, "delete from", table);
	return true;
}

static bool may_call(const char *who, const char *function)
{
	static const char *const harmful[] = {"load_extension", "fts3_tokenizer", NULL};

	if (function && sr_list_has(harmful, function))
		return refuse(who, "the function", function);
	return true;
}

/* The ledgers are written by nobody but ledger.c and own_ledger.c. */
static bool may_write(const char *who, const char *table)
{
	if (table && sr_is_ledger(table))
		return refuse(who, "write the ledger", table);
	return true;
}

bool sr_guard_migration(void *arg, sr_action action, const char *first, const char *second,
			const char *inner)
{
	const sr_guard *guard = arg;

	(void)inner;
	switch (action) {
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
	case SR_ACTION_CREATE:
	case SR_ACTION_ALTER:
		return true;
	case SR_ACTION_INSERT:
	case SR_ACTION_UPDATE:
		return may_write(guard->who, first);
	case SR_ACTION_DELETE:
		return may_delete(guard, first);
	case SR_ACTION_DROP:
		return may_drop(guard, first, second);
	case SR_ACTION_FUNCTION:
		return may_call(guard->who, first);
	case SR_ACTION_PRAGMA:
		return refuse(guard->who, "pragma", first);
	case SR_ACTION_TRANSACTION:
		return refuse(guard->who, "transaction control", first);
	case SR_ACTION_ATTACH:
		return refuse(guard->who, "attach", first);
	case SR_ACTION_OTHER:
		/* Building an index asks for this. */
		if (first && strcmp(first, "reindex") == 0)
			return true;
		break;
	}
	return refuse(guard->who, first ? first : "an unknown operation", second);
}

/* Pragmas that only tell something, as long as they have no argument, or a table's name. */
static bool may_ask(const char *pragma, const char *argument)
{
	static const char *const names[] = {"table_info",       "table_xinfo",       "table_list",
					    "index_list",       "index_info",        "index_xinfo",
					    "foreign_key_list", "foreign_key_check", NULL};
	static const char *const plain[] = {"schema_version",  "user_version",
					    "page_count",      "page_size",
					    "freelist_count",  "data_version",
					    "application_id",  "encoding",
					    "compile_options", "function_list",
					    "collation_list",  "journal_mode",
					    "foreign_keys",    NULL};

	return sr_list_has(names, pragma ? pragma : "") ||
	       (argument == NULL && sr_list_has(plain, pragma ? pragma : ""));
}

/* A trigger of this program's on its own tables does what it has to. */
static bool is_our_trigger(const char *inner)
{
	const sr_schema_object *schema = sr_migration_sources[sr_migration_count - 1].schema;

	return inner != NULL && sr_schema_find(schema, "trigger", inner) != NULL;
}

static bool note(sr_guard *guard, const char *table)
{
	if (table != NULL && !is_engines_own(table) && guard->status == SR_OK &&
	    !sr_names_have(guard->touched, table))
		guard->status = sr_names_add(guard->touched, table);
	return true;
}

static bool may_take_away(const sr_guard *guard, const char *what, const char *name)
{
	if (name != NULL && (sr_is_ledger(name) || (guard->block && is_ours(name))))
		return refuse(guard->who, what, name);
	return true;
}

static bool own_writes(sr_guard *guard, sr_action action, const char *first, const char *second)
{
	char what[64];

	switch (action) {
	case SR_ACTION_DELETE:
		if (!may_take_away(guard, "delete from", first))
			return false;
		return note(guard, first);
	case SR_ACTION_DROP:
		snprintf(what, sizeof(what), "drop %s", first ? first : "");
		if (!may_take_away(guard, what, second))
			return false;
		return note(guard, second);
	default:
		return may_write(guard->who, first) && note(guard, first);
	}
}

bool sr_guard_own(void *arg, sr_action action, const char *first, const char *second,
		  const char *inner)
{
	sr_guard *guard = arg;

	switch (action) {
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
	case SR_ACTION_CREATE:
		return true;
	case SR_ACTION_INSERT:
	case SR_ACTION_UPDATE:
	case SR_ACTION_DELETE:
	case SR_ACTION_DROP:
	case SR_ACTION_ALTER:
		return is_our_trigger(inner) ? note(guard, first)
					     : own_writes(guard, action, first, second);
	case SR_ACTION_FUNCTION:
		return may_call(guard->who, first);
	case SR_ACTION_PRAGMA:
		return may_ask(first, second) || refuse(guard->who, "pragma", first);
	case SR_ACTION_TRANSACTION:
		return refuse(guard->who, "transaction control", first);
	case SR_ACTION_ATTACH:
		return refuse(guard->who, "attach", first);
	case SR_ACTION_OTHER:
		if (first && (strcmp(first, "reindex") == 0 || strcmp(first, "analyze") == 0))
			return true;
		break;
	}
	return refuse(guard->who, first ? first : "an unknown operation", second);
}

bool sr_schema_guard(void *arg, sr_action action, const char *first, const char *second,
		     const char *inner)
{
	const char *who = statement;

	(void)arg;
	(void)inner;
	switch (action) {
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
	case SR_ACTION_CREATE:
		return true;
	case SR_ACTION_INSERT:
	case SR_ACTION_UPDATE:
	case SR_ACTION_DELETE:
		return may_write(who, first);
	case SR_ACTION_ALTER:
		if (is_ours(first))
			return refuse(who, "alter", first);
		return true;
	case SR_ACTION_DROP:
		if (is_ours(second))
			return refuse(who, "drop", second);
		return true;
	case SR_ACTION_FUNCTION:
		return may_call(who, first);
	case SR_ACTION_PRAGMA:
		return may_ask(first, second) || refuse(who, "pragma", first);
	case SR_ACTION_TRANSACTION:
		return refuse(who, "transaction control", first);
	case SR_ACTION_ATTACH:
		return refuse(who, "attach", first);
	case SR_ACTION_OTHER:
		if (first && (strcmp(first, "reindex") == 0 || strcmp(first, "analyze") == 0))
			return true;
		break;
	}
	return refuse(who, first ? first : "an unknown operation", second);
}

sr_status sr_schema_core_filled(sr_conn *conn, unsigned *filled)
{
	static const char *const some[] = {
		"SELECT EXISTS (SELECT 1 FROM clients)",
		"SELECT EXISTS (SELECT 1 FROM files)",
	};
	sr_status rc = SR_OK;

	*filled = 0;
	for (unsigned i = 0; i < 2 && rc == SR_OK; i++) {
		int64_t is;

		rc = sr_query_integer(conn, some[i], &is);
		if (rc == SR_OK && is)
			*filled |= 1u << i;
		/* What is not there is not filled; asking for that takes longer than all of this.
		 */
		if (rc == SR_SQL)
			rc = SR_OK;
	}
	return rc;
}
