#include "import.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "csv.h"
#include "memory.h"
#include "message.h"
#include "plural.h"

enum { MOST_NAMES = 64 };

enum form { FORM_CSV, FORM_LINES, FORM_ARRAY, FORM_DOCUMENT };

struct value {
	const char *name; /* Of known, or of ignored. */
	char *owned;      /* The bytes where they are not CSV's. */
	sr_text text;
	bool exact; /* It came as NAME_bytes. */
};

struct import {
	struct cli *cli;
	FILE *file;
	const char *path; /* As people know it. */
	const char *const *known;
	const char *const *ignored;
	enum form form;
	size_t number; /* Of the row, from 1; of CSV and lines the line. */
	char *line;    /* FORM_LINES: getline's. */
	size_t room;
	json_t *object; /* FORM_LINES: the first, until it is taken; FORM_DOCUMENT: the whole. */
	struct csv csv; /* FORM_CSV. */
	const char *headings[MOST_NAMES];
	size_t heading_count;
	struct value values[MOST_NAMES]; /* The row. */
	size_t count;
	char *place; /* What import_place gave last. */
};

const char *import_place(const struct import *import)
{
	struct import *own = (struct import *)import;

	free(own->place);
	own->place = must_print(
		"%s %s %zu", import->path,
		import->form == FORM_ARRAY || import->form == FORM_DOCUMENT ? "element" : "line",
		import->number);
	return own->place;
}

int import_fail(struct import *import, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	must_have(vasprintf(&text, fmt, ap) < 0 ? NULL : text);
	va_end(ap);
	cli_fail(import->cli, SR_INVALID, "%s: %s", import_place(import), text);
	free(text);
	return FAILED;
}

static const char *find_name(const char *const *names, const char *name)
{
	for (; *names != NULL; names++) {
		const size_t length = strlen(*names);

		if (strcmp(*names, name) == 0)
			return *names;
		/* path_bytes and the like. */
		if (strncmp(*names, name, length) == 0 && strcmp(name + length, "_bytes") == 0)
			return *names;
	}
	return NULL;
}

/* The tables' name for it, which outlives the row, or NULL. */
static const char *lasting_name(const struct import *import, const char *name)
{
	const char *found = find_name(import->known, name);

	return found != NULL ? found : find_name(import->ignored, name);
}

static bool is_known(const struct import *import, const char *name)
{
	return lasting_name(import, name) != NULL;
}

static struct value *find_value(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->count; i++) {
		if (strcmp(import->values[i].name, name) == 0)
			return (struct value *)&import->values[i];
	}
	return NULL;
}

static void clear_row(struct import *import)
{
	for (size_t i = 0; i < import->count; i++)
		free(import->values[i].owned);
	import->count = 0;
}

static int read_headings(struct import *import)
{
	int got = csv_read(&import->csv);

	import->number = import->csv.line;
	if (got < 0)
		return import_fail(import, "%s", import->csv.error);
	if (got == 0)
		return import_fail(import, "it is empty: the first line names the columns");
	if (import->csv.count > MOST_NAMES)
		return import_fail(import, "%zu columns are too many", import->csv.count);
	for (size_t i = 0; i < import->csv.count; i++) {
		const char *name = csv_field(&import->csv, i).data;

		if (!is_known(import, name))
			return import_fail(import, "unknown column \"%s\"", name);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(import->headings[j], name) == 0)
				return import_fail(import, "column \"%s\" stands there twice",
						   name);
		}
		import->headings[i] = must_copy(name, strlen(name));
		import->heading_count = i + 1;
	}
	return DONE;
}

static int first_byte(struct import *import)
{
	int c;

	do
		c = getc(import->file);
	while (c == ' ' || c == '\t' || c == '\n' || c == '\r');
	ungetc(c, import->file);
	return c;
}

static int fail_json(struct import *import, const json_error_t *error)
{
	if (json_error_code(error) == json_error_null_character)
		return import_fail(import, "it holds a NUL byte");
	return import_fail(import, "%s", error->text);
}

/* For jansson: what is left of the first line, and then of the file. */
static size_t feed(void *buffer, size_t room, void *arg)
{
	struct import *import = arg;
	size_t length = strlen(import->line);

	if (length == 0)
		return fread(buffer, 1, room, import->file);
	length = length < room ? length : room;
	memcpy(buffer, import->line, length);
	memmove(import->line, import->line + length, strlen(import->line + length) + 1);
	return length;
}

static bool is_document(const json_t *object)
{
	return json_is_array(json_object_get(object, "files"));
}

static int take_document(struct import *import, json_t *document)
{
	import->form = FORM_DOCUMENT;
	import->number = 0;
	import->object = document;
	if (first_byte(import) != EOF)
		return import_fail(import, "text stands behind the document");
	if (json_is_string(json_object_get(document, "next")))
		message_note("these are not all that were found: what \"next\" leads to is not "
			     "among them");
	return DONE;
}

