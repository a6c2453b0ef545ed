#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "memory.h"

const char help_history[] =
	"usage: strongroom history CLIENT PATH\n"
	"       strongroom history diff CLIENT PATH N M\n"
	"\n"
	"Every version of a file, oldest first. A file that never changed has one. With\n"
	"diff, in what version M differs from version N. A client called diff has its\n"
	"history like any other: strongroom history diff PATH\n"
	"\n"
	"FROM is the version that one came from, HASH the beginning of its hash; with\n"
	"--json, --csv and --plain there are also checksum, whole hash and the time when\n"
	"it was recorded.\n"
	"\n"
	"What was in a version comes back with file activate; file pin keeps one from\n"
	"being pruned.\n"
	"\n"
	"example:\n"
	"  strongroom history laptop /etc/hosts\n"
	"  strongroom history diff laptop /etc/hosts 1 3\n";

static struct cell mark(const sr_file_version *v)
{
	if (!v->active)
		return cell_string(v->pinned ? "pinned" : NULL);
	return cell_toned(cell_string(v->pinned ? "current, pinned" : "current"), TONE_GOOD);
}

/* ---- Numbers of the versions that others came from ---- */

enum { HASH_SHOWN = 12 }; /* Of a hash, for people: enough to tell versions apart. */

struct numbered {
	int64_t id;
	int64_t number;
};

/* The versions listed so far. Ids grow with the numbers, so that a search may halve; one that other
 * programs gave out of order is left out. */
struct lineage {
	struct numbered *versions;
	size_t count;
	size_t room;
};

static int by_id(const void *a, const void *b)
{
	const int64_t left = ((const struct numbered *)a)->id;
	const int64_t right = ((const struct numbered *)b)->id;

	return (left > right) - (left < right);
}

static void lineage_add(struct lineage *lineage, const sr_file_version *v)
{
	if (v->id == SR_NULL_INTEGER ||
	    (lineage->count > 0 && lineage->versions[lineage->count - 1].id >= v->id))
		return;
	if (lineage->count == lineage->room) {
		lineage->room = lineage->room > 0 ? lineage->room * 2 : 64;
		lineage->versions =
			must_realloc(lineage->versions, lineage->room * sizeof(*lineage->versions));
	}
	lineage->versions[lineage->count++] = (struct numbered){v->id, v->number};
}

/* SR_NULL_INTEGER where it came from none, or that was pruned. */
static int64_t lineage_number(const struct lineage *lineage, int64_t id)
{
	const struct numbered key = {id, 0};
	const struct numbered *found =
		lineage->count > 0 && id != SR_NULL_INTEGER
			? bsearch(&key, lineage->versions, lineage->count, sizeof(key), by_id)
			: NULL;

	return found != NULL ? found->number : SR_NULL_INTEGER;
}

/* ---- The list ---- */

static struct cell short_hash(sr_text hash)
{
	if (hash.data != NULL && hash.length > HASH_SHOWN)
		hash.length = HASH_SHOWN;
	return cell_text(hash);
}

static void row(struct cli *cli, struct listing *list, const struct lineage *lineage,
		const sr_file_version *v)
{
	if (cli->json) {
		listing_object(list, json_of_version(v));
		return;
	}
	const struct cell cells[] = {
		cell_number(v->number),
		cell_size(v->size),
		cell_time(v->date),
		cell_time(v->created),
		cell_number(v->crc),
		cell_text(v->hash),
		short_hash(v->hash),
		cell_number(lineage_number(lineage, v->parent)),
		mark(v),
		cell_flag(v->active),
		cell_text(v->path),
		cell_number(v->id),
		cell_number(v->parent),
		cell_flag(v->pinned),
	};

	listing_row(list, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *path)
{
	static const struct column columns[] = {
		{"version", "VERSION", COLUMN_RIGHT},
		{"size", "SIZE", COLUMN_RIGHT},
		{"date", "MODIFIED", COLUMN_DATE},
		{"created", "", COLUMN_EXACT},
		{"crc", "", COLUMN_EXACT},
		{"hash", "", COLUMN_EXACT},
		{"hash", "HASH", COLUMN_PEOPLE},
		{"from", "FROM", COLUMN_RIGHT | COLUMN_PEOPLE},
		{"mark", "", COLUMN_PEOPLE},
		{"active", "", COLUMN_EXACT},
		{"path", "", COLUMN_EXACT},
		{"id", "", COLUMN_EXACT},
		{"parent", "", COLUMN_EXACT},
		{"pinned", "", COLUMN_EXACT},
	};
	const sr_file_version *version = NULL;
	struct lineage lineage = {NULL, 0, 0};
	struct listing *rows;
	sr_versions *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_version_list(catalog, client, sr_text_of(path), &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_versions_next(cursor, &version)) == SR_OK &&
	       version != NULL) {
		row(cli, rows, &lineage, version);
		lineage_add(&lineage, version);
	}
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, NULL, NULL);
	sr_versions_close(cursor);
	free(lineage.versions);
	return code;
}

/* ---- Two versions ---- */

