/*
 * strongroom.conf: lines of `KEY = value`, comments after #, values bare or within '' or "".
 * The first of the file given, ./strongroom.conf, $XDG_CONFIG_HOME/strongroom/ and
 * /etc/strongroom/ is read, and only that one.
 */
#ifndef SR_CONFIG_FILE_H
#define SR_CONFIG_FILE_H

#include "strongroom.h"

/* One line of the file. Valid during the callback. */
typedef struct sr_config_line {
	const char *file;
	int number; /* From 1. */
	const char *key;
	const char *value;
} sr_config_line;

typedef sr_status (*sr_config_fn)(void *arg, const sr_config_line *line);

/* Calls fn for each setting in the file that counts; none at all is SR_OK. `given` (may be NULL)
 * must exist; "/dev/null" is none. A line that does not parse is SR_INVALID and names file and
 * line; what fn returns ends the reading. A file that is neither the user's nor root's, or that
 * everybody may write, is SR_PERMISSION, and what is no regular file SR_REFUSED: neither is passed
 * over for the next. */
sr_status sr_config_read(const char *given, sr_config_fn fn, void *arg);

#endif
