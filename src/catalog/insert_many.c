#include "insert_many.h"

#include <string.h>
#include <strings.h>

#include "../schema/counters.h"
#include "bulk.h"
#include "search_index.h"

#define ROWS_LEAST   16 /* Fewer are not worth looking at triggers first. */
#define COLUMNS_MOST 64

/* The columns that are counted by. */
enum { CLIENT, SIZE, CATEGORY, VERIFIED, DATE, COUNTED };

static const char *const COUNTED_NAMES[COUNTED] = {
	"ClientID", "FileSize", "FileCategory", "Verified", "ModificationDate",
};

typedef struct inserting {
	sr_conn *conn;
	const sr_insert_many *job;
	sr_buffer sql;        /* The statement without its conflict clause. */
	int columns[COUNTED]; /* Which of the values it is; -1: it is not given. */
	sr_accounts accounts;
	sr_bulk bulk;
	sr_buffer category;  /* What rows have for one that is not given, */
	bool category_asked; /* once that was asked. */
	int64_t last_row_id;
	bool unfit;
} inserting;

/* ---- The statement ---- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Passes the next token: a word (quoted or not) or one other character. Quotes do not count; one
 * that is itself quoted ends all that is understood. */
static sr_text next_token(const char **at)
{
	const char *from = *at + strspn(*at, " \t\r\n");
	const char *to = from;

	if (*from == '"' || *from == '`') {
		const char quote = *from++;

		for (to = from; is_word(*to); to++)
			;
		*at = *to == quote ? to + 1 : to;
		return *to == quote ? (sr_text){from, (size_t)(to - from)} : (sr_text){to, 0};
	}
	while (is_word(*to))
		to++;
	if (to == from && *to != '\0')
		to++;
	*at = to;
	return (sr_text){from, (size_t)(to - from)};
}

static bool is(sr_text token, const char *word)
{
	return token.length == strlen(word) && strncasecmp(token.data, word, token.length) == 0;
}

static bool pass(const char **at, const char *word)
{
	return is(next_token(at), word);
}

/* INSERT [OR word] INTO files, or REPLACE INTO files. */
static bool pass_beginning(const char **at)
{
	sr_text token = next_token(at);

	if (is(token, "INSERT")) {
		token = next_token(at);
		if (is(token, "OR")) {
			(void)next_token(at);
			token = next_token(at);
		}
	} else if (is(token, "REPLACE")) {
		token = next_token(at);
	}
	return is(token, "INTO") && pass(at, "files");
}

/* Takes a column's name. The key would say where the row goes. */
static bool take_column(inserting *own, sr_text name, int place)
{
	if (name.length == 0 || !is_word(name.data[0]) || is(name, "RowKey") || is(name, "rowid") ||
	    is(name, "oid") || is(name, "_rowid_") || is(name, "RecordedAt"))
		return false;
	for (int i = 0; i < COUNTED; i++) {
		if (is(name, COUNTED_NAMES[i]))
			own->columns[i] = place;
	}
	sr_buffer_add_string(&own->sql, place == 0 ? "\"" : ", \"");
	sr_buffer_add_text(&own->sql, name);
	sr_buffer_add_string(&own->sql, "\"");
	return true;
}

/* Both lists: as many columns as values, each of which is a "?". */
static bool pass_lists(inserting *own, const char **at)
{
	int count = 0, values = 0;
	sr_text token;

	if (!pass(at, "("))
		return false;
	do {
		if (count == COLUMNS_MOST || !take_column(own, next_token(at), count++))
			return false;
		token = next_token(at);
	} while (is(token, ","));
	if (!is(token, ")") || !pass(at, "VALUES") || !pass(at, "("))
		return false;
	sr_buffer_add_string(&own->sql, ") VALUES (");
	do {
		if (!pass(at, "?"))
			return false;
		sr_buffer_add_string(&own->sql, values++ == 0 ? "?" : ", ?");
		token = next_token(at);
	} while (is(token, ","));
	sr_buffer_add_string(&own->sql, ")");
	return is(token, ")") && values == count && (size_t)count == own->job->columns;
}

/* Whether it is of that form, and tells all that is counted by but the category. */
static bool understand(inserting *own)
{
	const char *at = own->job->sql;

	sr_buffer_add_string(&own->sql, "INSERT INTO main.files (");
	for (int i = 0; i < COUNTED; i++)
		own->columns[i] = -1;
	if (!pass_beginning(&at) || !pass_lists(own, &at))
		return false;
	for (int i = 0; i < COUNTED; i++) {
		if (own->columns[i] < 0 && i != CATEGORY)
			return false;
	}
	return at[strspn(at, " \t\r\n;")] == '\0';
}

/* ---- Its rows ---- */

/* Whether triggers would count the row as it is counted here. */
static bool is_ordinary(const inserting *own, const sr_value *row)
{
	const sr_value *client = &row[own->columns[CLIENT]];
	const sr_value *date = &row[own->columns[DATE]];
	const sr_value *size = &row[own->columns[SIZE]];
	const sr_value *verified = &row[own->columns[VERIFIED]];

	return client->type == SR_BLOB && client->text.length == sizeof(sr_id) &&
	       (size->type == SR_INTEGER || size->type == SR_NULL) &&
	       (verified->type == SR_INTEGER || verified->type == SR_NULL) &&
	       (date->type == SR_TEXT || date->type == SR_NULL) &&
	       (own->columns[CATEGORY] < 0 || row[own->columns[CATEGORY]].type == SR_TEXT);
}

