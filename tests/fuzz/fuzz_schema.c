/* Texts of a schema taken apart: statements, words, clauses, the text of files with its key. */
#include "fuzz.h"
#include "schema/schema.h"

static void statements(const char *sql)
{
	const char *end = sql + strlen(sql), *at = sql;

	while (at < end) {
		const char *next = sr_sql_next(at);

		FUZZ_CHECK(next > at && next <= end);
		at = next;
	}
	at = sr_sql_blanks_end(sql);
	FUZZ_CHECK(at >= sql && at <= end);
	(void)sr_sql_names(sr_sql_word_after(sql), "files");
}

static void clauses(const char *sql)
{
	const char *end = sql + strlen(sql);
	sr_buffer out = SR_BUFFER_EMPTY;
	sr_clause clause = {0};
	sr_names names = {0};
	sr_text found;
	int count = 0;

	while (sr_clause_next(sql, &clause)) {
		FUZZ_CHECK(clause.begin >= sql && clause.end >= clause.begin && clause.end <= end);
		FUZZ_CHECK(++count <= end - sql + 1);
		(void)sr_clause_defines(&clause, "ID");
		(void)sr_clause_is_of(&clause, "ClientID");
		if (sr_clause_word(&clause, clause.begin, "primary", &found))
			FUZZ_CHECK(found.data >= sql && found.data + found.length <= end);
	}
	(void)sr_clause_column(sql, "FileName", &out);
	FUZZ_CHECK(sr_names_add(&names, "FileName") == SR_OK);
	sr_clause_constraints(sql, &names, &out);
	sr_names_free(&names);
	sr_buffer_free(&out);
}

/* The key put in, and taken out of what that gave. */
static void files(const char *sql)
{
	sr_buffer with = SR_BUFFER_EMPTY, without = SR_BUFFER_EMPTY, child = SR_BUFFER_EMPTY;
	bool same;

	if (fuzz_inner(sr_files_key_text(sql, &with, &same)) && with.data != NULL)
		(void)fuzz_inner(sr_files_keyless_text(with.data, &without, &same));
	sr_buffer_clear(&without);
	(void)fuzz_inner(sr_files_keyless_text(sql, &without, &same));
	(void)fuzz_inner(sr_files_child_text(sql, &child));
	sr_buffer_free(&with);
	sr_buffer_free(&without);
	sr_buffer_free(&child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *sql = fuzz_string(data, size);
	bool same = false;

	statements(sql);
	clauses(sql);
	files(sql);
	if (fuzz_inner(sr_sql_same(sql, sql, &same)))
		FUZZ_CHECK(same);
	(void)fuzz_inner(sr_sql_same(sql, "CREATE TABLE files (ID BLOB(16) PRIMARY KEY)", &same));
	free(sql);
	return 0;
}
