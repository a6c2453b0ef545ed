/*
 * Who else is at the database. Linux lists all locks with the processes that hold them; nothing is
 * opened, which would drop this process's own.
 *
 * Whoever reads a database with a log holds a shared lock on one of five bytes of the log's index,
 * who writes, checkpoints or recovers one on a byte before them. Without a log it is a run of
 * bytes in the database itself.
 */
#include "sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/text.h"

/* SQLite's WAL_WRITE_LOCK, and WAL_READ_LOCK(0) to (4), at its UNIX_SHM_BASE. */
#define WRITE_BYTE 120
#define FIRST_BYTE 123
#define LAST_BYTE  127

/* SQLite's PENDING_BYTE, and the end of its SHARED_SIZE. */
#define MAIN_FIRST 0x40000000
#define MAIN_LAST  (MAIN_FIRST + 511)

typedef struct held {
	long process;
	bool exclusive;
	uint64_t inode, first, last;
} held;

/* A line of /proc/locks. False for what waits, for other kinds, and for this process's own. */
static bool held_read(const char *line, held *lock)
{
	char kind[16];

	if (sscanf(line, "%*d: POSIX %*s %15s %ld %*x:%*x:%" SCNu64 " %" SCNu64 " %" SCNu64, kind,
		   &lock->process, &lock->inode, &lock->first, &lock->last) != 5)
		return false;
	lock->exclusive = strcmp(kind, "WRITE") == 0;
	return lock->process > 0 && lock->process != (long)getpid();
}

static bool inode_of(const sr_conn *conn, const char *suffix, uint64_t *inode)
{
	sr_buffer name = SR_BUFFER_EMPTY;
	struct stat st;
	bool there;

	sr_buffer_printf(&name, "%s%s", conn->path, suffix);
	there = sr_buffer_status(&name) == SR_OK && stat(name.data, &st) == 0;
	sr_buffer_free(&name);
	*inode = there ? st.st_ino : 0;
	return there;
}

int sr_sqlite_readers(sr_conn *conn, long *processes, int room)
{
	uint64_t index;
	char line[256];
	FILE *locks;
	int count = 0;
	held lock;

	if (!inode_of(conn, "-shm", &index))
		return 0;
	if ((locks = fopen("/proc/locks", "re")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), locks)) {
		bool known = !held_read(line, &lock) || lock.inode != index ||
			     lock.first < FIRST_BYTE || lock.last > LAST_BYTE;

		for (int i = 0; i < count && i < room && !known; i++)
			known = processes[i] == lock.process;
		if (known)
			continue;
		if (count < room)
			processes[count] = lock.process;
		count++;
	}
	fclose(locks);
	return count;
}

/* What the process calls itself. */
static void name_read(long process, char name[32])
{
	char path[48];
	FILE *file;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", process);
	if ((file = fopen(path, "re")) == NULL)
		return;
	if (fgets(name, 32, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

void sr_sqlite_blocker(sr_conn *conn, bool readers, char words[128])
{
	uint64_t index, database;
	char line[256];
	char name[32];
	long found = 0;
	FILE *locks = fopen("/proc/locks", "re");
	held lock;

	inode_of(conn, "-shm", &index);
	inode_of(conn, "", &database);
	while (locks && found == 0 && fgets(line, sizeof(line), locks)) {
		if (!held_read(line, &lock) || !(lock.exclusive || readers))
			continue;
		if ((lock.inode == index && lock.first >= WRITE_BYTE && lock.last < FIRST_BYTE) ||
		    (lock.inode == database && lock.first >= MAIN_FIRST && lock.last <= MAIN_LAST))
			found = lock.process;
	}
	if (locks)
		fclose(locks);
	if (found == 0) {
		strcpy(words, "another program");
		return;
	}
	name_read(found, name);
	snprintf(words, 128, "another program, process %ld %s", found,
		 name[0] ? sr_quoted(sr_text_of(name)) : "");
}
