/* Check-ups of clients' AES keys: whether they are wrapped as they should be, and can be read. */
#include "health.h"
#include "keys.h"

static void ring_unreadable(sr_checkup *c, const sr_keys_status *status)
{
	sr_finding_add(c, SR_SEVERITY_ERROR, "keys_ring", status->ring, status->wrapped,
		       "bring the key ring back, or make it readable to this user alone",
		       "wrapped AES keys of clients cannot be read: %s", status->ring_says.data);
}

static void masters_missing(sr_checkup *c, const sr_keys_status *status)
{
	for (size_t i = 0; i < status->master_count; i++) {
		const sr_master_key *master = &status->masters[i];

		if (master->in_ring || (master->clients == 0 && !master->current))
			continue;
		sr_finding_add(c, SR_SEVERITY_ERROR, "keys_master", sr_text_of(master->id),
			       master->clients, "bring a key ring back that has it",
			       "the key ring %s lacks master key %s, which %lld AES %s "
			       "wrapped under",
			       sr_quoted(status->ring), master->id, (long long)master->clients,
			       sr_plural(master->clients, "key is", "keys are"));
	}
}

static void add_name(void *arg, const sr_key_fault *fault)
{
	/* A master key that is missing is told of once. */
	if (fault->status != SR_WRONG_KEY)
		sr_tally_add(arg, "%s", sr_quoted(fault->name));
}

static sr_status keys_unreadable(sr_checkup *c)
{
	sr_tally tally = SR_TALLY_EMPTY;
	int64_t checked, faults;
	sr_status rc;

	rc = sr_keys_check_read(&c->reading, add_name, &tally, &checked, &faults);
	if (rc == SR_OK && tally.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "keys_unreadable", sr_text_of(NULL),
			       tally.count, "save these keys anew, or restore a backup",
			       "wrapped AES keys were changed, or are another client's: %s",
			       sr_tally_names(c, &tally));
	sr_tally_free(&tally);
	return rc;
}

static void plain_ones(sr_checkup *c, const sr_keys_status *status)
{
	if (status->keep_plain)
		return;
	if (!status->wrapping && status->ring.data != NULL && status->plain > 0)
		sr_finding_add(c, SR_SEVERITY_NOTE, "keys_not_wrapped", sr_text_of(NULL),
			       status->plain, "strongroom keys init",
			       "a key ring is set, and clients' AES keys are plain");
	else if (status->wrapping && status->plain > 0)
		sr_finding_add(c, SR_SEVERITY_WARNING, "keys_plain", sr_text_of(NULL),
			       status->plain, "strongroom keys init",
			       "another program wrote %lld AES %s plain where keys are wrapped",
			       (long long)status->plain, sr_plural(status->plain, "key", "keys"));
	else if (status->wrapping && status->cleaned.data == NULL)
		sr_finding_add(c, SR_SEVERITY_WARNING, "keys_copies", sr_text_of(NULL), 1,
			       "strongroom keys init",
			       "AES keys are wrapped, but plain copies may be left in free pages "
			       "or in the log");
}

/* One that is being written at this moment is among them, which is no fault. */
static sr_status parts_left(sr_checkup *c)
{
	const char *path = c->catalog->settings.master_key_file;
	sr_buffer first = SR_BUFFER_EMPTY;
	size_t count = path != NULL ? sr_ring_parts(path, &first) : 0;
	sr_status rc = sr_buffer_status(&first);

	if (rc == SR_OK && count > 0)
		sr_finding_add(
			c, SR_SEVERITY_NOTE, "keys_ring_parts", sr_text_of(path), (int64_t)count,
			"strongroom keys init",
			"beside the key ring %s lies what a process that was killed has left "
			"of it, with master keys: %s",
			sr_quoted(sr_text_of(path)), first.data);
	sr_buffer_free(&first);
	return rc;
}

/* Without a ring nobody here needs keys, and there is nothing to say of it. */
sr_status sr_check_keys(sr_checkup *c)
{
	sr_keys_status *status;
	sr_status rc;

	if ((rc = sr_keys_status_read(c->catalog, &c->reading, &status)) != SR_OK)
		return rc;
	plain_ones(c, status);
	rc = parts_left(c);
	if (status->wrapped > 0 || status->wrapping) {
		if (status->ring.data != NULL && !status->ring_read)
			ring_unreadable(c, status);
		else if (status->ring_read)
			masters_missing(c, status);
		if (rc == SR_OK && status->ring_read && c->options.full)
			rc = keys_unreadable(c);
		else if (status->wrapped > 0 && status->ring.data == NULL && c->options.full)
			sr_unseen_add(c,
				      "whether wrapped AES keys can be read: no key ring is set");
	}
	sr_keys_status_free(status);
	return rc;
}
