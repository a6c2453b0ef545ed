/* The parts of `prune` that have a file of their own. */
#ifndef CLI_CMD_PRUNE_H
#define CLI_CMD_PRUNE_H

#include "cli.h"

/* prune policy set, clear, show, list. */
int prune_policy(struct cli *cli);

#endif
