#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"

struct sr_own {
	char *path;       /* Without links: the other files stand beside the real one. */
	const char *name; /* Its last part. */
};

sr_status sr_own_new(sr_own **own, const char *database)
{
	sr_own *made = calloc(1, sizeof(*made));

	*own = NULL;
	if (made == NULL)
		return sr_fail_memory();
	if ((made->path = realpath(database, NULL)) == NULL) {
		free(made);
		return sr_fail_errno(errno, "cannot find the database %s", database);
	}
	made->name = strrchr(made->path, '/') + 1;
	*own = made;
	return SR_OK;
}

bool sr_own_has(const sr_own *own, const char *name, const struct stat *st)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	struct stat it;
	char *path;
	bool has = false;

	/* A file of one name alone goes by that name, on whichever way it is come to. */
	if (st->st_nlink == 1 && strncmp(name, own->name, strlen(own->name)) != 0)
		return false;
	/* Looked at anew each time, because the log comes and goes. */
	for (size_t i = 0; !has && i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* Where it cannot be told, it is safer not to open the file. */
		if (asprintf(&path, "%s%s", own->path, ends[i]) < 0)
			return true;
		has = stat(path, &it) == 0 && it.st_dev == st->st_dev && it.st_ino == st->st_ino;
		free(path);
	}
	return has;
}

void sr_own_free(sr_own *own)
{
	if (own == NULL)
		return;
	free(own->path);
	free(own);
}
