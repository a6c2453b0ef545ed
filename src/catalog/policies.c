/* Each client's own keep rules. */
#include <stdlib.h>
#include <string.h>

#include "../base/retention.h"
#include "file.h"

#define WITH_POLICIES 11 /* Version of the schema. */

/* ---- Reading ---- */

struct sr_policies {
	sr_reading reading;
	sr_stmt *stmt; /* NULL at the end, and in older databases. */
	sr_policy policy;
};

static int64_t number(sr_stmt *stmt, int column)
{
	int64_t value = sr_column_integer(stmt, column);

	return value == SR_NULL_INTEGER ? 0 : value;
}

static void read_policy(sr_stmt *stmt, sr_policy *policy)
{
	memset(policy, 0, sizeof(*policy));
	sr_column_id(stmt, 0, &policy->client_id);
	policy->client_name = sr_column_text(stmt, 1);
	sr_keep_init(&policy->keep);
	policy->keep.last = number(stmt, 2);
	policy->keep.daily = number(stmt, 3);
	policy->keep.weekly = number(stmt, 4);
	policy->keep.monthly = number(stmt, 5);
	policy->keep.yearly = number(stmt, 6);
	policy->keep.within = number(stmt, 7);
	policy->updated = sr_column_text(stmt, 8);
}

static sr_status open_policies(sr_catalog *catalog, const char *condition, sr_policies **cursor)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_policies *fresh;
	sr_status rc;

	*cursor = NULL;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_fail_memory();
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) != SR_OK)
		goto err0;
	sr_buffer_printf(&sql,
			 "SELECT c.ID, c.Name, p.KeepLast, p.KeepDaily, p.KeepWeekly,"
			 " p.KeepMonthly, p.KeepYearly, p.KeepWithin, p.LastUpdated"
			 " FROM %s c JOIN retention_policies p ON p.ClientID = c.ID%s",
			 fresh->reading.shape.clients, condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK && fresh->reading.shape.version >= WITH_POLICIES)
		rc = sr_prepare(fresh->reading.conn, sql.data, &fresh->stmt);
	sr_buffer_free(&sql);
	if (rc == SR_OK) {
		*cursor = fresh;
		return SR_OK;
	}

err0:
	sr_policies_close(fresh);
	return rc;
}

static sr_status next(sr_policies *cursor, const sr_policy **policy)
{
	sr_status rc;
	bool row;

	*policy = NULL;
	if (cursor->stmt == NULL)
		return SR_OK;
	if ((rc = sr_step(cursor->stmt, &row)) != SR_OK)
		return rc;
	if (!row) {
		sr_stmt_done(cursor->stmt);
		cursor->stmt = NULL;
		return SR_OK;
	}
	read_policy(cursor->stmt, &cursor->policy);
	if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
		return rc;
	*policy = &cursor->policy;
	return SR_OK;
}

sr_status sr_policy_list(sr_catalog *catalog, sr_policies **cursor)
{
	return sr_return(open_policies(catalog, " ORDER BY c.Name, c.ID", cursor));
}

sr_status sr_policies_next(sr_policies *cursor, const sr_policy **policy)
{
	return sr_return(next(cursor, policy));
}

void sr_policies_close(sr_policies *cursor)
{
	if (cursor == NULL)
		return;
	sr_stmt_done(cursor->stmt);
	sr_reading_end(&cursor->reading);
	free(cursor);
}

/* In one piece of memory. */
static sr_status copy(const sr_policy *from, sr_policy **policy)
{
	const size_t name = from->client_name.length + 1;
	sr_policy *own = calloc(1, sizeof(*own) + name + from->updated.length + 1);
	char *texts = (char *)(own + 1);

	if (own == NULL)
		return sr_fail_memory();
	*own = *from;
	if (from->client_name.data != NULL)
		own->client_name.data =
			memcpy(texts, from->client_name.data, from->client_name.length);
	if (from->updated.data != NULL)
		own->updated.data = memcpy(texts + name, from->updated.data, from->updated.length);
	*policy = own;
	return SR_OK;
}

