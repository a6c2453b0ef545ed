/*
 * How clients' AES keys are kept: wrapped under the current master key, or plain.
 *
 * Other programs that share the database know nothing of wrapping. What they write is plain, and is
 * found by an index of plain keys alone, idx_clients_plain_key, in the first write of ours after
 * theirs.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "../schema/schema.h"

sr_status sr_keys_current(sr_conn *conn, char id[SR_MASTER_ID_SIZE])
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	id[0] = '\0';
	if ((rc = sr_prepare(conn, "SELECT ID FROM master_keys WHERE IsCurrent = 1", &stmt)) !=
	    SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_text found = sr_column_text(stmt, 0);

		if (found.length == SR_MASTER_ID_SIZE - 1 && strlen(found.data) == found.length)
			memcpy(id, found.data, SR_MASTER_ID_SIZE);
		else
			rc = sr_fail(SR_CORRUPT, "the id of the current master key is none: %s",
				     sr_quoted(found));
	}
	return sr_stmt_end(stmt, rc);
}

sr_conn *sr_keys_conn(const sr_reading *reading)
{
	return reading->shape.version < SR_KEYS_VERSION ? NULL : reading->conn;
}

/* Of older versions there is none that was not wrapped here. */
static const char *was_wrapped(const sr_reading *reading)
{
	return sr_keys_conn(reading) != NULL ? SR_KEY_WAS_WRAPPED : SR_KEY_IS_WRAPPED;
}

/* ---- Rows rewritten ---- */

typedef struct rows {
	int64_t *numbers;
	size_t count;
	size_t room;
} rows;

static sr_status rows_add(rows *r, int64_t number)
{
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		int64_t *more = realloc(r->numbers, room * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		r->numbers = more;
		r->room = room;
	}
	r->numbers[r->count++] = number;
	return SR_OK;
}

/* All of them before the first is changed: a row that is changed leaves the index. */
static sr_status rows_find(sr_conn *conn, const char *condition, rows *r)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_buffer_printf(&sql, "SELECT rowid FROM clients WHERE %s", condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK &&
	    (rc = sr_prepare(conn, sql.data, &stmt)) == SR_OK) {
		while ((rc = sr_step(stmt, &row)) == SR_OK && row &&
		       (rc = rows_add(r, sr_column_integer(stmt, 0))) == SR_OK)
			;
		sr_stmt_done(stmt);
	}
	sr_buffer_free(&sql);
	return rc;
}

static sr_status put(sr_conn *conn, int64_t number, const sr_buffer *key)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_buffer_status(key)) != SR_OK ||
	    (rc = sr_prepare(conn, "UPDATE clients SET AESKey = $2 WHERE rowid = $1", &stmt)) !=
		    SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, number);
	sr_bind_blob(stmt, 2, key->data, key->length);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status rewrite_one(sr_conn *conn, int64_t number, sr_key_row_fn fn, void *arg)
{
	sr_buffer instead = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT ID, Name, AESKey FROM clients WHERE rowid = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, number);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_text id = sr_column_text(stmt, 0), name = sr_column_text(stmt, 1);
		sr_text key = sr_column_text(stmt, 2);

		if ((rc = sr_stmt_check(stmt)) == SR_OK)
			rc = fn(arg, conn, id, name, key, &instead);
	}
	rc = sr_stmt_end(stmt, rc);
	if (rc == SR_OK && row)
		rc = put(conn, number, &instead);
	if (instead.data != NULL)
		explicit_bzero(instead.data, instead.capacity);
	sr_buffer_free(&instead);
	return rc;
}

sr_status sr_keys_rewrite(sr_conn *conn, const char *condition, sr_key_row_fn fn, void *arg,
			  int64_t *count)
{
	rows r = {0};
	int64_t secure;
	sr_status rc;

	*count = 0;
	/* What a row had is zeroed in its page, and not only given free. */
	if ((rc = sr_query_integer(conn, "PRAGMA secure_delete", &secure)) != SR_OK ||
	    (rc = sr_exec(conn, "PRAGMA secure_delete = ON")) != SR_OK)
		return rc;
	if ((rc = rows_find(conn, condition, &r)) == SR_OK)
		for (size_t i = 0; i < r.count && rc == SR_OK; i++)
			rc = rewrite_one(conn, r.numbers[i], fn, arg);
	if (rc == SR_OK)
		*count = (int64_t)r.count;
	free(r.numbers);
	if (secure != 1 && sr_conn_in_transaction(conn)) {
		sr_status back = sr_exec(conn, secure == 2 ? "PRAGMA secure_delete = FAST"
							   : "PRAGMA secure_delete = OFF");

		rc = rc == SR_OK ? back : rc;
	}
	return rc;
}

