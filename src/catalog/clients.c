/* Clients: saved, found, listed, changed and deleted. Keys are bytes; nothing here shows one. AES
 * keys go into the database and come out of it through keyring.h, which wraps them. */
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "activity.h"
#include "catalog.h"
#include "client_totals.h"
#include "clients.h"
#include "keys.h"

/* ---- What a client may be ---- */

static sr_status check_name(sr_text name)
{
	if (name.data == NULL || name.length == 0)
		return sr_fail(SR_INVALID, "the name of a client is empty");
	if (name.length > SR_NAME_MAX)
		return sr_fail(SR_INVALID,
			       "the name of a client has %zu bytes, more than the %d allowed: %s",
			       name.length, SR_NAME_MAX, sr_quoted(name));
	if (!sr_text_is_utf8(name))
		return sr_fail(SR_INVALID, "the name of a client is not UTF-8: %s",
			       sr_quoted(name));
	if (sr_text_has_control(name))
		return sr_fail(SR_INVALID, "the name of a client has control characters: %s",
			       sr_quoted(name));
	return SR_OK;
}

/* The message tells a key's length and never its bytes. */
static sr_status check_key(const char *what, sr_text key)
{
	if (key.data != NULL && key.length > SR_KEY_MAX)
		return sr_fail(SR_INVALID, "the %s key has %zu bytes, more than the %d allowed",
			       what, key.length, SR_KEY_MAX);
	return SR_OK;
}

#define LAST_SEEN_MAX 64

static sr_status check_last_seen(sr_text text)
{
	if (text.data == NULL)
		return SR_OK;
	if (text.length == 0 || text.length > LAST_SEEN_MAX || !sr_text_is_utf8(text) ||
	    sr_text_has_control(text))
		return sr_fail(SR_INVALID, "this is no time at which a client was last seen: %s",
			       sr_quoted(text));
	return SR_OK;
}

static sr_status check_fields(const sr_client *client, unsigned fields)
{
	sr_status rc = SR_OK;

	if (fields & SR_CLIENT_NAME)
		rc = check_name(client->name);
	if (rc == SR_OK && (fields & SR_CLIENT_PUBLIC_KEY))
		rc = check_key("public", client->public_key);
	if (rc == SR_OK && (fields & SR_CLIENT_AES_KEY))
		rc = check_key("AES", client->aes_key);
	/* Read with SQL, and not the key. */
	if (rc == SR_OK && (fields & SR_CLIENT_AES_KEY) &&
	    (sr_is_wrapped(client->aes_key) || sr_was_wrapped(client->aes_key)))
		rc = sr_fail(SR_INVALID, "the AES key given is a wrapped one: give the key itself, "
					 "as sr_client_by_id has it");
	if (rc == SR_OK && (fields & SR_CLIENT_LAST_SEEN))
		rc = check_last_seen(client->last_seen);
	return rc;
}

#define ALL_FIELDS                                                                                 \
	((unsigned)SR_CLIENT_NAME | SR_CLIENT_PUBLIC_KEY | SR_CLIENT_AES_KEY | SR_CLIENT_LAST_SEEN)

static sr_status fail_fields(unsigned fields)
{
	return sr_fail(SR_INVALID,
		       "fields 0x%x of a client: name is 1, public key 2, AES key 4, last seen 8",
		       fields);
}

/* ---- Binding and reading ---- */

static void bind_key(sr_stmt *stmt, int number, sr_text key)
{
	if (key.data == NULL)
		sr_bind_null(stmt, number);
	else
		sr_bind_blob(stmt, number, key.data, key.length);
}

static sr_text owner_of(const sr_id *id)
{
	return (sr_text){(const char *)id->bytes, sizeof(id->bytes)};
}

/* $1 to $5, the AES key as it is to be stored. now stands in for a time that was not given. */
static void bind_client(sr_stmt *stmt, const sr_client *client, sr_text aes_key, const char *now)
{
	sr_text seen = client->last_seen.data ? client->last_seen : sr_text_of(now);

	sr_bind_id(stmt, 1, &client->id);
	sr_bind_name(stmt, 2, client->name);
	bind_key(stmt, 3, client->public_key);
	sr_bind_name(stmt, 4, seen);
	bind_key(stmt, 5, aes_key);
}

#define COLUMNS "c.ID, c.Name, c.PublicKey, c.LastSeen, c.AESKey"

