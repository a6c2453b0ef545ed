/*
 * Faults as a fixture: a VFS over the system's whose n-th write, sync, … of chosen files fails.
 *
 * Install it before anything is opened; it is then SQLite's default. Arm it right before what
 * shall fail. Calls may come from any thread.
 */
#ifndef SR_TEST_FAULT_VFS_H
#define SR_TEST_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>

typedef enum fault_call {
	FAULT_READ,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_TRUNCATE,
	FAULT_OPEN,
	FAULT_DELETE,
	FAULT_LOCK,  /* Of the database file itself. */
	FAULT_CALLS, /* How many kinds there are. */
} fault_call;

/* Which files; combine with |. */
enum {
	FAULT_MAIN = 1,
	FAULT_WAL = 2,
	FAULT_JOURNAL = 4,
	FAULT_OTHER = 8, /* Statement journals and temporary files. */
	FAULT_ANY = 15,
};

/* Over the system's VFS, as the default; again is harmless. */
void fault_vfs_install(void);
void fault_vfs_remove(void);

/* The nth such call from now on fails with the SQLite code (SQLITE_IOERR_WRITE, SQLITE_FULL,
 * …), and with lasting all after it as well. Each kind of call is armed by itself. With
 * SQLITE_READONLY a file is opened for reading alone, as the system's VFS opens one that does not
 * open for writing. */
void fault_arm(fault_call call, unsigned files, int nth, int code, bool lasting);

/* Nothing fails any more. */
void fault_disarm(void);

/* How many calls have failed since the last arming of anything. */
int fault_hits(void);

/* How many such calls were made on any file since the installation. */
int fault_count(fault_call call);

/* Files opened from now on have no shared memory, so that WAL is refused, as it is on file
 * systems of some networks. */
void fault_without_shm(bool without);

#endif
