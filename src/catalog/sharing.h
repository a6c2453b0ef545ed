/* Who else refers to the bytes of a stored file. Records spell its path in several ways. */
#ifndef SR_SHARING_H
#define SR_SHARING_H

#include "catalog.h"

typedef struct sr_sharing {
	sr_text path;       /* As it was given; borrowed. */
	sr_buffer absolute; /* In the two other ways that records have. */
	sr_buffer relative; /* "" outside the database's folder. */
} sr_sharing;

/* Works the spellings out; sr_sharing_free also after a failure. */
sr_status sr_sharing_spell(sr_sharing *sharing, const sr_settings *settings, sr_text path);
void sr_sharing_free(sr_sharing *sharing); /* Harmless on a zeroed one. */

/* Whether a stored file or a version has that path. The row `except` of files and its versions do
 * not count; SR_NULL_INTEGER: all do. Latest version only. */
sr_status sr_sharing_look(sr_conn *conn, const sr_sharing *sharing, int64_t except, bool *shared);

#endif
