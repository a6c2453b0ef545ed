/*
 * Files that are made for their owner alone: mode 0600 whatever the umask, never in the place of
 * anything, and never through a symbolic link, whoever planted that.
 *
 * `what` stands before the path in messages: "the copy".
 */
#ifndef SR_PRIVATE_H
#define SR_PRIVATE_H

#include <sys/types.h>

#include "strongroom.h"

/* Which file a name stood for. */
typedef struct sr_made {
	dev_t device;
	ino_t inode;
} sr_made;

/* Makes an empty one without opening it, since closing it would drop the locks that SQLite may
 * have there by then. SR_EXISTS where the name is taken. made may be NULL. */
sr_status sr_private_make(const char *path, const char *what, sr_made *made);

/* Makes one and opens it for writing. */
sr_status sr_private_open(const char *path, const char *what, int *fd);

/* Whether the name still stands for what was made, and is no link. */
sr_status sr_private_same(const char *path, const sr_made *made, bool *same);

/* Removes one that is of no use any more, if it is there. A disk that fails once is asked twice; of
 * what stays then the log tells. Changes neither errno nor the thread's error. */
void sr_private_remove(const char *path);

#endif
