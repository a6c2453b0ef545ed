/*
 * Saving new files without triggers, whose work is then done once for all of them: many of one
 * call, or one each of many calls that share a transaction.
 */
#include "save.h"

#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"
#include "search_index.h"

sr_status sr_saving_may_insert(sr_saving *save, bool *may)
{
	sr_status rc;

	*may = false;
	for (size_t i = 0; i < save->count; i++) {
		sr_account *account;
		int64_t size = sr_counted_size(save->files[i].size);

		rc = sr_accounts_get(&save->accounts, save->conn, &save->files[i].client_id,
				     &account);
		if (rc != SR_OK)
			return rc;
		if (__builtin_add_overflow(account->asked, size, &account->asked))
			return SR_OK;
	}
	for (size_t i = 0; i < save->accounts.count; i++) {
		const sr_account *account = &save->accounts.list[i];
		int64_t most;

		if (__builtin_add_overflow(account->used, account->asked, &most) ||
		    most > account->quota)
			return SR_OK;
	}
	if ((rc = sr_index_appends(save->conn, may)) != SR_OK || !*may)
		return rc;
	return sr_counters_replaceable(save->conn, may);
}

sr_status sr_saving_insert(sr_saving *save)
{
	sr_status rc, again;

	if ((rc = sr_conn_triggers(save->conn, false)) != SR_OK)
		return rc;
	save->inserting = true;
	for (size_t i = 0; rc == SR_OK && i < save->count; i++)
		rc = sr_saving_one(save, i);
	save->inserting = false;
	if ((again = sr_conn_triggers(save->conn, true)) != SR_OK && rc == SR_OK)
		rc = again;
	if (rc == SR_OK)
		rc = sr_bulk_settle(save->conn, &save->bulk, &save->accounts, save->now);
	return rc;
}

/* ---- Of many calls ---- */

/* The caller is told nothing of it: each of them is run by itself then. */
static sr_status decline(void)
{
	return sr_fail(SR_EXISTS, "these files are not saved together");
}

/* A row of activity a call, as each would leave by itself. */
static sr_status append_activities(const sr_saving *all)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < all->count; i++)
		if (all->outcomes[i] == SR_ADDED)
			rc = sr_activity_append_saved(all->conn, &all->files[i].client_id,
						      sr_counted_size(all->files[i].size),
						      all->now);
	return rc;
}

/* What the day transferred, once, and what each client uses at its end. */
static sr_status settle_day(sr_saving *all)
{
	sr_transfers day = {0};
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < all->accounts.count; i++) {
		sr_account *account = &all->accounts.list[i];
		sr_activity_run none = {0, 0};

		if (account->transfers.succeeded > 0)
			rc = sr_activity_note_usage(all->conn, &account->client, all->now);
		sr_transfers_add(&day, &account->transfers);
		account->transfers = (sr_transfers){0};
		/* Nothing is left to write, but there may be a warning. */
		if (rc == SR_OK)
			rc = sr_account_settle(all->conn, account, all->now, &none);
		if (rc == SR_OK && account->warned_now)
			rc = decline();
	}
	if (rc == SR_OK && day.succeeded > 0)
		rc = sr_activity_add_to_day(all->conn, &day, all->now);
	return rc;
}

static sr_status insert_together(sr_saving *all)
{
	sr_status rc;
	bool may;

	if ((rc = sr_saving_may_insert(all, &may)) == SR_OK && !may)
		rc = decline();
	if (rc == SR_OK)
		rc = sr_saving_insert(all);
	sr_saving_end(all);
	if (rc == SR_OK && all->any_later)
		rc = decline();
	if (rc == SR_OK)
		rc = append_activities(all);
	return rc == SR_OK ? settle_day(all) : rc;
}

/* What one call is told. */
static void give(const sr_saving *all, size_t i, sr_saving *save)
{
	sr_accounts_free(&save->accounts);
	save->outcomes[0] = all->outcomes[i];
	save->ids[0] = all->ids[i];
	save->saved = (sr_saved){.added = all->outcomes[i] == SR_ADDED,
				 .unchanged = all->outcomes[i] == SR_UNCHANGED};
}

sr_status sr_saving_together(sr_conn *conn, void *const *args, size_t count)
{
	sr_file *files = calloc(count, sizeof(*files));
	sr_saving all = {.files = files,
			 .count = count,
			 .bulk = {.keys = SR_BUFFER_EMPTY},
			 .category = SR_BUFFER_EMPTY};
	sr_status rc;

	if (files == NULL)
		return sr_fail_memory();
	if ((rc = sr_saving_new(&all)) != SR_OK)
		goto err0;
	for (size_t i = 0; i < count; i++)
		files[i] = ((sr_saving *)args[i])->files[0];
	sr_saving_begin(&all, conn);
	/* All calls have begun and none has returned: it is a moment of each. */
	sr_time_format(sr_time_now(), all.now);
	if ((rc = insert_together(&all)) == SR_OK)
		for (size_t i = 0; i < count; i++)
			give(&all, i, args[i]);
err0:
	sr_saving_free(&all);
	free(files);
	return rc;
}
