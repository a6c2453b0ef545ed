/* What torture-kill runs until it is killed. */
#ifndef KILL_H
#define KILL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "torture.h"

enum {
	KILL_EMPTY = 1,    /* There is no catalog before it. */
	KILL_IN_PARTS = 2, /* What it does is done in portions, each whole. */
	KILL_STEPS = 4,    /* It goes from version to version. */
	KILL_ONCE = 8,     /* Done again it fails: it is done already. */
	KILL_ASIDE = 16,   /* A stored file may lie aside until the next deletion. */
	KILL_KEYS = 64,    /* Keys are wrapped under @/ring. */
	KILL_UNWELL = 32,  /* It is unhealthy until the command is done again. */
};

/* One command of the program; in its words @ is the case's folder and % the folder to record. */
typedef struct kill_command {
	const char *words;
	unsigned flags;
	const char *before; /* Commands that prepare it with " && " between, or "sqlite" and SQL
			       among them; or NULL. */
	int status;         /* What it ends with. */
} kill_command;

extern const kill_command kill_commands[]; /* The last has no words. */

/* Kills a process of 16 writers until the time is up, at least once. */
void kill_writers(torture *run, const char *template, double until);

/* Kills a process that holds the catalog's locks while another one waits for them. */
void kill_holders(torture *run, const char *template, double until);

/* These are the processes that are killed: argv says which; does not return then. */
void kill_become(int argc, char **argv);

/* Starts this program anew as one of them, with its standard output to read from. */
pid_t kill_start(const char *role, const char *folder, const char *plant, int *out);

/* Ends it with SIGKILL and waits; false: it had ended by itself. */
bool kill_now(pid_t child);

void kill_rest(double seconds);

#endif
