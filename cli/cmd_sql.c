#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "json.h"
#include "memory.h"
#include "utf8.h"

const char help_sql[] =
	"usage: strongroom sql [--write] STATEMENT\n"
	"\n"
	"Runs a statement and prints its rows; \"-\" reads it from standard input. It can\n"
	"only read: no write, no ATTACH, no setting that changes anything. Binary values\n"
	"are shown in hexadecimal; clients' AES keys never are, and read as null.\n"
	"\n"
	"  --write   run statements that write, all of them in one transaction or none;\n"
	"            the dangerous ones (dropping or emptying a core table, …) are still\n"
	"            refused\n"
	"\n"
	"example:\n"
	"  strongroom sql 'SELECT Name, LastSeen FROM clients ORDER BY LastSeen'\n";

/* The columns' names as a JSON object has them: UTF-8, and each once. Owned, as are they: free. */
static char **json_names(const sr_rows *rows, size_t count)
{
	char **names = must_alloc(count * sizeof(*names));
	size_t length;

	for (size_t i = 0; i < count; i++)
		names[i] = utf8_repair(sr_text_of(sr_rows_name(rows, i)), &length);
	/* From the last on, so that those before it still have their own. */
	for (size_t i = count; i-- > 0;) {
		char *name = names[i];
		int same = 1;

		for (size_t before = 0; before < i; before++)
			same += strcmp(names[before], name) == 0;
		if (same == 1)
			continue;
		names[i] = must_print("%s_%d", name, same);
		free(name);
	}
	return names;
}

static json_t *json_of_row(char *const *names, const sr_value *values, size_t count)
{
	json_t *row = json_object();

	for (size_t i = 0; i < count; i++) {
		const sr_value *v = &values[i];

		switch (v->type) {
		case SR_NULL:
			json_object_set_new(row, names[i], json_null());
			break;
		case SR_INTEGER:
			json_object_set_new(row, names[i], json_integer(v->integer));
			break;
		case SR_REAL:
			json_object_set_new(row, names[i], json_of_real(v->real));
			break;
		case SR_TEXT:
			json_object_add_text(row, names[i], v->text);
			break;
		case SR_BLOB:
			json_object_set_new(row, names[i], json_of_blob(v->text));
			break;
		}
	}
	return row;
}

static struct cell cell_of(const sr_value *v)
{
	switch (v->type) {
	case SR_INTEGER:
		return (struct cell){.kind = CELL_NUMBER, .integer = v->integer};
	case SR_REAL:
		return (struct cell){.kind = CELL_REAL, .real = v->real};
	case SR_TEXT:
		return cell_text(v->text);
	case SR_BLOB:
		return cell_blob(v->text);
	case SR_NULL:
		break;
	}
	return (struct cell){.kind = CELL_NULL};
}

static int print_rows(struct cli *cli, sr_rows *rows)
{
	const size_t count = sr_rows_columns(rows);
	struct column *columns = must_alloc(count * sizeof(*columns));
	struct cell *cells = must_alloc(count * sizeof(*cells));
	char **names = json_names(rows, count);
	const sr_value *values = NULL;
	struct listing *list;
	sr_status rc = SR_OK;
	int code = DONE;

	for (size_t i = 0; i < count; i++)
		columns[i] = (struct column){sr_rows_name(rows, i), sr_rows_name(rows, i),
					     COLUMN_CUT_END};
	list = listing_begin(&cli->out, columns, count, NULL);
	while (!output_failed(&cli->out) && (rc = sr_rows_next(rows, &values)) == SR_OK &&
	       values != NULL) {
		if (cli->json) {
			listing_object(list, json_of_row(names, values, count));
			continue;
		}
		for (size_t i = 0; i < count; i++)
			cells[i] = cell_of(&values[i]);
		listing_row(list, cells);
	}
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(list, code == DONE ? "No rows." : NULL, NULL);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(cells);
	free(columns);
	return code;
}

/* Says what helps where the statement only wants to write. */
static int read_failed(struct cli *cli, sr_status status)
{
	char *words;
	int code;

	if (status != SR_READ_ONLY)
		return cli_failed(cli, status);
	words = must_print("%s", sr_error_message());
	code = cli_fail(cli, status, "%s; to write, use: strongroom sql --write", words);
	free(words);
	return code;
}

static int read_only(struct cli *cli, const char *sql)
{
	sr_catalog *catalog;
	sr_rows *rows;
	sr_status rc;
	int code;

	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	if ((rc = sr_query_open(catalog, sql, NULL, 0, &rows)) != SR_OK) {
		code = read_failed(cli, rc);
	} else {
		code = print_rows(cli, rows);
		sr_rows_close(rows);
	}
	return cli_close(cli, catalog, code);
}

/* The library's cure for BEGIN is for programs. */
static int write_failed(struct cli *cli, sr_status status)
{
	if (status == SR_REFUSED && strstr(sr_error_message(), "sr_begin") != NULL)
		return cli_fail(cli, status,
				"a statement cannot begin or end a transaction: all that is given "
				"to sql --write is one");
	return cli_failed(cli, status);
}

static int write(struct cli *cli, const char *sql)
{
	sr_catalog *catalog;
	sr_status rc;
	int code;

	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	if ((rc = sr_execute_script(catalog, sql)) != SR_OK)
		code = write_failed(cli, rc);
	else if (cli->json)
		output_document(&cli->out, json_pack("{s:b}", "done", 1));
	else
		cli_say(cli, "Done.");
	return cli_close(cli, catalog, code);
}

enum { LONGEST = 1 << 20 };

/* All of standard input, or NULL where it is too long, unreadable or not text. */
static char *read_statement(void)
{
	char *sql = must_alloc(LONGEST + 1);
	size_t length = fread(sql, 1, LONGEST + 1, stdin);

	if (ferror(stdin) || length > LONGEST || memchr(sql, '\0', length) != NULL) {
		free(sql);
		return NULL;
	}
	sql[length] = '\0';
	return sql;
}

int cmd_sql(struct cli *cli)
{
	const char *sql = NULL;
	char *owned = NULL;
	bool writes = false;
	const arg_option options[] = {
		{"write", 0, ARG_FLAG, &writes},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"STATEMENT", ARG_REQUIRED, &sql},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (strcmp(sql, "-") == 0 && (sql = owned = read_statement()) == NULL)
		return cli_fail(cli, SR_IO,
				"cannot read a statement of at most %d bytes from "
				"standard input",
				LONGEST);
	if (sql[strspn(sql, " \t\r\n;")] == '\0')
		code = cli_usage(cli, "STATEMENT is empty");
	else
		code = writes ? write(cli, sql) : read_only(cli, sql);
	free(owned);
	return code;
}
