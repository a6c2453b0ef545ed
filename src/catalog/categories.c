/* Categories: added, changed, listed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "category.h"

#define DESCRIPTION_MAX_BYTES 1000
#define PATH_MAX_BYTES        255
#define ALL_FIELDS            ((unsigned)SR_CATEGORY_DESCRIPTION | SR_CATEGORY_PATH | SR_CATEGORY_COLOR)

/* ---- What a category may be ---- */

sr_status sr_category_check_name(sr_text name)
{
	if (name.data == NULL || name.length == 0)
		return sr_fail(SR_INVALID, "the name of a category is empty");
	if (name.length > SR_CATEGORY_NAME_MAX)
		return sr_fail(SR_INVALID,
			       "the name of a category has %zu bytes, more than the %d allowed: %s",
			       name.length, SR_CATEGORY_NAME_MAX, sr_quoted(name));
	if (!sr_text_is_utf8(name) || sr_text_has_control(name))
		return sr_fail(SR_INVALID,
			       "the name of a category is not UTF-8 without control characters: %s",
			       sr_quoted(name));
	return SR_OK;
}

static sr_status check_words(const char *what, sr_text text, size_t most)
{
	if (text.data == NULL)
		return SR_OK;
	if (text.length > most)
		return sr_fail(SR_INVALID,
			       "the %s of a category has %zu bytes, more than the %zu allowed",
			       what, text.length, most);
	if (!sr_text_is_utf8(text) || sr_text_has_control(text))
		return sr_fail(SR_INVALID,
			       "the %s of a category is not UTF-8 without control characters: %s",
			       what, sr_quoted(text));
	return SR_OK;
}

static sr_status check_color(sr_text color)
{
	bool good = color.length == 7 && color.data[0] == '#';

	if (color.data == NULL)
		return SR_OK;
	for (size_t i = 1; good && i < 7; i++)
		good = isxdigit((unsigned char)color.data[i]) != 0;
	if (!good)
		return sr_fail(SR_INVALID,
			       "%s is no color: write # and six hex digits, such as #007acc",
			       sr_quoted(color));
	return SR_OK;
}

static sr_status check_category(const sr_category *category)
{
	sr_status rc;

	if ((rc = sr_category_check_name(category->name)) != SR_OK)
		return rc;
	if ((rc = check_words("description", category->description, DESCRIPTION_MAX_BYTES)) !=
	    SR_OK)
		return rc;
	if ((rc = check_words("path", category->path, PATH_MAX_BYTES)) != SR_OK)
		return rc;
	return check_color(category->color);
}

static sr_status check_rules(const sr_category_rule *rules, size_t count)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < count; i++)
		rc = sr_category_check_rule(&rules[i]);
	return rc;
}

/* ---- Writing ---- */

/* An operation on one category and its rules. */
typedef struct writing {
	const sr_category *category;
	unsigned fields;
	const sr_category_rule *added;
	size_t added_count;
	const sr_category_rule *removed;
	size_t removed_count;
} writing;

static sr_status exists(sr_conn *conn, sr_text name, bool *there)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "SELECT 1 FROM file_categories WHERE Name = $1", &stmt)) !=
	    SR_OK)
		return rc;
	sr_bind_name(stmt, 1, name);
	rc = sr_step(stmt, there);
	return sr_stmt_end(stmt, rc);
}

sr_status sr_category_require(sr_conn *conn, sr_text name)
{
	bool there;
	sr_status rc;

	if ((rc = exists(conn, name, &there)) == SR_OK && !there)
		rc = sr_fail(SR_NOT_FOUND, "no category named %s", sr_quoted(name));
	return rc;
}

