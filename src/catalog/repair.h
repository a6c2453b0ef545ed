/*
 * A repair between its plan and its end, for the files repair*.c. A mend is a step with what it
 * needs to be done: which rows, or which statement.
 */
#ifndef SR_REPAIR_H
#define SR_REPAIR_H

#include "catalog.h"

typedef enum sr_mending {
	SR_MEND_TABLE,        /* Make a table that is missing, with the rows that it comes with. */
	SR_MEND_OBJECT,       /* Make an index or trigger as the schema has it. */
	SR_MEND_INDEX,        /* Build an index anew. */
	SR_MEND_SEARCH,       /* Empty the search index, which is then built from the files. */
	SR_MEND_ORPHANS,      /* Move rows aside. */
	SR_MEND_LOST_PARENTS, /* Versions whose parent is not there, */
	SR_MEND_PARENTS,      /* or is of another file: they come from none then. */
	SR_MEND_USAGE,        /* Count anew. */
	SR_MEND_TOTALS,       /* All of them at once. */
	SR_MEND_QUOTAS,
	SR_MEND_LINKS,     /* Make current, active and count of versions agree. */
	SR_MEND_DIFFERING, /* Let the history know what the file is. */
} sr_mending;

typedef struct sr_mend {
	sr_mending how;
	char *table;    /* Where the rows are; of the first four the object's name. */
	char *sql;      /* Of the first two, else NULL. */
	sr_value *keys; /* Rows by number, clients by id; each text is memory of its own. */
	size_t count;
	size_t capacity;
} sr_mend;

typedef struct sr_mends {
	sr_mend *list;
	size_t count;
	char *damage; /* The engine's words for what cannot be mended, or NULL. */
} sr_mends;

/* Adds one without keys. *mend is good until the next is added. */
sr_status sr_mends_add(sr_mends *mends, sr_mending how, const char *table, const char *sql,
		       sr_mend **mend);
sr_status sr_mend_add_key(sr_mend *mend, const sr_value *key);
void sr_mends_free(sr_mends *mends);

/* repair_plan.c: what is wrong now. Objects and indexes first: what they say is relied on by the
 * questions about rows, which are not asked of tables that are missing. */
sr_status sr_mends_find_objects(sr_conn *conn, sr_watch_fn stop, void *arg, sr_mends *mends);
sr_status sr_mends_find_rows(sr_conn *conn, sr_mends *mends);

/* repair_mend.c: does one, inside a savepoint of the caller's; *done counts rows. */
sr_status sr_mend_do(sr_conn *conn, const sr_mend *mend, const char *now, int64_t *done);

#endif
