/* The search index damaged: it must be noticed, whatever it is, and never be believed. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

/* The rows of each table that it is made of, and what of them may turn out another. Not here is
 * what nothing could tell from a truth: which rows were passed, and which have changed since. */
static const struct part {
	const char *table;
	const char *blob;
	const char *numbers[5];
} parts[] = {
	{"search_postings", "Lists", {"Key", "Until", "Blocks"}},
	{"search_chunks", "Slots", {"Chunk", "FirstRow", "LastRow", "Oldest", "Newest"}},
	{"search_segments", NULL, {"Segment", "FirstChunk", "Chunks"}},
};

static const char *number_of(const struct part *p)
{
	const char *name;

	do
		name = p->numbers[chance(5)];
	while (name == NULL);
	return name;
}

/* One byte of the blob is another, or it ends before its end. */
static char *change_blob(const struct part *p, unsigned at)
{
	if (one_in(4))
		return sqlite3_mprintf("%s = substr(%s, 1, %u %% (length(%s) + 1))", p->blob,
				       p->blob, at, p->blob);
	return sqlite3_mprintf("%s = CAST(substr(%s, 1, %u %% length(%s)) || x'%02x' ||"
			       " substr(%s, %u %% length(%s) + 2) AS BLOB)",
			       p->blob, p->blob, at, p->blob, chance(256), p->blob, at, p->blob);
}

static char *change_number(const struct part *p)
{
	static const char *const others[] = {"%s + 1", "%s - 1", "0", "%s * 2", "-1", "%s + 4096"};
	const char *name = number_of(p);
	char *other = sqlite3_mprintf(PICK(others), name);
	char *made = sqlite3_mprintf("%s = %s", name, other);

	sqlite3_free(other);
	return made;
}

static char *make(const struct part *p)
{
	char *change, *sql;

	if (one_in(5))
		return sqlite3_mprintf("DELETE FROM %s WHERE rowid = (SELECT rowid FROM %s LIMIT 1"
				       " OFFSET %u %% max(1, (SELECT count(*) FROM %s)))",
				       p->table, p->table, chance(1000), p->table);
	change = p->blob && one_in(2) ? change_blob(p, chance(5000)) : change_number(p);
	sql = sqlite3_mprintf("UPDATE OR IGNORE %s SET %s WHERE rowid = (SELECT rowid FROM %s LIMIT"
			      " 1 OFFSET %u %% max(1, (SELECT count(*) FROM %s)))",
			      p->table, change, p->table, chance(1000), p->table);
	sqlite3_free(change);
	return sql;
}

void machine_damage(machine *m)
{
	sqlite3 *db = open_plain(m->path);
	char *sql;

	if (one_in(8))
		sql = sqlite3_mprintf(
			"%s", PICK(((const char *const[]){
				      "DELETE FROM search_state",
				      "UPDATE search_state SET Format = 'another'",
				      "UPDATE search_state SET NextChunk = 0",
				      "DELETE FROM search_chunks", "DELETE FROM search_postings",
				      "DELETE FROM search_segments"})));
	else
		sql = make(&PICK(parts));
	write_log(&m->writing, "damage: %s", sql);
	run_sql(&m->writing, db, sql);
	sqlite3_free(sql);
	sqlite3_close(db);
	m->figures->damaged++;
}