/* A line is a row, unless it is a document, or one begins there. */
static int read_first_object(struct import *import)
{
	json_t *object = NULL;
	json_error_t error, other = {.line = 0};
	ssize_t length;

	import->number = 1;
	if ((length = getline(&import->line, &import->room, import->file)) < 0)
		return import_fail(import, "%s", strerror(errno));
	object = json_loadb(import->line, (size_t)length, JSON_REJECT_DUPLICATES, &error);
	if (object != NULL && is_document(object))
		return take_document(import, object);
	import->object = object;
	if (object != NULL)
		return DONE;
	if (strlen(import->line) == (size_t)length)
		object = json_load_callback(feed, import, JSON_REJECT_DUPLICATES, &other);
	if (object != NULL && is_document(object))
		return take_document(import, object);
	json_decref(object);
	/* It went on well for more than the line that began it. */
	if (other.line > 2) {
		import->number = (size_t)other.line;
		error = other;
	}
	return fail_json(import, &error);
}

/* What the form asks for before the first row. */
static int begin(struct import *import)
{
	const int first = first_byte(import);

	import->form = first == '{' ? FORM_LINES : first == '[' ? FORM_ARRAY : FORM_CSV;
	switch (import->form) {
	case FORM_CSV:
		csv_open(&import->csv, import->file);
		return read_headings(import);
	case FORM_ARRAY:
		getc(import->file);
		return DONE;
	case FORM_LINES:
	case FORM_DOCUMENT:
		break;
	}
	return read_first_object(import);
}

int import_open(struct cli *cli, const char *path, const char *const *known,
		const char *const *ignored, struct import **out)
{
	const bool from_stdin = path == NULL || strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "rb");
	struct import *import;
	struct stat st;
	int code;

	if (file == NULL)
		return cli_fail(cli, SR_IO, "cannot read %s: %s", path, strerror(errno));
	import = must_alloc(sizeof(*import));
	import->cli = cli;
	import->file = file;
	import->path = from_stdin ? "standard input" : path;
	import->known = known;
	import->ignored = ignored;
	if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode))
		code = cli_fail(cli, SR_IO, "cannot read %s: it is a directory", import->path);
	else
		code = begin(import);
	if (code != DONE) {
		import_close(import);
		return code;
	}
	*out = import;
	return DONE;
}

void import_close(struct import *import)
{
	clear_row(import);
	for (size_t i = 0; i < import->heading_count; i++)
		free((char *)import->headings[i]);
	if (import->form == FORM_CSV)
		csv_close(&import->csv);
	json_decref(import->object);
	if (import->file != stdin)
		fclose(import->file);
	free(import->line);
	free(import->place);
	free(import);
}

/* Adds a value under its table's name, taking owned (may be NULL) over. The exact bytes of
 * NAME_bytes go before NAME, whichever comes first. */
static int add_value(struct import *import, const char *name, char *owned, sr_text text)
{
	const char *lasting = lasting_name(import, name);
	const bool exact = strcmp(lasting, name) != 0;
	struct value *value = find_value(import, lasting);
	size_t length;
	char *bytes;

	if (exact) {
		const bool good = bytes_from_base64(text, &bytes, &length);

		free(owned);
		if (!good)
			return import_fail(import, "\"%s\" is no base64", name);
		owned = bytes;
		text = (sr_text){bytes, length};
	}
	if (value != NULL && value->exact) {
		free(owned);
		return DONE;
	}
	if (value == NULL)
		value = &import->values[import->count++];
	else
		free(value->owned);
	*value = (struct value){lasting, owned, text, exact};
	return DONE;
}

/* CSV cannot tell an empty value from none; an empty one is none. The apostrophe that keeps a text
 * from being a formula is not of the text. */
static int next_csv(struct import *import, bool *more)
{
	int got = csv_read(&import->csv);
	int code = DONE;

	import->number = import->csv.line;
	if (got < 0)
		return import_fail(import, "%s", import->csv.error);
	*more = got > 0;
	if (got > 0 && import->csv.count != import->heading_count)
		return import_fail(import, "%zu %s, but %zu %s", import->csv.count,
				   plural((int64_t)import->csv.count, "value", "values"),
				   import->heading_count,
				   plural((int64_t)import->heading_count, "column", "columns"));
	for (size_t i = 0; got > 0 && code == DONE && i < import->heading_count; i++) {
		sr_text text = csv_field(&import->csv, i);

		if (text.length > 0 && text.data[0] == '\'' && csv_is_formula(text.data + 1))
			text = (sr_text){text.data + 1, text.length - 1};
		if (text.length > 0)
			code = add_value(import, import->headings[i], NULL, text);
	}
	return code;
}

static int add_json(struct import *import, const char *name, const json_t *json)
{
	char *text;

	if (!is_known(import, name))
		return import_fail(import, "unknown key \"%s\"", name);
	if (json_is_string(json))
		text = must_copy(json_string_value(json), json_string_length(json));
	else if (json_is_integer(json))
		text = must_print("%" JSON_INTEGER_FORMAT, json_integer_value(json));
	else if (json_is_real(json))
		text = must_print("%.17g", json_real_value(json));
	else if (json_is_boolean(json))
		text = must_print("%d", json_is_true(json) ? 1 : 0);
	else if (json_is_null(json))
		return DONE;
	else
		return import_fail(import, "key \"%s\" holds an array or an object", name);
	return add_value(import, name, text, (sr_text){text, strlen(text)});
}

