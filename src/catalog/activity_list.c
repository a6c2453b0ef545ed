/* Reading activity: clients', deleted clients' and the whole catalog's, merged as they are read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "aged.h"

/* ---- The three tables ---- */

enum { LIVE, DELETED, CATALOG, SOURCES };

/* One of the tables: what is read of it, and how a client's rows are told there. */
typedef struct source {
	int version;        /* Of the schema that has it first. */
	const char *select; /* Timestamp, type, client's id and name, files, bytes, detail. */
	const char *by_id;  /* NULL: no row of it is a client's. */
	const char *by_name;
} source;

/* In the order in which rows of the same second come. */
static const source sources[SOURCES] = {
	[LIVE] = {3,
		  "SELECT a.Timestamp, a.ActivityType, a.ClientID, (SELECT c.Name FROM clients c"
		  " WHERE c.ID = a.ClientID), a.FileCount, a.BytesTransferred, NULL"
		  " FROM client_activity a WHERE 1",
		  " AND a.ClientID = $1",
		  " AND a.ClientID = (SELECT c.ID FROM clients c WHERE c.Name = $1)"},
	[DELETED] = {8,
		     "SELECT a.Timestamp, a.ActivityType, a.ClientID, a.ClientName, a.FileCount,"
		     " a.BytesTransferred, NULL FROM client_activity_archive a WHERE 1",
		     " AND a.ClientID = $1", " AND a.ClientName = $1"},
	[CATALOG] = {10,
		     "SELECT a.Timestamp, a.ActivityType, NULL, NULL, NULL, a.BytesTransferred,"
		     " a.Detail FROM catalog_activity a WHERE 1",
		     NULL, NULL},
};

struct sr_activities {
	sr_reading reading;      /* Zeroed once the last row was seen. */
	sr_stmt *stmts[SOURCES]; /* NULL once it has no more rows. */
	bool due[SOURCES];       /* It must go to its next row before it is looked at. */
	int64_t since;
	int64_t left; /* Rows that may still come; less than 0: any number. */
	sr_activity activity;
};

/* ---- Opening ---- */

void sr_activity_query_init(sr_activity_query *query)
{
	*query = (sr_activity_query){
		.version = SR_ACTIVITY_QUERY_VERSION,
		.since = SR_NULL_INTEGER,
		.limit = 100,
	};
}

static bool of_a_client(const sr_activity_query *query)
{
	return query->client != NULL || query->client_name.data != NULL;
}

static void bind_client(sr_stmt *stmt, const sr_activity_query *query)
{
	if (query->client != NULL)
		sr_bind_id(stmt, 1, query->client);
	else
		sr_bind_name(stmt, 1, query->client_name);
}

/* Its statement, not yet on a row. */
static sr_status open_source(sr_activities *cursor, const source *from,
			     const sr_activity_query *query, sr_stmt **stmt)
{
	char since[SR_TIME_TEXT_SIZE];
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, from->select);
	if (of_a_client(query))
		sr_buffer_add_string(&sql, query->client ? from->by_id : from->by_name);
	if (query->type.data != NULL)
		sr_buffer_add_string(&sql, " AND a.ActivityType = $2");
	if (query->since != SR_NULL_INTEGER)
		sr_buffer_add_string(&sql, " AND a.Timestamp >= $3");
	sr_buffer_add_string(&sql, " ORDER BY a.Timestamp DESC, a.ID DESC");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(cursor->reading.conn, sql.data, stmt);
	sr_buffer_free(&sql);
	if (rc != SR_OK)
		return rc;
	if (of_a_client(query))
		bind_client(*stmt, query);
	if (query->type.data != NULL)
		sr_bind_name(*stmt, 2, query->type);
	if (query->since != SR_NULL_INTEGER) {
		sr_aged_floor(query->since, since);
		sr_bind_text(*stmt, 3, since);
	}
	return SR_OK;
}

/* ---- Merging ---- */

static void drop(sr_activities *cursor, int at)
{
	sr_stmt_done(cursor->stmts[at]);
	cursor->stmts[at] = NULL;
}

