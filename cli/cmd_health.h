/* What `strongroom health` prints of a check-up, in each of the forms. */
#ifndef CLI_CMD_HEALTH_H
#define CLI_CMD_HEALTH_H

#include "cli.h"

/* path names the database. */
void health_print(struct cli *cli, const sr_health *health, const char *path);

/* A block of a few lines and the findings, for --watch. */
void health_print_people(struct cli *cli, const sr_health *health, const char *path);

/* Text for people, broken between words where the terminal ends; every line is indented. */
void print_wrapped(struct cli *cli, size_t indent, const char *text);

#endif