/* Takes object over. */
static int take_object(struct import *import, json_t *object)
{
	const char *name;
	json_t *json;
	int code = DONE;

	if (!json_is_object(object))
		code = import_fail(import, "it is no JSON object");
	json_object_foreach(object, name, json)
	{
		if (code == DONE)
			code = add_json(import, name, json);
	}
	json_decref(object);
	return code;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r\n")] == '\0';
}

static int next_line(struct import *import, bool *more)
{
	json_error_t error;
	json_t *object;
	ssize_t length;

	if ((object = import->object) != NULL) {
		import->object = NULL;
		*more = true;
		return take_object(import, object);
	}
	do {
		errno = 0;
		length = getline(&import->line, &import->room, import->file);
		import->number++;
		if (length < 0) {
			if (ferror(import->file))
				return import_fail(import, "%s", strerror(errno));
			*more = false;
			return DONE;
		}
	} while (is_blank(import->line));
	object = json_loadb(import->line, (size_t)length, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		return fail_json(import, &error);
	*more = true;
	return take_object(import, object);
}

static int next_within(struct import *import, bool *more)
{
	json_t *row = json_array_get(json_object_get(import->object, "files"), import->number);

	import->number++;
	*more = row != NULL;
	return row != NULL ? take_object(import, json_incref(row)) : DONE;
}

static int next_element(struct import *import, bool *more)
{
	json_error_t error;
	json_t *object;
	int c = first_byte(import);

	import->number++;
	if (c == ',' && import->number > 1) {
		getc(import->file);
		c = first_byte(import);
		if (c == ']')
			return import_fail(import, "a comma stands before the closing bracket");
	} else if (c != ']' && import->number > 1) {
		return import_fail(import, "a comma or the closing bracket is missing before it");
	}
	if (c == ']') {
		getc(import->file);
		if (first_byte(import) != EOF)
			return import_fail(import, "text stands behind the closing bracket");
		*more = false;
		return DONE;
	}
	object = json_loadf(import->file, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
	if (object == NULL)
		return fail_json(import, &error);
	*more = true;
	return take_object(import, object);
}

int import_next(struct import *import, bool *more)
{
	clear_row(import);
	switch (import->form) {
	case FORM_CSV:
		return next_csv(import, more);
	case FORM_LINES:
		return next_line(import, more);
	case FORM_DOCUMENT:
		return next_within(import, more);
	case FORM_ARRAY:
		break;
	}
	return next_element(import, more);
}

sr_text import_value(const struct import *import, const char *name)
{
	const struct value *value = find_value(import, name);

	return value != NULL ? value->text : (sr_text){NULL, 0};
}

bool import_integer(struct import *import, const char *name, int64_t *number)
{
	sr_text text = import_value(import, name);

	if (text.data == NULL)
		return true;
	if (sr_number_parse(name, text.data, 0, INT64_MAX, number) == SR_OK)
		return true;
	import_fail(import, "%s", sr_error_message());
	return false;
}

bool import_real(struct import *import, const char *name, double *number)
{
	sr_text text = import_value(import, name);
	char *end;

	if (text.data == NULL)
		return true;
	errno = 0;
	*number = strtod(text.data, &end);
	if (errno == 0 && end != text.data && *end == '\0' && *number >= 0 && *number < 1e300)
		return true;
	import_fail(import, "%s \"%s\" is no number", name, text.data);
	return false;
}

bool import_flag(struct import *import, const char *name, bool *flag)
{
	static const char *const words[] = {"0", "1", "false", "true", "no", "yes"};
	sr_text text = import_value(import, name);

	if (text.data == NULL)
		return true;
	for (int i = 0; i < 6; i++) {
		if (strcasecmp(text.data, words[i]) == 0) {
			*flag = i % 2 == 1;
			return true;
		}
	}
	import_fail(import, "%s \"%s\" is neither yes nor no", name, text.data);
	return false;
}

void saved_print(struct cli *cli, const char *what, const sr_saved *saved)
{
	const struct field fields[] = {
		{"added", "added", cell_integer(saved->added)},
		{"changed", "changed", cell_integer(saved->changed)},
		{"unchanged", "unchanged", cell_integer(saved->unchanged)},
	};

	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:I, s:I, s:I}", "added", (json_int_t)saved->added,
					  "changed", (json_int_t)saved->changed, "unchanged",
					  (json_int_t)saved->unchanged));
	else if (cli->out.format != OUTPUT_TABLE)
		output_fields(&cli->out, fields, 3);
	/* "files", and "file" for one. */
	cli_say(cli, "%" PRId64 " %.*s added, %" PRId64 " changed, %" PRId64 " unchanged.",
		saved->added, (int)strlen(what) - (saved->added == 1), what, saved->changed,
		saved->unchanged);
}
