/* What a statement would read whole: not the words of a plan, but the code that SQLite makes, that
 * of triggers and of foreign keys included. */
#ifndef PLANS_H
#define PLANS_H

#include <sqlite3.h>

/* Called for each table that is gone through from one end, by itself or by one of its indexes; how
 * is "rows", or "count" where they are only counted. */
typedef void (*plans_scan_fn)(void *arg, const char *table, const char *through, const char *how);

/* False where the statement does not compile here. */
int plans_scans(sqlite3 *db, const char *sql, plans_scan_fn fn, void *arg);

/* The plan in SQLite's words, its steps parted by "; ", of the database there; sqlite3_free. NULL
 * where the statement does not compile. */
char *plans_words(const char *path, const char *sql);

/* Whether the plan of the statement, without triggers and foreign keys, names the index. */
int plans_names(sqlite3 *db, const char *sql, const char *index);

#endif
