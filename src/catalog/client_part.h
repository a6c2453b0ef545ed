/*
 * The clients whose name holds a text, for searches: found once a search, in its snapshot. Which of
 * them a row is of is then looked up in memory, so that it is the same however rows are found.
 */
#ifndef SR_CLIENT_PART_H
#define SR_CLIENT_PART_H

#include "catalog.h"

typedef struct sr_client_part {
	sr_buffer folded; /* The text; empty: any client. */
	bool found;       /* What follows is filled in. */
	sr_id *clients;   /* Ascending. */
	size_t count;
	int64_t rows;  /* Files of these, or where no counter tells that, clients, */
	int64_t total; /* and of all there are. */
} sr_client_part;

/* Nothing of the text is kept; null and empty mean any client. */
sr_status sr_client_part_take(sr_client_part *part, sr_text text);

/* Finds them, unless that was done. */
sr_status sr_client_part_find(sr_client_part *part, const sr_reading *reading);

/* Whether it is one of those found. */
bool sr_client_part_has(const sr_client_part *part, const sr_id *client);

void sr_client_part_free(sr_client_part *part);

#endif
