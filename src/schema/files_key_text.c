/*
 * The CREATE TABLE text of files, with the key and without, clause by clause, so that all that a
 * user or another program declared in it stays in its own words.
 *
 * Known is the seed's "ID BLOB(16) PRIMARY KEY": SQLite keeps its rows and its index exactly as it
 * does under "ID BLOB(16) UNIQUE". Any other way to say it, PRIMARY KEY DESC among them, may be
 * stored differently.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

static void add_range(sr_buffer *out, const char *from, const char *end)
{
	sr_buffer_add(out, from, (size_t)(end - from));
}

static const char *word_end(sr_text word)
{
	return word.data + word.length;
}

/* Whether the clause says just that. */
static sr_status clause_same(const sr_clause *clause, const char *words, bool *same)
{
	char *text = strndup(clause->begin, (size_t)(clause->end - clause->begin));
	sr_status rc;

	if (text == NULL)
		return sr_fail_memory();
	rc = sr_sql_same(text, words, same);
	free(text);
	return rc;
}

/* ---- With the key ---- */

/* "PRIMARY KEY [ASC | DESC]" as UNIQUE, which takes neither, nor AUTOINCREMENT. */
static void unique_add(const sr_clause *clause, sr_text primary, sr_buffer *out)
{
	sr_text word = sr_sql_word_after(word_end(primary));
	const char *at = word_end(word);

	add_range(out, clause->begin, primary.data);
	sr_buffer_add_string(out, "UNIQUE");
	word = sr_sql_word_after(at);
	if (sr_sql_is(word, "ASC") || sr_sql_is(word, "DESC"))
		at = word_end(word);
	if (sr_clause_word(clause, at, "AUTOINCREMENT", &word)) {
		add_range(out, at, word.data);
		at = word_end(word);
	}
	add_range(out, at, clause->end);
}

static void key_add(const sr_clause *clause, sr_buffer *out)
{
	const char *at = clause->end;
	sr_text type;

	if (sr_clause_word(clause, clause->begin, "INTEGER", &type))
		at = word_end(type);
	add_range(out, clause->begin, at);
	sr_buffer_add_string(out, " PRIMARY KEY AUTOINCREMENT");
	add_range(out, at, clause->end);
}

sr_status sr_files_key_text(const char *sql, sr_buffer *out, bool *same)
{
	sr_clause clause = {NULL, NULL, false};
	const char *from = sql;
	sr_status rc = SR_OK;

	*same = false;
	while (rc == SR_OK && sr_clause_next(sql, &clause)) {
		sr_text primary;

		add_range(out, from, clause.begin);
		from = clause.end;
		if (sr_clause_defines(&clause, "RowKey")) {
			key_add(&clause, out);
		} else if (sr_clause_word(&clause, clause.begin, "PRIMARY", &primary)) {
			rc = clause_same(&clause, "ID BLOB(16) PRIMARY KEY", same);
			unique_add(&clause, primary, out);
		} else {
			add_range(out, clause.begin, clause.end);
		}
	}
	sr_buffer_add_string(out, from);
	return rc == SR_OK ? sr_buffer_status(out) : rc;
}

/* ---- Without it ---- */

/* "PRIMARY KEY … AUTOINCREMENT" goes; the column stays, a plain one. */
static void key_remove(const sr_clause *clause, sr_buffer *out)
{
	sr_text first, last;

	if (!sr_clause_word(clause, clause->begin, "PRIMARY", &first)) {
		add_range(out, clause->begin, clause->end);
		return;
	}
	last = sr_sql_word_after(word_end(first));
	sr_clause_word(clause, word_end(last), "AUTOINCREMENT", &last);
	add_range(out, clause->begin, first.data);
	add_range(out, word_end(last), clause->end);
}

/* Where the text makes ID unique: its own clause, a constraint of it alone, else its own clause
 * without any such word (length 0, at its end). */
static const char *unique_find(const char *sql, sr_text *word)
{
	sr_clause clause = {NULL, NULL, false};
	const char *own = NULL;
	const char *found = NULL;

	*word = (sr_text){NULL, 0};
	while (sr_clause_next(sql, &clause)) {
		bool is_own = sr_clause_defines(&clause, "ID");

		if (is_own)
			own = clause.begin;
		if ((is_own || (clause.constraint && sr_clause_is_of(&clause, "ID"))) &&
		    found == NULL && sr_clause_word(&clause, clause.begin, "UNIQUE", word))
			found = clause.begin;
	}
	return found ? found : own;
}

static void primary_add(const sr_clause *clause, sr_text unique, sr_buffer *out)
{
	const char *at = unique.length ? unique.data : clause->end;

	add_range(out, clause->begin, at);
	sr_buffer_add_string(out, unique.length ? "PRIMARY KEY" : " PRIMARY KEY");
	add_range(out, at + unique.length, clause->end);
}

sr_status sr_files_keyless_text(const char *sql, sr_buffer *out, bool *same)
{
	sr_clause clause = {NULL, NULL, false};
	sr_text unique;
	const char *where = unique_find(sql, &unique);
	const char *from = sql;
	sr_status rc = SR_OK;

	*same = false;
	while (rc == SR_OK && sr_clause_next(sql, &clause)) {
		add_range(out, from, clause.begin);
		from = clause.end;
		if (sr_clause_defines(&clause, "RowKey")) {
			key_remove(&clause, out);
		} else if (clause.begin == where) {
			rc = clause_same(&clause, "ID BLOB(16) UNIQUE", same);
			primary_add(&clause, unique, out);
		} else {
			add_range(out, clause.begin, clause.end);
		}
	}
	sr_buffer_add_string(out, from);
	return rc == SR_OK ? sr_buffer_status(out) : rc;
}

/* ---- Children ---- */

sr_status sr_files_child_text(const char *sql, sr_buffer *out)
{
	while (*sql) {
		sr_text word = sr_sql_word_after(sql);
		const char *end = word.length ? word_end(word) : sr_sql_next(sql);

		add_range(out, sql, end);
		sql = end;
		if (!sr_sql_is(word, "REFERENCES"))
			continue;
		word = sr_sql_word_after(sql);
		add_range(out, sql, word_end(word));
		sql = word_end(word);
		if (sr_sql_names(word, "files") && *sr_sql_blanks_end(sql) != '(')
			sr_buffer_add_string(out, "(ID)");
	}
	return sr_buffer_status(out);
}
