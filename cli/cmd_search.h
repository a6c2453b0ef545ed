/* What search prints instead of files. */
#ifndef CLI_CMD_SEARCH_H
#define CLI_CMD_SEARCH_H

#include "cli.h"

/* SR_FACET_* of a word; 0: there is no such facet. */
unsigned search_facet(const char *word);

/* They count what the query would find, and return the exit status. */
int search_count(struct cli *cli, sr_catalog *catalog, const sr_query *query);
int search_facets(struct cli *cli, sr_catalog *catalog, const sr_query *query, unsigned facets);

/* Reads the cursor of a search to its end and tells how that went. */
int search_explain(struct cli *cli, sr_files *cursor);

#endif