/* Goes to the source's next row that is asked for. */
static sr_status advance(sr_activities *cursor, int at)
{
	sr_stmt *stmt = cursor->stmts[at];
	int64_t instant;
	sr_status rc;
	bool row;

	cursor->due[at] = false;
	do {
		if ((rc = sr_step(stmt, &row)) != SR_OK || !row) {
			drop(cursor, at);
			return rc;
		}
	} while (cursor->since != SR_NULL_INTEGER &&
		 (!sr_aged_read(sr_column_text(stmt, 0), &instant) || instant < cursor->since));
	return SR_OK;
}

/* The source whose row is the newest; SOURCES when there is none. */
static int newest(const sr_activities *cursor)
{
	sr_text best = {NULL, 0};
	int at = SOURCES;

	for (int i = 0; i < SOURCES; i++) {
		sr_text time;

		if (cursor->stmts[i] == NULL)
			continue;
		time = sr_column_text(cursor->stmts[i], 0);
		if (at == SOURCES || sr_text_compare(time, best) > 0) {
			best = time;
			at = i;
		}
	}
	return at;
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_activities *cursor)
{
	for (int i = 0; i < SOURCES; i++)
		drop(cursor, i);
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

static void read_row(sr_stmt *stmt, int at, sr_activity *activity)
{
	memset(activity, 0, sizeof(*activity));
	activity->timestamp = sr_column_text(stmt, 0);
	activity->type = sr_column_text(stmt, 1);
	activity->has_client = at != CATALOG;
	activity->deleted = at == DELETED;
	(void)sr_column_id(stmt, 2, &activity->client_id);
	activity->client_name = sr_column_text(stmt, 3);
	activity->files = sr_column_integer(stmt, 4);
	activity->bytes = sr_column_integer(stmt, 5);
	activity->detail = sr_column_text(stmt, 6);
}

sr_status sr_activities_next(sr_activities *cursor, const sr_activity **activity)
{
	sr_status rc;
	int at;

	*activity = NULL;
	if (cursor->reading.catalog != NULL &&
	    (rc = sr_catalog_check_process(cursor->reading.catalog)) != SR_OK)
		return sr_return(rc);
	for (int i = 0; i < SOURCES; i++) {
		if (cursor->stmts[i] != NULL && cursor->due[i] &&
		    (rc = advance(cursor, i)) != SR_OK)
			return sr_return(rc);
	}
	if (cursor->left == 0 || (at = newest(cursor)) == SOURCES) {
		end(cursor);
		return sr_return(SR_OK);
	}
	read_row(cursor->stmts[at], at, &cursor->activity);
	if ((rc = sr_stmt_check(cursor->stmts[at])) != SR_OK)
		return sr_return(rc);
	cursor->left -= cursor->left > 0;
	cursor->due[at] = true;
	*activity = &cursor->activity;
	return sr_return(SR_OK);
}

/* ---- Opening and closing ---- */

/* Whether there is, or was, the client that is asked for. */
static sr_status check_client(const sr_reading *reading, const sr_activity_query *query)
{
	const bool by_id = query->client != NULL;
	const bool archive = reading->shape.version >= sources[DELETED].version;
	const char *sql;
	char hex[SR_ID_TEXT_SIZE];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if (archive)
		sql = by_id ? "SELECT 1 WHERE EXISTS (SELECT 1 FROM clients WHERE ID = $1) OR "
			      "EXISTS"
			      " (SELECT 1 FROM client_activity_archive WHERE ClientID = $1)"
			    : "SELECT 1 WHERE EXISTS (SELECT 1 FROM clients WHERE Name = $1) OR"
			      " EXISTS (SELECT 1 FROM client_activity_archive WHERE ClientName = "
			      "$1)";
	else
		sql = by_id ? "SELECT 1 FROM clients WHERE ID = $1"
			    : "SELECT 1 FROM clients WHERE Name = $1";
	if ((rc = sr_prepare(reading->conn, sql, &stmt)) != SR_OK)
		return rc;
	bind_client(stmt, query);
	rc = sr_step(stmt, &row);
	sr_stmt_done(stmt);
	if (rc != SR_OK || row)
		return rc;
	if (!by_id)
		return sr_fail(SR_NOT_FOUND,
			       "no client named %s, and none of that name that was deleted",
			       sr_quoted(query->client_name));
	sr_id_format(query->client, hex);
	return sr_fail(SR_NOT_FOUND, "no client with id %s, and none that was deleted", hex);
}

static sr_status open_all(sr_activities *cursor, const sr_activity_query *query)
{
	sr_status rc;

	if (of_a_client(query) && (rc = check_client(&cursor->reading, query)) != SR_OK)
		return rc;
	for (int i = 0; i < SOURCES; i++) {
		if (cursor->reading.shape.version < sources[i].version ||
		    (of_a_client(query) && sources[i].by_id == NULL))
			continue;
		if ((rc = open_source(cursor, &sources[i], query, &cursor->stmts[i])) != SR_OK)
			return rc;
		cursor->due[i] = true;
	}
	return SR_OK;
}

static sr_status check_query(const sr_activity_query *query)
{
	if (query->version != SR_ACTIVITY_QUERY_VERSION)
		return sr_fail(SR_INVALID,
			       "the query has version %u; sr_activity_query_init was not called",
			       query->version);
	if (query->limit < 0)
		return sr_fail(SR_INVALID, "limit %" PRId64 " is negative", query->limit);
	if (query->client != NULL && query->client_name.data != NULL)
		return sr_fail(SR_INVALID, "activity of a client by id or by name, not by both");
	return SR_OK;
}

sr_status sr_activity_list(sr_catalog *catalog, const sr_activity_query *query,
			   sr_activities **cursor)
{
	sr_activity_query all;
	sr_activities *fresh;
	sr_status rc;

	*cursor = NULL;
	sr_activity_query_init(&all);
	all.limit = 0;
	if (query == NULL)
		query = &all;
	if ((rc = check_query(query)) != SR_OK)
		return sr_return(rc);
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->since = query->since;
	fresh->left = query->limit > 0 ? query->limit : -1;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) == SR_OK)
		rc = open_all(fresh, query);
	if (rc != SR_OK) {
		sr_activities_close(fresh);
		return sr_return(rc);
	}
	*cursor = fresh;
	return sr_return(SR_OK);
}

