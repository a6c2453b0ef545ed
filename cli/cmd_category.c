#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "plural.h"
#include "progress.h"

const char help_category[] =
	"usage: strongroom category list\n"
	"       strongroom category show CATEGORY\n"
	"       strongroom category add NAME [--description TEXT] [--color #RRGGBB]\n"
	"                               [--path PATH] [--mime TYPE]… [--extension EXT]…\n"
	"       strongroom category update CATEGORY [--description TEXT]\n"
	"                               [--color #RRGGBB] [--path PATH]\n"
	"                               [--mime TYPE]… [--extension EXT]…\n"
	"                               [--no-mime TYPE]… [--no-extension EXT]…\n"
	"       strongroom category delete CATEGORY [--move-to CATEGORY]\n"
	"       strongroom category assign CLIENT PATH CATEGORY\n"
	"       strongroom category assign [--client NAME] [--from CATEGORY] [--dry-run]\n"
	"\n"
	"What files are sorted into when they are recorded, by rules: the longest MIME\n"
	"type that fits a file's own, or begins it, decides; where none does its\n"
	"extension, and without a rule it is \"other\".\n"
	"\n"
	"assign gives one file a category by hand, until the rules are applied to it\n"
	"again: when it is recorded with new content or with --reread, or by assign\n"
	"without a file, which applies them to all that are there and says how many go\n"
	"where. delete asks; a category that files have needs --move-to, and its rules\n"
	"lead there from then on.\n"
	"\n"
	"  --description TEXT   for people\n"
	"  --color #RRGGBB      for who shows it; #007acc without\n"
	"  --path PATH          where such files may be stored\n"
	"  --mime TYPE          a rule: a type, or its beginning, such as video/\n"
	"  --extension EXT      a rule: an extension, such as pdf\n"
	"  --no-mime TYPE       takes a rule away\n"
	"  --no-extension EXT   likewise\n"
	"  --move-to CATEGORY   which one the files get\n"
	"  --client NAME        only files of this client\n"
	"  --from CATEGORY      only files of this category\n"
	"  --dry-run            say what would go where, and change nothing\n"
	"\n"
	"example:\n"
	"  strongroom category add photo --mime image/x-canon --extension cr2\n"
	"  strongroom category assign --dry-run\n";

/* ---- Listing ---- */

static json_t *json_of_rules(const sr_category_rules *rules, sr_text category, sr_rule_kind kind)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sr_category_rules_count(rules); i++) {
		const sr_category_rule *rule = sr_category_rules_at(rules, i);

		if (rule->kind == kind && rule->category.length == category.length &&
		    memcmp(rule->category.data, category.data, category.length) == 0)
			json_array_append_new(array, json_of(rule->pattern));
	}
	return array;
}

static json_t *json_of_category(const sr_category *c, const sr_category_rules *rules)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_of(c->name));
	json_object_set_new(o, "description", json_of(c->description));
	json_object_set_new(o, "default_path", json_of(c->path));
	json_object_set_new(o, "color", json_of(c->color));
	json_object_set_new(o, "known", json_boolean(c->known));
	json_object_set_new(o, "files", json_of_integer(c->files));
	json_object_set_new(o, "bytes", json_of_integer(c->bytes));
	json_object_set_new(o, "mime_types", json_of_rules(rules, c->name, SR_RULE_MIME));
	json_object_set_new(o, "extensions", json_of_rules(rules, c->name, SR_RULE_EXTENSION));
	return o;
}

