/* What a caller's statement is, without running it. */
#include <stdlib.h>
#include <string.h>

#include "querier.h"
#include "rows.h"

/* What callers get, and the memory behind it. */
typedef struct description {
	sr_description description; /* First, so that its address is this one's. */
	char *subject;
	char **parameters;
	char **columns;
} description;

static sr_status name_parameters(const sr_stmt *stmt, size_t count, char ***out)
{
	char **names = calloc(count + 1, sizeof(*names));

	*out = NULL;
	if (names == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++) {
		const char *name = sr_stmt_parameter(stmt, (int)i + 1);

		if (name != NULL && (names[i] = strdup(name)) == NULL) {
			sr_free_names(names, count);
			return sr_fail_memory();
		}
	}
	*out = names;
	return SR_OK;
}

static sr_status name_subject(const sr_stmt *stmt, description *found)
{
	bool named = found->description.kind == SR_STATEMENT_PRAGMA ||
		     found->description.kind >= SR_STATEMENT_SAVEPOINT;

	if (!named)
		return SR_OK;
	if (sr_stmt_subject(stmt) == NULL || !(found->subject = strdup(sr_stmt_subject(stmt))))
		return sr_fail_memory();
	found->description.subject = found->subject;
	return SR_OK;
}

static sr_status take(const sr_stmt *stmt, description *found)
{
	sr_description *shown = &found->description;
	sr_status rc;

	shown->kind = sr_stmt_kind(stmt);
	shown->inserts = sr_stmt_inserts(stmt);
	shown->parameters = (size_t)sr_stmt_parameters(stmt);
	shown->columns = (size_t)sr_columns(stmt);
	if ((rc = name_subject(stmt, found)) != SR_OK ||
	    (rc = name_parameters(stmt, shown->parameters, &found->parameters)) != SR_OK ||
	    (rc = sr_name_columns(stmt, shown->columns, &found->columns)) != SR_OK)
		return rc;
	shown->parameter = (const char *const *)found->parameters;
	shown->column = (const char *const *)found->columns;
	return SR_OK;
}

/* In a snapshot, so that the connection knows the tables as they are now. */
static sr_status look(sr_conn *conn, const char *sql, description *found)
{
	bool inside = sr_conn_in_transaction(conn);
	sr_stmt *stmt = NULL;
	sr_status rc = SR_OK;

	if (!inside && (rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	if ((rc = sr_examine(conn, sql, &stmt)) == SR_OK && stmt != NULL)
		rc = take(stmt, found);
	sr_stmt_discard(stmt);
	if (!inside)
		sr_conn_rollback(conn);
	return rc;
}

static sr_status look_with_reader(sr_catalog *catalog, const char *sql, description *found)
{
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pool_read(catalog->pool, "sr_describe", &conn)) != SR_OK)
		return rc;
	rc = look(conn, sql, found);
	sr_pool_release(catalog->pool, conn);
	return rc;
}

static sr_status look_with_lease(sr_catalog *catalog, const char *sql, description *found)
{
	sr_querier *querier;
	sr_status rc;

	if ((rc = sr_catalog_check_process(catalog)) != SR_OK ||
	    (rc = sr_querier_take(catalog, &querier)) != SR_OK)
		return rc;
	rc = look(querier->conn, sql, found);
	sr_querier_give(catalog, querier);
	return rc;
}

static sr_status describe(sr_catalog *catalog, bool leased, const char *sql, sr_description **out)
{
	description *found;
	sr_status rc;

	*out = NULL;
	if (sql == NULL)
		return sr_sql_given(sql);
	if ((found = calloc(1, sizeof(*found))) == NULL)
		return sr_fail_memory();
	sr_catalog_keep(catalog);
	rc = (leased ? look_with_lease : look_with_reader)(catalog, sql, found);
	sr_catalog_let_go(catalog);
	if (rc != SR_OK)
		sr_description_free(&found->description);
	else
		*out = &found->description;
	return rc;
}

sr_status sr_describe(sr_catalog *catalog, const char *sql, sr_description **out)
{
	return sr_return(describe(catalog, false, sql, out));
}

sr_status sr_lease_describe(sr_lease *lease, const char *sql, sr_description **out)
{
	return sr_return(describe(sr_lease_catalog(lease), true, sql, out));
}

void sr_description_free(sr_description *out)
{
	description *found = (description *)out;

	if (found == NULL)
		return;
	sr_free_names(found->parameters, found->description.parameters);
	sr_free_names(found->columns, found->description.columns);
	free(found->subject);
	free(found);
}
