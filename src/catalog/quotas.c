/* Quotas: set, cleared, listed; what new clients get, and whether other programs must keep to
 * them. How saving keeps to them is in accounts.c; triggers keep what is used exact. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "client_totals.h"

/* Versions of the schema. */
#define WITH_QUOTAS 4
#define WITH_USAGE  9

#define DEFAULT_WARNING 0.8

/* Rows of catalog_settings, which triggers read too. */
#define SETTING_BYTES   "default_quota_bytes"
#define SETTING_WARNING "default_quota_warning"
#define SETTING_ENFORCE "refuse_over_quota"

const char *sr_quota_state_name(sr_quota_state state)
{
	switch (state) {
	case SR_QUOTA_UNLIMITED:
		return "unlimited";
	case SR_QUOTA_FINE:
		return "ok";
	case SR_QUOTA_WARNING:
		return "warning";
	case SR_QUOTA_EXCEEDED:
		return "exceeded";
	}
	return "unlimited";
}

/* ---- Reading ---- */

/* Columns of the client c: what it is allowed, and used where the schema keeps count. */
static void add_select(sr_buffer *sql, const char *clients, int version, const char *condition)
{
	const bool quotas = version >= WITH_QUOTAS;
	const bool usage = version >= WITH_USAGE;

	sr_buffer_printf(sql, "SELECT c.ID, c.Name, %s, %s FROM %s AS c%s%s%s",
			 quotas ? "q.QuotaBytes, q.WarningThreshold" : "NULL, NULL",
			 usage ? "u.Bytes" : "NULL", clients,
			 quotas ? " LEFT JOIN client_quotas q ON q.ClientID = c.ID" : "",
			 usage ? " LEFT JOIN client_usage u ON u.ClientID = c.ID" : "", condition);
}

/* As the trigger that warns decides it: an integer reaches a real number when it reaches the next
 * whole one. */
static bool warns(const sr_quota *quota)
{
	double line = ceil((double)quota->quota_bytes * quota->warning_threshold);

	return line < 0x1p63 && quota->used_bytes >= (int64_t)line;
}

/* The rest follows from what is allowed and used. */
static void derive(sr_quota *quota)
{
	quota->available_bytes = SR_NULL_INTEGER;
	quota->used_percent = (double)NAN;
	quota->state = SR_QUOTA_UNLIMITED;
	if (quota->quota_bytes == SR_NULL_INTEGER) {
		quota->warning_threshold = (double)NAN;
		return;
	}
	/* What another program may have written. */
	if (quota->quota_bytes < 0)
		quota->quota_bytes = 0;
	quota->available_bytes =
		quota->used_bytes < quota->quota_bytes ? quota->quota_bytes - quota->used_bytes : 0;
	quota->used_percent = quota->quota_bytes > 0 ? 100.0 * (double)quota->used_bytes /
							       (double)quota->quota_bytes
						     : 100;
	if (quota->used_bytes > quota->quota_bytes)
		quota->state = SR_QUOTA_EXCEEDED;
	else
		quota->state = warns(quota) ? SR_QUOTA_WARNING : SR_QUOTA_FINE;
}

/* totals count where the schema does not. */
static void read_quota(sr_stmt *stmt, const sr_client_totals *totals, sr_quota *quota)
{
	sr_client counted = {0};

	memset(quota, 0, sizeof(*quota));
	(void)sr_column_id(stmt, 0, &quota->client_id);
	quota->client_name = sr_column_text(stmt, 1);
	quota->quota_bytes = sr_column_integer(stmt, 2);
	quota->warning_threshold = sr_column_real(stmt, 3);
	quota->used_bytes = sr_account_used(stmt, 4);
	if (totals != NULL) {
		counted.id = quota->client_id;
		sr_client_totals_get(totals, &counted);
		quota->used_bytes = counted.bytes;
	}
	derive(quota);
}