static void list_row(struct cli *cli, struct listing *rows, const sr_category *c,
		     const sr_category_rules *rules)
{
	if (cli->json) {
		listing_object(rows, json_of_category(c, rules));
		return;
	}
	const struct cell cells[] = {
		c->name.data != NULL ? cell_text(c->name) : cell_string("(none)"),
		cell_text(c->name),
		cell_integer(c->files),
		cell_size(c->bytes),
		cell_integer(c->known ? c->rules : SR_NULL_INTEGER),
		cell_text(c->color),
		c->known ? cell_text(c->description)
			 : cell_toned(cell_string("(only files have it)"), TONE_WARNING),
		cell_text(c->description),
		cell_text(c->path),
		cell_flag(c->known),
	};

	listing_row(rows, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, const sr_category_rules *rules)
{
	static const struct column columns[] = {
		{"name", "CATEGORY", COLUMN_CUT_END | COLUMN_PEOPLE},
		{"name", "", COLUMN_EXACT},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"rules", "RULES", COLUMN_RIGHT},
		{"color", "COLOR", 0},
		{"description", "DESCRIPTION", COLUMN_CUT_END | COLUMN_PEOPLE},
		{"description", "", COLUMN_EXACT},
		{"default_path", "", COLUMN_EXACT},
		{"known", "", COLUMN_EXACT},
	};
	const sr_category *category = NULL;
	struct listing *rows;
	sr_categories *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_category_list(catalog, true, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_categories_next(cursor, &category)) == SR_OK &&
	       category != NULL)
		list_row(cli, rows, category, rules);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No categories.", NULL);
	sr_categories_close(cursor);
	return code;
}

static int category_list(struct cli *cli)
{
	sr_category_rules *rules;
	sr_catalog *catalog;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE || (code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	if ((rc = sr_category_rules_load(catalog, &rules)) != SR_OK) {
		code = cli_failed(cli, rc);
	} else {
		code = list(cli, catalog, rules);
		sr_category_rules_free(rules);
	}
	return cli_close(cli, catalog, code);
}

/* The patterns that lead to it, in a line. Owned: free. */
static char *patterns(const sr_category_rules *rules, sr_text category, sr_rule_kind kind)
{
	char *text = must_copy("", 0);

	for (size_t i = 0; i < sr_category_rules_count(rules); i++) {
		const sr_category_rule *rule = sr_category_rules_at(rules, i);
		char *longer;

		if (rule->kind != kind || rule->category.length != category.length ||
		    memcmp(rule->category.data, category.data, category.length) != 0)
			continue;
		longer = must_print("%s%s%s", text, text[0] != '\0' ? " " : "", rule->pattern.data);
		free(text);
		text = longer;
	}
	return text;
}

enum { FIELDS = 8, LINE = 64, LINES = 100 };

/* For people a long row of patterns goes on below itself. */
static size_t break_lines(struct field *fields, const char *label, char *text)
{
	size_t count = 0;

	do {
		char *end = strlen(text) > LINE ? text + LINE : NULL;

		while (end != NULL && end > text && *end != ' ')
			end--;
		if (end == text || count + 1 == LINES)
			end = NULL;
		if (end != NULL)
			*end++ = '\0';
		fields[count] = (struct field){"", count == 0 ? label : "", cell_string(text)};
		text = end;
		count++;
	} while (text != NULL);
	return count;
}

static void show(struct cli *cli, const sr_category *c, const sr_category_rules *rules)
{
	char *types = patterns(rules, c->name, SR_RULE_MIME);
	char *extensions = patterns(rules, c->name, SR_RULE_EXTENSION);
	struct field fields[FIELDS + 2 * LINES] = {
		{"name", "name", cell_text(c->name)},
		{"description", "description", cell_text(c->description)},
		{"color", "color", cell_text(c->color)},
		{"default_path", "path", cell_text(c->path)},
		{"files", "files", cell_integer(c->files)},
		{"bytes", "size", cell_size(c->bytes)},
		{"mime_types", "MIME types", cell_string(types)},
		{"extensions", "extensions", cell_string(extensions)},
	};
	size_t count = FIELDS;

	if (cli->out.format == OUTPUT_TABLE) {
		count = FIELDS - 2;
		count += break_lines(fields + count, "MIME types", types);
		count += break_lines(fields + count, "extensions", extensions);
	}
	if (cli->json)
		output_document(&cli->out, json_of_category(c, rules));
	else
		output_fields(&cli->out, fields, count);
	free(extensions);
	free(types);
}

static int show_named(struct cli *cli, sr_catalog *catalog, sr_text name)
{
	const sr_category *category = NULL;
	sr_category_rules *rules;
	sr_categories *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_category_rules_load(catalog, &rules)) != SR_OK)
		return cli_failed(cli, rc);
	if ((rc = sr_category_list(catalog, true, &cursor)) != SR_OK) {
		code = cli_failed(cli, rc);
		goto err0;
	}
	while ((rc = sr_categories_next(cursor, &category)) == SR_OK && category != NULL &&
	       (category->name.length != name.length || category->name.data == NULL ||
		memcmp(category->name.data, name.data, name.length) != 0))
		;
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (category == NULL)
		code = cli_fail(
			cli, SR_NOT_FOUND,
			"no category named \"%s\"; all are shown by: strongroom category list",
			name.data);
	else
		show(cli, category, rules);
	sr_categories_close(cursor);
