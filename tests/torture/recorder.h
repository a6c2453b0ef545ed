/*
 * Watches what this program does to the files of one folder, and writes it down.
 *
 * The calls of the C library that change files are defined here anew, and call the real ones; so
 * everything is seen, SQLite's own writing (its shared library finds these first) as well as ours.
 * What goes round them, as the streams of stdio do, is found by comparing: a file that is brought
 * to the disk must hold what was seen to be written, and at the end every file must.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include "disk.h"

/* Bugs that the recorder can pretend the program to have. */
typedef enum recorder_plant {
	RECORDER_HONEST,
	RECORDER_NO_SYNC,     /* SQLite never syncs a file. */
	RECORDER_NO_OWN_SYNC, /* The library itself never syncs anything: it leaves all to SQLite.
			       */
} recorder_plant;

/* Begins with what is in the folder now, all of it safe on the disk. One record at a time. */
void recorder_begin(disk *d, const char *folder, recorder_plant plant);

/* Ends it. What was not seen is described in words, else they are "". */
void recorder_end(char words[512]);

/* Somebody was told something. */
void recorder_mark(int64_t number);

/* How long each sync of a file takes, at least: on a disk of memory none would wait for it. */
void recorder_slow(long microseconds);

#endif
