/*
 * A check-up at work, for the files health_*.c: each has checks, functions that look at one thing
 * and add findings. health.c has their table and runs them, each in a snapshot of its own.
 *
 * A check returns SR_OK whatever it finds. Where it fails because of the database (it is damaged,
 * a table is not there), that is a finding too, which health.c adds.
 */
#ifndef SR_HEALTH_H
#define SR_HEALTH_H

#include "catalog.h"

/* Of how many things of a kind the names are told. */
#define SR_HEALTH_EXAMPLES 3

/* What is large, long or old. */
typedef struct sr_health_limits {
	int64_t whole_bytes;  /* Of a database of which a quick check-up reads every page. */
	int64_t whole_rows;   /* Of a table, likewise, in a database that is larger. */
	int64_t pass_rows;    /* Of files that are counted in one pass, */
	int64_t recount_rows; /* and of those that are counted by everything there is. */
	int64_t behind_rows;  /* Of files that every search reads one by one. */
	int64_t log_bytes;
	double reader_seconds;
	double part_seconds; /* After which a copy of nobody we know is unfinished. */
} sr_health_limits;

typedef struct sr_checkup {
	sr_catalog *catalog;
	const sr_health_limits *limits;
	sr_health_options options; /* Complete and sensible. */
	sr_reading reading;        /* Of the check that runs. */
	sr_conn *conn;             /* reading's. */
	sr_health *health;         /* What is being filled in. */
	sr_finding *findings;      /* health's, while they may grow. */
	int64_t done;              /* For options.progress: parts or files. */
	int64_t total;
	int64_t told;      /* sr_clock_ns() when progress was called last. */
	int64_t deadline;  /* sr_clock_ns() at which the check must end; 0: none. */
	bool late;         /* It came. */
	bool cancelled;    /* progress said so. */
	sr_status trouble; /* No memory for a finding; told at the end of the check. */
} sr_checkup;

/* Adds a finding; the words of its meaning follow. subject (may be null) is any bytes, cure is
 * copied and may be NULL. */
void sr_finding_add(sr_checkup *c, sr_severity severity, const char *code, sr_text subject,
		    int64_t count, const char *cure, const char *fmt, ...) SR_PRINTF(7, 8);

/* sr_health_check with limits of the caller's; NULL: its own. */
sr_status sr_health_run(sr_catalog *catalog, const sr_health_options *options,
			const sr_health_limits *limits, sr_health **health);

/* Adds a copy of the text to one of health's lists. */
void sr_words_add(sr_checkup *c, const char *const **list, size_t *count, const char *text);

/* How damage is mended, and what a repair mends, at this database's version. */
#define SR_CURE_DAMAGE "restore a backup, or read what can be read: strongroom salvage DAMAGED NEW"
const char *sr_cure_repair(const sr_checkup *c);

/* Tells what was not looked at. */
void sr_unseen_add(sr_checkup *c, const char *fmt, ...) SR_PRINTF(2, 3);

/* Whether the check must end now: its time is over, or the caller cancels. Statements ask by
 * themselves, and then fail with SR_INTERRUPTED; other loops ask here. */
bool sr_checkup_stop(sr_checkup *c);

/* Whether the table, or with a column that column of it, is there. */
sr_status sr_checkup_has(sr_checkup *c, const char *table, const char *column, bool *has);

/* Things of one kind, counted, the first few by name: "a, b, c and 4 more". */
typedef struct sr_tally {
	int64_t count;
	sr_buffer names;
} sr_tally;

#define SR_TALLY_EMPTY                                                                             \
	{                                                                                          \
		0, SR_BUFFER_EMPTY                                                                 \
	}

void sr_tally_add(sr_tally *tally, const char *fmt, ...) SR_PRINTF(2, 3);

/* To be asked for once, at the end. Without memory for them the check-up fails. */
const char *sr_tally_names(sr_checkup *c, sr_tally *tally);
void sr_tally_free(sr_tally *tally);

/* Steps until the rows end or the time is over: SR_OK with *row false then too, and c->late. */
sr_status sr_checkup_step(sr_checkup *c, sr_stmt *stmt, bool *row);

/* health_schema.c */
sr_status sr_check_engine(sr_checkup *c);
sr_status sr_check_schema(sr_checkup *c);
sr_status sr_check_foreign(sr_checkup *c);

/* health_size.c */
sr_status sr_check_size(sr_checkup *c);
sr_status sr_check_room(sr_checkup *c);
sr_status sr_check_log(sr_checkup *c);
sr_status sr_check_parts(sr_checkup *c);

/* health_totals.c */
sr_status sr_check_totals(sr_checkup *c);

/* health_pool.c: needs no database, and cannot fail. */
void sr_check_pool(sr_checkup *c, const sr_pool_statistics *figures);

/* health_integrity.c */
sr_status sr_check_integrity(sr_checkup *c);
sr_status sr_check_references(sr_checkup *c);

/* health_rows.c */
sr_status sr_check_usage(sr_checkup *c);
sr_status sr_check_quotas(sr_checkup *c);
sr_status sr_check_versions(sr_checkup *c);

/* health_index.c */
sr_status sr_check_search_index(sr_checkup *c);

/* health_keys.c */
sr_status sr_check_keys(sr_checkup *c);

/* health_storage.c */
sr_status sr_check_storage(sr_checkup *c);
sr_status sr_check_stored(sr_checkup *c);

#endif
