/* Rules: which MIME type and which extension lead to which category. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "category.h"

#define MIME_MAX_BYTES      100
#define EXTENSION_MAX_BYTES 10

static const char *kind_name(sr_rule_kind kind)
{
	return kind == SR_RULE_MIME ? "mime" : "extension";
}

static const char *kind_words(sr_rule_kind kind)
{
	return kind == SR_RULE_MIME ? "MIME type" : "extension";
}

/* An extension with its dot means the same. */
static sr_text without_dot(const sr_category_rule *rule)
{
	sr_text pattern = rule->pattern;

	if (rule->kind == SR_RULE_EXTENSION && pattern.length > 0 && pattern.data[0] == '.') {
		pattern.data++;
		pattern.length--;
	}
	return pattern;
}

static bool has_blank_or_slash(sr_text text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == ' ' || text.data[i] == '/')
			return true;
	}
	return false;
}

/* Of a type what follows the slash may be missing: "video/". */
static bool is_type(sr_text text)
{
	const char *slash = memchr(text.data, '/', text.length);

	return slash != NULL && slash != text.data &&
	       memchr(slash + 1, '/', text.length - (size_t)(slash + 1 - text.data)) == NULL &&
	       memchr(text.data, ' ', text.length) == NULL;
}

sr_status sr_category_check_rule(const sr_category_rule *rule)
{
	const sr_text pattern = without_dot(rule);
	const size_t most = rule->kind == SR_RULE_MIME ? MIME_MAX_BYTES : EXTENSION_MAX_BYTES;

	if (rule->kind != SR_RULE_MIME && rule->kind != SR_RULE_EXTENSION)
		return sr_fail(SR_INVALID,
			       "a rule is for a MIME type (0) or an extension (1), not %d",
			       (int)rule->kind);
	if (pattern.data == NULL || pattern.length == 0)
		return sr_fail(SR_INVALID, "a rule's %s is empty", kind_words(rule->kind));
	if (pattern.length > most)
		return sr_fail(SR_INVALID, "%s %s has %zu bytes, more than the %zu that files have",
			       kind_words(rule->kind), sr_quoted(pattern), pattern.length, most);
	if (!sr_text_is_utf8(pattern) || sr_text_has_control(pattern))
		return sr_fail(SR_INVALID, "%s %s is not UTF-8 without control characters",
			       kind_words(rule->kind), sr_quoted(pattern));
	if (rule->kind == SR_RULE_MIME && !is_type(pattern))
		return sr_fail(SR_INVALID,
			       "%s is no MIME type and not the beginning of one, such as video/mp4 "
			       "or video/",
			       sr_quoted(pattern));
	if (rule->kind == SR_RULE_EXTENSION &&
	    (has_blank_or_slash(pattern) || pattern.data[0] == '.'))
		return sr_fail(SR_INVALID, "%s is no extension, such as pdf",
			       sr_quoted(rule->pattern));
	return SR_OK;
}

/* ---- Rows ---- */

/* $2 and $3 of the statements below; space holds the pattern in lower case until the statement
 * has run. */
static void bind_rule(sr_stmt *stmt, const sr_category_rule *rule, char space[MIME_MAX_BYTES])
{
	const sr_text pattern = without_dot(rule);

	for (size_t i = 0; i < pattern.length; i++)
		space[i] = (char)tolower((unsigned char)pattern.data[i]);
	sr_bind_text(stmt, 2, kind_name(rule->kind));
	sr_bind_name(stmt, 3, (sr_text){space, pattern.length});
}

static sr_status check_free(sr_conn *conn, sr_text category, const sr_category_rule *rule)
{
	char space[MIME_MAX_BYTES];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn,
			     "SELECT Category FROM category_rules"
			     " WHERE Category IS NOT $1 AND Kind = $2 AND Pattern = $3",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, category);
	bind_rule(stmt, rule, space);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		rc = sr_fail(SR_EXISTS,
			     "%s %s leads to category %s already; take it away there before it "
			     "leads to %s",
			     kind_words(rule->kind), sr_quoted(without_dot(rule)),
			     sr_quoted(sr_column_text(stmt, 0)), sr_quoted(category));
	return sr_stmt_end(stmt, rc);
}

static sr_status run_with(sr_conn *conn, const char *sql, sr_text category,
			  const sr_category_rule *rule)
{
	char space[MIME_MAX_BYTES];
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, category);
	bind_rule(stmt, rule, space);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_category_rule_add(sr_conn *conn, sr_text category, const sr_category_rule *rule)
{
	sr_status rc;

	if ((rc = check_free(conn, category, rule)) != SR_OK)
		return rc;
	return run_with(conn,
			"INSERT INTO category_rules (Category, Kind, Pattern) VALUES ($1, $2, $3)"
			" ON CONFLICT DO NOTHING",
			category, rule);
}

sr_status sr_category_rule_remove(sr_conn *conn, sr_text category, const sr_category_rule *rule)
{
	sr_status rc;

	rc = run_with(conn,
		      "DELETE FROM category_rules"
		      " WHERE Category = $1 AND Kind = $2 AND Pattern = $3",
		      category, rule);
	if (rc == SR_OK && sr_conn_changes(conn) == 0)
		rc = sr_fail(SR_NOT_FOUND, "category %s has no rule for %s %s", sr_quoted(category),
			     kind_words(rule->kind), sr_quoted(without_dot(rule)));
	return rc;
}

