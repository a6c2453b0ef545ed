/* The parts of `stats` that have a file of their own. */
#ifndef CLI_CMD_STATS_H
#define CLI_CMD_STATS_H

#include "cli.h"

/* Each of the last days. */
int stats_transfers(struct cli *cli, sr_catalog *catalog, int days);
/* What --by may be followed by; false for anything else. */
bool stats_by(const char *name, sr_total_by *by);
/* Files and bytes by that. */
int stats_totals(struct cli *cli, sr_catalog *catalog, sr_total_by by);
/* Each client, with its growth over that many days. */
int stats_clients(struct cli *cli, sr_catalog *catalog, int days);

#endif
