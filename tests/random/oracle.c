#include "oracle.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "pattern.h"

/* Memory of one state of the tables, freed at once. */
typedef struct chunk {
	struct chunk *next;
	size_t used;
	char bytes[];
} chunk;

#define CHUNK_SIZE 65536

/* What makes two values equal in SQL: type and bytes. */
typedef struct value {
	int type;
	sr_text bytes;
} value;

typedef struct client {
	value id;
	value name;
	sr_text folded_name;
} client;

/* What says which version of a file is its current one. */
typedef struct link {
	value id;
	int64_t current; /* CurrentVersionID, or SR_NULL_INTEGER. */
} link;

struct oracle {
	sqlite3 *db;
	chunk *memory;
	sr_buffer scratch;
	oracle_row *rows;
	value *owners; /* ClientID of each row. */
	link *links;   /* Of each row. */
	size_t count;
	size_t room;
	client *clients;
	size_t client_count;
	const oracle_row **found;
};

/* ---- Reading ---- */

static sr_text keep(oracle *all, const void *bytes, size_t length)
{
	size_t need = length + 1;
	chunk *c = all->memory;
	char *at;

	if (c == NULL || CHUNK_SIZE - c->used < need) {
		size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;

		if ((c = malloc(sizeof(*c) + size)) == NULL)
			abort();
		c->next = all->memory;
		c->used = 0;
		all->memory = c;
	}
	at = c->bytes + c->used;
	if (length > 0)
		memcpy(at, bytes, length);
	at[length] = '\0';
	c->used = need > CHUNK_SIZE ? CHUNK_SIZE : c->used + need;
	return (sr_text){at, length};
}

/* Bytes of text and blobs, numbers as text; null for null. */
static sr_text text_at(oracle *all, sqlite3_stmt *stmt, int column)
{
	const void *bytes;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return sr_text_of(NULL);
	case SQLITE_BLOB:
		bytes = sqlite3_column_blob(stmt, column);
		break;
	default:
		bytes = sqlite3_column_text(stmt, column);
	}
	return keep(all, bytes, (size_t)sqlite3_column_bytes(stmt, column));
}

static value value_at(oracle *all, sqlite3_stmt *stmt, int column)
{
	int type = sqlite3_column_type(stmt, column);

	return (value){type, text_at(all, stmt, column)};
}

static int64_t integer_at(sqlite3_stmt *stmt, int column)
{
	int type = sqlite3_column_type(stmt, column);

	if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
		return SR_NULL_INTEGER;
	return sqlite3_column_int64(stmt, column);
}

static sr_text fold(oracle *all, sr_text text)
{
	if (text.data == NULL)
		return text;
	oracle_fold(text, &all->scratch);
	return keep(all, all->scratch.data, all->scratch.length);
}

static bool equal(value a, value b)
{
	return a.type == b.type && a.type != SQLITE_NULL && a.bytes.length == b.bytes.length &&
	       memcmp(a.bytes.data, b.bytes.data, a.bytes.length) == 0;
}

static sr_text name_of_client(const oracle *all, value id)
{
	for (size_t i = 0; i < all->client_count; i++)
		if (equal(all->clients[i].id, id))
			return all->clients[i].name.bytes;
	return sr_text_of(NULL);
}

/* A date counts only where it is one from its first byte to its last. */
static void read_date(oracle_row *row)
{
	row->dated = row->date.data != NULL && row->date.length < 64 &&
		     strlen(row->date.data) == row->date.length &&
		     sr_time_parse(row->date.data, &row->instant, NULL) == SR_OK;
}

/* A fresh row at the end, zeroed. */
static oracle_row *append(oracle *all)
{
	if (all->count == all->room) {
		all->room = all->room ? all->room * 2 : 1024;
		all->rows = realloc(all->rows, all->room * sizeof(*all->rows));
		all->owners = realloc(all->owners, all->room * sizeof(*all->owners));
		all->links = realloc(all->links, all->room * sizeof(*all->links));
		if (all->rows == NULL || all->owners == NULL || all->links == NULL)
			abort();
	}
	memset(&all->rows[all->count], 0, sizeof(all->rows[0]));
	return &all->rows[all->count++];
}

static sqlite3_stmt *prepare(oracle *all, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(all->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(all->db));
	return stmt;
}

