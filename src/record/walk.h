/*
 * Walks a folder in the byte order of full paths, following no link.
 *
 * A folder's name is compared as if it ended in a slash, so that the files come in exactly the
 * order in which the catalog lists them. Depth is bounded by memory alone: few descriptors are
 * kept open, and the way up goes through "..", proved to be the folder that was come from.
 */
#ifndef SR_WALK_H
#define SR_WALK_H

#include <sys/stat.h>

#include "exclude.h"

typedef enum sr_met_kind {
	SR_MET_FILE,     /* A regular file. */
	SR_MET_SPECIAL,  /* A link, socket, device or the like. */
	SR_MET_EXCLUDED, /* By a pattern, or on another file system. */
	SR_MET_FAILED,   /* Could not be looked at; `why` tells. */
} sr_met_kind;

typedef struct sr_met {
	sr_met_kind kind;
	sr_text path;     /* Absolute. */
	int folder;       /* Open descriptor of its folder (or AT_FDCWD), */
	const char *name; /* and its name in there. */
	struct stat stat; /* Of a file. */
	char why[256];    /* Of what failed. */
} sr_met;

typedef struct sr_walk sr_walk;

/* root is absolute and normalised; it may be a file. One that cannot be walked is met as failed.
 * excludes must live as long. */
sr_status sr_walk_new(sr_walk **walk, const char *root, const sr_excludes *excludes,
		      bool one_file_system);

/* *met is NULL at the end, and else good until the next call. */
sr_status sr_walk_next(sr_walk *walk, const sr_met **met);

void sr_walk_free(sr_walk *walk);

#endif
