/* What the files of a salvage share: salvage.c, salvage_schema.c, salvage_version.c,
 * salvage_rows.c, salvage_adrift.c.
 */
#ifndef SR_SALVAGE_H
#define SR_SALVAGE_H

#include "../engine/pages.h"
#include "schema.h"

/* A column as rows hold it. */
typedef struct salvage_column {
	char *name;
	char affinity; /* 'i' integer, 't' text, 'b' blob, 'r' real, 'n' numeric, or 0: any. */
	int length;    /* "BLOB(16)": 16; 0: any. */
	bool key;      /* The row's number: stored as null. */
	bool required; /* Not null and without a default: every row has it. */
	bool computed; /* Stored, and not to be inserted. */
	bool is_time;  /* By its name. */
	bool is_ours;  /* And always one that can be read. */
} salvage_column;

/* Row numbers that indexes of the table know. */
typedef struct salvage_live {
	int64_t *numbers; /* Sorted. */
	size_t count;
	size_t room;
	bool known; /* An index was whole, so that these are all. */
} salvage_live;

typedef struct salvage_table {
	char *name;
	int64_t root; /* Its first page; 0: not known. */
	bool keyed;   /* WITHOUT ROWID. */
	bool made;    /* What it holds is made anew from the others. */
	salvage_column *columns;
	size_t column_count;
	const char *number_name; /* Names the row's number in SQL, a column that is it, if there is
				    one; NULL: all such names are taken. */

	bool walked;     /* From its first page, if that is known. */
	sr_stmt *insert; /* For rows of insert_count values. */
	size_t insert_count;
	sr_pages_walk walk;
	salvage_live live;
	int64_t saved;
	int64_t adrift; /* Of saved: from pages that nothing leads to. */
	int64_t refused;
	int64_t lost;
	bool exact; /* lost is. */
	int64_t orphans;
} salvage_table;

/* A row of the schema table. */
typedef struct salvage_object {
	char *type;
	char *name;
	char *table;
	char *sql; /* NULL for what a table makes by itself. */
	int64_t root;
	bool whole; /* An index with an entry for every row. */
} salvage_object;

typedef struct salvage {
	sr_pages *pages;
	sr_conn *conn; /* The new catalog. */
	const sr_salvage_options *options;
	salvage_object *objects;
	size_t object_count;
	bool schema_damaged;
	salvage_table *tables;
	size_t table_count;
	sr_names indexes;     /* Of the new one, set aside until the rows are there, */
	sr_names index_texts; /* and their texts. */
	sr_names notes;
	int version;        /* What the damaged one was at. */
	int64_t in_batch;   /* Rows since the last commit. */
	salvage_table *now; /* Whose rows are being read. */
	bool from_adrift;
} salvage;

/* salvage_schema.c */

/* Reads the schema's own rows, and makes in the new one what they say. */
sr_status sr_salvage_schema(salvage *s);
sr_status sr_salvage_tables_describe(salvage *s);
/* Makes what a text says, and nothing else; one that cannot be made is noted. */
sr_status sr_salvage_object_make(salvage *s, const char *type, const char *name, const char *sql);
void sr_salvage_schema_free(salvage *s);
void sr_salvage_note(salvage *s, const char *fmt, ...) SR_PRINTF(2, 3);

/* salvage_version.c */

/* Once the ledger's rows are there: tells the version, and makes what is lacking. */
sr_status sr_salvage_complete(salvage *s);
/* Takes numbers of versions out of the ledger that no program wrote there. */
sr_status sr_salvage_ledger_strays(salvage *s, bool *any);
/* An sr_pages_row_fn whose arg is an int64_t *: the highest version that a ledger's rows tell. */
sr_status sr_salvage_ledger_row(void *arg, int64_t number, const sr_value *values, size_t count);

/* salvage_rows.c */

/* An sr_pages_row_fn: one row into the table s->now. */
sr_status sr_salvage_row(void *arg, int64_t number, const sr_value *values, size_t count);
/* The same: a row of sqlite_sequence, the numbers that were given. */
sr_status sr_salvage_sequence(void *arg, int64_t number, const sr_value *values, size_t count);
/* The ledger's rows, before all others. */
sr_status sr_salvage_ledger(salvage *s);
/* Every other table that has a first page, without indexes; and what those of the damaged know. */
sr_status sr_salvage_rows(salvage *s);
/* Makes the indexes, once the rows are there. */
sr_status sr_salvage_indexes(salvage *s);
void sr_salvage_tables_free(salvage *s);
bool sr_salvage_is_damaged(const salvage_table *t);
/* In the end: fills lost and exact. */
sr_status sr_salvage_count_lost(salvage *s, salvage_table *t);
bool sr_salvage_is_live(const salvage_live *live, int64_t number);

/* salvage_adrift.c */

/* Pages that nothing leads to: gives each to the table whose rows it can only hold. */
sr_status sr_salvage_adrift(salvage *s);

#endif
