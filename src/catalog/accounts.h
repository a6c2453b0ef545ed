/*
 * What an operation does to the clients whose files it writes: whether what it writes fits in
 * their quotas, and what it transferred.
 *
 * A client is looked up once an operation and then counted along in memory, the way the triggers
 * of migration 9 count in the database; so a client without a quota costs nothing more a file.
 * All of it happens in the operation's transaction, in which nobody else writes.
 */
#ifndef SR_ACCOUNTS_H
#define SR_ACCOUNTS_H

#include "activity.h"

typedef struct sr_account {
	sr_id client;
	char name[SR_NAME_MAX + 1]; /* Cut where an old database has a longer one. */
	size_t name_length;
	int64_t quota;   /* INT64_MAX: none. */
	int64_t used;    /* Now, in this transaction. */
	bool quota_set;  /* There is one. */
	bool warned;     /* Was warned before this operation, */
	bool warned_now; /* or by it: sr_account_settle tells. */
	sr_transfers transfers;
	int64_t asked;       /* Bytes of all that a batch has for it, were all of it new. */
	int64_t added_files; /* Of rows that were inserted without triggers; see bulk.h. */
	int64_t added_bytes;
} sr_account;

/* SR_NOT_FOUND without such a client. */
sr_status sr_account_load(sr_conn *conn, const sr_id *client, sr_account *account);

/* What client_usage.Bytes in that column of a row comes to; null, where nothing is counted yet, is
 * 0. More than 2^63 - 1, as other programs may have written, counts as that. */
int64_t sr_account_used(sr_stmt *stmt, int column);

/* The bytes by which a file adds to what is used when its size goes from before to after;
 * SR_NULL_INTEGER stands for no file, and for a size that is not known. */
int64_t sr_account_growth(int64_t before, int64_t after);

/* Counts the growth, or returns false where it does not fit: then it must not be written. */
bool sr_account_grow(sr_account *account, int64_t growth);

/* All of this for one file that changes its size: loads the client's account and counts the growth,
 * or fails with SR_QUOTA. An orphan is in nobody's quota. */
sr_status sr_account_admit(sr_conn *conn, const sr_id *client, sr_text file, int64_t before,
			   int64_t after, sr_account *account);

/* A file of that size was transferred, at that speed if one is known. */
void sr_account_transferred(sr_account *account, int64_t size, int64_t speed);

/* SR_QUOTA in words. The account is as it was when the growth did not fit. refused: how many files
 * in all were. */
sr_status sr_account_fail(const sr_account *account, sr_text file, int64_t growth, int64_t refused);

/* At the end of the operation: writes down what was transferred (as part of the run, which may be
 * zeroed), and looks whether the client was warned by what was written. */
sr_status sr_account_settle(sr_conn *conn, sr_account *account, const char *now,
			    sr_activity_run *run);

/* After the operation: one line in the log for a client that was warned. */
void sr_account_log(sr_catalog *catalog, const sr_account *account);

/* ---- Many of them ---- */

/* Zeroed: none. In the order in which they were asked for. */
typedef struct sr_accounts {
	sr_account *list;
	size_t count;
	size_t *places; /* An open hash of indexes into list, from 1; 0: free. */
	size_t places_count;
} sr_accounts;

/* The client's account, loaded where it was not yet. Valid until the next one is asked for. */
sr_status sr_accounts_get(sr_accounts *accounts, sr_conn *conn, const sr_id *client,
			  sr_account **account);

/* Forgets all of them. */
void sr_accounts_free(sr_accounts *accounts);

#endif
