/*
 * Rows by their age, whatever form their times have: with and without a zone, a T or a blank, any
 * fraction. Each of them begins with its day, so texts sort by days, and a zone moves an instant
 * by less than one. So a search by text with a day's slack finds all, by an index, and what the
 * text says then decides.
 */
#ifndef SR_AGED_H
#define SR_AGED_H

#include "catalog.h"

#define SR_DAY_US (86400 * INT64_C(1000000))

/* Years have four digits: the days 0000-01-01 and 9999-12-31. */
#define SR_TIME_FIRST (INT64_C(-719528) * SR_DAY_US)
#define SR_TIME_LAST  (INT64_C(2932896) * SR_DAY_US)

/* The instant that a time in a row means; false where it cannot be read. */
bool sr_aged_read(sr_text time, int64_t *instant);

/* A text that sorts before those of the instant and of all later ones. */
void sr_aged_floor(int64_t instant, char text[SR_TIME_TEXT_SIZE]);

/* Deletes the rows of a table that are older than the instant, a portion at a time, each in a
 * transaction of its own unless the thread has one; removed counts those of the portions that are
 * done. Rows whose time cannot be read stay. Names are literals: the table's, that of its integer
 * key, that of the time. */
sr_status sr_aged_delete(sr_catalog *catalog, const char *table, const char *key, const char *time,
			 int64_t before, int64_t *removed);

#endif
