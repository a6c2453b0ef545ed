/* Who else refers to the bytes of a stored file. Records spell its path in several ways. */
#ifndef SR_SHARING_H
#define SR_SHARING_H

#include "catalog.h"

/* That a stored file's path does not end in the name by which alone it is known: of those the index
 * idx_files_stored_path has the paths, in these words. */
#define SR_STORED_ELSEWHERE(f)                                                                     \
	"coalesce(" f "OriginalPath IS NULL AND typeof(" f "FileName) = 'text' AND typeof(" f      \
	"PathName) = 'text' AND instr(" f "FileName, '/') = 0 AND substr('/' || " f "PathName, -1" \
	" - length(" f "FileName)) = '/' || " f "FileName, 0) = 0"

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
