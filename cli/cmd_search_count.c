#include <math.h>
#include <string.h>

#include "cmd_search.h"
#include "json.h"

static const struct {
	const char *name;
	sr_facet facet;
} facet_names[] = {
	{"client", SR_FACET_CLIENT}, {"type", SR_FACET_TYPE}, {"category", SR_FACET_CATEGORY},
	{"month", SR_FACET_MONTH},   {"size", SR_FACET_SIZE},
};

enum { FACETS = sizeof(facet_names) / sizeof(facet_names[0]) };

unsigned search_facet(const char *word)
{
	for (int i = 0; i < FACETS; i++)
		if (strcmp(word, facet_names[i].name) == 0)
			return (unsigned)facet_names[i].facet;
	return 0;
}

static const char *name_of(sr_facet facet)
{
	for (int i = 0; i < FACETS; i++)
		if (facet_names[i].facet == facet)
			return facet_names[i].name;
	return "";
}

int search_count(struct cli *cli, sr_catalog *catalog, const sr_query *query)
{
	sr_found found;
	sr_status rc = sr_search_count(catalog, query, &found);

	if (rc != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json) {
		output_document(&cli->out, json_pack("{s:I,s:I}", "files", (json_int_t)found.files,
						     "bytes", (json_int_t)found.bytes));
	} else {
		const struct field fields[] = {
			{"files", "files", cell_integer(found.files)},
			{"bytes", "their size", cell_size(found.bytes)},
		};

		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
	}
	return DONE;
}

/* ---- Facets ---- */

struct facets {
	struct cli *cli;
	struct listing *rows; /* NULL with JSON: */
	json_t *document;     /* an object of arrays. */
};

static void add_object(json_t *document, const sr_facet_value *value)
{
	json_t *list = json_object_get(document, name_of(value->facet));
	json_t *object = json_object();

	json_object_add_text(object, "value", value->value);
	if (value->rest)
		json_object_set_new(object, "rest", json_true());
	json_object_set_new(object, "files", json_integer(value->files));
	json_object_set_new(object, "bytes", json_integer(value->bytes));
	json_array_append_new(list, object);
}

static bool print_value(void *arg, const sr_facet_value *value)
{
	struct facets *f = arg;
	const bool people = f->cli->out.format == OUTPUT_TABLE;
	sr_text text = value->value;

	if (people && text.data == NULL)
		text = sr_text_of(value->rest ? "(others)" : "(none)");
	if (f->document != NULL) {
		add_object(f->document, value);
	} else {
		const struct cell cells[] = {
			cell_string(name_of(value->facet)),
			cell_text(text),
			cell_integer(value->files),
			cell_size(value->bytes),
			cell_flag(value->rest),
		};

		listing_row(f->rows, cells);
	}
	return output_failed(&f->cli->out);
}

static json_t *new_document(unsigned facets)
{
	json_t *document = json_object();

	for (int i = 0; i < FACETS; i++)
		if (facets & facet_names[i].facet)
			json_object_set_new(document, facet_names[i].name, json_array());
	return document;
}

int search_facets(struct cli *cli, sr_catalog *catalog, const sr_query *query, unsigned facets)
{
	static const struct column columns[] = {
		{"facet", "BY", 0},
		{"value", "VALUE", COLUMN_CUT_END},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"rest", "", COLUMN_EXACT},
	};
	struct facets f = {.cli = cli};
	sr_found found = {0};
	sr_status rc;
	int code = DONE;

	if (cli->json)
		f.document = new_document(facets);
	else
		f.rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]),
				       NULL);
	rc = sr_search_facets(catalog, query, facets, print_value, &f, &found);
	/* Where nothing can be written any more, closing the output says so. */
	if (rc != SR_OK && !output_failed(&cli->out))
		code = cli_failed(cli, rc);
	if (!cli->json)
		listing_end(f.rows, "Nothing found.", NULL);
	else if (code != DONE)
		json_decref(f.document);
	else
		output_document(&cli->out,
				json_pack("{s:I,s:I,s:o}", "files", (json_int_t)found.files,
					  "bytes", (json_int_t)found.bytes, "facets", f.document));
	return code;
}

/* ---- Explaining ---- */

/* To the microsecond: what stands behind is noise. */
static double milliseconds(double seconds)
{
	return round(seconds * 1e6) / 1e3;
}

static void print_explanation(struct cli *cli, const sr_explanation *e, int64_t files)
{
	const struct field fields[] = {
		{"choice", "choice", cell_string(e->choice)},
		{"estimated", "estimated", cell_integer(e->estimated)},
		{"candidates", "candidates", cell_integer(e->candidates)},
		{"rechecked", "rechecked", cell_integer(e->rechecked)},
		{"hits", "hits", cell_integer(e->hits)},
		{"files", "files", cell_integer(files)},
		{"planning_ms", "planning ms", cell_real(milliseconds(e->planning))},
		{"matching_ms", "matching ms", cell_real(milliseconds(e->matching))},
		{"fetching_ms", "fetching ms", cell_real(milliseconds(e->fetching))},
	};

	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static json_t *json_of_explanation(const sr_explanation *e, int64_t files)
{
	return json_pack("{s:s,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "choice", e->choice, "estimated",
			 json_of_integer(e->estimated), "candidates", (json_int_t)e->candidates,
			 "rechecked", (json_int_t)e->rechecked, "hits", (json_int_t)e->hits,
			 "files", (json_int_t)files, "planning_ms",
			 json_of_real(milliseconds(e->planning)), "matching_ms",
			 json_of_real(milliseconds(e->matching)), "fetching_ms",
			 json_of_real(milliseconds(e->fetching)));
}

int search_explain(struct cli *cli, sr_files *cursor)
{
	const sr_file *file = NULL;
	sr_explanation explanation;
	int64_t files = 0;
	sr_status rc;

	while ((rc = sr_files_next(cursor, &file)) == SR_OK && file != NULL)
		files++;
	if (rc != SR_OK || (rc = sr_search_explain(cursor, &explanation)) != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json)
		output_document(&cli->out, json_of_explanation(&explanation, files));
	else
		print_explanation(cli, &explanation, files);
	return DONE;
}