static sr_status wrap_row(void *arg, sr_conn *conn, sr_text owner, sr_text name, sr_text stored,
			  sr_buffer *instead)
{
	const sr_master *master = arg;
	unsigned char *out = malloc(stored.length + SR_WRAP_MORE);
	sr_status rc;

	(void)conn;
	(void)name;
	if (out == NULL)
		return sr_fail_memory();
	if ((rc = sr_wrap(master, owner, stored, out)) == SR_OK)
		sr_buffer_add(instead, out, stored.length + SR_WRAP_MORE);
	free(out);
	return rc;
}

sr_status sr_keys_wrap_plain(sr_conn *conn, const sr_master *master, int64_t *wrapped)
{
	return sr_keys_rewrite(conn, SR_KEY_IS_PLAIN, wrap_row, (void *)master, wrapped);
}

/* ---- What others have written ---- */

static sr_status has_plain(sr_conn *conn, bool *has)
{
	int64_t some = 0;
	sr_status rc = sr_query_integer(
		conn, "SELECT EXISTS (SELECT 1 FROM clients WHERE " SR_KEY_IS_PLAIN ")", &some);

	*has = some != 0;
	return rc;
}

/* The current master key; "" for none, as on versions that know of none. */
static sr_status current_in(const sr_reading *reading, char id[SR_MASTER_ID_SIZE])
{
	id[0] = '\0';
	return sr_keys_conn(reading) == NULL ? SR_OK : sr_keys_current(reading->conn, id);
}

static sr_status look(sr_catalog *catalog, sr_conn *conn)
{
	char id[SR_MASTER_ID_SIZE];
	sr_master master;
	int64_t count;
	bool plain;
	sr_status rc;

	if ((rc = sr_keys_current(conn, id)) != SR_OK || id[0] == '\0' ||
	    (rc = has_plain(conn, &plain)) != SR_OK || !plain)
		return rc;
	/* The write that goes on has nothing to do with it. What a command could give is asked for
	 * when the writer is free, and the write done once more. */
	if (sr_keyring_master(catalog, id, &master) != SR_OK) {
		if (!sr_keyring_vain(catalog, id))
			return SR_OK;
		sr_keyring_forget_wanted();
		pthread_mutex_lock(&catalog->lock);
		bool first = !catalog->keys_warned;
		catalog->keys_warned = true;
		pthread_mutex_unlock(&catalog->lock);
		if (first)
			sr_log("catalog", SR_LOG_WARNING,
			       "AES keys that another program wrote stay plain: %s",
			       sr_error_message());
		return SR_OK;
	}
	rc = sr_keys_wrap_plain(conn, &master, &count);
	explicit_bzero(&master, sizeof(master));
	/* What they wrote may have left copies. */
	if (rc == SR_OK)
		rc = sr_exec(conn, "UPDATE master_keys SET CleanedAt = NULL");
	if (rc == SR_OK)
		sr_log("catalog", SR_LOG_INFO, "%lld AES %s another program wrote %s wrapped",
		       (long long)count, sr_plural(count, "key that", "keys that"),
		       sr_plural(count, "is", "are"));
	return rc;
}

/* A caller's own SQL, or another program, may have dropped them. */
static sr_status has_tables(sr_conn *conn, bool *has)
{
	char type[16];
	sr_status rc;

	if ((rc = sr_column_exists(conn, "clients", "AESKey", has)) != SR_OK || !*has)
		return rc;
	rc = sr_object_type(conn, "master_keys", type);
	*has = strcmp(type, "table") == 0;
	return rc;
}

