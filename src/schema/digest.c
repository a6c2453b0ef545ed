/*
 * What a migration must not change, measured around it: rows, digests, broken foreign keys.
 *
 * The digest of a table is a sum over its rows, so that no order is needed and it streams. It
 * is there to find mistakes, not forgers: fast, not cryptographic. What one step measured
 * after itself is what the next compares with, unless another process wrote in between.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15u;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 29);
}

static uint64_t mix_bytes(uint64_t hash, const char *bytes, size_t length)
{
	uint64_t part;

	hash = mix(hash, length);
	for (; length >= 8; bytes += 8, length -= 8) {
		memcpy(&part, bytes, 8);
		hash = mix(hash, part);
	}
	part = 0;
	if (length)
		memcpy(&part, bytes, length);
	return mix(hash, part);
}

static uint64_t row_hash(sr_stmt *stmt, int columns)
{
	uint64_t hash = 0x243f6a8885a308d3u;

	for (int i = 0; i < columns; i++) {
		uint64_t bits = 0;
		sr_value value;

		sr_column_value(stmt, i, &value);
		hash = mix(hash, (uint64_t)value.type + 1);
		if (value.type == SR_INTEGER)
			hash = mix(hash, (uint64_t)value.integer);
		else if (value.type == SR_REAL) {
			memcpy(&bits, &value.real, sizeof(bits));
			hash = mix(hash, bits);
		} else if (value.type != SR_NULL)
			hash = mix_bytes(hash, value.text.data, value.text.length);
	}
	return hash;
}

/* Stored columns alone: generated ones may call what is not there. */
sr_status sr_table_select(sr_conn *conn, const char *table, const sr_names *without, sr_buffer *sql)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;
	int count = 0;

	rc = sr_prepare(conn, "SELECT name FROM pragma_table_xinfo($1) WHERE hidden = 0", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	sr_buffer_add_string(sql, "SELECT ");
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *column = sr_column_text(stmt, 0).data;

		if (without && sr_names_have(without, column))
			continue;
		if (count++)
			sr_buffer_add_string(sql, ", ");
		sr_buffer_add_identifier(sql, column);
	}
	if (count == 0)
		sr_buffer_add_string(sql, "NULL");
	rc = sr_stmt_end(stmt, rc);
	sr_buffer_add_string(sql, " FROM ");
	sr_buffer_add_identifier(sql, table);
	return rc == SR_OK ? sr_buffer_status(sql) : rc;
}

sr_status sr_rows_digest(sr_conn *conn, const char *sql, int64_t *rows, uint64_t sum[2])
{
	sr_stmt *stmt;
	sr_status rc;
	int columns;
	bool row;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	columns = sr_columns(stmt);
	*rows = 0;
	sum[0] = sum[1] = (uint64_t)columns;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		uint64_t hash = row_hash(stmt, columns);

		(*rows)++;
		sum[0] += hash;
		sum[1] ^= mix(hash, 0x452821e638d01377u);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_table_digest(sr_conn *conn, const char *table, int64_t *rows, uint64_t sum[2])
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_table_select(conn, table, NULL, &sql)) == SR_OK)
		rc = sr_rows_digest(conn, sql.data, rows, sum);
	sr_buffer_free(&sql);
	return rc;
}

static sr_status measure_digest(sr_conn *conn, sr_measure *measure)
{
	sr_status rc = sr_table_digest(conn, measure->table, &measure->rows, measure->sum);

	measure->digested = rc == SR_OK;
	return rc;
}

sr_status sr_table_violations(sr_conn *conn, const char *table, int64_t *violations)
{
	sr_status rc = sr_ask(conn, "SELECT count(*) FROM pragma_foreign_key_check($1)", table,
			      NULL, violations);

	/* A foreign key of a user's that names nothing unique cannot be checked. */
	if (rc == SR_SQL) {
		*violations = -1;
		rc = SR_OK;
	}
	return rc;
}

void sr_measures_free(sr_measures *measures)
{
	for (size_t i = 0; i < measures->count; i++)
		free(measures->list[i].table);
	free(measures->list);
	measures->list = NULL;
	measures->count = 0;
}

static sr_measure *measure_find(const sr_measures *measures, const char *table)
{
	for (size_t i = 0; i < measures->count; i++)
		if (strcasecmp(measures->list[i].table, table) == 0)
			return &measures->list[i];
	return NULL;
}

/* Whether a step may have broken foreign keys of the table: it changes it, or a parent of it.
 * Of all others the digests tell that nothing changed. */
static sr_status keys_may_break(sr_conn *conn, const char *table, const char *const *changes,
				bool *may)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*may = sr_list_has(changes, table);
	rc = sr_prepare(conn, "SELECT \"table\" FROM pragma_foreign_key_list($1)", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*may = *may || sr_list_has(changes, sr_column_text(stmt, 0).data);
	return sr_stmt_end(stmt, rc);
}

/* All tables with their violations, and digests of those not in `changes`. Before a step, what
 * `known` holds is taken from there; after it, only violations that cannot have changed. */