void sr_activities_close(sr_activities *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	free(cursor);
}

/* ---- Retention ---- */

/* Days of which growth is told to the day, whatever is forgotten. */
#define USAGE_DAYS 400

/* Of what clients used day by day, each keeps its last day before `before`, from which growth
 * goes on being counted. */
static sr_status thin_usage(sr_conn *conn, void *arg)
{
	const char *before = arg;
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"DELETE FROM client_usage_daily AS d WHERE d.Date < $1 AND d.Date <"
			" (SELECT max(e.Date) FROM client_usage_daily e"
			" WHERE e.ClientID = d.ClientID AND e.Date < $1)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, before);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_activity_cleanup(sr_catalog *catalog, int64_t before, int64_t *removed)
{
	static const char *const tables[] = {"client_activity", "client_activity_archive",
					     "catalog_activity"};
	int64_t oldest = sr_time_now() - USAGE_DAYS * SR_DAY_US;
	int64_t into_day = before % SR_DAY_US;
	char day[SR_TIME_TEXT_SIZE];
	int64_t count = 0;
	sr_status rc = SR_OK;

	if (removed != NULL)
		*removed = 0;
	if (before < SR_TIME_FIRST)
		return sr_return(
			sr_fail(SR_INVALID, "instant %" PRId64 " is before the year 0", before));
	if (into_day < 0)
		into_day += SR_DAY_US;
	for (size_t i = 0; i < SOURCES && rc == SR_OK; i++)
		rc = sr_aged_delete(catalog, tables[i], "ID", "Timestamp", before - into_day,
				    &count);
	if (removed != NULL)
		*removed = count;
	sr_time_format(before < oldest ? before : oldest, day);
	day[10] = '\0';
	if (rc == SR_OK)
		rc = sr_catalog_write(catalog, SR_HERE, thin_usage, day);
	return sr_return(rc);
}