/* There is none: the client may not be there either. */
static sr_status fail_without(sr_catalog *catalog, const sr_id *client)
{
	sr_client *known;
	sr_status rc;

	if ((rc = sr_client_find(catalog, client, sr_text_of(NULL), SR_CLIENT_NAME, &known)) !=
	    SR_OK)
		return rc;
	rc = sr_fail(SR_NOT_FOUND, "client %s has no retention policy", sr_quoted(known->name));
	sr_client_free(known);
	return rc;
}

sr_status sr_policy_get(sr_catalog *catalog, const sr_id *client, sr_policy **policy)
{
	const sr_policy *found = NULL;
	sr_policies *cursor;
	sr_status rc;

	*policy = NULL;
	if ((rc = open_policies(catalog, " WHERE c.ID = $1", &cursor)) != SR_OK)
		return sr_return(rc);
	if (cursor->stmt != NULL)
		sr_bind_id(cursor->stmt, 1, client);
	if ((rc = next(cursor, &found)) == SR_OK && found != NULL)
		rc = copy(found, policy);
	sr_policies_close(cursor);
	if (rc == SR_OK && *policy == NULL)
		rc = fail_without(catalog, client);
	return sr_return(rc);
}

void sr_policy_free(sr_policy *policy)
{
	free(policy);
}

/* ---- Writing ---- */

typedef struct change {
	const sr_id *client;
	const sr_keep *keep;
	char now[SR_TIME_TEXT_SIZE];
	bool cleared;
} change;

static void bind_rule(sr_stmt *stmt, int parameter, int64_t value)
{
	sr_bind_integer(stmt, parameter, value == 0 ? SR_NULL_INTEGER : value);
}

static sr_status check_client(sr_conn *conn, const sr_id *client)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT 1 FROM clients WHERE ID = $1", &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	rc = sr_step(stmt, &row);
	sr_stmt_done(stmt);
	return rc == SR_OK && !row ? sr_client_fail_unknown(client) : rc;
}

static sr_status set(sr_conn *conn, void *arg)
{
	const change *job = arg;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = check_client(conn, job->client)) != SR_OK)
		return rc;
	rc = sr_prepare(conn,
			"INSERT INTO retention_policies (ClientID, KeepLast, KeepDaily, KeepWeekly,"
			" KeepMonthly, KeepYearly, KeepWithin, LastUpdated)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
			" ON CONFLICT (ClientID) DO UPDATE SET KeepLast = excluded.KeepLast,"
			" KeepDaily = excluded.KeepDaily, KeepWeekly = excluded.KeepWeekly,"
			" KeepMonthly = excluded.KeepMonthly, KeepYearly = excluded.KeepYearly,"
			" KeepWithin = excluded.KeepWithin, LastUpdated = excluded.LastUpdated",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, job->client);
	bind_rule(stmt, 2, job->keep->last);
	bind_rule(stmt, 3, job->keep->daily);
	bind_rule(stmt, 4, job->keep->weekly);
	bind_rule(stmt, 5, job->keep->monthly);
	bind_rule(stmt, 6, job->keep->yearly);
	bind_rule(stmt, 7, job->keep->within);
	sr_bind_text(stmt, 8, job->now);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_policy_set(sr_catalog *catalog, const sr_id *client, const sr_keep *keep)
{
	change job = {.client = client, .keep = keep};
	sr_status rc;

	if ((rc = sr_keep_check(keep)) != SR_OK)
		return sr_return(rc);
	if (!sr_keep_any(keep))
		return sr_return(sr_fail(SR_INVALID, "a retention policy without any keep rule"
						     " would keep nothing but what is current"));
	sr_time_format(sr_time_now(), job.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, set, &job));
}

static sr_status clear(sr_conn *conn, void *arg)
{
	change *job = arg;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = check_client(conn, job->client)) != SR_OK)
		return rc;
	rc = sr_prepare(conn, "DELETE FROM retention_policies WHERE ClientID = $1", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, job->client);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	job->cleared = rc == SR_OK && sr_conn_changes(conn) > 0;
	return rc;
}

sr_status sr_policy_clear(sr_catalog *catalog, const sr_id *client, bool *cleared)
{
	change job = {.client = client};
	sr_status rc = sr_catalog_write(catalog, SR_HERE, clear, &job);

	if (rc == SR_OK && cleared != NULL)
		*cleared = job.cleared;
	return sr_return(rc);
}
