/*
 * What a search must find, by looking at every row.
 *
 * It reads the tables with plain SQL on a connection of its own, folds every name itself, and
 * compares. It shares with the library what is not searching: the reading of dates.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <sqlite3.h>

#include "strongroom.h"

/* A file as it is now, or an earlier state of it. */
typedef struct oracle_row {
	int64_t row;
	int64_t version; /* Its ID in file_versions; 0: as it is now. */
	int64_t number;  /* VersionNumber, or SR_NULL_INTEGER. */
	bool has_id;
	sr_id id;
	sr_text name;
	sr_text path;
	sr_text original;
	sr_text date;
	int64_t size;
	bool verified;
	bool missing;
	bool dated;
	int64_t instant;
	sr_text client_name; /* Null: there is no such client. */
	sr_text hash;
	sr_text folded_name;
	sr_text folded_path;
	sr_text folded_original;
	sr_text folded_extension;
} oracle_row;

typedef struct oracle oracle;

/* Everything that db shows in one read; NULL and words on standard error where that fails. */
oracle *oracle_load(sqlite3 *db);
void oracle_free(oracle *all);

size_t oracle_count(const oracle *all); /* Earlier states too. */
const oracle_row *oracle_at(const oracle *all, size_t index);

/* The rows of the query in its order, all pages of it; the list is the oracle's until the next
 * call. */
size_t oracle_search(oracle *all, const sr_query *query, const oracle_row ***list);

#endif