/* False when the rows did not come to an end. */
static bool finish(oracle *all, sqlite3_stmt *stmt, int code)
{
	if (code != SQLITE_DONE)
		fprintf(stderr, "%s: %s\n", sqlite3_sql(stmt), sqlite3_errmsg(all->db));
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE;
}

static bool has_column(oracle *all, const char *table, const char *column)
{
	char *sql = sqlite3_mprintf("SELECT 1 FROM pragma_table_xinfo(%Q) WHERE name = %Q", table,
				    column);
	sqlite3_stmt *stmt = prepare(all, sql);
	bool has = sqlite3_step(stmt) == SQLITE_ROW;

	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return has;
}

/* A column, or null where the table has none of that name; static for one statement. */
static const char *column(oracle *all, const char *table, const char *name)
{
	return has_column(all, table, name) ? name : "NULL";
}

static bool load_clients(oracle *all)
{
	sqlite3_stmt *stmt = prepare(all, "SELECT ID, Name FROM clients");
	int code;

	if (stmt == NULL)
		return false;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		all->clients =
			realloc(all->clients, (all->client_count + 1) * sizeof(*all->clients));
		if (all->clients == NULL)
			abort();
		all->clients[all->client_count++] =
			(client){value_at(all, stmt, 0), value_at(all, stmt, 1),
				 fold(all, text_at(all, stmt, 1))};
	}
	return finish(all, stmt, code);
}

static void take_file(oracle *all, sqlite3_stmt *stmt)
{
	oracle_row *row = append(all);
	value id = value_at(all, stmt, 1);

	row->row = sqlite3_column_int64(stmt, 0);
	row->number = SR_NULL_INTEGER;
	row->has_id = id.bytes.length == sizeof(row->id) &&
		      (id.type == SQLITE_BLOB || id.type == SQLITE_TEXT);
	if (row->has_id)
		memcpy(&row->id, id.bytes.data, sizeof(row->id));
	row->name = text_at(all, stmt, 2);
	row->path = text_at(all, stmt, 3);
	row->original = text_at(all, stmt, 4);
	row->size = integer_at(stmt, 5);
	row->date = text_at(all, stmt, 6);
	row->folded_extension = fold(all, text_at(all, stmt, 7));
	row->verified = integer_at(stmt, 8) != SR_NULL_INTEGER && integer_at(stmt, 8) != 0;
	row->missing = sqlite3_column_type(stmt, 9) != SQLITE_NULL;
	all->owners[all->count - 1] = value_at(all, stmt, 10);
	all->links[all->count - 1] = (link){id, integer_at(stmt, 11)};
	row->client_name = name_of_client(all, all->owners[all->count - 1]);
	row->hash = text_at(all, stmt, 12);
	row->folded_name = fold(all, row->name);
	row->folded_path = fold(all, row->path);
	row->folded_original = fold(all, row->original);
	read_date(row);
}

static bool load_files(oracle *all)
{
	bool own = has_column(all, "files", "ClientID"); /* Else ID is the client's. */
	char *sql = sqlite3_mprintf(
		"SELECT rowid, %s, FileName, PathName, %s, %s, %s, %s, Verified, %s, %s, %s, %s"
		" FROM files",
		own ? "ID" : "NULL", column(all, "files", "OriginalPath"),
		column(all, "files", "FileSize"), column(all, "files", "ModificationDate"),
		column(all, "files", "FileExtension"), column(all, "files", "MissingSince"),
		own ? "ClientID" : "ID", column(all, "files", "CurrentVersionID"),
		column(all, "files", "FileHash"));
	sqlite3_stmt *stmt = prepare(all, sql);
	int code;

	sqlite3_free(sql);
	if (stmt == NULL)
		return false;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
		take_file(all, stmt);
	return finish(all, stmt, code);
}

/* ---- Earlier states ---- */

typedef struct state {
	value file;
	int64_t id;
	int64_t number;
	bool active;
	sr_text path;
	int64_t size;
	sr_text date;
	sr_text hash;
} state;

/* The one that stands for what the file is: the one that it names, else the last active one. */
static int64_t current_of(const state *states, size_t count, const link *file)
{
	const state *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const state *s = &states[i];

		if (!equal(s->file, file->id))
			continue;
		if (s->id == file->current)
			return s->id;
		if (s->active && (best == NULL || s->number > best->number ||
				  (s->number == best->number && s->id > best->id)))
			best = s;
	}
	return best ? best->id : 0;
}

