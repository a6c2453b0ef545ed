/* The part of `migrate` that has a file of its own. */
#ifndef CLI_CMD_MIGRATE_H
#define CLI_CMD_MIGRATE_H

#include "cli.h"

int migrate_rehearse(struct cli *cli);

#endif
