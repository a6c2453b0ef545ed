/* What the parts of a rehearsal share: its report while it grows, and its snapshot. */
#ifndef SR_REHEARSAL_H
#define SR_REHEARSAL_H

#include "schema.h"

/* ---- The report (rehearsal.c) ---- */

/* A list of one of the report's kinds, as long as it grows. */
typedef struct sr_grown {
	void *list;
	size_t count;
	size_t capacity;
} sr_grown;

/* What sr_rehearse_run returns, and the memory behind it. */
typedef struct sr_report {
	sr_rehearsal rehearsal; /* First, so that its address is this one's. */
	sr_names texts;         /* All its strings. */
	sr_grown steps;
	sr_grown queries;
	sr_grown reasons;
	bool failed; /* An allocation was; the report is not to be used. */
} sr_report;

sr_report *sr_report_new(void);

/* A copy that lives as long as the report; NULL for NULL. */
const char *sr_report_keep(sr_report *report, const char *text);

/* A zeroed element at the list's end, NULL without memory. Earlier ones may move. */
void *sr_grown_add(sr_report *report, sr_grown *grown, size_t size);

void sr_report_reason(sr_report *report, bool serious, const char *fmt, ...) SR_PRINTF(3, 4);

sr_rehearsal_step *sr_report_step(sr_report *report, size_t index);

/* Puts the lists in their places. SR_NO_MEMORY where an allocation failed meanwhile. */
sr_status sr_report_finish(sr_report *report);

/* ---- The snapshot (snapshot.c) ---- */

/* Copies the database into the folder (NULL: its own) under a name that path receives, mode 0600;
 * first removes what dead processes left there. With keep it is a name to stay. While it is worked
 * on it is held [sr_part_hold], which the caller ends, whatever this returns. */
sr_status sr_snapshot_make(sr_conn *live, const char *folder, bool keep, char path[4096], int *hold,
			   sr_progress_fn progress, void *arg);

void sr_snapshot_remove(const char *path);

/* Bytes that the database at path and its log have on the disk. */
int64_t sr_snapshot_bytes(const char *path);

/* ---- Tables around a step (tables.c) ---- */

typedef struct sr_table_sum {
	char *name;
	char *select; /* The query that was summed up. */
	int64_t rows;
	uint64_t sum[2];
	int64_t broken; /* -1: cannot be told. */
} sr_table_sum;

typedef struct sr_table_sums {
	sr_table_sum *list;
	size_t count;
} sr_table_sums;

/* All tables, without the columns that go from `before` to `after` (both NULL: with all). What
 * `known` holds of the same query is taken from there. */
sr_status sr_table_sums_take(sr_conn *conn, const sr_schema_object *before,
			     const sr_schema_object *after, const sr_table_sums *known,
			     sr_table_sums *sums);

/* All tables anew, those of `before` by the same queries. */
sr_status sr_table_sums_again(sr_conn *conn, const sr_table_sums *before, sr_table_sums *sums);

const sr_table_sum *sr_table_sums_find(const sr_table_sums *sums, const char *name);
void sr_table_sums_free(sr_table_sums *sums);

/* ---- Plans (plans.c) ---- */

/* Adds each query's plan to the report: before the way there, then after it. */
sr_status sr_plans_take(sr_conn *conn, sr_queries_fn queries, sr_report *report, bool after);

/* Whether the plan `after` is worse than `before`. */
bool sr_plan_worse(const char *before, const char *after);

/* ---- The verdict (verdict.c) ---- */

/* Looks at a step that is done. */
void sr_verdict_step(sr_report *report, const sr_rehearsal_step *step,
		     const sr_migration_source *source, const sr_schema_object *now);

/* Looks at the queries and the forecast, and makes the verdict of all reasons. */
void sr_verdict_end(sr_report *report);

#endif