/* With the AES key as it is stored. */
static void read_client(sr_stmt *stmt, sr_client *client)
{
	*client = (sr_client){.files = SR_NULL_INTEGER, .bytes = SR_NULL_INTEGER};
	(void)sr_column_id(stmt, 0, &client->id);
	client->name = sr_column_text(stmt, 1);
	client->public_key = sr_column_text(stmt, 2);
	client->last_seen = sr_column_text(stmt, 3);
	client->aes_key = sr_column_text(stmt, 4);
}

/* What was asked for, with the AES key itself, which `key` keeps. */
static sr_status read_fields(const sr_reading *reading, sr_stmt *stmt, unsigned fields,
			     sr_client *client, sr_key *key)
{
	sr_status rc;

	*key = (sr_key){0};
	read_client(stmt, client);
	if ((rc = sr_stmt_check(stmt)) != SR_OK)
		return rc;
	if (!(fields & SR_CLIENT_PUBLIC_KEY))
		client->public_key = (sr_text){0};
	if (!(fields & SR_CLIENT_LAST_SEEN))
		client->last_seen = (sr_text){0};
	if (!(fields & SR_CLIENT_AES_KEY) || reading->catalog->settings.hide_keys)
		client->aes_key = (sr_text){0};
	if ((rc = sr_key_open(reading->catalog, sr_keys_conn(reading), reading->asked,
			      sr_column_text(stmt, 0), client->name, client->aes_key, key)) ==
		    SR_OK &&
	    key->bytes != NULL)
		client->aes_key = (sr_text){key->bytes, key->length};
	return rc;
}

/* ---- Saving ---- */

typedef struct save {
	sr_catalog *catalog;
	const sr_client *clients;
	size_t count;
	char now[SR_TIME_TEXT_SIZE];
	sr_saved saved;
	sr_sealer sealer;
} save;

/* SR_EXISTS when another id owns the name. */
static sr_status check_owner(sr_conn *conn, const sr_client *client)
{
	char ours[SR_ID_TEXT_SIZE];
	char theirs[SR_ID_TEXT_SIZE];
	sr_stmt *stmt;
	sr_status rc;
	sr_id owner;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT ID FROM clients WHERE Name = $1 AND ID IS NOT $2",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, client->name);
	sr_bind_id(stmt, 2, &client->id);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_id_format(&client->id, ours);
		if (sr_column_id(stmt, 0, &owner))
			sr_id_format(&owner, theirs);
		else
			strcpy(theirs, "(none)");
		rc = sr_fail(SR_EXISTS,
			     "the name %s belongs to client %s, client %s cannot have it",
			     sr_quoted(client->name), theirs, ours);
	}
	return sr_stmt_end(stmt, rc);
}

/* Who does not see the key does not take it away by saving what was seen. */
static bool leaves_key(const save *job, const sr_client *client)
{
	return job->catalog->settings.hide_keys && client->aes_key.data == NULL;
}

/* Whether the AES key is still the one there is. One that cannot be unwrapped is not known, and so
 * another. */
static bool same_key(const save *job, sr_conn *conn, sr_stmt *stmt, const sr_client *known,
		     const sr_client *client)
{
	sr_key key;
	bool same;

	if (leaves_key(job, client))
		return true;
	if (known->aes_key.data == NULL || client->aes_key.data == NULL)
		return known->aes_key.data == client->aes_key.data;
	if (sr_key_open(job->catalog, conn, 0, sr_column_text(stmt, 0), known->name, known->aes_key,
			&key) != SR_OK)
		return false;
	same = sr_text_equal(key.bytes ? (sr_text){key.bytes, key.length} : known->aes_key,
			     client->aes_key);
	sr_key_done(&key);
	return same;
}

