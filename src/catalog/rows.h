/* What the files of callers' own SQL share. */
#ifndef SR_ROWS_H
#define SR_ROWS_H

#include "catalog.h"

/* SR_INVALID unless the text holds something. */
sr_status sr_sql_given(const char *sql);

/* Binds the values in order; SR_INVALID unless the statement takes so many. */
sr_status sr_sql_bind(sr_stmt *stmt, const sr_value *values, size_t count);

/* The names of a statement's columns, `count` of them, owned: sr_free_names. */
sr_status sr_name_columns(const sr_stmt *stmt, size_t count, char ***names);
void sr_free_names(char **names, size_t count); /* NULL is fine, as each name is. */

/* Once it was stepped: the engine prepares a statement anew where somebody has changed a table
 * since, and its columns may be others then. */
sr_status sr_same_columns(const sr_stmt *stmt, size_t count);

/* Whose reader it holds: transaction.c. */
sr_catalog *sr_lease_catalog(const sr_lease *lease);

/* The statement behind a query that has just been opened. */
sr_stmt *sr_rows_statement(sr_rows *rows);

#endif
