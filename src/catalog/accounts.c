#include "accounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"

/* ---- One client ---- */

int64_t sr_account_used(sr_stmt *stmt, int column)
{
	int64_t used = sr_column_integer(stmt, column);

	/* A sum that is no integer any more has become a real number. */
	if (sr_column_type(stmt, column) == SR_REAL)
		return INT64_MAX;
	return used == SR_NULL_INTEGER ? 0 : used;
}

static void read_account(sr_stmt *stmt, sr_account *account)
{
	sr_text name = sr_column_text(stmt, 0);
	int64_t quota = sr_column_integer(stmt, 1);

	account->name_length = name.length < SR_NAME_MAX ? name.length : SR_NAME_MAX;
	if (account->name_length > 0)
		memcpy(account->name, name.data, account->name_length);
	account->quota_set = quota != SR_NULL_INTEGER;
	account->quota = account->quota_set ? quota : INT64_MAX;
	account->warned = sr_column_type(stmt, 2) != SR_NULL;
	account->used = sr_account_used(stmt, 3);
}

sr_status sr_account_load(sr_conn *conn, const sr_id *client, sr_account *account)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*account = (sr_account){.client = *client};
	rc = sr_prepare(conn,
			"SELECT c.Name, q.QuotaBytes, q.WarnedAt, u.Bytes FROM clients c"
			" LEFT JOIN client_quotas q ON q.ClientID = c.ID"
			" LEFT JOIN client_usage u ON u.ClientID = c.ID WHERE c.ID = $1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	if ((rc = sr_step(stmt, &row)) == SR_OK) {
		if (row)
			read_account(stmt, account);
		else
			rc = sr_client_fail_unknown(client);
	}
	return sr_stmt_end(stmt, rc);
}

int64_t sr_account_growth(int64_t before, int64_t after)
{
	return sr_counted_size(after) - sr_counted_size(before);
}

bool sr_account_grow(sr_account *account, int64_t growth)
{
	int64_t after;

	if (__builtin_add_overflow(account->used, growth, &after) ||
	    (growth > 0 && after > account->quota))
		return false;
	account->used = after;
	return true;
}

void sr_account_transferred(sr_account *account, int64_t size, int64_t speed)
{
	sr_transfers *transfers = &account->transfers;

	transfers->succeeded++;
	if (__builtin_add_overflow(transfers->bytes, sr_counted_size(size), &transfers->bytes))
		transfers->bytes = INT64_MAX;
	if (speed > transfers->peak)
		transfers->peak = speed;
}

static sr_text name_of(const sr_account *account)
{
	return (sr_text){account->name, account->name_length};
}

sr_status sr_account_fail(const sr_account *account, sr_text file, int64_t growth, int64_t refused)
{
	const char *name = sr_quoted(name_of(account));

	if (account->quota_set)
		sr_fail(SR_QUOTA,
			"the quota of client %s is %" PRId64 " bytes, %" PRId64
			" are used, and file %s needs %" PRId64 " more",
			name, account->quota, account->used, sr_quoted(file), growth);
	else
		sr_fail(SR_QUOTA,
			"client %s uses %" PRId64 " bytes, and with the %" PRId64
			" of file %s it would be more than %" PRId64 ", which is the most",
			name, account->used, growth, sr_quoted(file), account->quota);
	if (refused > 1)
		sr_fail_also(SR_QUOTA, "; %" PRId64 " files in all do not fit", refused);
	return SR_QUOTA;
}

sr_status sr_account_admit(sr_conn *conn, const sr_id *client, sr_text file, int64_t before,
			   int64_t after, sr_account *account)
{
	int64_t growth = sr_account_growth(before, after);
	sr_status rc = sr_account_load(conn, client, account);

	if (rc != SR_OK)
		return rc == SR_NOT_FOUND ? SR_OK : rc;
	if (!sr_account_grow(account, growth))
		return sr_account_fail(account, file, growth, 1);
	return SR_OK;
}

static sr_status look_for_warning(sr_conn *conn, sr_account *account)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(conn,
			"SELECT 1 FROM client_quotas WHERE ClientID = $1"
			" AND WarnedAt IS NOT NULL",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, &account->client);
	if ((rc = sr_step(stmt, &row)) == SR_OK)
		account->warned_now = row;
	return sr_stmt_end(stmt, rc);
}

sr_status sr_account_settle(sr_conn *conn, sr_account *account, const char *now,
			    sr_activity_run *run)
{
	sr_status rc =
		sr_activity_transferred(conn, &account->client, &account->transfers, now, run);

	if (rc == SR_OK && account->quota_set && !account->warned)
		rc = look_for_warning(conn, account);
	return rc;
}

void sr_account_log(sr_catalog *catalog, const sr_account *account)
{
	char line[SR_MESSAGE_SIZE];

	if (!account->warned_now)
		return;
	snprintf(line, sizeof(line),
		 "client %s uses %" PRId64 " of the %" PRId64
		 " bytes of its quota, which is past its warning threshold",
		 sr_quoted(name_of(account)), account->used, account->quota);
	sr_catalog_warn(catalog, line);
}

/* ---- Many of them ---- */

static size_t hash(const sr_id *id)
{
	uint64_t h = 14695981039346656037U;

	for (size_t i = 0; i < sizeof(id->bytes); i++)
		h = (h ^ id->bytes[i]) * 1099511628211U;
	return (size_t)(h ^ (h >> 32));
}

/* Where the client's index is, or would be. */
static size_t *place(const sr_accounts *accounts, const sr_id *client)
{
	size_t mask = accounts->places_count - 1;
	size_t i = hash(client) & mask;

	while (accounts->places[i] != 0 && memcmp(&accounts->list[accounts->places[i] - 1].client,
						  client, sizeof(*client)) != 0)
		i = (i + 1) & mask;
	return &accounts->places[i];
}

/* Room for one more, in the list and in a hash that is at most half full. */
static sr_status make_room(sr_accounts *accounts)
{
	size_t wanted = accounts->places_count ? accounts->places_count * 2 : 4;
	sr_account *list;
	size_t *places;

	if (accounts->count * 2 < accounts->places_count)
		return SR_OK;
	list = realloc(accounts->list, wanted / 2 * sizeof(*list));
	if (list == NULL)
		return sr_fail_memory();
	accounts->list = list;
	if ((places = calloc(wanted, sizeof(*places))) == NULL)
		return sr_fail_memory();
	free(accounts->places);
	accounts->places = places;
	accounts->places_count = wanted;
	for (size_t i = 0; i < accounts->count; i++)
		*place(accounts, &list[i].client) = i + 1;
	return SR_OK;
}

sr_status sr_accounts_get(sr_accounts *accounts, sr_conn *conn, const sr_id *client,
			  sr_account **account)
{
	size_t *found;
	sr_status rc;

	if ((rc = make_room(accounts)) != SR_OK)
		return rc;
	found = place(accounts, client);
	if (*found == 0) {
		rc = sr_account_load(conn, client, &accounts->list[accounts->count]);
		if (rc != SR_OK)
			return rc;
		*found = ++accounts->count;
	}
	*account = &accounts->list[*found - 1];
	return SR_OK;
}

void sr_accounts_free(sr_accounts *accounts)
{
	free(accounts->places);
	free(accounts->list);
	memset(accounts, 0, sizeof(*accounts));
}
