/* `strongroom backup`, in two files. */
#ifndef CLI_CMD_BACKUP_H
#define CLI_CMD_BACKUP_H

#include <jansson.h>

#include "cli.h"
#include "keep.h"

/* Removes what no rule keeps beside the backup at path, which was just made. With JSON what became
 * of each is added to the document. */
int backup_rotate(struct cli *cli, const char *path, const sr_keep *keep, json_t *document);

/* Shows what it would do in the folder, or in that of the file (NULL: the database's). */
int backup_rotate_dry(struct cli *cli, const char *path, const sr_keep *keep);

#endif