sr_status sr_keys_take_in(sr_catalog *catalog, sr_conn *conn, sr_keys_seen *seen)
{
	sr_status rc;
	bool known, has;

	*seen = (sr_keys_seen){0};
	if (!sr_keyring_named(catalog) || catalog->settings.plain_keys)
		return SR_OK;
	seen->connection = sr_conn_number(conn);
	if ((rc = sr_query_integer(conn, "PRAGMA data_version", &seen->version)) != SR_OK)
		return rc;
	pthread_mutex_lock(&catalog->lock);
	seen->statements = catalog->keys_statements;
	known = seen->connection == catalog->keys_seen.connection &&
		seen->version == catalog->keys_seen.version &&
		seen->statements == catalog->keys_seen.statements;
	pthread_mutex_unlock(&catalog->lock);
	if (known || (rc = look(catalog, conn)) == SR_OK)
		return SR_OK;
	if (rc == SR_NO_MEMORY)
		return rc;
	sr_fail_within(rc, "wrapping AES keys that are plain");
	if (rc != SR_SQL)
		return rc;
	return has_tables(conn, &has) != SR_OK || has ? rc : SR_OK;
}

static sr_status nothing(sr_conn *conn, void *arg)
{
	(void)conn;
	(void)arg;
	return SR_OK;
}

/* In a transaction of its own, where there is something to wrap. */
static sr_status take_in_now(sr_catalog *catalog)
{
	char id[SR_MASTER_ID_SIZE];
	sr_reading reading = {0};
	bool plain = false;
	sr_status rc;

	if (!sr_keyring_named(catalog) || catalog->settings.plain_keys ||
	    catalog->settings.read_only || sr_pool_in_transaction(catalog->pool))
		return SR_OK;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if ((rc = current_in(&reading, id)) == SR_OK && id[0] != '\0')
		rc = has_plain(reading.conn, &plain);
	sr_reading_end(&reading);
	return rc == SR_OK && plain ? sr_catalog_write(catalog, SR_HERE, nothing, NULL) : rc;
}

sr_status sr_keys_wrap_for_backup(sr_catalog *catalog)
{
	sr_status rc = take_in_now(catalog);

	if (rc == SR_OK || rc == SR_NO_MEMORY || rc == SR_INTERRUPTED)
		return rc;
	sr_log("catalog", SR_LOG_WARNING, "keys that are plain now are so in the backup, too: %s",
	       sr_error_message());
	return SR_OK;
}

/* The master key that a transaction may need; "" for none. */
static void find_needed(sr_catalog *catalog, const sr_reading *reading, char id[SR_MASTER_ID_SIZE])
{
	bool plain;

	if (current_in(reading, id) != SR_OK || id[0] == '\0')
		return;
	/* Who shows no keys needs it for those alone that others have written. */
	if (catalog->settings.hide_keys &&
	    (catalog->settings.plain_keys || has_plain(reading->conn, &plain) != SR_OK || !plain))
		id[0] = '\0';
}

void sr_keys_prepare(sr_catalog *catalog)
{
	char id[SR_MASTER_ID_SIZE] = "";
	sr_reading reading = {0};

	if (catalog->settings.master_key_command == NULL ||
	    catalog->settings.master_key_file != NULL || sr_pool_writing(catalog->pool))
		return;
	/* What fails here, fails again where it is needed. */
	if (sr_reading_begin(catalog, "sr_begin", &reading) == SR_OK)
		find_needed(catalog, &reading, id);
	sr_reading_end(&reading);
	if (id[0] != '\0' && !sr_keyring_vain(catalog, id))
		sr_keyring_prepare(catalog, id);
}

void sr_keys_taken(sr_catalog *catalog, const sr_keys_seen *seen)
{
	if (seen->connection == 0)
		return;
	pthread_mutex_lock(&catalog->lock);
	catalog->keys_seen = *seen;
	pthread_mutex_unlock(&catalog->lock);
}

void sr_keys_look_again(sr_catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	catalog->keys_statements++;
	pthread_mutex_unlock(&catalog->lock);
}

/* ---- Status ---- */

typedef struct gathered {
	sr_keys_status status; /* First: what the caller has is this. */
	sr_master_key *masters;
	size_t room;
} gathered;

