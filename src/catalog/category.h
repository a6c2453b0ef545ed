/* What the files about categories share. Inside operations: the latest version. */
#ifndef SR_CATEGORY_H
#define SR_CATEGORY_H

#include "catalog.h"

/* What files get where no rule fits; and what the schema gives those that say nothing. */
#define SR_CATEGORY_REST    "other"
#define SR_CATEGORY_DEFAULT "document"

/* SR_INVALID for a name that no category can have. */
sr_status sr_category_check_name(sr_text name);

/* SR_NOT_FOUND unless there is a category of that name. */
sr_status sr_category_require(sr_conn *conn, sr_text name);

/* Whether a table is there, in databases of every version. */
sr_status sr_category_table_exists(sr_conn *conn, const char *table, bool *exists);

/* ---- Rules (category_rules.c) ---- */

/* SR_INVALID for a pattern that nothing could match. */
sr_status sr_category_check_rule(const sr_category_rule *rule);

/* Leads to the category from now on; SR_EXISTS where it leads elsewhere. */
sr_status sr_category_rule_add(sr_conn *conn, sr_text category, const sr_category_rule *rule);
/* SR_NOT_FOUND where it does not lead there. */
sr_status sr_category_rule_remove(sr_conn *conn, sr_text category, const sr_category_rule *rule);
/* All that lead to one lead to the other, or with a null go. */
sr_status sr_category_rules_move(sr_conn *conn, sr_text from, sr_text to);

sr_status sr_category_rules_read(sr_conn *conn, sr_category_rules **rules);

#endif
