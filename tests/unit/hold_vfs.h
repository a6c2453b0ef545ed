/*
 * A VFS that holds a thread still at a chosen call, as long as the test wants: what is a window of
 * microseconds becomes a door that stands open. Everything else is the system's own VFS.
 *
 * Install it before anything is opened; it is then SQLite's default.
 */
#ifndef SR_TEST_HOLD_VFS_H
#define SR_TEST_HOLD_VFS_H

typedef enum hold_call {
	HOLD_NOTHING,
	HOLD_CHECKPOINT, /* Before it takes the lock of a checkpoint. */
	HOLD_READ,       /* Before it takes a reader's place. */
	HOLD_HEADER,     /* In a checkpoint that has read the header of a log that has changed since
			    this connection looked, and has not looked yet how much of it is in the
			    database. */
	HOLD_WRITE,      /* Before it writes to the database. */
} hold_call;

void hold_vfs_install(void);
void hold_vfs_remove(void);

/* The first such call of any other thread than this one will be held. One at a time. */
void hold_arm(hold_call call);
/* Returns when somebody is held. */
void hold_wait(void);
/* Lets him go, and arms the next, which may be HOLD_NOTHING. */
void hold_release(hold_call next);

#endif
