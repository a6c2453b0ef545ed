/*
 * Saving files, one by one (save.c) or many without triggers (save_bulk.c): what was given
 * (save_given.c), and what the operation knows on its way.
 */
#ifndef SR_SAVE_H
#define SR_SAVE_H

#include "bulk.h"
#include "file.h"

#define SR_SAVE_HASH_BYTES      64
#define SR_SAVE_EXTENSION_BYTES 10 /* VARCHAR(10) in every database. */

/* A file as it will be written: derived what was left out, spelt as it is stored. */
typedef struct sr_wanted {
	sr_file file;
	bool extension_derived;                      /* Not given: fills a gap, replaces nothing. */
	bool path_derived;                           /* Not given: what is known stays. */
	char hash[SR_SAVE_HASH_BYTES + 1];           /* Lower case. */
	char extension[SR_SAVE_EXTENSION_BYTES + 1]; /* Lower case. */
} sr_wanted;

/* Whether the file may be saved. */
sr_status sr_save_check(const sr_file *file);

/* Derives what was left out. */
void sr_save_complete(const sr_file *given, sr_wanted *want);

/* Whether what is given is other content than what is known. */
bool sr_save_content_differs(const sr_file *known, const sr_file *given);

/* The columns in which the row must be written. New content also clears what is not known of
 * it; the same content keeps what was known before. */
unsigned sr_save_differing(const sr_file *known, const sr_wanted *want, bool changed);

/* How messages name the file. */
const char *sr_save_named(const sr_file *file);

/* ---- The operation ---- */

typedef struct sr_saving {
	const sr_file *files; /* The call's. */
	size_t count;
	sr_outcome *outcomes; /* count of them. */
	sr_id *ids;           /* count of them. */
	sr_saved saved;
	const sr_activity_run *run;  /* The call's, as it was before; NULL: none. */
	char now[SR_TIME_TEXT_SIZE]; /* One moment for the whole batch. */

	/* Of the run at hand: */
	sr_conn *conn;
	sr_stmt *by_path; /* Finds the row of one identity. */
	sr_stmt *by_name;
	sr_stmt *insert;
	unsigned insert_bits;     /* What insert writes. */
	sr_accounts accounts;     /* Of the clients so far, */
	sr_account *account;      /* and that of the file at hand. */
	sr_activity_run extended; /* The call's run, with this. */

	/* While new files are inserted without triggers: */
	bool inserting;
	bool *later;        /* count of them: files that are known and must be written. */
	bool any_later;     /* There is one, and what comes after may be the same file. */
	sr_bulk bulk;       /* What the triggers would have counted. */
	sr_buffer category; /* What the schema gives a row without one, once that was asked; */
	bool category_asked;

	/* Where saved.refused is not 0: */
	size_t first_refused;       /* Which file, */
	int64_t growth_refused;     /* by how much it would have grown, */
	sr_account account_refused; /* and whose it is, as it was then. */
} sr_saving;

/* Room for the outcomes of count files. sr_saving_free frees also what an operation left. */
sr_status sr_saving_new(sr_saving *save);
void sr_saving_free(sr_saving *save);

/* Before each run: as if there had been none. */
void sr_saving_begin(sr_saving *save, sr_conn *conn);

/* Saves file number i. */
sr_status sr_saving_one(sr_saving *save, size_t i);

/* Gives the statements back. */
void sr_saving_end(sr_saving *save);

/* Whether saving without triggers comes to the same: nobody else's trigger is on the table, and no
 * client could be over its quota in any order of the files. */
sr_status sr_saving_may_insert(sr_saving *save, bool *may);

/* Inserts those that are not known, and finds those that are as they were. The others are left for
 * later, since triggers that are not only ours to replace look at changes. */
sr_status sr_saving_insert(sr_saving *save);

/* An sr_together: args are sr_saving of one file each and of no run. */
sr_status sr_saving_together(sr_conn *conn, void *const *args, size_t count);

#endif
