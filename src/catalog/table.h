/* Rows in memory: sr_table while it is filled. */
#ifndef SR_TABLE_H
#define SR_TABLE_H

#include "catalog.h"

/* An empty table with the columns of the statement, none for NULL. sr_table_free. */
sr_status sr_table_new(const sr_stmt *stmt, sr_table **table);

/* Adds a copy of the statement's current row. */
sr_status sr_table_add(sr_table *table, sr_stmt *stmt);

#endif
