/*
 * The equality machine: catalogs that are written in every way there is, and searched in every way
 * there is, with each answer held against a scan of all rows.
 *
 * It runs in epochs. One is a catalog from its making to its end, and depends on nothing but the
 * seed and its own number, so that a difference can be had again without those before it.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "oracle.h"
#include "writing.h"

typedef struct machine_options {
	uint64_t seed;
	unsigned first_epoch;
	unsigned long queries; /* To ask in all. */
	unsigned rows;         /* About the most that a catalog has. */
	bool concurrent;       /* Also with another process that writes meanwhile, and is killed. */
	bool damage;           /* Also with search indexes that somebody has damaged. */
	const char *sabotage;  /* SQL that spoils the index again and again; NULL: none. What comes
				  of it is counted, and not printed. */
	bool loud;             /* Say how far it is. */
} machine_options;

typedef struct machine_figures {
	unsigned epochs;
	unsigned long queries;
	unsigned long compared; /* Rows of answers. */
	unsigned long hits;     /* Answers that had any. */
	unsigned long beside;   /* Queries while another process wrote, */
	unsigned long unclear;  /* and those of them that more than one commit came between. */
	unsigned long writes;   /* Calls, sessions and transactions. */
	unsigned upgrades;      /* Migrations down and up, and old databases. */
	unsigned vacuums;
	unsigned reloads;
	unsigned reopened;
	unsigned killed;  /* Writers. */
	unsigned damaged; /* Search indexes. */
	unsigned differences;
} machine_figures;

void machine_options_init(machine_options *options);

/* The search index in small pieces of a size by chance, so that it is brought on, merged and mended
 * all the time in catalogs as small as these; or in its own, now and then. */
typedef struct machine_index {
	int64_t step;
	bool always;
} machine_index;

void machine_choose_step(machine_index *index);
void machine_set_step(const machine_index *index, sr_catalog *catalog);

/* Runs until all queries are asked or the first difference, which it prints with all that is
 * needed to have it again. */
void machine_run(const machine_options *options, machine_figures *figures);

void machine_print(const machine_options *options, const machine_figures *figures);

/* The program of every machine begins with this: it is also the writer that is killed. Returns
 * where it is not that. */
void machine_writer_main(int argc, char **argv);

/* ---- For its own files ---- */

typedef struct machine {
	const machine_options *options;
	machine_figures *figures;
	unsigned epoch;
	char folder[512];
	char path[544];
	char log[544];
	sr_options open; /* How the catalog is open, */
	machine_index index;
	writing writing;
	sr_buffer report; /* Not empty: something is wrong. */
} machine;

/* Whether something was found that must not be. */
bool machine_failed(const machine *m);

/* Asks so many queries, none of which another may change the rows of meanwhile. With a handle
 * the oracle reads through that. */
void machine_ask(machine *m, sqlite3 *db, unsigned queries);

void machine_open(machine *m);
void machine_close(machine *m);

/* One of the things that come between: upgrades, VACUUM, a copy by its dump. */
void machine_upset(machine *m);

/* Somebody writes into what the search index is made of. */
void machine_damage(machine *m);

/* A catalog of old code, searched and upgraded. */
void machine_begin_old(machine *m);

/* Queries while another process writes, which then is killed or ends. */
void machine_ask_beside(machine *m, unsigned queries);

#endif