static sr_status category_of(inserting *own, const sr_value *row, sr_text *category)
{
	sr_status rc;

	if (own->columns[CATEGORY] >= 0) {
		*category = row[own->columns[CATEGORY]].text;
		return SR_OK;
	}
	if (!own->category_asked) {
		rc = sr_bulk_category(own->conn, own->last_row_id, &own->category);
		if (rc != SR_OK)
			return rc;
		own->category_asked = true;
	}
	*category = sr_buffer_text(&own->category);
	return SR_OK;
}

static sr_status count_row(inserting *own, const sr_value *row)
{
	const sr_value *size = &row[own->columns[SIZE]];
	const sr_value *verified = &row[own->columns[VERIFIED]];
	const sr_value *date = &row[own->columns[DATE]];
	int64_t bytes = size->type == SR_NULL ? SR_NULL_INTEGER : size->integer;
	sr_account *account;
	sr_text category;
	sr_status rc;
	sr_id client;
	int64_t most;

	memcpy(client.bytes, row[own->columns[CLIENT]].text.data, sizeof(client.bytes));
	if ((rc = category_of(own, row, &category)) != SR_OK ||
	    (rc = sr_accounts_get(&own->accounts, own->conn, &client, &account)) != SR_OK)
		return rc;
	if (__builtin_add_overflow(account->asked, sr_counted_size(bytes), &account->asked) ||
	    __builtin_add_overflow(account->used, account->asked, &most)) {
		own->unfit = true; /* Triggers have their own way with such sums. */
		return SR_OK;
	}
	return sr_bulk_add(&own->bulk, account, bytes, category,
			   verified->type == SR_INTEGER && verified->integer != 0,
			   date->type == SR_NULL ? (sr_text){0} : date->text);
}

static sr_status insert_row(inserting *own, sr_stmt *stmt, const sr_value *row)
{
	sr_status rc;

	if (!is_ordinary(own, row)) {
		own->unfit = true;
		return SR_OK;
	}
	for (size_t i = 0; i < own->job->columns; i++)
		sr_bind_value(stmt, (int)i + 1, &row[i]);
	if ((rc = sr_run(stmt)) != SR_OK)
		return rc;
	own->last_row_id = sr_conn_last_row_id(own->conn);
	return count_row(own, row);
}

static sr_status insert_all(inserting *own)
{
	const sr_insert_many *job = own->job;
	sr_status rc, again;
	sr_stmt *stmt;

	if ((rc = sr_conn_triggers(own->conn, false)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(own->conn, own->sql.data, &stmt)) == SR_OK) {
		for (size_t i = 0; rc == SR_OK && !own->unfit && i < job->rows; i++)
			rc = insert_row(own, stmt, job->values + i * job->columns);
		sr_stmt_done(stmt);
	}
	if ((again = sr_conn_triggers(own->conn, true)) != SR_OK && rc == SR_OK)
		rc = again;
	if (rc == SR_OK && !own->unfit)
		rc = sr_bulk_settle(own->conn, &own->bulk, &own->accounts, "");
	return rc;
}

/* ---- */

/* Whether leaving triggers out comes to the same for rows that are added. */
static sr_status may_insert(inserting *own, bool *may)
{
	sr_status rc;

	*may = own->job->rows >= ROWS_LEAST && understand(own);
	if ((rc = sr_buffer_status(&own->sql)) == SR_OK && *may)
		rc = sr_counters_replaceable(own->conn, may);
	if (rc == SR_OK && *may)
		rc = sr_index_appends(own->conn, may);
	return rc;
}

sr_status sr_insert_many_try(sr_conn *conn, const sr_insert_many *job, sr_executed *executed,
			     sr_inserted *inserted)
{
	inserting own = {.conn = conn,
			 .job = job,
			 .sql = SR_BUFFER_EMPTY,
			 .bulk = {.keys = SR_BUFFER_EMPTY},
			 .category = SR_BUFFER_EMPTY};
	sr_status rc;
	bool may;

	*inserted = SR_INSERTED_NOT_TRIED;
	if ((rc = may_insert(&own, &may)) == SR_OK && may) {
		rc = insert_all(&own);
		*inserted = rc == SR_OK && !own.unfit ? SR_INSERTED_ALL : SR_INSERTED_UNFIT;
		/* A row that failed fails as the statement stands too, and its number is told. What
		 * has ended the transaction is another matter. */
		if (sr_conn_in_transaction(conn))
			rc = SR_OK;
	}
	if (rc == SR_OK && *inserted == SR_INSERTED_ALL) {
		executed->changes += (int64_t)job->rows;
		executed->last_row_id = own.last_row_id;
	}
	sr_bulk_free(&own.bulk);
	sr_accounts_free(&own.accounts);
	sr_buffer_free(&own.category);
	sr_buffer_free(&own.sql);
	return rc;
}