sr_status sr_category_rules_move(sr_conn *conn, sr_text from, sr_text to)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn,
			     to.data != NULL
				     ? "UPDATE category_rules SET Category = $2 WHERE Category = $1"
				     : "DELETE FROM category_rules WHERE Category = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, from);
	if (to.data != NULL)
		sr_bind_name(stmt, 2, to);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* ---- All of them, in memory ---- */

struct sr_category_rules {
	sr_category_rule *list; /* Each category's memory holds its pattern too. */
	size_t count;
	sr_category_rule *types; /* Those for MIME types once more, the longest first. */
	size_t type_count;
};

static sr_status add_rule(sr_category_rules *rules, sr_stmt *stmt)
{
	const sr_text category = sr_column_text(stmt, 0);
	const sr_text kind = sr_column_text(stmt, 1);
	const sr_text pattern = sr_column_text(stmt, 2);
	sr_category_rule *list;
	char *copy;

	/* What another program wrote and means nothing here. */
	if (category.data == NULL || kind.data == NULL || pattern.length == 0)
		return SR_OK;
	if (strcmp(kind.data, "mime") != 0 && strcmp(kind.data, "extension") != 0)
		return SR_OK;
	list = realloc(rules->list, (rules->count + 1) * sizeof(*list));
	if (list == NULL)
		return sr_fail_memory();
	rules->list = list;
	if ((copy = malloc(category.length + pattern.length + 2)) == NULL)
		return sr_fail_memory();
	memcpy(copy, category.data, category.length + 1);
	memcpy(copy + category.length + 1, pattern.data, pattern.length + 1);
	list[rules->count++] = (sr_category_rule){
		.category = {copy, category.length},
		.kind = kind.data[0] == 'm' ? SR_RULE_MIME : SR_RULE_EXTENSION,
		.pattern = {copy + category.length + 1, pattern.length},
	};
	return SR_OK;
}

static int longer_first(const void *a, const void *b)
{
	const size_t left = ((const sr_category_rule *)a)->pattern.length;
	const size_t right = ((const sr_category_rule *)b)->pattern.length;

	return left < right ? 1 : left > right ? -1 : 0;
}

static sr_status sort_types(sr_category_rules *rules)
{
	if ((rules->types = malloc((rules->count + 1) * sizeof(*rules->types))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->list[i].kind == SR_RULE_MIME)
			rules->types[rules->type_count++] = rules->list[i];
	}
	qsort(rules->types, rules->type_count, sizeof(*rules->types), longer_first);
	return SR_OK;
}

static sr_status read_rows(sr_conn *conn, sr_category_rules *rules)
{
	sr_stmt *stmt;
	sr_status rc;
	bool there;
	bool row;

	if ((rc = sr_category_table_exists(conn, "category_rules", &there)) != SR_OK || !there)
		return rc;
	if ((rc = sr_prepare(conn,
			     "SELECT Category, Kind, Pattern FROM category_rules"
			     " ORDER BY Category, Kind DESC, Pattern",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if ((rc = add_rule(rules, stmt)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_category_rules_read(sr_conn *conn, sr_category_rules **rules)
{
	sr_category_rules *fresh = calloc(1, sizeof(*fresh));
	sr_status rc;

	*rules = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	if ((rc = read_rows(conn, fresh)) == SR_OK)
		rc = sort_types(fresh);
	if (rc == SR_OK)
		*rules = fresh;
	else
		sr_category_rules_free(fresh);
	return rc;
}

sr_status sr_category_rules_load(sr_catalog *catalog, sr_category_rules **rules)
{
	sr_reading reading = {0};
	sr_status rc;

	*rules = NULL;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) == SR_OK)
		rc = sr_category_rules_read(reading.conn, rules);
	sr_reading_end(&reading);
	return sr_return(rc);
}

size_t sr_category_rules_count(const sr_category_rules *rules)
{
	return rules->count;
}

const sr_category_rule *sr_category_rules_at(const sr_category_rules *rules, size_t index)
{
	return index < rules->count ? &rules->list[index] : NULL;
}

sr_text sr_category_classify(const sr_category_rules *rules, sr_text mime_type, sr_text extension)
{
	for (size_t i = 0; mime_type.data != NULL && i < rules->type_count; i++) {
		const sr_text type = rules->types[i].pattern;

		if (type.length <= mime_type.length &&
		    strncasecmp(type.data, mime_type.data, type.length) == 0)
			return rules->types[i].category;
	}
	for (size_t i = 0; extension.length > 0 && i < rules->count; i++) {
		const sr_category_rule *rule = &rules->list[i];

		if (rule->kind == SR_RULE_EXTENSION && rule->pattern.length == extension.length &&
		    strncasecmp(rule->pattern.data, extension.data, extension.length) == 0)
			return rule->category;
	}
	return sr_text_of(SR_CATEGORY_REST);
}

void sr_category_rules_free(sr_category_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->count; i++)
		free((void *)(uintptr_t)rules->list[i].category.data);
	free(rules->types);
	free(rules->list);
	free(rules);
}