static bool is_id(sr_text text)
{
	if (text.length != SR_MASTER_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (strchr("0123456789abcdef", text.data[i]) == NULL || text.data[i] == '\0')
			return false;
	return true;
}

static sr_master_key *master_of(gathered *g, sr_text id)
{
	sr_master_key *more;

	for (size_t i = 0; i < g->status.master_count; i++)
		if (memcmp(g->masters[i].id, id.data, id.length) == 0)
			return &g->masters[i];
	if (g->status.master_count == g->room) {
		g->room = g->room ? 2 * g->room : 8;
		if ((more = realloc(g->masters, g->room * sizeof(*more))) == NULL) {
			(void)sr_fail_memory();
			return NULL;
		}
		g->masters = more;
	}
	more = &g->masters[g->status.master_count++];
	*more = (sr_master_key){0};
	memcpy(more->id, id.data, id.length);
	return more;
}

/* Owned, until sr_keys_status_free. */
static sr_status keep_text(sr_text text, sr_text *kept)
{
	char *copy;

	*kept = (sr_text){0};
	if (text.data == NULL)
		return SR_OK;
	if ((copy = malloc(text.length + 1)) == NULL)
		return sr_fail_memory();
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	*kept = (sr_text){copy, text.length};
	return SR_OK;
}

static sr_status read_masters(gathered *g, sr_conn *conn)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn,
			     "SELECT ID, CreatedAt, IsCurrent = 1, (SELECT max(CleanedAt) FROM "
			     "master_keys WHERE CleanedAt <> '') FROM master_keys ORDER BY "
			     "CreatedAt, ID",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_master_key *master;

		if (!is_id(sr_column_text(stmt, 0)))
			continue;
		if ((master = master_of(g, sr_column_text(stmt, 0))) == NULL)
			rc = SR_NO_MEMORY;
		else
			rc = keep_text(sr_column_text(stmt, 1), &master->since);
		if (rc == SR_OK && sr_column_integer(stmt, 2) == 1) {
			master->current = g->status.wrapping = true;
		}
		/* By the key that was current then. */
		if (rc == SR_OK && g->status.cleaned.data == NULL)
			rc = keep_text(sr_column_text(stmt, 3), &g->status.cleaned);
		if (rc != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status count_clients(gathered *g, const sr_reading *reading)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	/* One kind a row: the id of what is wrapped, '?' for what damage has left of such, '' for
	 * plain, null for none. */
	sr_buffer_printf(&sql,
			 "SELECT CASE WHEN " SR_KEY_IS_WRAPPED
			 " THEN lower(hex(substr(" SR_KEY_BYTES
			 ", 9, 8))) WHEN %s THEN '?' WHEN length(" SR_KEY_BYTES
			 ") > 0 THEN '' END, count(*) FROM %s AS c GROUP BY 1",
			 was_wrapped(reading), reading->shape.clients);
	if ((rc = sr_buffer_status(&sql)) == SR_OK &&
	    (rc = sr_prepare(reading->conn, sql.data, &stmt)) == SR_OK) {
		while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
			sr_text kind = sr_column_text(stmt, 0);
			int64_t count = sr_column_integer(stmt, 1);
			sr_master_key *master;

			if (kind.data == NULL) {
				g->status.without += count;
			} else if (kind.length == 0) {
				g->status.plain += count;
			} else if (!is_id(kind)) {
				g->status.wrapped += count;
			} else if ((master = master_of(g, kind)) == NULL) {
				rc = SR_NO_MEMORY;
				break;
			} else {
				master->clients = count;
				g->status.wrapped += count;
			}
		}
		rc = sr_stmt_end(stmt, rc);
	}
	sr_buffer_free(&sql);
	return rc;
}

/* What is wrong with it is part of the answer. */
static sr_status look_at_ring(gathered *g, sr_catalog *catalog)
{
	const char *file = catalog->settings.master_key_file;
	sr_status rc;

	if (!sr_keyring_named(catalog))
		return SR_OK;
	if ((rc = keep_text(sr_text_of(file ? file : catalog->settings.master_key_command),
			    &g->status.ring)) != SR_OK)
		return rc;
	if (sr_keyring_load(catalog) != SR_OK)
		return keep_text(sr_text_of(sr_error_message()), &g->status.ring_says);
	g->status.ring_read = true;
	for (size_t i = 0; i < g->status.master_count; i++)
		g->masters[i].in_ring = sr_keyring_has(catalog, g->masters[i].id);
	return SR_OK;
}

