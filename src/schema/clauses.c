/*
 * The parts of a CREATE TABLE text, so that what a user declared on a column of his own goes
 * into a rebuilt table in his own words: SQLite's pragmas know nothing of UNIQUE, CHECK, COLLATE
 * and generated values.
 */
#include "schema.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The first part: after the parenthesis that opens the list; NULL where there is none. */
static const char *list_begin(const char *sql)
{
	while (*sql && *sql != '(')
		sql = sr_sql_next(sql);
	return *sql ? sql + 1 : NULL;
}

/* The comma or parenthesis that ends the part. */
static const char *part_end(const char *part)
{
	int depth = 0;

	while (*part && (depth > 0 || (*part != ',' && *part != ')'))) {
		depth += (*part == '(') - (*part == ')');
		part = sr_sql_next(part);
	}
	return part;
}

/* Past blanks and comments. */
static const char *blanks_end(const char *sql)
{
	while (isspace((unsigned char)*sql) || sr_sql_is_mark(sql) || strncmp(sql, "--", 2) == 0 ||
	       strncmp(sql, "/*", 2) == 0)
		sql = sr_sql_next(sql);
	return sql;
}

/* The first word, in its quotes if it has any. */
static sr_text first_word(const char *sql)
{
	const char *end = sql;

	if (*sql && strchr("\"`['", *sql))
		end = sr_sql_next(sql);
	else if (!sr_sql_is_mark(sql))
		while (isalnum((unsigned char)*end) || *end == '_' || *end == '$' || (*end & 0x80))
			end++;
	return (sr_text){sql, (size_t)(end - sql)};
}

static bool word_is(sr_text word, const char *name)
{
	return word.length == strlen(name) && strncasecmp(word.data, name, word.length) == 0;
}

/* Whether a word, perhaps quoted, is that name. */
static bool names(sr_text word, const char *name)
{
	char close = word.length ? word.data[0] == '[' ? ']' : word.data[0] : '\0';

	if (word.length < 2 || !strchr("\"`]'", close))
		return word_is(word, name);
	for (word.data++, word.length -= 2; word.length; word.data++, word.length--, name++) {
		if (tolower((unsigned char)*word.data) != tolower((unsigned char)*name))
			return false;
		if (*word.data == close && word.length > 1 && word.data[1] == close)
			word.data++, word.length--;
	}
	return *name == '\0';
}

static bool is_constraint(const char *part)
{
	static const char *const begins[] = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (word_is(first_word(part), begins[i]))
			return true;
	return false;
}

/* A part, without a comment at its end that would swallow what comes after it. */
static void part_add(sr_buffer *out, const char *part, const char *end)
{
	sr_buffer_add_string(out, ", ");
	sr_buffer_add(out, part, (size_t)(end - part));
	sr_buffer_add_string(out, "\n");
}

bool sr_clause_next(const char *sql, sr_clause *clause)
{
	const char *part = clause->end ? clause->end : list_begin(sql);

	if (part == NULL || (clause->end && *part++ != ','))
		return false;
	clause->end = part_end(part);
	clause->begin = blanks_end(part);
	clause->constraint = is_constraint(clause->begin);
	return *clause->begin != '\0';
}

bool sr_clause_defines(const sr_clause *clause, const char *column)
{
	return !clause->constraint && names(first_word(clause->begin), column);
}

bool sr_clause_word(const sr_clause *clause, const char *from, const char *word, sr_text *found)
{
	int depth = 0;

	for (const char *at = from; at < clause->end;) {
		sr_text here = first_word(at);

		if (depth == 0 && word_is(here, word)) {
			*found = here;
			return true;
		}
		depth += (*at == '(') - (*at == ')');
		at = here.length ? at + here.length : sr_sql_next(at);
	}
	return false;
}

bool sr_clause_is_of(const sr_clause *clause, const char *column)
{
	const char *open = clause->begin;
	const char *end;

	while (open < clause->end && *open != '(')
		open = sr_sql_next(open);
	if (open == clause->end)
		return false;
	end = part_end(open + 1);
	return *end == ')' && names(first_word(blanks_end(open + 1)), column);
}

const char *sr_sql_blanks_end(const char *sql)
{
	return blanks_end(sql);
}

sr_text sr_sql_word_after(const char *sql)
{
	return first_word(blanks_end(sql));
}

bool sr_sql_is(sr_text word, const char *keyword)
{
	return word_is(word, keyword);
}

bool sr_sql_names(sr_text word, const char *name)
{
	return names(word, name);
}

bool sr_clause_column(const char *sql, const char *column, sr_buffer *out)
{
	sr_clause clause = {NULL, NULL, false};

	while (sr_clause_next(sql, &clause)) {
		if (!sr_clause_defines(&clause, column))
			continue;
		part_add(out, clause.begin, clause.end);
		return true;
	}
	return false;
}

/* Whether a constraint says anything of one of the columns. */
static bool speaks_of(const char *part, const char *end, const sr_names *columns)
{
	while (part < end) {
		sr_text word = first_word(part);

		for (size_t i = 0; i < columns->count && word.length; i++)
			if (names(word, columns->names[i]))
				return true;
		part = word.length ? part + word.length : sr_sql_next(part);
	}
	return false;
}

void sr_clause_constraints(const char *sql, const sr_names *columns, sr_buffer *out)
{
	sr_clause clause = {NULL, NULL, false};

	while (sr_clause_next(sql, &clause))
		if (clause.constraint && !word_is(first_word(clause.begin), "PRIMARY") &&
		    speaks_of(clause.begin, clause.end, columns))
			part_add(out, clause.begin, clause.end);
}
