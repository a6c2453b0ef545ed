/*
 * Who else is reading: whoever reads a database with a log holds a shared lock on one of five
 * bytes of the log's index. Linux lists all locks with the processes that hold them; nothing is
 * opened, which would drop this process's own.
 */
#include "sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite's WAL_READ_LOCK(0) to (4), at its UNIX_SHM_BASE. */
#define FIRST_BYTE 123
#define LAST_BYTE  127

/* The process of a line of /proc/locks that is such a lock on the file, else 0. */
static long reader_of(const char *line, uint64_t inode)
{
	uint64_t first, last, of;
	char kind[16];
	long process;

	if (sscanf(line, "%*d: POSIX %*s %15s %ld %*x:%*x:%" SCNu64 " %" SCNu64 " %" SCNu64, kind,
		   &process, &of, &first, &last) != 5)
		return 0;
	return of == inode && first >= FIRST_BYTE && last <= LAST_BYTE ? process : 0;
}

int sr_sqlite_readers(sr_conn *conn, long *processes, int room)
{
	sr_buffer index = SR_BUFFER_EMPTY;
	char line[256];
	struct stat st;
	FILE *locks;
	int count = 0;
	bool there;

	sr_buffer_printf(&index, "%s-shm", conn->path);
	there = sr_buffer_status(&index) == SR_OK && stat(index.data, &st) == 0;
	sr_buffer_free(&index);
	if (!there)
		return 0;
	if ((locks = fopen("/proc/locks", "re")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), locks)) {
		long process = reader_of(line, st.st_ino);
		bool known = process <= 0 || process == (long)getpid();

		for (int i = 0; i < count && i < room && !known; i++)
			known = processes[i] == process;
		if (known)
			continue;
		if (count < room)
			processes[count] = process;
		count++;
	}
	fclose(locks);
	return count;
}
