/* The parts of `stats` that have a file of their own. */
#ifndef CLI_CMD_STATS_H
#define CLI_CMD_STATS_H

#include "cli.h"

/* Each of the last days. */
int stats_transfers(struct cli *cli, sr_catalog *catalog, int days);
/* Each client, with its growth over that many days. */
int stats_clients(struct cli *cli, sr_catalog *catalog, int days);

#endif