/* $1 to $4; $5 says which of them are meant. */
static sr_status run_with(sr_conn *conn, const char *sql, const sr_category *category,
			  unsigned fields)
{
	char color[8] = "";
	sr_stmt *stmt;
	sr_status rc;

	for (size_t i = 0; i < category->color.length && i < 7; i++)
		color[i] = (char)tolower((unsigned char)category->color.data[i]);
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, category->name);
	sr_bind_name(stmt, 2, category->description);
	sr_bind_name(stmt, 3, category->path);
	sr_bind_text(stmt, 4, category->color.data != NULL ? color : NULL);
	if (sr_stmt_parameters(stmt) > 4)
		sr_bind_integer(stmt, 5, fields);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status change_rules(sr_conn *conn, const writing *job)
{
	const sr_text name = job->category->name;
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < job->removed_count; i++)
		rc = sr_category_rule_remove(conn, name, &job->removed[i]);
	for (size_t i = 0; rc == SR_OK && i < job->added_count; i++)
		rc = sr_category_rule_add(conn, name, &job->added[i]);
	return rc;
}

static sr_status add_one(sr_conn *conn, void *arg)
{
	const writing *job = arg;
	sr_status rc;
	bool there;

	if ((rc = exists(conn, job->category->name, &there)) != SR_OK)
		return rc;
	if (there)
		return sr_fail(SR_EXISTS, "there is a category %s already",
			       sr_quoted(job->category->name));
	rc = run_with(conn,
		      "INSERT INTO file_categories (Name, Description, DefaultPath, Color)"
		      " VALUES ($1, $2, $3, coalesce($4, '#007acc'))",
		      job->category, 0);
	return rc == SR_OK ? change_rules(conn, job) : rc;
}

sr_status sr_category_add(sr_catalog *catalog, const sr_category *category,
			  const sr_category_rule *rules, size_t count)
{
	writing job = {.category = category, .added = rules, .added_count = count};
	sr_status rc;

	if ((rc = check_category(category)) != SR_OK || (rc = check_rules(rules, count)) != SR_OK)
		return sr_return(rc);
	return sr_return(sr_catalog_write(catalog, SR_HERE, add_one, &job));
}

static sr_status update_one(sr_conn *conn, void *arg)
{
	const writing *job = arg;
	sr_status rc;

	if ((rc = sr_category_require(conn, job->category->name)) != SR_OK)
		return rc;
	rc = run_with(conn,
		      "UPDATE file_categories SET"
		      " Description = CASE WHEN $5 & 1 THEN $2 ELSE Description END,"
		      " DefaultPath = CASE WHEN $5 & 2 THEN $3 ELSE DefaultPath END,"
		      " Color = CASE WHEN $5 & 4 THEN coalesce($4, '#007acc') ELSE Color END"
		      " WHERE Name = $1",
		      job->category, job->fields);
	return rc == SR_OK ? change_rules(conn, job) : rc;
}

sr_status sr_category_update(sr_catalog *catalog, const sr_category *changes, unsigned fields,
			     const sr_category_rule *added, size_t added_count,
			     const sr_category_rule *removed, size_t removed_count)
{
	writing job = {changes, fields, added, added_count, removed, removed_count};
	sr_status rc;

	if ((fields & ~ALL_FIELDS) != 0)
		return sr_return(sr_fail(SR_INVALID,
					 "fields 0x%x of a category: description is 1, path 2, "
					 "color 4",
					 fields));
	if ((rc = check_category(changes)) != SR_OK ||
	    (rc = check_rules(added, added_count)) != SR_OK ||
	    (rc = check_rules(removed, removed_count)) != SR_OK)
		return sr_return(rc);
	return sr_return(sr_catalog_write(catalog, SR_HERE, update_one, &job));
}

/* ---- Listing ---- */

struct sr_categories {
	sr_reading reading;
	sr_stmt *stmt;
	sr_category category; /* What the last step handed out. */
};

sr_status sr_category_table_exists(sr_conn *conn, const char *table, bool *exists)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	rc = sr_step(stmt, exists);
	return sr_stmt_end(stmt, rc);
}

