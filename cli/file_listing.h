/* A listing of files: the same columns wherever files are listed. */
#ifndef CLI_FILE_LISTING_H
#define CLI_FILE_LISTING_H

#include "cli.h"

/* key is the array's in JSON, NULL for a bare one. */
struct listing *file_listing_begin(struct cli *cli, const char *key);
/* Adds the file as the format wants it. */
void file_listing_row(struct cli *cli, struct listing *list, const sr_file *file);

/* Where people know a file by: its original path, else its name. */
sr_text file_key(const sr_file *file);

#endif
