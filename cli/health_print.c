#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_health.h"
#include "json.h"
#include "memory.h"
#include "plural.h"
#include "utf8.h"

#define LABEL 14 /* Columns of the labels. */

/* ---- For programs ---- */

static json_t *json_of_list(const char *const *list, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_of(sr_text_of(list[i])));
	return array;
}

static json_t *json_of_findings(const sr_health *health)
{
	json_t *array = json_array();

	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *f = &health->findings[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "code", f->code,
						"severity", sr_severity_name(f->severity),
						"subject", json_of(sr_text_of(f->subject)), "count",
						(json_int_t)f->count, "meaning",
						json_of(sr_text_of(f->meaning)), "cure",
						json_of(sr_text_of(f->cure))));
	}
	return array;
}

static json_t *json_of_pool(const sr_pool_health *pool)
{
	return json_pack(
		"{s:b, s:i, s:i, s:i, s:o, s:o, s:I, s:i, s:o, s:o}", "enabled", pool->enabled,
		"pool_size", pool->pool_size, "active_connections", pool->active_connections,
		"available_connections", pool->available_connections, "utilization_percent",
		json_of_real(pool->utilization_percent), "health_score",
		json_of_real(pool->health_score), "exhaustion_events",
		(json_int_t)pool->exhaustion_events, "peak_active", pool->peak_active, "warnings",
		json_of_list(pool->warnings, pool->warning_count), "recommendations",
		json_of_list(pool->recommendations, pool->recommendation_count));
}

static json_t *json_of_size(const sr_size_limits *size)
{
	return json_pack("{s:o, s:I, s:s, s:o, s:o, s:o}", "size_mb", json_of_real(size->size_mb),
			 "size_bytes", (json_int_t)size->size_bytes, "status", size->status,
			 "threshold_warning_mb", json_of_real(size->threshold_warning_mb),
			 "threshold_critical_mb", json_of_real(size->threshold_critical_mb),
			 "message", json_of(sr_text_of(size->message)));
}

static json_t *json_of_health(const sr_health *health, const char *path)
{
	json_t *document =
		json_pack("{s:b, s:b, s:I, s:I, s:b, s:o, s:o, s:o, s:b, s:b, s:b, s:o}",
			  "integrity_check", health->integrity_check, "foreign_key_check",
			  health->foreign_key_check, "table_count", (json_int_t)health->table_count,
			  "index_count", (json_int_t)health->index_count, "connection_pool_healthy",
			  health->connection_pool_healthy, "issues",
			  json_of_list(health->issues, health->issue_count), "findings",
			  json_of_findings(health), "unseen",
			  json_of_list(health->unseen, health->unseen_count), "healthy",
			  health->errors == 0, "opened", health->opened, "full", health->full,
			  "database_file", json_of_path(path));

	json_object_set_new(document, "connection_pool_metrics", json_of_pool(&health->pool));
	json_object_set_new(document, "size", json_of_size(&health->size));
	json_object_set_new(document, "free_bytes", json_integer(health->free_bytes));
	json_object_set_new(
		document, "log",
		json_pack("{s:I, s:o, s:o}", "log_bytes", (json_int_t)health->log_bytes,
			  "oldest_reader_seconds", json_of_real(health->oldest_reader),
			  "other_readers",
			  json_of_integer(health->other_readers < 0 ? SR_NULL_INTEGER
								    : health->other_readers)));
	json_object_set_new(document, "schema",
			    json_pack("{s:i, s:i}", "version", health->schema_version,
				      "latest_version", health->latest_version));
	json_object_set_new(document, "engine",
			    json_pack("{s:o, s:b}", "version", json_of(sr_text_of(health->engine)),
				      "at_risk", health->engine_at_risk));
	json_object_set_new(document, "stored_files",
			    json_pack("{s:I, s:I, s:I}", "read", (json_int_t)health->stored_files,
				      "failed", (json_int_t)health->stored_failed, "seed",
				      (json_int_t)health->seed));
	return document;
}