static sr_status measures_make(sr_conn *conn, const sr_measures *known, bool after,
			       const char *const *changes, sr_measures *fresh)
{
	sr_names tables = {NULL, 0};
	sr_status rc;

	*fresh = (sr_measures){NULL, 0, 0};
	if ((rc = sr_tables(conn, &tables)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA data_version", &fresh->data_version)) != SR_OK)
		goto err0;
	fresh->list = calloc(tables.count + 1, sizeof(*fresh->list));
	if (fresh->list == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		sr_measure *measure = &fresh->list[fresh->count++];
		const sr_measure *old = measure_find(known, tables.names[i]);
		bool again = old == NULL;

		if (old)
			*measure = *old;
		measure->table = tables.names[i];
		tables.names[i] = NULL;
		if (after) {
			measure->digested = false;
			if (!again)
				rc = keys_may_break(conn, measure->table, changes, &again);
		}
		if (rc == SR_OK && again)
			rc = sr_table_violations(conn, measure->table, &measure->violations);
		if (rc == SR_OK && !measure->digested && !sr_list_has(changes, measure->table))
			rc = measure_digest(conn, measure);
	}
err0:
	sr_names_free(&tables);
	if (rc != SR_OK)
		sr_measures_free(fresh);
	return rc;
}

sr_status sr_measures_take(sr_conn *conn, sr_measures *measures, const char *const *changes)
{
	sr_measures fresh;
	int64_t data_version;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA data_version", &data_version)) != SR_OK)
		return rc;
	if (data_version != measures->data_version)
		sr_measures_free(measures);
	if ((rc = measures_make(conn, measures, false, changes, &fresh)) != SR_OK)
		return rc;
	sr_measures_free(measures);
	*measures = fresh;
	return SR_OK;
}

static sr_status measure_same(const sr_measure *before, const sr_measure *after, bool changes)
{
	if (before && !changes) {
		if (after == NULL)
			return sr_fail(SR_CORRUPT,
				       "the table %s is gone, which the header does not "
				       "declare",
				       before->table);
		if (before->rows != after->rows)
			return sr_fail(SR_CORRUPT,
				       "the table %s has %lld %s and had %lld, which the header "
				       "does not declare",
				       after->table, (long long)after->rows,
				       sr_plural(after->rows, "row", "rows"),
				       (long long)before->rows);
		if (memcmp(before->sum, after->sum, sizeof(before->sum)) != 0)
			return sr_fail(SR_CORRUPT,
				       "values of the table %s changed, which the header does not "
				       "declare",
				       after->table);
	}
	if (after && after->violations > 0 && (before == NULL || before->violations >= 0) &&
	    after->violations > (before ? before->violations : 0))
		return sr_fail(SR_CONSTRAINT, "%lld %s of %s %s a foreign key, and %lld did",
			       (long long)after->violations,
			       sr_plural(after->violations, "row", "rows"), after->table,
			       sr_plural(after->violations, "breaks", "break"),
			       (long long)(before ? before->violations : 0));
	return SR_OK;
}

sr_status sr_measures_compare(sr_conn *conn, sr_measures *measures, const char *const *changes)
{
	sr_measures fresh;
	sr_status rc;

	if ((rc = measures_make(conn, measures, true, changes, &fresh)) != SR_OK)
		return rc;
	for (size_t i = 0; i < measures->count && rc == SR_OK; i++)
		rc = measure_same(&measures->list[i], measure_find(&fresh, measures->list[i].table),
				  sr_list_has(changes, measures->list[i].table));
	for (size_t i = 0; i < fresh.count && rc == SR_OK; i++)
		if (measure_find(measures, fresh.list[i].table) == NULL)
			rc = measure_same(NULL, &fresh.list[i], true);
	sr_measures_free(measures);
	*measures = fresh;
	return rc;
}

sr_status sr_core_rows_count(sr_conn *conn, sr_core_rows *rows)
{
	sr_status rc;
	char type[16];

	*rows = (sr_core_rows){0, 0};
	if ((rc = sr_object_type(conn, "clients", type)) != SR_OK)
		return rc;
	if (type[0] &&
	    (rc = sr_query_integer(conn, "SELECT count(*) FROM clients", &rows->clients)) != SR_OK)
		return rc;
	if ((rc = sr_object_type(conn, "files", type)) != SR_OK)
		return rc;
	return type[0] ? sr_query_integer(conn, "SELECT count(*) FROM files", &rows->files) : SR_OK;
}

sr_status sr_integrity(sr_conn *conn, bool full)
{
	sr_stmt *stmt;
	sr_status rc;
	sr_text text;
	bool row;

	rc = sr_prepare(conn, full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", &stmt);
	if (rc != SR_OK)
		return rc;
	rc = sr_step(stmt, &row);
	if (rc == SR_OK) {
		text = row ? sr_column_text(stmt, 0) : (sr_text){"no answer", 9};
		if ((text.length != 2 || memcmp(text.data, "ok", 2) != 0) &&
		    (rc = sr_complaint_check(conn, text)) == SR_OK)
			rc = sr_fail(SR_CORRUPT, "%s is damaged: %.*s", sr_conn_path(conn),
				     (int)(text.length < 400 ? text.length : 400), text.data);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_orphans_report(sr_conn *conn)
{
	sr_names tables = {NULL, 0};
	sr_status rc;

	rc = sr_tables(conn, &tables);
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		int64_t violations;

		rc = sr_table_violations(conn, tables.names[i], &violations);
		if (rc == SR_OK && violations > 0)
			sr_log("migrate", SR_LOG_WARNING, "%s: %lld %s of %s %s kept",
			       sr_conn_path(conn), (long long)violations,
			       sr_plural(violations, "row", "rows"), tables.names[i],
			       sr_plural(violations, "breaks a foreign key; it is",
					 "break a foreign key; they are"));
	}
	sr_names_free(&tables);
	return rc;
}
