/*
 * The index of trigrams, kept up with the files.
 *
 * It may be behind: rows that were added since are a tail that a search reads, rows that changed
 * are listed by triggers. A step brings it on by some thousand rows in a transaction of its own;
 * writes that left enough behind make one when they are done. It holds nothing that cannot be made
 * anew from `files`.
 */
#ifndef SR_SEARCH_INDEX_H
#define SR_SEARCH_INDEX_H

#include "../index/run.h"
#include "catalog.h"

/* How many rows it is behind when a catalog is opened: nobody has looked yet. */
#define SR_INDEX_UNKNOWN INT32_MAX

/* Whether there is one that a search of this reading may use. */
bool sr_index_believed(const sr_reading *reading);

/* What of a file is indexed: of the row that a statement of SR_INDEX_ROWS stands on, which lends
 * the texts. */
#define SR_INDEX_ROWS "SELECT RowKey, PathName, OriginalPath, FileName, ModificationDate FROM files"
void sr_index_row_take(sr_stmt *stmt, sr_index_row *row);

/* A row with the least key of all stays among the changes for ever, and searches read it from
 * there: to bind that key would be to bind a null. */
#define SR_LEAST_KEY "-9223372036854775808"

/* Makes it as it is before the first file. */
sr_status sr_index_empty(sr_conn *conn);

/* How many files are behind an index that goes through a key; counted up to `most`. */
sr_status sr_index_behind(sr_conn *conn, int64_t through, int64_t most, int64_t *behind);

/* It was found damaged: nobody uses it any more, and the next step makes it anew. The words of the
 * error at hand are logged. */
void sr_index_distrust(sr_catalog *catalog);

/* Whether rows that are added now get keys behind all that are indexed, as they do unless somebody
 * has turned the sequence of keys back: then a trigger has to tell of each. */
sr_status sr_index_appends(sr_conn *conn, bool *appends);

/* After a write that added so many rows, or changed so many names: makes a step if it is time. A
 * step that fails is logged and leaves all as it was; the write has succeeded. */
void sr_index_tend(sr_catalog *catalog, int64_t rows);

/* The same after a transaction of this thread, for the rows that were written in it. */
void sr_index_end(sr_catalog *catalog, bool committed);

/* sr_search_index_build, for those in the catalog: where much of it is of no use any more it is
 * made anew, unasked. The thread is in no transaction. */
sr_status sr_index_build(sr_catalog *catalog, bool anew, sr_progress_fn progress, void *arg,
			 int64_t *rows);

/* The same after an upgrade, if it is much behind. That it stays so is logged and no failure. */
void sr_index_catch_up(sr_catalog *catalog, sr_progress_fn progress, void *arg);

/* After how many rows a step is made, and how many it takes; 0: the usual. Others than that are for
 * tests, and set before another thread has the catalog. */
void sr_index_set_step(sr_catalog *catalog, int64_t rows);

#endif
