#include "copy.h"

#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy_file(const char *from, const char *to)
{
	char bytes[1 << 14];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			abort();
	if (n != 0 || close(in) != 0 || close(out) != 0)
		abort();
}

void copy_tree(const char *from, const char *to)
{
	char *roots[] = {(char *)(uintptr_t)from, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		char path[8400];

		snprintf(path, sizeof(path), "%s%s", to, entry->fts_path + strlen(from));
		if (entry->fts_info == FTS_D && mkdir(path, 0700) != 0)
			abort();
		if (entry->fts_info == FTS_F)
			copy_file(entry->fts_path, path);
	}
	fts_close(walk);
}
