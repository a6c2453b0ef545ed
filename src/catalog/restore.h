/* Restoring where no engine can help: the database's file itself is missing or damaged. */
#ifndef SR_RESTORE_H
#define SR_RESTORE_H

#include "backup.h"

/* Sets the database and its log aside, where there are any, and gives `fresh` (a whole database on
 * the same file system) its name. SR_BUSY while a process has one of them open. aside receives the
 * name that the database has now, or "". */
sr_status sr_restore_file(const char *database, const char *fresh, char aside[4096]);

#endif