static const struct difference {
	unsigned bit; /* SR_VERSION_* */
	const char *key;
} differences[] = {
	{SR_VERSION_SIZE, "size"},     {SR_VERSION_DATE, "date"}, {SR_VERSION_CREATED, "created"},
	{SR_VERSION_CRC, "crc"},       {SR_VERSION_HASH, "hash"}, {SR_VERSION_PATH, "path"},
	{SR_VERSION_PINNED, "pinned"},
};

#define DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

static struct cell value(const sr_file_version *v, unsigned bit)
{
	switch (bit) {
	case SR_VERSION_SIZE:
		return cell_size(v->size);
	case SR_VERSION_DATE: /* To the second and below: they differ. */
		return cell_text(v->date);
	case SR_VERSION_CREATED:
		return cell_text(v->created);
	case SR_VERSION_CRC:
		return cell_number(v->crc);
	case SR_VERSION_HASH:
		return cell_text(v->hash);
	case SR_VERSION_PATH:
		return cell_text(v->path);
	default:
		return cell_flag(v->pinned);
	}
}

static void print_json(struct cli *cli, const sr_file_version *from, const sr_file_version *to,
		       unsigned bits)
{
	json_t *before = json_of_version(from);
	json_t *after = json_of_version(to);
	json_t *differing = json_object();
	json_t *o = json_object();

	for (size_t i = 0; i < DIFFERENCES; i++) {
		const char *key = differences[i].key;

		if (bits & differences[i].bit)
			json_object_set_new(differing, key,
					    json_pack("{s:O, s:O}", "from",
						      json_object_get(before, key), "to",
						      json_object_get(after, key)));
	}
	json_object_set_new(o, "from", before);
	json_object_set_new(o, "to", after);
	json_object_set_new(o, "differences", differing);
	output_document(&cli->out, o);
}

static void print_differences(struct cli *cli, const sr_file_version *from,
			      const sr_file_version *to)
{
	const unsigned bits = sr_version_diff(from, to);
	char headings[2][48];
	const struct column columns[] = {
		{"field", "FIELD", 0},
		{"from", headings[0], COLUMN_CUT_START},
		{"to", headings[1], COLUMN_CUT_START},
	};
	struct listing *rows;

	if (cli->json) {
		print_json(cli, from, to, bits);
		return;
	}
	snprintf(headings[0], sizeof(headings[0]), "VERSION %lld", (long long)from->number);
	snprintf(headings[1], sizeof(headings[1]), "VERSION %lld", (long long)to->number);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	for (size_t i = 0; i < DIFFERENCES; i++) {
		const struct cell cells[] = {
			cell_string(differences[i].key),
			value(from, differences[i].bit),
			value(to, differences[i].bit),
		};

		if (bits & differences[i].bit)
			listing_row(rows, cells);
	}
	listing_end(rows, "The two versions do not differ.", NULL);
}

static int diff(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *path,
		const int64_t numbers[2])
{
	sr_file_version *from = NULL;
	sr_file_version *to = NULL;
	sr_text key = sr_text_of(path);
	int code = DONE;
	sr_status rc;

	if ((rc = sr_version_find(catalog, client, key, numbers[0], &from)) != SR_OK ||
	    (rc = sr_version_find(catalog, client, key, numbers[1], &to)) != SR_OK)
		code = cli_failed(cli, rc);
	else
		print_differences(cli, from, to);
	sr_version_free(to);
	sr_version_free(from);
	return code;
}

/* More than two words: diff, client, path and the two numbers. */
static int run_diff(struct cli *cli, const char *const words[5])
{
	int64_t numbers[2];
	sr_catalog *catalog;
	sr_client *client;
	int code;

	if (strcmp(words[0], "diff") != 0)
		return cli_usage(cli, "unexpected argument \"%s\"", words[2]);
	if (words[3] == NULL || words[4] == NULL)
		return cli_usage(cli, "%s is missing", words[3] == NULL ? "N" : "M");
	for (int i = 0; i < 2; i++) {
		if (sr_number_parse("version", words[3 + i], 1, INT64_MAX, &numbers[i]) != SR_OK)
			return cli_usage(cli, "%s", sr_error_message());
	}
	if ((code = cli_open_client(cli, CLI_READ, words[1], &catalog, &client)) != DONE)
		return code;
	code = diff(cli, catalog, &client->id, words[2], numbers);
	return cli_close_client(cli, catalog, client, code);
}

int cmd_history(struct cli *cli)
{
	const char *words[5] = {NULL};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &words[0]}, {"PATH", ARG_REQUIRED, &words[1]},
		{"PATH", ARG_OPTIONAL, &words[2]},   {"N", ARG_OPTIONAL, &words[3]},
		{"M", ARG_OPTIONAL, &words[4]},      {NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	if (words[2] != NULL)
		return run_diff(cli, words);
	if ((code = cli_open_client(cli, CLI_READ, words[0], &catalog, &client)) != DONE)
		return code;
	code = list(cli, catalog, &client->id, words[1]);
	return cli_close_client(cli, catalog, client, code);
}
