/* The parts of `client` that have a file of their own. */
#ifndef CLI_CMD_CLIENT_H
#define CLI_CMD_CLIENT_H

#include "cli.h"

int client_import(struct cli *cli);

#endif