static void print_rows(struct cli *cli, const sr_health *health)
{
	static const struct column columns[] = {
		{"severity", "", 0}, {"code", "", 0},    {"subject", "", 0},
		{"count", "", 0},    {"meaning", "", 0}, {"cure", "", 0},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 6, NULL);

	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *f = &health->findings[i];
		const struct cell cells[] = {
			cell_string(sr_severity_name(f->severity)),
			cell_string(f->code),
			cell_string(f->subject),
			cell_integer(f->count),
			cell_string(f->meaning),
			cell_string(f->cure),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
}

/* ---- For people ---- */

void print_wrapped(struct cli *cli, size_t indent, const char *text)
{
	const size_t width = cli->out.width;
	char *clean = utf8_clean(text);
	char *line = clean;

	while (width > indent + 20 && utf8_columns(line) > width - indent) {
		size_t fits = 0;
		char kept;

		/* Up to the last blank that fits, or the first there is. */
		for (size_t i = 1; line[i] != '\0'; i++) {
			if (line[i] != ' ')
				continue;
			kept = line[i];
			line[i] = '\0';
			if (utf8_columns(line) <= width - indent || fits == 0)
				fits = i;
			line[i] = kept;
		}
		if (fits == 0)
			break;
		line[fits] = '\0';
		output_stated(&cli->out, indent, line);
		line += fits + 1;
	}
	output_stated(&cli->out, indent, line);
	free(clean);
}

static void print_label(struct cli *cli, const char *label, const char *text)
{
	char *padded = must_print("  %-*s", LABEL, label);

	output_write(&cli->out, padded);
	output_stated(&cli->out, 0, text);
	free(padded);
}

static void print_state(struct cli *cli, const sr_health *health)
{
	const sr_pool_health *pool = &health->pool;
	char size[32];
	char free_size[32];
	char text[200];

	print_label(cli, "integrity", health->integrity_check ? "ok" : "damaged");
	print_label(cli, "references", health->foreign_key_check ? "ok" : "broken");
	snprintf(text, sizeof(text), "version %d of %d, %" PRId64 " %s, %" PRId64 " %s",
		 health->schema_version, health->latest_version, health->table_count,
		 plural(health->table_count, "table", "tables"), health->index_count,
		 plural(health->index_count, "index", "indexes"));
	print_label(cli, "schema", text);
	size_print(health->size.size_bytes, size);
	size_print(health->free_bytes, free_size);
	snprintf(text, sizeof(text), "%s (%s), %s of it free", size, health->size.status,
		 free_size);
	print_label(cli, "size", text);
	size_print(health->log_bytes, size);
	if (health->other_readers > 0)
		snprintf(text, sizeof(text), "%s, other processes reading: %" PRId64, size,
			 health->other_readers);
	else
		snprintf(text, sizeof(text), "%s", size);
	print_label(cli, "log", text);
	snprintf(text, sizeof(text), "score %.0f, %d of %d %s in use", pool->health_score,
		 pool->active_connections, pool->pool_size,
		 plural(pool->pool_size, "connection", "connections"));
	print_label(cli, "pool", text);
	if (health->stored_files > 0) {
		snprintf(text, sizeof(text), "%" PRId64 " read, %" PRId64 " failed, seed %" PRIu64,
			 health->stored_files, health->stored_failed, health->seed);
		print_label(cli, "stored files", text);
	}
}

static void print_verdict(struct cli *cli, const sr_health *health, const char *path)
{
	char words[160];

	snprintf(words, sizeof(words), "%s: %" PRId64 " %s, %" PRId64 " %s, %" PRId64 " %s",
		 health->errors > 0 ? "unhealthy" : "healthy", health->errors,
		 plural(health->errors, "error", "errors"), health->warnings,
		 plural(health->warnings, "warning", "warnings"), health->notes,
		 plural(health->notes, "note", "notes"));
	if (path != NULL) {
		char *line = must_print("%s", path);

		print_wrapped(cli, 0, line);
		free(line);
	}
	output_stated(&cli->out, 0, words);
}

static void print_findings(struct cli *cli, const sr_health *health)
{
	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *f = &health->findings[i];
		char *line = must_print("%s: %s", sr_severity_name(f->severity), f->meaning);

		print_wrapped(cli, 0, line);
		free(line);
		if (f->cure == NULL)
			continue;
		line = must_print("cure: %s", f->cure);
		print_wrapped(cli, 2, line);
		free(line);
	}
}

void health_print_people(struct cli *cli, const sr_health *health, const char *path)
{
	print_verdict(cli, health, path);
	if (health->opened)
		print_state(cli, health);
	if (health->finding_count > 0)
		output_line(&cli->out, "%s", "");
	print_findings(cli, health);
	if (health->unseen_count > 0 && !cli->quiet) {
		output_line(&cli->out, "\nnot looked at (strongroom health --full does):");
		for (size_t i = 0; i < health->unseen_count; i++)
			print_wrapped(cli, 2, health->unseen[i]);
	}
}

void health_print(struct cli *cli, const sr_health *health, const char *path)
{
	if (cli->json)
		output_document(&cli->out, json_of_health(health, path));
	else if (cli->out.format == OUTPUT_TABLE)
		health_print_people(cli, health, path);
	else
		print_rows(cli, health);
}