/* What saving it will mean. Being seen again is no change. */
static sr_status compare(sr_conn *conn, const save *job, const sr_client *client,
			 sr_outcome *outcome)
{
	sr_client known;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*outcome = SR_ADDED;
	if ((rc = sr_prepare(conn, "SELECT " COLUMNS " FROM clients AS c WHERE c.ID = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, &client->id);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		read_client(stmt, &known);
		if (!leaves_key(job, client))
			rc = sr_key_may_go(job->catalog, known.name, known.aes_key);
	}
	if (rc == SR_OK && row) {
		*outcome = sr_text_equal(known.name, client->name) &&
					   sr_text_equal(known.public_key, client->public_key) &&
					   same_key(job, conn, stmt, &known, client)
				   ? SR_UNCHANGED
				   : SR_CHANGED;
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status save_one(sr_conn *conn, const sr_client *client, save *job)
{
	sr_outcome outcome;
	sr_text aes_key;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = check_owner(conn, client)) != SR_OK)
		return rc;
	if ((rc = compare(conn, job, client, &outcome)) != SR_OK)
		return rc;
	if ((rc = sr_key_close(job->catalog, conn, &job->sealer, owner_of(&client->id),
			       client->aes_key, &aes_key)) != SR_OK)
		return rc;
	/* Never REPLACE: that deletes the row first, and the client's files with it. */
	if ((rc = sr_prepare(conn,
			     "INSERT INTO clients (ID, Name, PublicKey, LastSeen, AESKey) "
			     "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ID) DO UPDATE SET "
			     "Name = excluded.Name, PublicKey = excluded.PublicKey, "
			     "LastSeen = excluded.LastSeen, "
			     "AESKey = CASE WHEN $6 THEN AESKey ELSE excluded.AESKey END",
			     &stmt)) != SR_OK)
		return rc;
	bind_client(stmt, client, aes_key, job->now);
	sr_bind_integer(stmt, 6, leaves_key(job, client));
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	job->saved.added += outcome == SR_ADDED;
	job->saved.changed += outcome == SR_CHANGED;
	job->saved.unchanged += outcome == SR_UNCHANGED;
	return rc;
}

static sr_status save_all(sr_conn *conn, void *arg)
{
	save *job = arg;
	sr_status rc = SR_OK;

	job->saved = (sr_saved){0};
	for (size_t i = 0; i < job->count && rc == SR_OK; i++)
		rc = save_one(conn, &job->clients[i], job);
	sr_sealer_end(&job->sealer);
	return rc;
}

sr_status sr_client_save(sr_catalog *catalog, const sr_client *clients, size_t count,
			 sr_saved *saved)
{
	save job = {.catalog = catalog, .clients = clients, .count = count};
	sr_status rc;

	for (size_t i = 0; i < count; i++) {
		if ((rc = check_fields(&clients[i], ALL_FIELDS)) != SR_OK)
			return sr_return(rc);
	}
	sr_time_format(sr_time_now(), job.now);
	if ((rc = sr_catalog_write(catalog, SR_HERE, save_all, &job)) == SR_OK && saved != NULL)
		*saved = job.saved;
	return sr_return(rc);
}

sr_status sr_client_fail_unknown(const sr_id *id)
{
	char hex[SR_ID_TEXT_SIZE];

	sr_id_format(id, hex);
	return sr_fail(SR_NOT_FOUND, "no client with id %s", hex);
}

/* ---- Updating ---- */

typedef struct update {
	sr_catalog *catalog;
	const sr_client *changes;
	unsigned fields;
	char now[SR_TIME_TEXT_SIZE];
	sr_sealer sealer;
} update;

/* Whether the AES key that there is may be replaced. */
static sr_status check_key_may_go(sr_conn *conn, sr_catalog *catalog, const sr_id *id)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT Name, AESKey FROM clients WHERE ID = $1", &stmt)) !=
	    SR_OK)
		return rc;
	sr_bind_id(stmt, 1, id);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		rc = sr_key_may_go(catalog, sr_column_text(stmt, 0), sr_column_text(stmt, 1));
	return sr_stmt_end(stmt, rc);
}

static sr_status update_one(sr_conn *conn, void *arg)
{
	update *job = arg;
	sr_text aes_key = {0};
	sr_stmt *stmt;
	sr_status rc = SR_OK;

	if ((job->fields & SR_CLIENT_NAME) && (rc = check_owner(conn, job->changes)) != SR_OK)
		return rc;
	if ((job->fields & SR_CLIENT_AES_KEY) &&
	    (rc = check_key_may_go(conn, job->catalog, &job->changes->id)) == SR_OK)
		rc = sr_key_close(job->catalog, conn, &job->sealer, owner_of(&job->changes->id),
				  job->changes->aes_key, &aes_key);
	sr_sealer_end(&job->sealer);
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_prepare(conn,
			     "UPDATE clients SET Name = CASE WHEN $6 & 1 THEN $2 ELSE Name END, "
			     "PublicKey = CASE WHEN $6 & 2 THEN $3 ELSE PublicKey END, "
			     "AESKey = CASE WHEN $6 & 4 THEN $5 ELSE AESKey END, "
			     "LastSeen = CASE WHEN $6 & 8 THEN $4 ELSE LastSeen END WHERE ID = $1",
			     &stmt)) != SR_OK)
		return rc;
	bind_client(stmt, job->changes, aes_key, job->now);
	sr_bind_integer(stmt, 6, job->fields);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc == SR_OK && sr_conn_changes(conn) == 0)
		rc = sr_client_fail_unknown(&job->changes->id);
	return rc;
}