static void add_states_of(oracle *all, size_t file, const state *states, size_t count)
{
	int64_t current = current_of(states, count, &all->links[file]);

	for (size_t i = 0; i < count; i++) {
		oracle_row *row;

		if (!equal(states[i].file, all->links[file].id) || states[i].id == current)
			continue;
		row = append(all);
		*row = all->rows[file];
		all->owners[all->count - 1] = all->owners[file];
		row->version = states[i].id;
		row->number = states[i].number;
		row->path = states[i].path;
		row->folded_path = fold(all, row->path);
		row->size = states[i].size;
		row->date = states[i].date;
		row->hash = states[i].hash;
		row->verified = false;
		row->instant = 0;
		read_date(row);
	}
}

static int by_file(const void *left, const void *right)
{
	const state *a = left, *b = right;
	size_t shorter = a->file.bytes.length < b->file.bytes.length ? a->file.bytes.length
								     : b->file.bytes.length;
	int d = a->file.type - b->file.type;

	if (d == 0 && shorter > 0)
		d = memcmp(a->file.bytes.data, b->file.bytes.data, shorter);
	return d ? d
		 : (a->file.bytes.length > b->file.bytes.length) -
			       (a->file.bytes.length < b->file.bytes.length);
}

/* Where the states of the file begin, and how many there are. */
static const state *states_of(const state *states, size_t count, value id, size_t *some)
{
	state key = {.file = id};
	const state *first;

	*some = 0;
	if (count == 0 || id.type == SQLITE_NULL)
		return NULL;
	first = bsearch(&key, states, count, sizeof(*states), by_file);
	if (first == NULL)
		return NULL;
	while (first > states && by_file(first - 1, &key) == 0)
		first--;
	while (first + *some < states + count && by_file(first + *some, &key) == 0)
		(*some)++;
	return first;
}

static bool load_states(oracle *all)
{
	size_t count = 0, room = 0, files = all->count;
	state *states = NULL;
	sqlite3_stmt *stmt;
	char *sql;
	int code;

	if (!has_column(all, "file_versions", "FileID"))
		return true;
	sql = sqlite3_mprintf("SELECT FileID, ID, VersionNumber, IsActive, PathName, FileSize, %s,"
			      " VersionHash FROM file_versions",
			      column(all, "file_versions", "ModificationDate"));
	stmt = prepare(all, sql);
	sqlite3_free(sql);
	if (stmt == NULL)
		return false;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (count == room) {
			room = room ? room * 2 : 256;
			if ((states = realloc(states, room * sizeof(*states))) == NULL)
				abort();
		}
		states[count++] = (state){
			.file = value_at(all, stmt, 0),
			.id = sqlite3_column_int64(stmt, 1),
			.number = integer_at(stmt, 2),
			.active = integer_at(stmt, 3) == 1,
			.path = text_at(all, stmt, 4),
			.size = integer_at(stmt, 5),
			.date = text_at(all, stmt, 6),
			.hash = text_at(all, stmt, 7),
		};
	}
	if (count > 0)
		qsort(states, count, sizeof(*states), by_file);
	for (size_t i = 0; i < files; i++) {
		size_t some;
		const state *own = states_of(states, count, all->links[i].id, &some);

		add_states_of(all, i, own, some);
	}
	free(states);
	return finish(all, stmt, code);
}

oracle *oracle_load(sqlite3 *db)
{
	oracle *all = calloc(1, sizeof(*all));
	bool inside = !sqlite3_get_autocommit(db);
	bool done;

	if (all == NULL)
		abort();
	all->db = db;
	done = (inside || sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK) &&
	       load_clients(all) && load_files(all) && load_states(all);
	if (!inside)
		sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (!done) {
		oracle_free(all);
		return NULL;
	}
	return all;
}

