/* Check-ups of rows that repeat what others say: counters, quotas, versions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "health.h"
#include "usage.h"

/* ---- Counters ---- */

/* A client's name, or its id where it has none. */
static void name_client(sr_text name, sr_stmt *stmt, char words[256])
{
	sr_text id = sr_column_text(stmt, 0);

	if (name.data != NULL)
		snprintf(words, 256, "%s", sr_quoted(name));
	else if (id.length > 0 && id.length <= 64)
		sr_hex(id.data, id.length, words);
	else
		snprintf(words, 256, "a client without an id");
}

/* Where the counts come from: one pass over all files, or in a quick check-up of very many a query
 * for each client, as far as the time reaches. */
typedef struct source {
	sr_usage *all;  /* NULL: */
	sr_stmt *query; /* ask this. */
} source;

static sr_status count_files(sr_checkup *c, const source *from, const sr_value *client,
			     int64_t *files, int64_t *bytes)
{
	sr_status rc;
	bool row;

	if (from->all != NULL) {
		sr_usage_get(from->all, client, files, bytes);
		return SR_OK;
	}
	sr_bind_value(from->query, 1, client);
	if ((rc = sr_checkup_step(c, from->query, &row)) != SR_OK || !row)
		return rc;
	*files = sr_column_integer(from->query, 0);
	*bytes = sr_column_integer(from->query, 1);
	return sr_run(from->query);
}

/* Compares one client's counters with a count of its files. */
static sr_status compare_usage(sr_checkup *c, sr_stmt *usage, const source *from, sr_tally *wrong)
{
	int64_t files = 0;
	int64_t bytes = 0;
	char client[256];
	sr_value id;
	sr_status rc;

	sr_column_value(usage, 0, &id);
	if ((rc = count_files(c, from, &id, &files, &bytes)) != SR_OK || c->late)
		return rc;
	if (files == sr_column_integer(usage, 1) && bytes == sr_column_integer(usage, 2))
		return SR_OK;
	name_client(sr_column_text(usage, 3), usage, client);
	sr_tally_add(wrong,
		     "%s has %" PRId64 " %s of %" PRId64 " %s, counted are %" PRId64 " of %" PRId64,
		     client, files, sr_plural(files, "file", "files"), bytes,
		     sr_plural(bytes, "byte", "bytes"), sr_column_integer(usage, 1),
		     sr_column_integer(usage, 2));
	return SR_OK;
}

/* The clients from one id to another. */
static sr_status compare_range(sr_checkup *c, const sr_id *begin, const sr_id *end,
			       const source *from, sr_tally *wrong, int64_t *seen)
{
	sr_stmt *usage;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, SR_USAGE_ROWS, &usage)) != SR_OK)
		return rc;
	if (begin != NULL)
		sr_bind_id(usage, 1, begin);
	else
		sr_bind_integer(usage, 1, INT64_MIN + 1); /* Before every text and blob. */
	sr_bind_id(usage, 2, end);
	while ((rc = sr_checkup_step(c, usage, &row)) == SR_OK && row) {
		if ((rc = compare_usage(c, usage, from, wrong)) != SR_OK || c->late)
			break;
		++*seen;
	}
	return sr_stmt_end(usage, rc);
}