/* In one piece of memory, the name behind the struct. */
static sr_status copy_quota(const sr_quota *quota, sr_quota **copy)
{
	size_t length = quota->client_name.length;
	char *name;

	if ((*copy = malloc(sizeof(**copy) + length + 1)) == NULL)
		return sr_fail_memory();
	name = (char *)(*copy + 1);
	**copy = *quota;
	if (length > 0)
		memcpy(name, quota->client_name.data, length);
	name[length] = '\0';
	(*copy)->client_name.data = name;
	return SR_OK;
}

void sr_quota_free(sr_quota *quota)
{
	free(quota);
}

struct sr_quotas {
	sr_reading reading;
	sr_stmt *stmt;            /* NULL after the last row. */
	sr_client_totals *totals; /* Of a schema that does not count; else NULL. */
	sr_quota quota;           /* What the last step handed out. */
};

/* All clients, or the one that the condition finds. */
static sr_status open_quotas(sr_catalog *catalog, const char *condition, sr_quotas **cursor)
{
	sr_quotas *fresh = calloc(1, sizeof(*fresh));
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_shape *shape;
	sr_status rc;

	*cursor = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) != SR_OK)
		goto err0;
	shape = &fresh->reading.shape;
	if (shape->version < WITH_USAGE &&
	    (rc = sr_client_totals_read(&fresh->reading, &fresh->totals)) != SR_OK)
		goto err0;
	add_select(&sql, shape->clients, shape->version, condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(fresh->reading.conn, sql.data, &fresh->stmt);
err0:
	sr_buffer_free(&sql);
	if (rc == SR_OK)
		*cursor = fresh;
	else
		sr_quotas_close(fresh);
	return rc;
}

static sr_status next(sr_quotas *cursor, const sr_quota **quota)
{
	sr_status rc;
	bool row;

	*quota = NULL;
	if (cursor->stmt == NULL)
		return SR_OK;
	if ((rc = sr_step(cursor->stmt, &row)) != SR_OK)
		return rc;
	if (!row) {
		sr_stmt_done(cursor->stmt);
		cursor->stmt = NULL;
		return SR_OK;
	}
	read_quota(cursor->stmt, cursor->totals, &cursor->quota);
	if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
		return rc;
	*quota = &cursor->quota;
	return SR_OK;
}

sr_status sr_quota_list(sr_catalog *catalog, sr_quotas **cursor)
{
	return sr_return(open_quotas(catalog, " ORDER BY c.Name, c.ID", cursor));
}

sr_status sr_quotas_next(sr_quotas *cursor, const sr_quota **quota)
{
	return sr_return(next(cursor, quota));
}

void sr_quotas_close(sr_quotas *cursor)
{
	if (cursor == NULL)
		return;
	sr_stmt_done(cursor->stmt);
	sr_client_totals_free(cursor->totals);
	sr_reading_end(&cursor->reading);
	free(cursor);
}

sr_status sr_quota_get(sr_catalog *catalog, const sr_id *client, sr_quota **quota)
{
	const sr_quota *found;
	sr_quotas *cursor;
	sr_status rc;

	*quota = NULL;
	if ((rc = open_quotas(catalog, " WHERE c.ID = $1", &cursor)) != SR_OK)
		return sr_return(rc);
	sr_bind_id(cursor->stmt, 1, client);
	if ((rc = next(cursor, &found)) == SR_OK)
		rc = found ? copy_quota(found, quota) : sr_client_fail_unknown(client);
	sr_quotas_close(cursor);
	return sr_return(rc);
}

/* ---- Setting and clearing one ---- */

typedef struct change {
	const sr_id *client;
	int64_t bytes;
	double warning;
	char now[SR_TIME_TEXT_SIZE];
	sr_quota *quota; /* How it is afterwards, owned; or how it was before it was cleared. */
} change;

static sr_status check(int64_t bytes, double warning)
{
	if (bytes < 0)
		return sr_fail(SR_INVALID, "a quota of %" PRId64 " bytes is less than none", bytes);
	if (!isnan(warning) && !(warning > 0 && warning <= 1))
		return sr_fail(SR_INVALID,
			       "warning threshold %g is not above 0 and at most 1 (0.8 is 80 %%)",
			       warning);
	return SR_OK;
}