sr_status sr_client_update(sr_catalog *catalog, const sr_client *changes, unsigned fields)
{
	update job = {.catalog = catalog, .changes = changes, .fields = fields};
	sr_status rc;

	if (fields == 0 || (fields & ~ALL_FIELDS) != 0)
		return sr_return(fail_fields(fields));
	if ((rc = check_fields(changes, fields)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), job.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, update_one, &job));
}

/* ---- Deleting ---- */

typedef struct removal {
	const sr_id *id;
	int64_t files;
	char now[SR_TIME_TEXT_SIZE];
} removal;

/* One statement about one client; changes may be NULL. */
static sr_status run_for(sr_conn *conn, const char *sql, const sr_id *id, int64_t *changes)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, id);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc == SR_OK && changes != NULL)
		*changes = sr_conn_changes(conn);
	return rc;
}

/* What the client's files have together, of which nobody but the triggers keeps count. */
static sr_status used_bytes(sr_conn *conn, const sr_id *id, int64_t *bytes)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*bytes = 0;
	if ((rc = sr_prepare(conn, "SELECT u.Bytes FROM client_usage u WHERE u.ClientID = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, id);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*bytes = sr_activity_bytes(sr_column_integer(stmt, 0));
	return sr_stmt_end(stmt, rc);
}

/* Files first, and by name: `files` of the oldest databases refers to nobody, so that no cascade
 * takes them. Versions go with their files, activity moves to its archive by a trigger. */
sr_status sr_client_remove(sr_conn *conn, const sr_id *id, const char *now, int64_t *files)
{
	int64_t clients, bytes;
	sr_status rc;

	if ((rc = used_bytes(conn, id, &bytes)) != SR_OK)
		return rc;
	if ((rc = run_for(conn, "DELETE FROM files WHERE ClientID = $1", id, files)) != SR_OK)
		return rc;
	if ((rc = sr_activity_append(conn, id, SR_ACTIVITY_DELETE, *files, bytes, now)) != SR_OK)
		return rc;
	if ((rc = run_for(conn, "DELETE FROM clients WHERE ID = $1", id, &clients)) != SR_OK)
		return rc;
	return clients == 0 ? sr_client_fail_unknown(id) : SR_OK;
}

static sr_status delete_one(sr_conn *conn, void *arg)
{
	removal *job = arg;

	return sr_client_remove(conn, job->id, job->now, &job->files);
}

sr_status sr_client_delete(sr_catalog *catalog, const sr_id *id, int64_t *files)
{
	removal job = {.id = id};
	sr_status rc;

	sr_time_format(sr_time_now(), job.now);
	rc = sr_catalog_write(catalog, SR_HERE, delete_one, &job);
	if (rc == SR_OK && files != NULL)
		*files = job.files;
	return sr_return(rc);
}

/* ---- Finding one ---- */

static sr_client *copy_client(const sr_client *client)
{
	static const size_t texts[] = {
		offsetof(sr_client, name),
		offsetof(sr_client, public_key),
		offsetof(sr_client, aes_key),
		offsetof(sr_client, last_seen),
	};

	return sr_text_copy_struct(client, sizeof(*client), texts,
				   sizeof(texts) / sizeof(texts[0]));
}

void sr_client_free(sr_client *client)
{
	if (client == NULL)
		return;
	if (client->aes_key.data != NULL)
		explicit_bzero((void *)(uintptr_t)client->aes_key.data, client->aes_key.length);
	free(client);
}

/* The client by id, or without one by name. */
static sr_status find(sr_catalog *catalog, const sr_id *id, sr_text name, unsigned fields,
		      sr_client **client)
{
	sr_reading reading = {0};
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_client known;
	sr_stmt *stmt;
	sr_status rc;
	sr_key key;
	bool row;

	*client = NULL;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	sr_buffer_add_string(&sql, "SELECT " COLUMNS " FROM ");
	sr_buffer_add_string(&sql, reading.shape.clients);
	sr_buffer_add_string(&sql, id ? " AS c WHERE c.ID = $1" : " AS c WHERE c.Name = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(reading.conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	if (id != NULL)
		sr_bind_id(stmt, 1, id);
	else
		sr_bind_name(stmt, 1, name);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		goto err1;
	if (!row) {
		rc = id ? sr_client_fail_unknown(id)
			: sr_fail(SR_NOT_FOUND, "no client named %s", sr_quoted(name));
	} else if ((rc = read_fields(&reading, stmt, fields, &known, &key)) == SR_OK) {
		if ((*client = copy_client(&known)) == NULL)
			rc = sr_fail_memory();
		sr_key_done(&key);
	}

err1:
	rc = sr_stmt_end(stmt, rc);
err0:
	sr_buffer_free(&sql);
	sr_reading_end(&reading);
	return rc;
}

sr_status sr_client_by_id(sr_catalog *catalog, const sr_id *id, sr_client **client)
{
	return sr_return(find(catalog, id, sr_text_of(NULL), ALL_FIELDS, client));
}

sr_status sr_client_by_name(sr_catalog *catalog, sr_text name, sr_client **client)
{
	return sr_return(find(catalog, NULL, name, ALL_FIELDS, client));
}

sr_status sr_client_find(sr_catalog *catalog, const sr_id *id, sr_text name, unsigned fields,
			 sr_client **client)
{
	*client = NULL;
	if ((fields & ~ALL_FIELDS) != 0)
		return sr_return(fail_fields(fields));
	return sr_return(find(catalog, id, name, fields, client));
}

/* ---- All of them ---- */

sr_status sr_client_count(sr_catalog *catalog, int64_t *count)
{
	sr_reading reading = {0};
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return sr_return(rc);
	sr_buffer_printf(&sql, "SELECT count(*) FROM %s AS c", reading.shape.clients);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_query_integer(reading.conn, sql.data, count);
	sr_buffer_free(&sql);
	sr_reading_end(&reading);
	return sr_return(rc);
}

struct sr_clients {
	sr_reading reading;
	sr_stmt *stmt;
	sr_client_totals *totals; /* NULL unless counts were asked for. */
	unsigned fields;          /* Asked for. */
	sr_client client;         /* What the last step handed out, */
	sr_key key;               /* and its AES key. */
};

sr_status sr_client_list(sr_catalog *catalog, bool counts, sr_clients **cursor)
{
	return sr_client_list_fields(catalog, counts, ALL_FIELDS, cursor);
}

sr_status sr_client_list_fields(sr_catalog *catalog, bool counts, unsigned fields,
				sr_clients **cursor)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_clients *fresh;
	sr_status rc;

	*cursor = NULL;
	if ((fields & ~ALL_FIELDS) != 0)
		return sr_return(fail_fields(fields));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->fields = fields;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) != SR_OK)
		goto err0;
	if (counts && (rc = sr_client_totals_read(&fresh->reading, &fresh->totals)) != SR_OK)
		goto err0;
	sr_buffer_printf(&sql, "SELECT " COLUMNS " FROM %s AS c ORDER BY c.Name, c.ID",
			 fresh->reading.shape.clients);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(fresh->reading.conn, sql.data, &fresh->stmt)) != SR_OK)
		goto err0;
	sr_buffer_free(&sql);
	*cursor = fresh;
	return sr_return(SR_OK);

err0:
	sr_buffer_free(&sql);
	sr_clients_close(fresh);
	return sr_return(rc);
}

sr_status sr_clients_next(sr_clients *cursor, const sr_client **client)
{
	sr_status rc;
	bool row;

	*client = NULL;
	sr_key_done(&cursor->key);
	if (cursor->stmt == NULL)
		return sr_return(SR_OK);
	if ((rc = sr_step(cursor->stmt, &row)) != SR_OK)
		return sr_return(rc);
	if (!row) {
		sr_stmt_done(cursor->stmt);
		cursor->stmt = NULL;
		return sr_return(SR_OK);
	}
	if ((rc = read_fields(&cursor->reading, cursor->stmt, cursor->fields, &cursor->client,
			      &cursor->key)) != SR_OK)
		return sr_return(rc);
	if (cursor->totals != NULL)
		sr_client_totals_get(cursor->totals, &cursor->client);
	*client = &cursor->client;
	return sr_return(SR_OK);
}

void sr_clients_close(sr_clients *cursor)
{
	if (cursor == NULL)
		return;
	sr_key_done(&cursor->key);
	sr_stmt_done(cursor->stmt);
	sr_client_totals_free(cursor->totals);
	sr_reading_end(&cursor->reading);
	free(cursor);
}
