/*
 * Many rows that a caller's statement inserts into `files`: without triggers, as bulk.h says.
 *
 * That is for statements of one form, INSERT [OR …] INTO files (columns) VALUES (?, …), and for
 * rows that are new and of the types that the triggers expect. Where one is not, the caller rolls
 * back and runs the statement as it stands. There is no savepoint for that: one that lasts makes
 * each statement that may have to undo something go through all that the savepoint has kept so far,
 * and 10,000 rows then take 30 times as long. For the same reason the conflict clause is left out:
 * a row that it would do something for fails here, and is no new one.
 */
#ifndef SR_INSERT_MANY_H
#define SR_INSERT_MANY_H

#include "catalog.h"

/* A statement, and rows × columns values. */
typedef struct sr_insert_many {
	const char *sql;
	const sr_value *values;
	size_t rows;
	size_t columns;
} sr_insert_many;

typedef enum sr_inserted {
	SR_INSERTED_ALL,
	SR_INSERTED_NOT_TRIED, /* And nothing was written. */
	SR_INSERTED_UNFIT,     /* A row is not such a one, or failed: to be rolled back. */
} sr_inserted;

/* Inside a transaction, with the guard on. *executed is added to where all was inserted; where
 * not, the statement is to be run as it stands. */
sr_status sr_insert_many_try(sr_conn *conn, const sr_insert_many *job, sr_executed *executed,
			     sr_inserted *inserted);

#endif
