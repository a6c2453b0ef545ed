/* The settings of a freshly opened connection. */
#ifndef SR_ENGINE_SQLITE_SETTLE_H
#define SR_ENGINE_SQLITE_SETTLE_H

#include "sqlite.h"

/* Hardens it, finds out whether it is a database at all, and chooses the journal. */
sr_status sr_sqlite_settle(sqlite_conn *c, const sr_conn_options *options);

#endif
