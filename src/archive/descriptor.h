/* Reading a file by a descriptor of one's own, which for a database may do harm. */
#ifndef SR_DESCRIPTOR_H
#define SR_DESCRIPTOR_H

#include "strongroom.h"

/* Opens a file for reading, and tells its size. SR_INVALID for one that this process may have open
 * as a database: closing another descriptor of it would drop the locks that it holds. */
sr_status sr_descriptor_read(const char *path, int *fd, int64_t *size);

/* Reads until room is full or the file ends. */
sr_status sr_descriptor_fill(int fd, const char *path, void *bytes, size_t room, size_t *length);

#endif
