/*
 * What torture-replay's processes do to one database, and what they write down of it.
 *
 * The database is a bank: accounts, a counter of its changes, and the last changes in a ring. Each
 * change takes the next number inside its transaction, so the numbers are the serial order that
 * the database claims; what each was told must come out when they are done one after the other.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { ACCOUNTS = 64, RING = 500, FUNDS = 1000 };

typedef enum replay_kind {
	A_CHANGE,
	A_SNAPSHOT,
	A_COMPLAINT, /* Something else was wrong: words. */
} replay_kind;

/* One line of what a thread wrote down, in its order. */
typedef struct replay_note {
	replay_kind kind;
	int thread;      /* Of all in the round. */
	int64_t number;  /* Of the change, or the last that the snapshot has. */
	int from, to;    /* Accounts, */
	int64_t amount;  /* and what is moved between them, */
	bool moved;      /* unless the first has less. */
	int64_t left;    /* What it has then. */
	uint64_t digest; /* A snapshot's accounts. */
	char words[160];
} replay_note;

typedef enum replay_plant {
	REPLAY_NOTHING,
	REPLAY_TORN_READ,    /* Who reads does so in two transactions. */
	REPLAY_EARLY_ANSWER, /* What was rolled back is written down as done. */
} replay_plant;

typedef struct replay_job {
	const char *database;
	const char *notes; /* The file that the process writes. */
	double seconds;
	uint64_t seed;
	int first_thread; /* Its threads are this one and those after it. */
	replay_plant plant;
} replay_job;

enum { REPLAY_THREADS = 16 };

/* What belongs to an account with so much; a snapshot's digest is the sum. */
uint64_t replay_digest(int account, int64_t amount);

/* The first integer of what a statement with this one parameter gives, done to its end; -1 where
 * there is none, or it fails. */
int64_t replay_ask(sqlite3 *db, const char *sql, int64_t one);

/* Each in a process of its own; they return when the time is up, with the exit status. */
int replay_pool(const replay_job *job);  /* 16 threads on a pool. */
int replay_plain(const replay_job *job); /* One session of SQLite as it comes. */

#endif
