/*
 * Every crash point: a scenario works on a catalog while the recorder watches; then the power goes
 * after each operation, and every content that the disk may have then is opened, held against the
 * oracle, and worked on with.
 *
 * The oracle. What a killed process leaves without a power cut is known for each operation: the
 * states through which the catalog went, one after the other, as a digest of every row. A power cut
 * must leave one of them whole: not one of before the last thing that somebody was told was done,
 * and none of after the cut. So what was acknowledged is there, what was not is there whole or not
 * at all, and nothing else has changed. What a scenario tells somebody it also says in SQL that
 * must hold from then on, so that the oracle believes nobody that it is done.
 */
#ifndef CRASH_H
#define CRASH_H

#include <strongroom.h>

#include "disk.h"
#include "torture.h"

enum { CRASH_TRUTHS = 512 };

/* What somebody was told, as a mark in the record with its number. */
typedef struct crash_truth {
	char sql[300]; /* One integer, 1; "": what was told before need not hold any more. */
} crash_truth;

/* Where a scenario works. */
typedef struct stage {
	char folder[4096];  /* The whole of what is recorded. */
	char path[4112];    /* Of the database in it, */
	sr_options options; /* and how it is opened. */
	sr_catalog *catalog;
	sr_id client;
	crash_truth truths[CRASH_TRUTHS];
	int truth_count;
	uint64_t chance; /* Of this scenario. */
	bool failed;
} stage;

/* A crashed folder that is looked at. */
typedef struct crash_look {
	const stage *stage;
	const char *folder;
	char path[4112]; /* Of the database in it. */
	int told;        /* Truths that somebody was told by then. */
	char *words;     /* What is wrong with it; 512 bytes, "" at first. */
} crash_look;

typedef struct crash_scenario {
	const char *name;
	void (*prepare)(stage *s); /* Not recorded. */
	void (*run)(stage *s);
	/* What there is beside the rows, before and after going on; NULL: nothing. */
	void (*look)(crash_look *look);
} crash_scenario;

extern const crash_scenario crash_scenarios[]; /* The last has no name. */

/* ---- For scenarios ---- */

/* That a call succeeded; else the scenario is a failure of its own. */
void stage_good(stage *s, sr_status rc, const char *what);

/* Makes the catalog, with a client. */
void stage_create(stage *s);
void stage_open(stage *s);
void stage_close(stage *s);

/* A number for what is about to be done, and what holds when it is. */
__attribute__((format(printf, 2, 3))) int stage_promise(stage *s, const char *sql, ...);

/* It is done, and somebody is told so. */
void stage_tell(stage *s, int promise);

/* What was told so far need not hold from now on. */
void stage_forget(stage *s);

/* The next commit of this thread tells of the promise before it is there: a bug. */
void stage_plant_early(bool planted);

/* ---- The oracle ---- */

/* A digest of everything that a database holds; 0: it is not whole, and words say why. */
uint64_t oracle_digest(const char *path, char words[512]);

/* The one integer of a query on the database; -1 where there is none. */
int64_t oracle_integer(const char *path, const char *sql);

/* Opens it with the library as it is, and closes it: it must not refuse what is whole. */
void oracle_open(crash_look *look);

/* Whether all that was told holds. */
void oracle_truths(crash_look *look);

/* Saves one more file, finds it, closes and checks. */
void oracle_go_on(crash_look *look);

#endif