err0:
	sr_category_rules_free(rules);
	return code;
}

static int category_show(struct cli *cli)
{
	const char *name = NULL;
	const arg_operand operands[] = {
		{"CATEGORY", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE || (code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, show_named(cli, catalog, sr_text_of(name)));
}

/* ---- Adding and updating ---- */

struct words {
	const char *name;
	const char *description;
	const char *color;
	const char *path;
	arg_list mime;
	arg_list extension;
	arg_list no_mime;
	arg_list no_extension;
};

static void free_words(struct words *words)
{
	args_list_free(&words->mime);
	args_list_free(&words->extension);
	args_list_free(&words->no_mime);
	args_list_free(&words->no_extension);
}

/* Owned: free. */
static sr_category_rule *rules_of(const arg_list *types, const arg_list *extensions, size_t *count)
{
	sr_category_rule *rules;

	*count = types->count + extensions->count;
	rules = must_alloc((*count + 1) * sizeof(*rules));
	for (size_t i = 0; i < types->count; i++) {
		rules[i].kind = SR_RULE_MIME;
		rules[i].pattern = sr_text_of(types->items[i]);
	}
	for (size_t i = 0; i < extensions->count; i++) {
		rules[types->count + i].kind = SR_RULE_EXTENSION;
		rules[types->count + i].pattern = sr_text_of(extensions->items[i]);
	}
	return rules;
}

static int write_category(struct cli *cli, const struct words *words, bool add)
{
	const sr_category category = {
		.name = sr_text_of(words->name),
		.description = sr_text_of(words->description),
		.path = sr_text_of(words->path),
		.color = sr_text_of(words->color),
	};
	const unsigned fields = (words->description ? (unsigned)SR_CATEGORY_DESCRIPTION : 0) |
				(words->path ? (unsigned)SR_CATEGORY_PATH : 0) |
				(words->color ? (unsigned)SR_CATEGORY_COLOR : 0);
	size_t added_count, removed_count;
	sr_category_rule *added = rules_of(&words->mime, &words->extension, &added_count);
	sr_category_rule *removed = rules_of(&words->no_mime, &words->no_extension, &removed_count);
	sr_catalog *catalog;
	sr_status rc;
	int code;

	if (!add && fields == 0 && added_count + removed_count == 0) {
		code = cli_usage(cli, "nothing to update: give --description, --color, --path, "
				      "--mime, --extension, --no-mime or --no-extension");
		goto err0;
	}
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		goto err0;
	rc = add ? sr_category_add(catalog, &category, added, added_count)
		 : sr_category_update(catalog, &category, fields, added, added_count, removed,
				      removed_count);
	code = rc == SR_OK ? show_named(cli, catalog, category.name) : cli_failed(cli, rc);
	code = cli_close(cli, catalog, code);
err0:
	free(removed);
	free(added);
	return code;
}

static int category_add(struct cli *cli)
{
	struct words words = {0};
	const arg_option options[] = {
		{"description", 0, ARG_VALUE, &words.description},
		{"color", 0, ARG_VALUE, &words.color},
		{"path", 0, ARG_VALUE, &words.path},
		{"mime", 0, ARG_LIST, &words.mime},
		{"extension", 0, ARG_LIST, &words.extension},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"NAME", ARG_REQUIRED, &words.name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code == DONE)
		code = write_category(cli, &words, true);
	free_words(&words);
	return code;
}

static int category_update(struct cli *cli)
{
	struct words words = {0};
	const arg_option options[] = {
		{"description", 0, ARG_VALUE, &words.description},
		{"color", 0, ARG_VALUE, &words.color},
		{"path", 0, ARG_VALUE, &words.path},
		{"mime", 0, ARG_LIST, &words.mime},
		{"extension", 0, ARG_LIST, &words.extension},
		{"no-mime", 0, ARG_LIST, &words.no_mime},
		{"no-extension", 0, ARG_LIST, &words.no_extension},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CATEGORY", ARG_REQUIRED, &words.name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code == DONE)
		code = write_category(cli, &words, false);
	free_words(&words);
	return code;
}

static int category_delete(struct cli *cli)
{
	const char *name = NULL;
	const char *move_to = NULL;
	const arg_option options[] = {
		{"move-to", 0, ARG_VALUE, &move_to},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CATEGORY", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	int64_t moved = 0;
	sr_status rc;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	code = cli_confirm(cli, "Delete category %s and its rules", name);
	if (code == DONE && (rc = sr_category_delete(catalog, sr_text_of(name), sr_text_of(move_to),
						     &moved)) != SR_OK)
		code = cli_failed(cli, rc);
	if (code == DONE && cli->json)
		output_document(&cli->out,
				json_pack("{s:s, s:s?, s:I}", "deleted", name, "moved_to", move_to,
					  "files", (json_int_t)moved));
	else if (code == DONE && move_to != NULL)
		cli_say(cli, "Deleted category %s; its %" PRId64 " %s in %s now.", name, moved,
			plural(moved, "file is", "files are"), move_to);
	else if (code == DONE)
		cli_say(cli, "Deleted category %s.", name);
	return cli_close(cli, catalog, code);
}

/* ---- Assigning ---- */

static int assign_one(struct cli *cli, const char *name, const char *path, const char *category)
{
	sr_catalog *catalog;
	sr_client *client;
	sr_status rc;
	int code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client);

	if (code != DONE)
		return code;
	rc = sr_category_assign(catalog, &client->id, sr_text_of(path), sr_text_of(category));
	if (rc != SR_OK) {
		code = cli_failed(cli, rc);
	} else if (cli->json) {
		json_t *o = json_object();

		json_object_add_text(o, "assigned", sr_text_of(path));
		json_object_set_new(o, "category", json_of(sr_text_of(category)));
		output_document(&cli->out, o);
	} else {
		cli_say(cli, "%s is in category %s now.", path, category);
	}
	return cli_close_client(cli, catalog, client, code);
}

struct classifying {
	struct cli *cli;
	struct listing *rows;
	struct progress progress;
};

static void on_moved(void *arg, sr_text from, sr_text to, int64_t files, int64_t bytes)
{
	struct classifying *c = arg;
	const struct cell cells[] = {
		cell_text(from),
		cell_text(to),
		cell_integer(files),
		cell_size(bytes),
	};
	json_t *o;

	if (!c->cli->json) {
		listing_row(c->rows, cells);
		return;
	}
	o = json_object();
	json_object_set_new(o, "from", json_of(from));
	json_object_set_new(o, "to", json_of(to));
	json_object_set_new(o, "files", json_of_integer(files));
	json_object_set_new(o, "bytes", json_of_integer(bytes));
	listing_object(c->rows, o);
}

static bool on_progress(void *arg, int64_t done, int64_t total)
{
	struct classifying *c = arg;
	const struct extent extent = {
		.files = done,
		.total = total,
		.bytes = -1,
		.read = -1,
		.seconds_left = -1,
	};

	progress_show(&c->progress, "classifying", &extent);
	return interrupt_seen();
}

static int classify(struct cli *cli, sr_catalog *catalog, sr_classify_options *options)
{
	static const struct column columns[] = {
		{"from", "FROM", COLUMN_CUT_END},
		{"to", "TO", COLUMN_CUT_END},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
	};
	struct classifying c = {.cli = cli};
	int64_t looked = 0;
	int64_t changed = 0;
	sr_status rc;
	int code = DONE;

	options->moved = on_moved;
	options->progress = on_progress;
	options->arg = &c;
	interrupt_watch();
	progress_begin(&c.progress, cli);
	c.rows = listing_begin(&cli->out, columns, 4, "moves");
	rc = sr_category_classify_files(catalog, options, &looked, &changed);
	progress_end(&c.progress);
	const int64_t kept = options->dry_run ? 0 : changed;
	if (rc == SR_INTERRUPTED)
		code = cli_fail(cli, rc, "interrupted; the %" PRId64 " %s kept", kept,
				plural(kept, "file changed so far is", "files changed so far are"));
	else if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(c.rows, NULL,
		    json_pack("{s:I, s:I, s:b}", "looked", (json_int_t)looked, "changed",
			      (json_int_t)changed, "dry_run", (int)options->dry_run));
	if (code == DONE)
		cli_say(cli, "%" PRId64 " of %" PRId64 " %s %s another category.", changed, looked,
			plural(looked, "file", "files"), options->dry_run ? "would get" : "got");
	return code;
}

static int assign_all(struct cli *cli, const char *client_name, const char *from, bool dry_run)
{
	const cli_access access = dry_run ? CLI_READ : CLI_WRITE;
	sr_classify_options options;
	sr_client *client = NULL;
	sr_catalog *catalog;
	int code;

	sr_classify_options_init(&options);
	options.from = sr_text_of(from);
	options.dry_run = dry_run;
	if ((code = cli_open(cli, access, &catalog)) != DONE)
		return code;
	if (client_name != NULL && (code = cli_client(cli, catalog, client_name, &client)) != DONE)
		return cli_close(cli, catalog, code);
	options.client = client != NULL ? &client->id : NULL;
	code = classify(cli, catalog, &options);
	return cli_close_client(cli, catalog, client, code);
}

static int category_assign(struct cli *cli)
{
	const char *operand[3] = {NULL, NULL, NULL};
	const char *client = NULL;
	const char *from = NULL;
	bool dry_run = false;
	const arg_option options[] = {
		{"client", 0, ARG_VALUE, &client},
		{"from", 0, ARG_VALUE, &from},
		{"dry-run", 0, ARG_FLAG, &dry_run},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_OPTIONAL, &operand[0]},
		{"PATH", ARG_OPTIONAL, &operand[1]},
		{"CATEGORY", ARG_OPTIONAL, &operand[2]},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (operand[0] == NULL)
		return assign_all(cli, client, from, dry_run);
	if (operand[2] == NULL)
		return cli_usage(cli, "%s is missing: give CLIENT PATH CATEGORY, or none of them",
				 operand[1] == NULL ? "PATH" : "CATEGORY");
	if (client != NULL || from != NULL || dry_run)
		return cli_usage(cli, "--client, --from and --dry-run are for all files, not for "
				      "one that is named");
	return assign_one(cli, operand[0], operand[1], operand[2]);
}

int cmd_category(struct cli *cli)
{
	static const command parts[] = {
		{"list", NULL, NULL, category_list},
		{"show", NULL, NULL, category_show},
		{"add", NULL, NULL, category_add},
		{"update", NULL, NULL, category_update},
		{"delete", NULL, NULL, category_delete},
		{"assign", NULL, NULL, category_assign},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
