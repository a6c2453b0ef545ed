#include "listing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "memory.h"
#include "utf8.h"

enum {
	ROWS_MEASURED = 500, /* Rows that a table's widths are taken from. */
	NARROWEST = 8,       /* Columns that a cut value keeps at least, */
	DATE_WIDTH = 16,     /* and those of a date. */
	GAP = 2,             /* Columns between two values. */
};

/* A cell of a table's row, printed. */
struct printed {
	char *text; /* Owned, NULL in a column that is not shown. */
	cell_tone tone;
};

struct listing {
	struct output *output;
	const struct column *columns; /* The caller's. */
	size_t count;                 /* Of columns. */
	char **headings;              /* Of each, escaped: a statement names its own. Owned. */
	const char *key;              /* JSON: of the array, NULL for a bare one. */
	size_t rows;                  /* So far. */
	struct printed *waiting;      /* Cells of the rows that wait for their widths. */
	size_t waiting_rows;
	size_t *widths; /* Of each column. */
	bool begun;     /* The heading is out. */
	bool upright;   /* It does not fit: each value has a line of its own. */
};

static bool shown(const struct listing *listing, size_t i)
{
	const unsigned hidden =
		listing->output->format == OUTPUT_TABLE ? COLUMN_EXACT : COLUMN_PEOPLE;

	return (listing->columns[i].flags & hidden) == 0;
}

static void csv_heading(struct listing *listing)
{
	bool first = true;

	for (size_t i = 0; i < listing->count; i++) {
		if (!shown(listing, i))
			continue;
		output_write(listing->output, first ? "" : ",");
		output_csv(listing->output, listing->headings[i]);
		first = false;
	}
	output_write(listing->output, "\r\n");
}

static char *heading_print(const struct listing *listing, const struct column *column)
{
	const bool csv = listing->output->format == OUTPUT_CSV;
	const struct cell cell = cell_string(csv ? column->key : column->heading);

	return cell_print(&cell, true);
}

struct listing *listing_begin(struct output *output, const struct column *columns, size_t count,
			      const char *key)
{
	struct listing *listing = must_alloc(sizeof(*listing));

	listing->output = output;
	listing->columns = columns;
	listing->count = count;
	listing->key = key;
	listing->widths = must_alloc(count * sizeof(*listing->widths));
	listing->headings = must_alloc(count * sizeof(*listing->headings));
	for (size_t i = 0; i < count; i++)
		listing->headings[i] = heading_print(listing, &columns[i]);
	if (output->format == OUTPUT_TABLE)
		listing->waiting = must_alloc(ROWS_MEASURED * count * sizeof(struct printed));
	else if (output->format == OUTPUT_CSV)
		csv_heading(listing);
	return listing;
}

static size_t total_width(const struct listing *listing)
{
	size_t total = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (shown(listing, i))
			total += listing->widths[i] + GAP;
	}
	return total > GAP ? total - GAP : 0;
}

/* Columns that a value of the column keeps when it is cut, or SIZE_MAX: it never is. */
static size_t narrowest(const struct column *column)
{
	if ((column->flags & COLUMN_DATE) != 0)
		return DATE_WIDTH;
	return (column->flags & (COLUMN_CUT_END | COLUMN_CUT_START)) != 0 ? NARROWEST : SIZE_MAX;
}

/* Takes from the widest column that may be cut until the table fits the terminal. */
static void fit(struct listing *listing)
{
	while (total_width(listing) > listing->output->width) {
		size_t widest = listing->count;

		for (size_t i = 0; i < listing->count; i++) {
			if (!shown(listing, i) ||
			    listing->widths[i] <= narrowest(&listing->columns[i]))
				continue;
			if (widest == listing->count ||
			    listing->widths[i] > listing->widths[widest])
				widest = i;
		}
		if (widest == listing->count) {
			listing->upright = true;
			return;
		}
		listing->widths[widest]--;
	}
}

static void measure(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		listing->widths[i] = utf8_columns(listing->headings[i]);
		for (size_t row = 0; row < listing->waiting_rows; row++) {
			const char *text = listing->waiting[row * listing->count + i].text;
			const size_t width = text != NULL ? utf8_columns(text) : 0;

			if (width > listing->widths[i])
				listing->widths[i] = width;
		}
	}
	if (listing->output->width > 0)
		fit(listing);
}

static void pad(struct listing *listing, size_t columns)
{
	while (columns-- > 0)
		output_write(listing->output, " ");
}

static void table_cell(struct listing *listing, size_t i, const char *text, cell_tone tone,
		       size_t *owed)
{
	const unsigned flags = listing->columns[i].flags;
	const size_t width = listing->widths[i];
	const bool cut = listing->output->width > 0 && narrowest(&listing->columns[i]) != SIZE_MAX;
	char *fitted = cut ? utf8_cut(text, width, (flags & COLUMN_CUT_START) != 0)
			   : must_copy(text, strlen(text));
	const size_t used = utf8_columns(fitted);
	const size_t left = used < width ? width - used : 0;

	/* Blanks are owed until something follows: no line ends in any. */
	if ((flags & COLUMN_RIGHT) != 0)
		*owed += left;
	if (fitted[0] != '\0') {
		pad(listing, *owed);
		output_toned(listing->output, tone, fitted);
		*owed = 0;
	}
	*owed += GAP + ((flags & COLUMN_RIGHT) != 0 ? 0 : left);
	free(fitted);
}

