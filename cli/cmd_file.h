/* The parts of `file` that have a file of their own. */
#ifndef CLI_CMD_FILE_H
#define CLI_CMD_FILE_H

#include "cli.h"

int file_import(struct cli *cli);
int file_verify(struct cli *cli);
int file_activate(struct cli *cli);
int file_pin(struct cli *cli);
int file_unpin(struct cli *cli);

#endif