static sr_status find_lacking(sr_checkup *c, sr_tally *wrong)
{
	char client[256];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, SR_USAGE_LACKING, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row) {
		name_client(sr_column_text(stmt, 1), stmt, client);
		sr_tally_add(wrong, "%s is not counted at all", client);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status open_source(sr_checkup *c, source *from)
{
	int64_t rows;
	sr_status rc;

	*from = (source){NULL, NULL};
	rc = sr_query_integer(c->conn, "SELECT coalesce(max(rowid), 0) FROM files", &rows);
	if (rc != SR_OK)
		return rc;
	if (c->options.full || rows <= c->limits->pass_rows)
		return sr_usage_count(c->conn, &from->all);
	return sr_prepare(c->conn, SR_USAGE_OF, &from->query);
}

/* Begins anywhere, so that quick check-ups of a large catalog reach every client in time. */
static sr_status compare_all(sr_checkup *c, const source *from, sr_tally *wrong)
{
	int64_t seen = 0;
	int64_t all = 0;
	sr_id middle;
	sr_status rc;

	sr_id_new(&middle);
	/* Its end is random, and ids of every kind begin with anything. */
	memcpy(middle.bytes, middle.bytes + 8, 8);
	rc = compare_range(c, &middle, NULL, from, wrong, &seen);
	if (rc == SR_OK && !c->late)
		rc = compare_range(c, NULL, &middle, from, wrong, &seen);
	if (rc == SR_OK && c->late &&
	    sr_query_integer(c->conn, "SELECT count(*) FROM client_usage", &all) == SR_OK)
		sr_unseen_add(c, "the counters of %" PRId64 " of %" PRId64 " %s", all - seen, all,
			      sr_plural(all, "client", "clients"));
	return rc;
}

sr_status sr_check_usage(sr_checkup *c)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	source from;
	sr_status rc;
	bool has;

	if ((rc = sr_checkup_has(c, "client_usage", "Bytes", &has)) != SR_OK || !has)
		return rc;
	if ((rc = open_source(c, &from)) != SR_OK)
		return rc;
	if ((rc = find_lacking(c, &wrong)) == SR_OK && !c->late)
		rc = compare_all(c, &from, &wrong);
	sr_stmt_done(from.query);
	sr_usage_free(from.all);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "usage_wrong", sr_text_of("client_usage"),
			       wrong.count, sr_cure_repair(c),
			       "counters of clients do not agree with their files: %s",
			       sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

/* ---- Quotas ---- */

sr_status sr_check_quotas(sr_checkup *c)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	char client[256];
	sr_stmt *stmt;
	sr_status rc;
	bool has, row;

	/* Before there were counters nobody kept UsedBytes. */
	if ((rc = sr_checkup_has(c, "client_usage", "Bytes", &has)) != SR_OK || !has ||
	    (rc = sr_checkup_has(c, "client_quotas", "UsedBytes", &has)) != SR_OK || !has)
		return rc;
	if ((rc = sr_prepare(c->conn, SR_QUOTAS_WRONG, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row) {
		name_client(sr_column_text(stmt, 3), stmt, client);
		sr_tally_add(&wrong, "%s uses %" PRId64 " %s, its quota says %" PRId64, client,
			     sr_column_integer(stmt, 2),
			     sr_plural(sr_column_integer(stmt, 2), "byte", "bytes"),
			     sr_column_integer(stmt, 1));
	}
	rc = sr_stmt_end(stmt, rc);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "quota_wrong", sr_text_of("client_quotas"),
			       wrong.count, sr_cure_repair(c),
			       "%" PRId64 " %s not agree with what is used: %s", wrong.count,
			       sr_plural(wrong.count, "quota does", "quotas do"),
			       sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

/* ---- Versions ---- */

static const char *words_for_link(int64_t what)
{
	switch (what) {
	case SR_LINK_CURRENT:
		return "its current version is none of its own";
	case SR_LINK_COUNT:
		return "TotalVersions is not how many it has";
	case SR_LINK_ACTIVE:
		return "not exactly one version is active";
	default:
		return "the active version is not the current one";
	}
}

static sr_status find_mislinked(sr_checkup *c, const char *sql, sr_tally *wrong)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row)
		sr_tally_add(wrong, "%s (%s)", sr_quoted(sr_column_text(stmt, 2)),
			     words_for_link(sr_column_integer(stmt, 1)));
	return sr_stmt_end(stmt, rc);
}

static sr_status check_links(sr_checkup *c)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	sr_status rc;

	if ((rc = find_mislinked(c, SR_VERSIONS_MISLINKED, &wrong)) == SR_OK && !c->late)
		rc = find_mislinked(c, SR_FILES_MISLINKED, &wrong);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "version_links", sr_text_of("files"),
			       wrong.count, sr_cure_repair(c),
			       "files disagree with their versions: %s", sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

static sr_status check_differing(sr_checkup *c)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, SR_VERSIONS_DIFFERING, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row)
		sr_tally_add(&wrong, "%s", sr_quoted(sr_column_text(stmt, 2)));
	rc = sr_stmt_end(stmt, rc);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "version_differs", sr_text_of("file_versions"),
			       wrong.count, sr_cure_repair(c),
			       "%" PRId64 " %s history, which another "
			       "program did: %s",
			       wrong.count,
			       sr_plural(wrong.count, "file was changed without its",
					 "files were changed without their"),
			       sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

static sr_status check_parents(sr_checkup *c)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, SR_PARENTS_WRONG, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row)
		sr_tally_add(&wrong, "%" PRId64, sr_column_integer(stmt, 0));
	rc = sr_stmt_end(stmt, rc);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "version_parent", sr_text_of("file_versions"),
			       wrong.count, sr_cure_repair(c),
			       "versions come from one of another file: row %s",
			       sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

sr_status sr_check_versions(sr_checkup *c)
{
	sr_status rc;
	bool has;

	/* Nobody wrote versions before they had these columns. */
	if ((rc = sr_checkup_has(c, "file_versions", "CRC", &has)) != SR_OK || !has ||
	    (rc = sr_checkup_has(c, "files", "TotalVersions", &has)) != SR_OK || !has)
		return rc;
	if ((rc = check_links(c)) == SR_OK && !c->late && (rc = check_differing(c)) == SR_OK &&
	    !c->late)
		rc = check_parents(c);
	return rc;
}
