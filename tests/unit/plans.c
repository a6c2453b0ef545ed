#include "plans.h"

#include <stdlib.h>
#include <string.h>

/* What a statement's code says of itself, an operation a row: EXPLAIN lists the programs of
 * triggers behind its own, each from address 0. */
typedef struct operation {
	int address;
	char name[24];
	int p1;
	int p2;
	int p3;
} operation;

/* The object that has this root page. */
static int object_at(sqlite3 *db, int root, char *object, char *table, size_t size)
{
	sqlite3_stmt *stmt;
	int found = 0;

	if (root == 1)
		return 0; /* The schema's own table is small. */
	if (sqlite3_prepare_v2(db, "SELECT name, tbl_name FROM sqlite_schema WHERE rootpage = ?1",
			       -1, &stmt, NULL) != SQLITE_OK)
		abort();
	sqlite3_bind_int(stmt, 1, root);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		found = 1;
		sqlite3_snprintf((int)size, object, "%s", sqlite3_column_text(stmt, 0));
		sqlite3_snprintf((int)size, table, "%s", sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	return found;
}

/* Whether the operation opens the cursor, and on which root page of main; 0: on something else. */
static int opens(const operation *o, int cursor, int *root)
{
	int on_table = strcmp(o->name, "OpenRead") == 0 || strcmp(o->name, "OpenWrite") == 0 ||
		       strcmp(o->name, "ReopenIdx") == 0;

	if (o->p1 != cursor || (!on_table && strncmp(o->name, "Open", 4) != 0))
		return 0;
	*root = on_table && o->p3 == 0 ? o->p2 : 0;
	return 1;
}

/* What the cursor of the operation at `at` was opened on before it; else anywhere. */
static int root_of(const operation *program, size_t count, size_t at)
{
	int root = 0;

	for (size_t i = at; i > 0; i--)
		if (opens(&program[i - 1], program[at].p1, &root))
			return root;
	for (size_t i = at; i < count; i++)
		if (opens(&program[i], program[at].p1, &root))
			return root;
	return 0;
}

/* Whether what begins at `at` is a loop over all that there is: it goes on to right behind it. */
static int is_loop(const operation *program, size_t count, size_t at)
{
	const char *step = strcmp(program[at].name, "Rewind") == 0 ? "Next" : "Prev";

	for (size_t i = at + 1; i < count; i++)
		if (program[i].p1 == program[at].p1 && strcmp(program[i].name, step) == 0 &&
		    program[i].p2 == program[at].address + 1)
			return 1;
	return 0;
}

static void look_at(sqlite3 *db, const operation *program, size_t count, plans_scan_fn fn,
		    void *arg)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = program[i].name;
		char object[128], table[128];
		int counts = strcmp(name, "Count") == 0;

		if (!counts && ((strcmp(name, "Rewind") != 0 && strcmp(name, "Last") != 0) ||
				!is_loop(program, count, i)))
			continue;
		if (object_at(db, root_of(program, count, i), object, table, sizeof(object)))
			fn(arg, table, object, counts ? "count" : "rows");
	}
}

int plans_scans(sqlite3 *db, const char *sql, plans_scan_fn fn, void *arg)
{
	char *explain = sqlite3_mprintf("EXPLAIN %s", sql);
	operation *all = NULL;
	size_t count = 0, room = 0, first = 0;
	sqlite3_stmt *stmt = NULL;
	int compiles = sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) == SQLITE_OK;

	while (compiles && sqlite3_step(stmt) == SQLITE_ROW) {
		operation *o;

		if (count == room) {
			room = room ? room * 2 : 256;
			if ((all = realloc(all, room * sizeof(*all))) == NULL)
				abort();
		}
		o = &all[count];
		o->address = sqlite3_column_int(stmt, 0);
		sqlite3_snprintf(sizeof(o->name), o->name, "%s", sqlite3_column_text(stmt, 1));
		o->p1 = sqlite3_column_int(stmt, 2);
		o->p2 = sqlite3_column_int(stmt, 3);
		o->p3 = sqlite3_column_int(stmt, 4);
		if (o->address == 0 && count > 0) {
			look_at(db, all + first, count - first, fn, arg);
			first = count;
		}
		count++;
	}
	if (count > 0)
		look_at(db, all + first, count - first, fn, arg);
	sqlite3_finalize(stmt);
	sqlite3_free(explain);
	free(all);
	return compiles;
}

/* "SEARCH f USING INDEX name (…", "… USING COVERING INDEX name". */
static int names(const char *step, const char *index)
{
	const char *at = strstr(step, index);
	size_t length = strlen(index);

	return at != NULL && at > step && at[-1] == ' ' &&
	       (at[length] == '\0' || at[length] == ' ');
}

int plans_names(sqlite3 *db, const char *sql, const char *index)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	int found = 0;

	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) == SQLITE_OK)
		while (!found && sqlite3_step(stmt) == SQLITE_ROW)
			found = names((const char *)sqlite3_column_text(stmt, 3), index);
	sqlite3_finalize(stmt);
	sqlite3_free(explain);
	return found;
}

char *plans_words(const char *path, const char *sql)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt = NULL;
	char *plan = NULL;
	sqlite3 *db;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) == SQLITE_OK) {
		plan = sqlite3_mprintf("");
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			char *more = sqlite3_mprintf("%s%s%s", plan, *plan ? "; " : "",
						     sqlite3_column_text(stmt, 3));

			sqlite3_free(plan);
			plan = more;
		}
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	sqlite3_free(explain);
	return plan;
}