void oracle_free(oracle *all)
{
	chunk *next;

	if (all == NULL)
		return;
	for (chunk *c = all->memory; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	sr_buffer_free(&all->scratch);
	free(all->rows);
	free(all->owners);
	free(all->links);
	free(all->clients);
	free(all->found);
	free(all);
}

size_t oracle_count(const oracle *all)
{
	return all->count;
}

const oracle_row *oracle_at(const oracle *all, size_t index)
{
	return &all->rows[index];
}

/* ---- Searching ---- */

typedef struct wanted {
	const sr_query *query;
	sr_buffer term;
	sr_buffer suffix; /* Of a type: with its dot. */
	sr_buffer client_part;
	sr_buffer *matches; /* The texts of the further conditions. */
} wanted;

static bool holds(sr_text text, const sr_buffer *part)
{
	return text.data != NULL && (part->length == 0 || memmem(text.data, text.length, part->data,
								 part->length) != NULL);
}

static bool has_term(const oracle_row *row, const wanted *w)
{
	return w->term.length == 0 || holds(row->folded_name, &w->term) ||
	       holds(row->folded_path, &w->term) || holds(row->folded_original, &w->term);
}

static bool begins_with(sr_text text, sr_text part)
{
	return text.data != NULL && text.length >= part.length &&
	       memcmp(text.data, part.data, part.length) == 0;
}

static bool has_hash(const oracle_row *row, sr_text digits)
{
	if (row->hash.data == NULL || row->hash.length < digits.length)
		return false;
	for (size_t i = 0; i < digits.length; i++)
		if (tolower((unsigned char)row->hash.data[i]) != digits.data[i])
			return false;
	return true;
}

static bool meets(const oracle_row *row, const sr_condition *match, const sr_buffer *folded)
{
	sr_text text = sr_buffer_text(folded);

	switch (match->kind) {
	case SR_MATCH_TERM:
		return holds(row->folded_name, folded) || holds(row->folded_path, folded) ||
		       holds(row->folded_original, folded);
	case SR_MATCH_GLOB:
		if (pattern_matches(text, row->folded_name))
			return true;
		return pattern_is_path(text) && (pattern_matches(text, row->folded_path) ||
						 pattern_matches(text, row->folded_original));
	case SR_MATCH_NAME:
		return row->folded_name.data != NULL && row->folded_name.length == text.length &&
		       memcmp(row->folded_name.data, text.data, text.length) == 0;
	case SR_MATCH_PATH:
		return begins_with(row->folded_path, text) ||
		       begins_with(row->folded_original, text);
	default:
		return has_hash(row, text);
	}
}

static bool meets_all(const oracle_row *row, const wanted *w)
{
	const sr_query *q = w->query;

	for (size_t i = 0; i < q->match_count; i++)
		if (meets(row, &q->matches[i], &w->matches[i]) == q->matches[i].negated)
			return false;
	return true;
}

static bool has_type(const oracle_row *row, const wanted *w)
{
	const char *suffix = w->suffix.data;
	size_t length = w->suffix.length;
	sr_text extension = row->folded_extension;

	if (length == 0)
		return true;
	if (row->folded_name.length > length &&
	    memcmp(row->folded_name.data + row->folded_name.length - length, suffix, length) == 0)
		return true;
	if (extension.length > 0 && extension.data[0] == '.')
		extension = (sr_text){extension.data + 1, extension.length - 1};
	return extension.data != NULL && extension.length == length - 1 &&
	       memcmp(extension.data, suffix + 1, length - 1) == 0;
}

static bool within(bool known, int64_t number, int64_t least, int64_t most)
{
	if (least == SR_NULL_INTEGER && most == SR_NULL_INTEGER)
		return true;
	return known && (least == SR_NULL_INTEGER || number >= least) &&
	       (most == SR_NULL_INTEGER || number <= most);
}

static bool of_client(const oracle *all, const oracle_row *row, sr_text name)
{
	value owner = all->owners[row - all->rows];
	value wanted_name = {SQLITE_TEXT, name};

	for (size_t i = 0; i < all->client_count; i++)
		if (equal(all->clients[i].id, owner) && equal(all->clients[i].name, wanted_name))
			return true;
	return false;
}

/* One without an id of 16 bytes is nobody's that the library knows. */
static bool of_clients(const oracle *all, const oracle_row *row, const wanted *w)
{
	const value owner = all->owners[row - all->rows];

	for (size_t i = 0; i < all->client_count; i++) {
		const client *c = &all->clients[i];

		if (equal(c->id, owner) && c->id.bytes.length == sizeof(sr_id) &&
		    holds(c->folded_name, &w->client_part))
			return true;
	}
	return false;
}

static bool matches(const oracle *all, const oracle_row *row, const wanted *w)
{
	const sr_query *q = w->query;

	if (row->version != 0 && !q->all_versions)
		return false;
	if (q->verified_only && !row->verified)
		return false;
	if (q->present_only && row->missing)
		return false;
	if (q->client_part.length > 0 && !of_clients(all, row, w))
		return false;
	if (q->client_name.data != NULL && !of_client(all, row, q->client_name))
		return false;
	return within(row->size != SR_NULL_INTEGER, row->size, q->min_size, q->max_size) &&
	       within(row->dated, row->instant, q->from, q->to) && has_type(row, w) &&
	       has_term(row, w) && meets_all(row, w);
}

/* ---- The order ---- */

static const sr_query *ordering;

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_texts(sr_text a, sr_text b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int d = 0;

	if (a.data == NULL || b.data == NULL)
		return (a.data != NULL) - (b.data != NULL);
	if (shorter > 0)
		d = memcmp(a.data, b.data, shorter);
	return d ? d : (a.length > b.length) - (a.length < b.length);
}

static int by_key(const oracle_row *a, const oracle_row *b)
{
	bool has_a = true, has_b = true;
	int64_t x = a->size, y = b->size;
	int d;

	if (ordering->sort == SR_SORT_NAME || ordering->sort == SR_SORT_PATH) {
		d = ordering->sort == SR_SORT_NAME ? compare_texts(a->name, b->name)
						   : compare_texts(a->path, b->path);
		return ordering->reverse ? -d : d;
	}
	if (ordering->sort == SR_SORT_SIZE) {
		has_a = x != SR_NULL_INTEGER;
		has_b = y != SR_NULL_INTEGER;
	} else {
		has_a = a->dated;
		has_b = b->dated;
		x = a->instant;
		y = b->instant;
	}
	if (!has_a || !has_b)
		return has_b - has_a; /* Last in both directions. */
	d = compare_numbers(y, x);    /* Largest and newest first. */
	return ordering->reverse ? -d : d;
}

static int in_order(const void *left, const void *right)
{
	const oracle_row *a = *(const oracle_row *const *)left;
	const oracle_row *b = *(const oracle_row *const *)right;
	int d = by_key(a, b);

	if (d == 0)
		d = a->has_id - b->has_id; /* Those without one first. */
	if (d == 0)
		d = memcmp(&a->id, &b->id, sizeof(a->id));
	if (d == 0)
		d = compare_numbers(a->row, b->row);
	return d ? d : compare_numbers(a->version, b->version);
}

static void want(wanted *w, const sr_query *query)
{
	sr_text type = query->file_type;
	sr_buffer dotted = SR_BUFFER_EMPTY;

	*w = (wanted){.query = query};
	oracle_fold(query->term, &w->term);
	oracle_fold(query->client_part, &w->client_part);
	w->matches = calloc(query->match_count + 1, sizeof(*w->matches));
	if (w->matches == NULL)
		abort();
	for (size_t i = 0; i < query->match_count; i++)
		oracle_fold(query->matches[i].text, &w->matches[i]);
	if (type.length > 0 && type.data[0] == '.')
		type = (sr_text){type.data + 1, type.length - 1};
	if (type.length == 0)
		return;
	sr_buffer_add_string(&dotted, ".");
	sr_buffer_add_text(&dotted, type);
	oracle_fold(sr_buffer_text(&dotted), &w->suffix);
	sr_buffer_free(&dotted);
}

size_t oracle_search(oracle *all, const sr_query *query, const oracle_row ***list)
{
	size_t count = 0;
	wanted w;

	want(&w, query);
	free(all->found);
	if ((all->found = malloc((all->count + 1) * sizeof(*all->found))) == NULL)
		abort();
	for (size_t i = 0; i < all->count; i++)
		if (matches(all, &all->rows[i], &w))
			all->found[count++] = &all->rows[i];
	ordering = query;
	if (count > 0)
		qsort(all->found, count, sizeof(*all->found), in_order);
	sr_buffer_free(&w.term);
	sr_buffer_free(&w.suffix);
	sr_buffer_free(&w.client_part);
	for (size_t i = 0; i < query->match_count; i++)
		sr_buffer_free(&w.matches[i]);
	free(w.matches);
	*list = all->found;
	return count;
}
