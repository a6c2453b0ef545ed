/* What is printed of any values, in every form, read again by who reads that form. */
#include <jansson.h>
#include <stdio.h>

#include "cli/csv.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/utf8.h"
#include "fuzz.h"

enum { COLUMNS = 4, ROWS = 3 };

static const struct column columns[COLUMNS] = {
	{"name", "NAME", COLUMN_CUT_START},
	{"date", "DATE", COLUMN_DATE},
	{"size", "SIZE", COLUMN_RIGHT},
	{"other", "OTHER", COLUMN_CUT_END},
};

/* What was written to one of the standard streams. */
typedef struct caught {
	FILE **stream;
	FILE *was;
	char *text;
	size_t length;
} caught;

static void catch (caught *c, FILE **stream)
{
	*c = (caught){.stream = stream, .was = *stream};
	*stream = open_memstream(&c->text, &c->length);
	FUZZ_CHECK(*stream != NULL);
}

static void release(caught *c)
{
	fclose(*c->stream);
	*c->stream = c->was;
}

static void check_lines(const caught *c, size_t lines)
{
	size_t seen = 0;

	for (size_t i = 0; i < c->length; i++) {
		if (c->text[i] != '\n' && c->text[i] != '\t')
			continue;
		seen += c->text[i] == '\n';
		c->text[i] = ' ';
	}
	FUZZ_CHECK(!fuzz_drives(c->text, c->length));
	FUZZ_CHECK(lines == 0 || seen == lines);
}

/* Numbers may begin with a minus. */
static bool is_text(const struct cell *cell)
{
	return cell->kind == CELL_TEXT || cell->kind == CELL_TIME;
}

static void check_csv(caught *c, const struct cell cells[ROWS][COLUMNS])
{
	FILE *file = fmemopen(c->text, c->length, "rb");
	struct csv csv;
	int rows = 0, got;

	FUZZ_CHECK(file != NULL);
	csv_open(&csv, file);
	while ((got = csv_read(&csv)) > 0) {
		rows++;
		FUZZ_CHECK(csv.count == COLUMNS);
		for (size_t i = 0; i < csv.count; i++) {
			sr_text text = csv_field(&csv, i);

			FUZZ_CHECK(!fuzz_drives(text.data, text.length));
			if (rows > 1 && rows <= ROWS + 1 && is_text(&cells[rows - 2][i]))
				FUZZ_CHECK(text.data[0] == '\'' || !csv_is_formula(text.data));
		}
	}
	FUZZ_CHECK(got == 0 && rows == ROWS + 1);
	csv_close(&csv);
	fclose(file);
}

static void check_json(caught *c, size_t rows)
{
	json_error_t error;
	json_t *read = json_loadb(c->text, c->length, JSON_ALLOW_NUL, &error);

	if (read == NULL)
		fuzz_bad(__FILE__, __LINE__, "%s in: %s", error.text, c->text);
	FUZZ_CHECK(json_array_size(read) == rows);
	json_decref(read);
	check_lines(c, 0);
}

static struct cell cell_of(fuzz_input *input)
{
	const unsigned kind = (unsigned)fuzz_number(input, 1);

	switch (kind % 8) {
	case 0:
		return cell_time(fuzz_text(input));
	case 1:
		return cell_integer((int64_t)fuzz_number(input, 8));
	case 2:
		return cell_size((int64_t)fuzz_number(input, 8));
	case 3:
		return cell_blob(fuzz_text(input));
	case 4: {
		const uint64_t bits = fuzz_number(input, 8);
		double real;

		memcpy(&real, &bits, sizeof(real));
		return cell_real(real);
	}
	default:
		return cell_text(fuzz_text(input));
	}
}

static void list(struct output *out, const struct cell cells[ROWS][COLUMNS])
{
	struct listing *listing = listing_begin(out, columns, COLUMNS, NULL);

	for (int i = 0; i < ROWS; i++) {
		if (out->format == OUTPUT_JSON) {
			json_t *object = json_object();

			for (int k = 0; k < COLUMNS; k++)
				json_object_add_text(object, columns[k].key, cells[i][k].text);
			json_object_set_new(object, "real", json_of_real(cells[i][0].real));
			json_object_set_new(object, "blob", json_of_blob(cells[i][1].text));
			listing_object(listing, object);
		} else {
			listing_row(listing, cells[i]);
		}
	}
	listing_end(listing, "none", NULL);
}

static void messages(sr_text text, bool json)
{
	char *words = fuzz_string(text.data, text.length);
	caught errors;

	catch (&errors, &stderr);
	message_json(json);
	message_error("io", words);
	message_note(words);
	message_log(NULL, SR_LOG_WARNING, "pool", words);
	message_failed(text, words);
	release(&errors);
	check_lines(&errors, 4);
	free(errors.text);
	free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t widths[] = {0, 20, 80, 132};
	struct cell cells[ROWS][COLUMNS];
	fuzz_input input = {data, size};
	const size_t width = widths[fuzz_number(&input, 1) % 4];

	messages(fuzz_text(&input), false);
	messages((sr_text){(const char *)data, size}, true);
	message_json(false);
	for (int i = 0; i < ROWS; i++)
		for (int k = 0; k < COLUMNS; k++) {
			cells[i][k] = cell_of(&input);
			if (cells[i][k].text.data != NULL) /* As the library's end. */
				cells[i][k].text.data =
					fuzz_string(cells[i][k].text.data, cells[i][k].text.length);
		}
	for (int format = OUTPUT_TABLE; format <= OUTPUT_PLAIN; format++) {
		struct output out = {.format = (output_format)format, .width = width};
		caught printed;

		catch (&printed, &stdout);
		list(&out, cells);
		release(&printed);
		FUZZ_CHECK(!output_failed(&out));
		if (format == OUTPUT_CSV)
			check_csv(&printed, cells);
		else if (format == OUTPUT_JSON)
			check_json(&printed, ROWS);
		else
			check_lines(&printed, format == OUTPUT_PLAIN ? ROWS : 0);
		free(printed.text);
	}
	for (int i = 0; i < ROWS; i++)
		for (int k = 0; k < COLUMNS; k++)
			free((void *)cells[i][k].text.data);
	return 0;
}
