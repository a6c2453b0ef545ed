/*
 * Copies of a database that are proven before they bear their name: written as PATH.PID.part,
 * brought to the disk, read back, compared, and renamed without replacing anything.
 */
#ifndef SR_COPY_H
#define SR_COPY_H

#include <limits.h>

#include "../engine/engine.h"

/* Who is told how far long work is. Zeroed is nobody. */
typedef struct sr_watch {
	sr_progress_fn progress; /* One of the two may be set. */
	sr_stage_fn steps;
	void *arg;
	const char *step; /* What is being done, for steps, */
	int64_t done;     /* and how far that was, the last time. */
	int64_t total;
} sr_watch;

/* An sr_progress_fn whose arg is the watch. */
bool sr_watch_progress(void *watch, int64_t done, int64_t total);

/* An sr_watch_fn of the same. */
bool sr_watch_cancels(void *watch);

/* Begins another step; SR_INTERRUPTED when that is cancelled. watch may be NULL. */
sr_status sr_watch_step(sr_watch *watch, const char *step);

/* What a copy holds, and what was looked at. */
typedef struct sr_copied {
	int64_t bytes;
	int64_t tables;
	int64_t rows;
	double seconds; /* Of copying alone. */
} sr_copied;

/* Writes a copy to `part`, of the snapshot that conn is in, and verifies it. Removed again after a
 * failure. watch may be NULL. */
sr_status sr_copy_make(sr_conn *conn, const char *part, bool digests, sr_watch *watch,
		       sr_copied *copied);

/* SR_CORRUPT unless the copy at path is whole and has as many rows in each table as conn, which is
 * still in the transaction that it was copied from; with `digests`, the same rows. watch and copied
 * (whose tables and rows are filled in) may be NULL. */
sr_status sr_copy_verify(sr_conn *conn, const char *path, bool digests, sr_watch *watch,
			 sr_copied *copied);

/* Checks a database that nothing can be compared with: its structure, quick or `full`, and that
 * every row of every table can be read. */
sr_status sr_copy_check(sr_conn *copy, bool full, sr_watch *watch, sr_copied *copied);

/* ---- Lists of what was made (backup_list.c) ---- */

/* Told a name of a list, whose place in it is index of total; false: it goes. */
typedef bool (*sr_backup_keep_fn)(void *arg, const char *name, size_t index, size_t total);

/* Rewrites the list: what keep (NULL: everything) says, then `add` (may be NULL). Names that do not
 * look like backups of `base` go. Processes that do so at once wait for each other. */
sr_status sr_backup_list_update(const char *list, const char *base, sr_backup_keep_fn keep,
				void *arg, const char *add);

/* Calls fn for each such name until it says false; none without a list. */
sr_status sr_backup_list_each(const char *list, const char *base, sr_backup_keep_fn fn, void *arg);

/* ---- Names ---- */

/* A name that is free for a backup of the database: NAME_backup_YYYYmmdd_HHMMSS.db and what
 * follows that ("", ".zst", …), in `folder`, or beside it where that is NULL. */
sr_status sr_backup_name(const char *database, const char *folder, const char *more,
			 char path[4096]);

/* Likewise NAME_damaged_YYYYmmdd_HHMMSS.db beside the database, for what is set aside. */
sr_status sr_damaged_name(const char *database, char path[4096]);

/* Whether the name is of a backup's kind, for a database called `base`; *instant (may be NULL) is
 * when it says that it was made, that it was made. */
bool sr_backup_named(const char *base, const char *name, int64_t *instant);

/* Whether it is that of a copy which stays until somebody removes it: a backup, what a restore has
 * set aside, or what a rehearsal was to keep. */
bool sr_copy_named(const char *base, const char *name);

/* ---- Parts (part.c) ---- */

/* The name until it is whole: PATH.PID.part, this process's. */
sr_status sr_part_name(const char *path, char part[4096]);

/* Gives the part its name. SR_EXISTS where that is taken; else the folder is brought to the disk
 * too. Where it fails the part has the name that it had. */
sr_status sr_part_finish(const char *part, const char *path);

/* Whether a file's name is a part's, or that of what SQLite puts beside one: then of which whole,
 * and by which process. A part of a part is one of the whole. */
bool sr_part_named(const char *name, char whole[NAME_MAX + 1], long *process);

/* Held by whoever makes a part, in the folder of path: from before there is one until it has its
 * name or is gone. Several may hold at once, in one process too. */
sr_status sr_part_hold(const char *path, int *hold);
void sr_part_let_go(int *hold); /* Harmless on -1. */

/* Whether somebody holds that process's parts in the folder (a descriptor). */
bool sr_part_lives(int folder, long process);

/* Whether a file's name is that of the copy that a rehearsal of a database called `base` runs on,
 * or of what SQLite puts beside it: then by which process, which holds it as a part. One that is to
 * be kept has another. */
bool sr_rehearsal_named(const char *base, const char *name, long *process);

/* Removes parts that processes which are gone have left in `folder` (NULL: the database's): of its
 * backups, and of `name` (a file's name; NULL: of none). */
void sr_parts_remove(const char *folder, const char *database, const char *name);

/* ---- Space ---- */

/* How much the folder of path has free. */
sr_status sr_space_free(const char *path, int64_t *bytes);

/* SR_NO_SPACE unless the folder of path has that much free. */
sr_status sr_space_check(const char *path, int64_t needed, const char *what);

/* Brings the folder that path is in to the disk. */
sr_status sr_folder_sync(const char *path);

#endif