/* The client's quota in the operation's own transaction; SR_NOT_FOUND without the client. */
static sr_status look(sr_conn *conn, change *job)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_quota quota;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_quota_free(job->quota);
	job->quota = NULL;
	add_select(&sql, "clients", sr_schema_latest(), " WHERE c.ID = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, job->client);
	if ((rc = sr_step(stmt, &row)) == SR_OK && !row)
		rc = sr_client_fail_unknown(job->client);
	if (rc == SR_OK) {
		read_quota(stmt, NULL, &quota);
		rc = copy_quota(&quota, &job->quota);
	}
	rc = sr_stmt_end(stmt, rc);
err0:
	sr_buffer_free(&sql);
	return rc;
}

static sr_status set_one(sr_conn *conn, void *arg)
{
	change *job = arg;
	sr_stmt *stmt;
	sr_status rc;

	/* What is used is filled in by a trigger. */
	rc = sr_prepare(conn,
			"INSERT INTO client_quotas"
			" (ClientID, QuotaBytes, UsedBytes, LastUpdated, WarningThreshold)"
			" SELECT c.ID, $2, 0, $4, coalesce($3, (SELECT s.Value FROM"
			" catalog_settings s WHERE s.Name = '" SETTING_WARNING "'), $5)"
			" FROM clients c WHERE c.ID = $1"
			" ON CONFLICT (ClientID) DO UPDATE SET QuotaBytes = excluded.QuotaBytes,"
			" LastUpdated = excluded.LastUpdated,"
			" WarningThreshold = coalesce($3, WarningThreshold, $5)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, job->client);
	sr_bind_integer(stmt, 2, job->bytes);
	sr_bind_real(stmt, 3, job->warning);
	sr_bind_text(stmt, 4, job->now);
	sr_bind_real(stmt, 5, DEFAULT_WARNING);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc == SR_OK)
		rc = look(conn, job);
	if (rc == SR_OK)
		rc = sr_activity_append(conn, job->client, SR_ACTIVITY_QUOTA_SET, 0, job->bytes,
					job->now);
	return rc;
}

sr_status sr_quota_set(sr_catalog *catalog, const sr_id *client, int64_t bytes,
		       double warning_threshold, sr_quota **quota)
{
	change job = {.client = client, .bytes = bytes, .warning = warning_threshold};
	sr_status rc;

	if (quota != NULL)
		*quota = NULL;
	if ((rc = check(bytes, warning_threshold)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), job.now);
	if ((rc = sr_catalog_write(catalog, SR_HERE, set_one, &job)) == SR_OK && quota != NULL)
		*quota = job.quota;
	else
		sr_quota_free(job.quota);
	return sr_return(rc);
}

static sr_status clear_one(sr_conn *conn, void *arg)
{
	change *job = arg;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = look(conn, job)) != SR_OK || job->quota->state == SR_QUOTA_UNLIMITED)
		return rc;
	rc = sr_prepare(conn, "DELETE FROM client_quotas WHERE ClientID = $1", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, job->client);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc == SR_OK)
		rc = sr_activity_append(conn, job->client, SR_ACTIVITY_QUOTA_CLEAR, 0,
					job->quota->quota_bytes, job->now);
	return rc;
}

sr_status sr_quota_clear(sr_catalog *catalog, const sr_id *client, bool *cleared)
{
	change job = {.client = client};
	sr_status rc;

	sr_time_format(sr_time_now(), job.now);
	rc = sr_catalog_write(catalog, SR_HERE, clear_one, &job);
	if (rc == SR_OK && cleared != NULL)
		*cleared = job.quota->state != SR_QUOTA_UNLIMITED;
	sr_quota_free(job.quota);
	return sr_return(rc);
}

/* ---- For the whole catalog ---- */

/* Null takes the setting away. */
static sr_status write_setting(sr_conn *conn, const char *name, const sr_value *value)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			value->type == SR_NULL
				? "DELETE FROM catalog_settings WHERE Name = $1"
				: "INSERT INTO catalog_settings (Name, Value) VALUES ($1, $2)"
				  " ON CONFLICT (Name) DO UPDATE SET Value = excluded.Value",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, name);
	if (value->type != SR_NULL)
		sr_bind_value(stmt, 2, value);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* The numbers of two settings as they are, null where there is none, and in a schema that has none
 * of them. */