/* Databases from before there were categories, or rules, have none. */
static sr_status write_query(sr_reading *reading, bool counts, sr_buffer *sql)
{
	const char *categories = "file_categories";
	const char *rules = "(SELECT count(*) FROM category_rules r WHERE r.Category = k.Name)";
	sr_status rc;
	bool there;

	if ((rc = sr_category_table_exists(reading->conn, "file_categories", &there)) != SR_OK)
		return rc;
	if (!there)
		categories = "(SELECT NULL AS Name, NULL AS Description, NULL AS DefaultPath,"
			     " NULL AS Color WHERE 0)";
	if ((rc = sr_category_table_exists(reading->conn, "category_rules", &there)) != SR_OK)
		return rc;
	if (!there)
		rules = "0";
	if (!counts) {
		sr_buffer_printf(sql,
				 "SELECT k.Name, k.Description, k.DefaultPath, k.Color, 1, %s,"
				 " NULL, NULL FROM %s k ORDER BY k.Name",
				 rules, categories);
		return sr_buffer_status(sql);
	}
	/* A sum of integers would fail where it is too large for one. */
	sr_buffer_printf(
		sql,
		"WITH t AS MATERIALIZED (SELECT f.FileCategory AS Name, count(*) AS Files,"
		" CAST(total(f.FileSize) AS INTEGER) AS Bytes FROM %s f GROUP BY f.FileCategory)"
		" SELECT k.Name, k.Description, k.DefaultPath, k.Color, 1, %s,"
		" coalesce(t.Files, 0), coalesce(t.Bytes, 0)"
		" FROM %s k LEFT JOIN t ON t.Name = k.Name"
		" UNION ALL SELECT t.Name, NULL, NULL, NULL, 0, 0, t.Files, t.Bytes FROM t"
		" WHERE NOT EXISTS (SELECT 1 FROM %s k WHERE k.Name = t.Name) ORDER BY 1",
		reading->shape.files, rules, categories, categories);
	return sr_buffer_status(sql);
}

sr_status sr_category_list(sr_catalog *catalog, bool counts, sr_categories **cursor)
{
	sr_categories *fresh = calloc(1, sizeof(*fresh));
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	*cursor = NULL;
	if (fresh == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) != SR_OK)
		goto err0;
	if ((rc = write_query(&fresh->reading, counts, &sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(fresh->reading.conn, sql.data, &fresh->stmt)) != SR_OK)
		goto err0;
	sr_buffer_free(&sql);
	*cursor = fresh;
	return sr_return(SR_OK);

err0:
	sr_buffer_free(&sql);
	sr_categories_close(fresh);
	return sr_return(rc);
}

sr_status sr_categories_next(sr_categories *cursor, const sr_category **category)
{
	sr_stmt *stmt = cursor->stmt;
	sr_status rc;
	bool row;

	*category = NULL;
	if (stmt == NULL)
		return sr_return(SR_OK);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		return sr_return(rc);
	if (!row) {
		sr_stmt_done(stmt);
		cursor->stmt = NULL;
		return sr_return(SR_OK);
	}
	cursor->category = (sr_category){
		.name = sr_column_text(stmt, 0),
		.description = sr_column_text(stmt, 1),
		.path = sr_column_text(stmt, 2),
		.color = sr_column_text(stmt, 3),
		.known = sr_column_integer(stmt, 4) == 1,
		.rules = sr_column_integer(stmt, 5),
		.files = sr_column_integer(stmt, 6),
		.bytes = sr_column_integer(stmt, 7),
	};
	if ((rc = sr_stmt_check(stmt)) != SR_OK)
		return sr_return(rc);
	*category = &cursor->category;
	return sr_return(SR_OK);
}

void sr_categories_close(sr_categories *cursor)
{
	if (cursor == NULL)
		return;
	sr_stmt_done(cursor->stmt);
	sr_reading_end(&cursor->reading);
	free(cursor);
}
