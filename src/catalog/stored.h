/* The bytes of a stored file: read once, and compared with their record. */
#ifndef SR_STORED_H
#define SR_STORED_H

#include "file.h"
#include "place.h"

/* What was found. */
typedef struct sr_stored {
	int64_t size;
	uint32_t crc;
	char hash[SR_HASH_TEXT_SIZE];
} sr_stored;

/* Reads the file at its place, and nothing else: no link, no pipe that blocks, not the
 * database. stop (may be NULL) is asked now and then; true ends it with SR_INTERRUPTED. */
sr_status sr_stored_measure(const sr_settings *settings, const sr_place *place, sr_watch_fn stop,
			    void *arg, sr_stored *found);

/* SR_CORRUPT, saying what differs from the record, or SR_OK. What the record does not know is
 * not compared. */
sr_status sr_stored_compare(const sr_file *file, const sr_stored *found, const char *path);

#endif
