/* The names in a folder, in the order in which paths sort. */
#ifndef SR_LISTING_H
#define SR_LISTING_H

#include "../base/buffer.h"

typedef struct sr_listed {
	size_t name; /* Where it begins in the names. */
	bool folder; /* It was a folder when it was listed. */
} sr_listed;

typedef struct sr_listing {
	sr_buffer names; /* Each ended by a NUL. */
	sr_listed *entries;
	size_t count;
	size_t capacity;
} sr_listing;

/* Reads all names of the open folder, whose descriptor stays open. */
sr_status sr_listing_read(sr_listing *listing, int folder);

const char *sr_listing_name(const sr_listing *listing, size_t at);

void sr_listing_free(sr_listing *listing);

#endif
