/* What the catalog knows below a root, in the order of the walk, a chunk at a time. */
#ifndef SR_KNOWN_H
#define SR_KNOWN_H

#include "strongroom.h"

typedef struct sr_known_file {
	sr_text path;
	int64_t size;
	int64_t modified_ns;
	int64_t inode;
	bool hashed;   /* CRC and hash are known. */
	bool missing;  /* Marked so. */
	bool verified; /* As the catalog has them, */
	bool stored;   /* to be saved again as they are. */
} sr_known_file;

typedef struct sr_known sr_known;

/* folder and client must live as long. */
sr_status sr_known_new(sr_known **known, sr_catalog *catalog, const sr_id *client, sr_text folder);

/* What is known of one path alone, for a root that is a file. */
sr_status sr_known_one(sr_known **known, sr_catalog *catalog, const sr_id *client, sr_text path);

/* The file at hand, good until the next sr_known_pass; NULL at the end. */
sr_status sr_known_peek(sr_known *known, const sr_known_file **file);

/* Goes on behind it. */
void sr_known_pass(sr_known *known);

void sr_known_free(sr_known *known);

#endif