static sr_status read_settings(sr_catalog *catalog, int64_t *first, const char *first_name,
			       double *second, const char *second_name)
{
	sr_reading reading = {0};
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	*first = SR_NULL_INTEGER;
	*second = (double)NAN;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if (reading.shape.version < WITH_USAGE)
		goto err0;
	rc = sr_prepare(reading.conn,
			"SELECT (SELECT Value FROM catalog_settings WHERE Name = $1),"
			" (SELECT Value FROM catalog_settings WHERE Name = $2)",
			&stmt);
	if (rc != SR_OK)
		goto err0;
	sr_bind_text(stmt, 1, first_name);
	sr_bind_text(stmt, 2, second_name);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		*first = sr_column_integer(stmt, 0);
		*second = sr_column_real(stmt, 1);
	}
	rc = sr_stmt_end(stmt, rc);
err0:
	sr_reading_end(&reading);
	return rc;
}

typedef struct rule {
	int64_t bytes; /* SR_NULL_INTEGER: none. */
	double warning;
	bool enforce;
	char now[SR_TIME_TEXT_SIZE];
} rule;

static sr_status set_default(sr_conn *conn, void *arg)
{
	const rule *job = arg;
	const bool none = job->bytes == SR_NULL_INTEGER;
	const sr_value bytes = {.type = none ? SR_NULL : SR_INTEGER, .integer = job->bytes};
	const sr_value warning = {
		.type = none ? SR_NULL : SR_REAL,
		.real = isnan(job->warning) ? DEFAULT_WARNING : job->warning,
	};
	sr_status rc;

	if ((rc = write_setting(conn, SETTING_BYTES, &bytes)) != SR_OK)
		return rc;
	/* Left out, what was set before stays. */
	if ((none || !isnan(job->warning)) &&
	    (rc = write_setting(conn, SETTING_WARNING, &warning)) != SR_OK)
		return rc;
	return sr_activity_append_catalog(conn, SR_ACTIVITY_QUOTA_DEFAULT, none ? "none" : NULL,
					  none ? 0 : job->bytes, job->now);
}

sr_status sr_quota_default_set(sr_catalog *catalog, int64_t bytes, double warning_threshold)
{
	rule job = {.bytes = bytes, .warning = warning_threshold};
	sr_status rc;

	if (bytes != SR_NULL_INTEGER && (rc = check(bytes, warning_threshold)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), job.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, set_default, &job));
}

sr_status sr_quota_default_get(sr_catalog *catalog, int64_t *bytes, double *warning_threshold)
{
	int64_t found;
	double warning;
	sr_status rc = read_settings(catalog, &found, SETTING_BYTES, &warning, SETTING_WARNING);

	if (rc != SR_OK)
		return sr_return(rc);
	*bytes = found;
	*warning_threshold = found == SR_NULL_INTEGER ? (double)NAN
			     : isnan(warning)         ? DEFAULT_WARNING
						      : warning;
	return sr_return(SR_OK);
}

static sr_status set_enforce(sr_conn *conn, void *arg)
{
	const rule *job = arg;
	const sr_value value = {.type = job->enforce ? SR_INTEGER : SR_NULL, .integer = 1};
	sr_status rc;

	if ((rc = write_setting(conn, SETTING_ENFORCE, &value)) != SR_OK)
		return rc;
	return sr_activity_append_catalog(conn, SR_ACTIVITY_QUOTA_ENFORCE,
					  job->enforce ? "on" : "off", 0, job->now);
}

sr_status sr_quota_enforce_set(sr_catalog *catalog, bool enforce)
{
	rule job = {.enforce = enforce};

	sr_time_format(sr_time_now(), job.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, set_enforce, &job));
}

sr_status sr_quota_enforce_get(sr_catalog *catalog, bool *enforce)
{
	int64_t value;
	double unused;
	sr_status rc = read_settings(catalog, &value, SETTING_ENFORCE, &unused, SETTING_ENFORCE);

	if (rc == SR_OK)
		*enforce = value == 1;
	return sr_return(rc);
}
