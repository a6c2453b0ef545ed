/* The parts of `client` that have a file of their own. */
#ifndef CLI_CMD_CLIENT_H
#define CLI_CMD_CLIENT_H

#include "cli.h"

int client_import(struct cli *cli);

/* What was typed behind `delete`. */
struct shred_words {
	bool shred;
	arg_list folders;
	const char *passphrase_file; /* Of encrypted backups. */
};

/* The client of that name, or of that id, also where only backups have it. */
int client_shred(struct cli *cli, sr_catalog *catalog, const char *name,
		 const struct shred_words *words);

#endif
