/*
 * Who did what, written by the operation that does it and in its transaction, so that the two can
 * never disagree. One row a call or batch, with its counts summed.
 *
 * `now` is the operation's moment, as sr_time_format writes it; its day is the first ten bytes.
 * What is kept of it in an activity is whole seconds.
 */
#ifndef SR_ACTIVITY_H
#define SR_ACTIVITY_H

#include "catalog.h"

/* What is in ActivityType. */
#define SR_ACTIVITY_SAVE          "save"
#define SR_ACTIVITY_SAVE_FAILED   "save_failed"
#define SR_ACTIVITY_DELETE        "delete"        /* Of files, or of the client with its own. */
#define SR_ACTIVITY_VERIFY        "verify"        /* Its bytes are those that were read. */
#define SR_ACTIVITY_VERIFY_FAILED "verify_failed" /* Likewise. */
#define SR_ACTIVITY_QUOTA_SET     "quota_set"     /* Its bytes are the quota's. */
#define SR_ACTIVITY_QUOTA_CLEAR   "quota_clear"   /* Likewise: what it was. */
#define SR_ACTIVITY_QUOTA_WARNING "quota_warning" /* By a trigger; what is used. */
#define SR_ACTIVITY_ACTIVATE      "activate"
#define SR_ACTIVITY_PRUNE         "prune"

/* Of the whole catalog. */
#define SR_ACTIVITY_BACKUP        "backup"
#define SR_ACTIVITY_RESTORE       "restore"
#define SR_ACTIVITY_REPAIR        "repair"
#define SR_ACTIVITY_OPTIMIZE      "optimize"
#define SR_ACTIVITY_QUOTA_DEFAULT "quota_default"
#define SR_ACTIVITY_QUOTA_ENFORCE "quota_enforce"

/* A client's: files and bytes that it is about. Also notes what the client uses now. A client that
 * is not there, as an orphan's, gets none. */
sr_status sr_activity_append(sr_conn *conn, const sr_id *client, const char *type, int64_t files,
			     int64_t bytes, const char *now);

/* The same for a call of several transactions, whose row each of them adds to: *id is that row, 0
 * before there is one, and gets it. Where the row is gone meanwhile, or of a day that has ended,
 * there is a new one. */
sr_status sr_activity_extend(sr_conn *conn, int64_t *id, const sr_id *client, const char *type,
			     int64_t files, int64_t bytes, const char *now);

/* What a file's size counts there: nothing where it is not known or makes no sense. */
static inline int64_t sr_activity_bytes(int64_t size)
{
	return size > 0 ? size : 0;
}

/* The whole catalog's: detail says for people what it is about, and may be NULL. */
sr_status sr_activity_append_catalog(sr_conn *conn, const char *type, const char *detail,
				     int64_t bytes, const char *now);

/* What a call transferred for one client. */
typedef struct sr_transfers {
	int64_t succeeded; /* Files, */
	int64_t bytes;     /* and their sizes. */
	int64_t failed;    /* Files that were refused or broke. */
	int64_t peak;      /* The highest speed, bytes a second; 0: none is known. */
} sr_transfers;

/* SR_ACTIVITY_SAVE and SR_ACTIVITY_SAVE_FAILED where there is anything to tell: extends those of
 * the run, which may be zeroed. Adds to the day's row of transfer_stats. */
sr_status sr_activity_transferred(sr_conn *conn, const sr_id *client, const sr_transfers *transfers,
				  const char *now, sr_activity_run *run);

/* Its parts, for what saves files of many calls at once: the row of one that saved one file, */
sr_status sr_activity_append_saved(sr_conn *conn, const sr_id *client, int64_t bytes,
				   const char *now);
/* what all of them add to the day, */
sr_status sr_activity_add_to_day(sr_conn *conn, const sr_transfers *transfers, const char *now);
/* and what the client uses now. */
sr_status sr_activity_note_usage(sr_conn *conn, const sr_id *client, const char *now);

/* Sums up. */
void sr_transfers_add(sr_transfers *sum, const sr_transfers *more);

#endif