sr_status sr_keys_status_read(sr_catalog *catalog, const sr_reading *reading,
			      sr_keys_status **status)
{
	gathered *g = calloc(1, sizeof(*g));
	sr_status rc = SR_OK;

	*status = NULL;
	if (g == NULL)
		return sr_fail_memory();
	g->status.keep_plain = catalog->settings.plain_keys;
	if ((reading->shape.version < SR_KEYS_VERSION ||
	     (rc = read_masters(g, reading->conn)) == SR_OK) &&
	    (rc = count_clients(g, reading)) == SR_OK)
		rc = look_at_ring(g, catalog);
	g->status.masters = g->masters;
	if (rc == SR_OK)
		*status = &g->status;
	else
		sr_keys_status_free(&g->status);
	return rc;
}

sr_status sr_keys_status_get(sr_catalog *catalog, sr_keys_status **status)
{
	sr_reading reading = {0};
	sr_status rc;

	*status = NULL;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) == SR_OK)
		rc = sr_keys_status_read(catalog, &reading, status);
	sr_reading_end(&reading);
	return sr_return(rc);
}

void sr_keys_status_free(sr_keys_status *status)
{
	gathered *g = (gathered *)status;

	if (g == NULL)
		return;
	for (size_t i = 0; i < g->status.master_count; i++)
		free((char *)g->masters[i].since.data);
	free(g->masters);
	free((char *)g->status.ring.data);
	free((char *)g->status.ring_says.data);
	free((char *)g->status.cleaned.data);
	free(g);
}

/* ---- Checking ---- */

static sr_status check_row(const sr_reading *reading, sr_stmt *stmt, sr_key_fault_fn fn, void *arg,
			   int64_t *faults)
{
	char message[SR_MESSAGE_SIZE], reason[SR_MESSAGE_SIZE];
	sr_key_fault fault = {
		.name = sr_column_text(stmt, 1), .message = message, .reason = reason};
	sr_key key;

	fault.status = sr_key_open_unnamed(reading->catalog, sr_keys_conn(reading), reading->asked,
					   sr_column_text(stmt, 0), sr_column_text(stmt, 2), &key);
	sr_key_done(&key);
	if (fault.status == SR_OK)
		return SR_OK;
	if (fault.status == SR_NO_MEMORY)
		return fault.status;
	++*faults;
	/* What is called may call the library. */
	strcpy(reason, sr_error_message());
	(void)sr_key_fail_of(fault.status, fault.name);
	strcpy(message, sr_error_message());
	(void)sr_column_id(stmt, 0, &fault.client);
	if (fn != NULL)
		fn(arg, &fault);
	return SR_OK;
}

sr_status sr_keys_check_read(const sr_reading *reading, sr_key_fault_fn fn, void *arg,
			     int64_t *checked, int64_t *faults)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*checked = *faults = 0;
	sr_buffer_printf(&sql, "SELECT ID, Name, AESKey FROM %s AS c WHERE %s ORDER BY Name, ID",
			 reading->shape.clients, was_wrapped(reading));
	if ((rc = sr_buffer_status(&sql)) == SR_OK &&
	    (rc = sr_prepare(reading->conn, sql.data, &stmt)) == SR_OK) {
		while ((rc = sr_step(stmt, &row)) == SR_OK && row &&
		       (rc = check_row(reading, stmt, fn, arg, faults)) == SR_OK)
			++*checked;
		rc = sr_stmt_end(stmt, rc);
	}
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_keys_check(sr_catalog *catalog, sr_key_fault_fn fn, void *arg, int64_t *checked,
			int64_t *faults)
{
	sr_reading reading = {0};
	int64_t all, bad;
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) == SR_OK)
		rc = sr_keys_check_read(&reading, fn, arg, &all, &bad);
	sr_reading_end(&reading);
	if (rc == SR_OK) {
		*faults = bad;
		if (checked != NULL)
			*checked = all;
	}
	return sr_return(rc);
}
