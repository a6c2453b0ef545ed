#include "scratch.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[512]; /* Empty: there is none. */

static void forget_settings(void)
{
	static const char *const names[] = {
		"STRONGROOM_DB",
		"DATABASE_NAME",
		"FILE_STORAGE_DIR",
		"CONNECTION_POOL_SIZE",
		"CONNECTION_TIMEOUT",
		"DURABILITY",
		"MIGRATION_BACKUP_ENABLED",
		"MIGRATION_VALIDATION_ENABLED",
		"TRUST_FOREIGN_TRIGGERS",
		"SIZE_WARNING_MB",
		"SIZE_CRITICAL_MB",
		"DANGEROUS_OPERATIONS_BLOCKED",
		"STRONGROOM_MASTER_KEY_FILE",
		"STRONGROOM_MASTER_KEY_COMMAND",
		"STRONGROOM_AES_KEYS",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("XDG_CONFIG_HOME", folder, 1);
}

void scratch_make(char *path, size_t size, const char *name)
{
	const char *parent = getenv("TMPDIR");
	int length = snprintf(path, size, "%s/strongroom-%s-XXXXXX",
			      parent != NULL && parent[0] == '/' ? parent : "/tmp", name);

	if (length < 0 || (size_t)length >= size || mkdtemp(path) == NULL) {
		perror(path);
		abort();
	}
}

void scratch_new(void)
{
	scratch_teardown(NULL);
	scratch_make(folder, sizeof(folder), "test");
	forget_settings();
}

const char *scratch_folder(void)
{
	return folder;
}

const char *scratch_path(const char *name)
{
	static char paths[8][sizeof(folder) + 128];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void scratch_remove(const char *top)
{
	char *copy = strdup(top);
	char *roots[] = {copy, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_D)
			chmod(entry->fts_path, 0700);
		else
			remove(entry->fts_path);
	}
	if (walk != NULL)
		fts_close(walk);
	free(copy);
}

int scratch_setup(void **state)
{
	(void)state;
	scratch_new();
	return 0;
}

int scratch_teardown(void **state)
{
	(void)state;
	if (folder[0] != '\0')
		scratch_remove(folder);
	folder[0] = '\0';
	return 0;
}
