#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "csv.h"
#include "json.h"
#include "memory.h"
#include "utf8.h"

static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int64_t asked;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (columns != NULL && sr_number_parse("COLUMNS", columns, 20, 10000, &asked) == SR_OK)
		return (size_t)asked;
	return 80;
}

/* As https://no-color.org says: the variable counts unless it is empty. */
static bool wants_colour(void)
{
	const char *refused = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && (refused == NULL || refused[0] == '\0') &&
	       terminal != NULL && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0;
}

void output_init(struct output *output)
{
	memset(output, 0, sizeof(*output));
	output->width = terminal_width();
	output->coloured = wants_colour();
}

void output_set_format(struct output *output, output_format format)
{
	output->format = format;
}

bool output_failed(const struct output *output)
{
	return output->error != 0;
}

void output_write(struct output *output, const char *text)
{
	if (output->error == 0 && fputs(text, stdout) == EOF)
		output->error = errno != 0 ? errno : EIO;
}

void output_toned(struct output *output, cell_tone tone, const char *text)
{
	static const char *const starts[] = {
		[TONE_GOOD] = "\x1b[32m",
		[TONE_WARNING] = "\x1b[33m",
		[TONE_BAD] = "\x1b[31m",
		[TONE_HEADING] = "\x1b[1m",
	};
	const bool shown = output->coloured && output->format == OUTPUT_TABLE && tone != TONE_PLAIN;

	if (shown)
		output_write(output, starts[tone]);
	output_write(output, text);
	if (shown)
		output_write(output, "\x1b[0m");
}

void output_heading(struct output *output, const char *text)
{
	output_toned(output, TONE_HEADING, text);
	output_write(output, "\n");
}

void output_stated(struct output *output, size_t indent, const char *text)
{
	const size_t length = strcspn(text, ":");
	char *word = must_copy(text, length);

	while (indent-- > 0)
		output_write(output, " ");
	output_toned(output, tone_of_state(text, length), word);
	output_write(output, text + length);
	output_write(output, "\n");
	free(word);
}

void output_line(struct output *output, const char *fmt, ...)
{
	va_list ap;

	if (output->error != 0)
		return;
	va_start(ap, fmt);
	if (vprintf(fmt, ap) < 0 || putchar('\n') == EOF)
		output->error = errno != 0 ? errno : EIO;
	va_end(ap);
}

void output_document(struct output *output, json_t *value)
{
	char *text = json_pretty(value);

	output_write(output, text);
	output_write(output, "\n");
	free(text);
	json_decref(value);
}

bool output_close(struct output *output, char *message, size_t size)
{
	if (fflush(stdout) == EOF && output->error == 0)
		output->error = errno;
	/* Some file systems tell of a full disk only now. */
	if (fclose(stdout) == EOF && output->error == 0)
		output->error = errno;
	if (output->error == 0)
		return true;
	if (output->error == EPIPE)
		message[0] = '\0';
	else
		snprintf(message, size, "cannot write to standard output: %s",
			 strerror(output->error));
	return false;
}

static void write_csv(struct output *output, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		output_write(output, text);
		return;
	}
	output_write(output, "\"");
	for (const char *at = text; *at != '\0'; at++) {
		const char one[3] = {*at, *at == '"' ? '"' : '\0', '\0'};

		output_write(output, one);
	}
	output_write(output, "\"");
}

void output_csv(struct output *output, const char *text)
{
	char *behind = csv_is_formula(text) ? must_print("'%s", text) : NULL;

	write_csv(output, behind != NULL ? behind : text);
	free(behind);
}

void output_cell(struct output *output, const struct cell *cell, bool first)
{
	const bool csv = output->format == OUTPUT_CSV;
	char *text = cell_print(cell, false);

	if (!first)
		output_write(output, csv ? "," : "\t");
	if (csv && (cell->kind == CELL_TEXT || cell->kind == CELL_TIME))
		output_csv(output, text);
	else if (csv)
		write_csv(output, text);
	else
		output_write(output, text);
	free(text);
}

static void fields_for_people(struct output *output, const struct field *fields, size_t count)
{
	size_t widest = 0;

	for (size_t i = 0; i < count; i++) {
		if (fields[i].label != NULL && utf8_columns(fields[i].label) > widest)
			widest = utf8_columns(fields[i].label);
	}
	for (size_t i = 0; i < count; i++) {
		char *label;
		char *text;

		if (fields[i].label == NULL)
			continue;
		text = cell_print(&fields[i].cell, true);
		label = must_print("%-*s  ", (int)widest, fields[i].label);
		output_write(output, label);
		output_toned(output, fields[i].cell.tone, text[0] != '\0' ? text : "-");
		output_write(output, "\n");
		free(label);
		free(text);
	}
}

void output_fields(struct output *output, const struct field *fields, size_t count)
{
	const bool csv = output->format == OUTPUT_CSV;

	if (output->format == OUTPUT_TABLE) {
		fields_for_people(output, fields, count);
		return;
	}
	for (size_t i = 0; csv && i < count; i++) {
		output_write(output, i > 0 ? "," : "");
		output_csv(output, fields[i].key);
	}
	output_write(output, csv ? "\r\n" : "");
	for (size_t i = 0; i < count; i++) {
		output_cell(output, &fields[i].cell, i == 0);
	}
	output_write(output, csv ? "\r\n" : "\n");
}