static void table_heading(struct listing *listing)
{
	size_t owed = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (shown(listing, i))
			table_cell(listing, i, listing->headings[i], TONE_HEADING, &owed);
	}
	output_write(listing->output, "\n");
}

/* What names a value upright: a column that needs no heading in a table has its key there, in
 * capitals. Owned: free. */
static char *upright_heading(const struct listing *listing, size_t i)
{
	const bool named = listing->headings[i][0] != '\0';
	const char *name = named ? listing->headings[i] : listing->columns[i].key;
	char *heading = must_copy(name, strlen(name));

	for (char *at = heading; !named && *at != '\0'; at++)
		*at = *at == '_' ? ' ' : (char)toupper((unsigned char)*at);
	return heading;
}

/* A row upright: its values below each other, whole. */
static void upright_row(struct listing *listing, const struct printed *cells)
{
	size_t widest = 0;

	for (size_t i = 0; i < listing->count; i++) {
		char *heading = upright_heading(listing, i);
		const size_t width = utf8_columns(heading);

		if (shown(listing, i) && width > widest)
			widest = width;
		free(heading);
	}
	if (listing->begun)
		output_write(listing->output, "\n");
	for (size_t i = 0; i < listing->count; i++) {
		char *heading;

		if (!shown(listing, i) || cells[i].text[0] == '\0')
			continue;
		heading = upright_heading(listing, i);
		output_toned(listing->output, TONE_HEADING, heading);
		pad(listing, widest - utf8_columns(heading) + GAP);
		free(heading);
		output_toned(listing->output, cells[i].tone, cells[i].text);
		output_write(listing->output, "\n");
	}
	listing->begun = true;
}

static void flat_row(struct listing *listing, const struct printed *cells)
{
	size_t owed = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (shown(listing, i))
			table_cell(listing, i, cells[i].text, cells[i].tone, &owed);
	}
	output_write(listing->output, "\n");
}

/* Prints the row and frees its texts. */
static void table_row(struct listing *listing, struct printed *cells)
{
	if (listing->upright)
		upright_row(listing, cells);
	else
		flat_row(listing, cells);
	for (size_t i = 0; i < listing->count; i++) {
		free(cells[i].text);
		cells[i].text = NULL;
	}
}

/* The heading and the rows that waited. */
static void begin_table(struct listing *listing)
{
	measure(listing);
	if (!listing->upright)
		table_heading(listing);
	for (size_t row = 0; row < listing->waiting_rows; row++)
		table_row(listing, listing->waiting + row * listing->count);
	listing->waiting_rows = 0;
	listing->begun = true;
}

static void people_row(struct listing *listing, const struct cell *cells)
{
	struct printed *row = listing->waiting + listing->waiting_rows * listing->count;

	for (size_t i = 0; i < listing->count; i++) {
		row[i].text = shown(listing, i) ? cell_print(&cells[i], true) : NULL;
		row[i].tone = cells[i].tone;
	}
	if (listing->begun) {
		table_row(listing, row);
	} else if (++listing->waiting_rows == ROWS_MEASURED) {
		begin_table(listing);
	}
}

void listing_row(struct listing *listing, const struct cell *cells)
{
	bool first = true;

	listing->rows++;
	if (listing->output->format == OUTPUT_TABLE) {
		people_row(listing, cells);
		return;
	}
	for (size_t i = 0; i < listing->count; i++) {
		if (!shown(listing, i))
			continue;
		output_cell(listing->output, &cells[i], first);
		first = false;
	}
	output_write(listing->output, listing->output->format == OUTPUT_CSV ? "\r\n" : "\n");
}

static void json_opening(struct listing *listing)
{
	if (listing->begun)
		return;
	listing->begun = true;
	if (listing->key != NULL) {
		output_write(listing->output, "{\"");
		output_write(listing->output, listing->key);
		output_write(listing->output, "\": [");
	} else {
		output_write(listing->output, "[");
	}
}

void listing_object(struct listing *listing, json_t *object)
{
	char *text = json_line(object);

	json_opening(listing);
	output_write(listing->output, listing->rows++ > 0 ? ",\n" : "\n");
	output_write(listing->output, text);
	free(text);
	json_decref(object);
}

size_t listing_rows(const struct listing *listing)
{
	return listing->rows;
}

/* The brackets come whatever happened before: a document cut short by an error is valid. */
static void json_closing(struct listing *listing, json_t *tail)
{
	const char *key;
	json_t *value;

	json_opening(listing);
	output_write(listing->output, listing->rows > 0 ? "\n]" : "]");
	json_object_foreach(tail, key, value)
	{
		char *text = json_line(value);

		output_write(listing->output, ", \"");
		output_write(listing->output, key);
		output_write(listing->output, "\": ");
		output_write(listing->output, text);
		free(text);
	}
	output_write(listing->output, listing->key != NULL ? "}\n" : "\n");
}

void listing_end(struct listing *listing, const char *empty, json_t *tail)
{
	if (listing->output->format == OUTPUT_JSON)
		json_closing(listing, tail);
	else if (listing->output->format == OUTPUT_TABLE && listing->rows > 0 && !listing->begun)
		begin_table(listing);
	else if (listing->output->format == OUTPUT_TABLE && listing->rows == 0 && empty != NULL)
		output_line(listing->output, "%s", empty);
	json_decref(tail);
	for (size_t i = 0; i < listing->count; i++)
		free(listing->headings[i]);
	free(listing->headings);
	free(listing->waiting);
	free(listing->widths);
	free(listing);
}
