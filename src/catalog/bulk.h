/*
 * What rows of `files` that an operation inserts without triggers add to the counters.
 *
 * Triggers cost as much as the rest of an insert does, since each row then is a statement that can
 * be undone by itself. So an operation that saves many files turns them off while it inserts,
 * counts along here as they would, and writes each counter once, in the same transaction, with
 * triggers on again: those on client_usage, which keep quotas, warn and refuse.
 */
#ifndef SR_BULK_H
#define SR_BULK_H

#include "accounts.h"

/* A counter of file_totals or file_days. */
typedef struct sr_bulk_count {
	size_t key; /* Where its text is in keys, */
	size_t length;
	bool day;  /* a day, or else a category, of which also */
	int class; /* the size class */
	bool verified;
	int64_t files;
	int64_t bytes;
} sr_bulk_count;

/* Zeroed: none. */
typedef struct sr_bulk {
	sr_buffer keys;
	sr_bulk_count *list;
	size_t count;
	size_t *places; /* An open hash of indexes into list, from 1; 0: free. */
	size_t places_count;
	int64_t bytes; /* Of all files. */
	int64_t files;
} sr_bulk;

/* What a row that was inserted without a category has for one. Added to `category`. */
sr_status sr_bulk_category(sr_conn *conn, int64_t row_id, sr_buffer *category);

/* Counts a row that was inserted with these, and its account with it. */
sr_status sr_bulk_add(sr_bulk *bulk, sr_account *account, int64_t size, sr_text category,
		      bool verified, sr_text date);

/* Writes all counters; recorded_at is that of every row; "": it is not known. */
sr_status sr_bulk_settle(sr_conn *conn, const sr_bulk *bulk, const sr_accounts *accounts,
			 const char *recorded_at);

void sr_bulk_free(sr_bulk *bulk);

#endif
