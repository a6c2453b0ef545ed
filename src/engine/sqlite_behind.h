/* Writing behind the back of who writes: a thread that takes one buffer at a time. */
#ifndef SR_ENGINE_SQLITE_BEHIND_H
#define SR_ENGINE_SQLITE_BEHIND_H

#include <sqlite3.h>

#define SR_BEHIND_BYTES (1 << 20)  /* Of a buffer. */
#define SR_BEHIND_PIECE (64 << 10) /* SQLite's VFS for Unix takes less than 128 KiB at once. */

typedef struct sr_sqlite_behind sr_sqlite_behind;

/* For a file of a VFS that nothing else is done with between a write and the next wait. Where fd
 * is not -1 it is the same file, opened with O_DIRECT: whole buffers go past the page cache, which
 * takes half the time and leaves others' pages in it. The descriptor stays the caller's. NULL where
 * there is no memory or no thread to be had. */
sr_sqlite_behind *sr_sqlite_behind_new(sqlite3_file *file, int fd);

/* A buffer of SR_BEHIND_BYTES that suits the above; free. */
char *sr_sqlite_behind_buffer(void);

/* Takes such a buffer, and gives another one for it. It
 * waits for the buffer before; that one's failure, or an earlier one's, is what is returned. */
int sr_sqlite_behind_write(sr_sqlite_behind *behind, char **bytes, int length, sqlite3_int64 at);

/* Waits until all is written: SQLITE_OK, or what failed first, once and for all. NULL is fine. */
int sr_sqlite_behind_wait(sr_sqlite_behind *behind);

void sr_sqlite_behind_free(sr_sqlite_behind *behind); /* Waits, too. NULL is fine. */

/* The same at once: in pieces that every VFS takes. */
int sr_sqlite_write_pieces(sqlite3_file *file, const char *bytes, int length, sqlite3_int64 at);

#endif
