/* The parts of `keys` that have a file of their own, and what they share. */
#ifndef CLI_CMD_KEYS_H
#define CLI_CMD_KEYS_H

#include <jansson.h>

#include "cli.h"

int keys_rotate(struct cli *cli);

/* What every part starts with; key_file: the ring, NULL for the setting's. keys: clients' keys are
 * to be seen. */
int keys_open(struct cli *cli, cli_access access, const char *key_file, bool keys,
	      sr_catalog **catalog);

/* The backups that are known, but for those in the folders: one a row of what is to be shown, and
 * how many of them need the old master keys. */
struct known_backups {
	json_t *list;  /* Owned. */
	int64_t count; /* All of them, */
	int64_t wrapped;
};
sr_status known_backups_take(struct known_backups *known, sr_catalog *catalog,
			     const char *const *but, size_t count);
/* On standard error, each in a line: those whose keys are wrapped, or the others, and of more than
 * `most` how many more there are. */
void known_backups_note(struct cli *cli, const struct known_backups *known, bool wrapped,
			int64_t most);

#endif
