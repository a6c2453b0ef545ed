#include "batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/path.h"
#include "../base/text.h"

#define FILES_MOST 1000
#define WAIT_NS    INT64_C(500000000)

/* What a file's texts point to. */
typedef struct pending {
	sr_job *job;
	char date[SR_TIME_TEXT_SIZE];
	char extension[SR_EXTENSION_SIZE];
} pending;

struct sr_batch {
	const sr_batch_of *of;
	sr_file files[FILES_MOST]; /* To be saved, */
	pending pending[FILES_MOST];
	size_t count;                /* so many; */
	sr_text missing[FILES_MOST]; /* to be marked, each owned, */
	size_t missing_count;        /* so many. */
	int64_t since;               /* When the first of them came (sr_clock_ns). */

	/* What came of saving it. */
	sr_status status;
	char words[SR_MESSAGE_SIZE];
	sr_saved saved;
	sr_outcome outcomes[FILES_MOST];
};

sr_status sr_batch_new(sr_batch **batch, const sr_batch_of *of)
{
	if ((*batch = calloc(1, sizeof(**batch))) == NULL)
		return sr_fail_memory();
	(*batch)->of = of;
	return SR_OK;
}

static void empty(sr_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		sr_job_free(batch->pending[i].job);
	for (size_t i = 0; i < batch->missing_count; i++)
		free((void *)(uintptr_t)batch->missing[i].data);
	batch->count = batch->missing_count = 0;
}

void sr_batch_free(sr_batch *batch)
{
	if (batch == NULL)
		return;
	empty(batch);
	free(batch);
}

static void begin(sr_batch *batch)
{
	if (batch->count == 0 && batch->missing_count == 0)
		batch->since = sr_clock_ns();
}

/* Nanoseconds since 1970, or null for a time that they cannot hold. */
static int64_t nanoseconds(const struct timespec *at)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)at->tv_sec, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, (int64_t)at->tv_nsec, &ns))
		return SR_NULL_INTEGER;
	return ns;
}

/* What is the same for every file: who and where. */
static sr_file *add(sr_batch *batch, sr_job *job)
{
	sr_file *file = &batch->files[batch->count];

	begin(batch);
	batch->pending[batch->count++].job = job;
	sr_file_init(file);
	file->client_id = *batch->of->client;
	file->original_path = sr_text_of(job->path);
	file->path = file->original_path;
	file->size = job->stat.st_size;
	file->modified_ns = nanoseconds(&job->stat.st_mtim);
	file->inode = (int64_t)job->stat.st_ino;
	return file;
}

static sr_text text_unless_empty(const char *string)
{
	return sr_text_of(*string != '\0' ? string : NULL);
}

void sr_batch_add_read(sr_batch *batch, sr_job *job)
{
	pending *texts = &batch->pending[batch->count];
	sr_file *file = add(batch, job);
	int64_t us;

	sr_extension_of(sr_path_name(file->original_path).data, texts->extension);
	/* A time that microseconds cannot hold is no date that anybody could read. */
	if (!__builtin_mul_overflow((int64_t)job->stat.st_mtim.tv_sec, INT64_C(1000000), &us)) {
		sr_time_format(us, texts->date);
		file->date = sr_text_of(texts->date);
	}
	file->crc = job->crc;
	file->hash = sr_text_of(job->hash);
	file->mime_type = text_unless_empty(job->mime_type);
	file->extension = text_unless_empty(texts->extension);
	file->category = sr_category_classify(batch->of->rules, file->mime_type, file->extension);
	file->verified = false;
	file->stored = false;
}

void sr_batch_add_returned(sr_batch *batch, sr_job *job, bool verified, bool stored)
{
	sr_file *file = add(batch, job);

	file->path = (sr_text){NULL, 0};
	file->verified = verified;
	file->stored = stored;
}

sr_status sr_batch_add_missing(sr_batch *batch, sr_text path)
{
	char *copy = malloc(path.length + 1);

	if (copy == NULL)
		return sr_fail_memory();
	memcpy(copy, path.data, path.length);
	copy[path.length] = '\0';
	begin(batch);
	batch->missing[batch->missing_count++] = (sr_text){copy, path.length};
	return SR_OK;
}

bool sr_batch_empty(const sr_batch *batch)
{
	return batch->count == 0 && batch->missing_count == 0;
}

bool sr_batch_full(const sr_batch *batch)
{
	return batch->count == FILES_MOST || batch->missing_count == FILES_MOST;
}

bool sr_batch_due(const sr_batch *batch)
{
	return !sr_batch_empty(batch) && sr_clock_ns() - batch->since >= WAIT_NS;
}

static sr_status save(sr_batch *batch)
{
	const sr_batch_of *of = batch->of;
	sr_status rc = SR_OK;

	if (batch->count > 0)
		rc = sr_file_save_run(of->catalog, batch->files, batch->count, batch->outcomes,
				      NULL, &batch->saved, of->run);
	/* Those that fitted were saved. */
	if (rc == SR_QUOTA)
		rc = SR_OK;
	if (rc == SR_OK && batch->missing_count > 0)
		rc = sr_file_mark_missing(of->catalog, of->client, batch->missing,
					  batch->missing_count, sr_time_now(), NULL);
	return rc;
}

sr_status sr_batch_save(sr_batch *batch)
{
	memset(&batch->saved, 0, sizeof(batch->saved));
	batch->status = save(batch);
	snprintf(batch->words, sizeof(batch->words), "%s",
		 batch->status != SR_OK ? sr_error_message() : "");
	return batch->status;
}

/* Tells of each file that did not fit how things stand, which the save's own words do for the
 * first. */
static sr_status tell_refused(const sr_batch *batch, sr_batch_refused_fn refused, void *arg)
{
	char why[1024];
	sr_quota *quota;
	sr_status rc;

	if ((rc = sr_quota_get(batch->of->catalog, batch->of->client, &quota)) != SR_OK)
		return rc;
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->outcomes[i] != SR_OVER_QUOTA)
			continue;
		snprintf(why, sizeof(why),
			 "does not fit: it has %" PRId64 " bytes, and client %s uses %" PRId64
			 " of the %" PRId64 " bytes of its quota",
			 batch->files[i].size, sr_quoted(quota->client_name), quota->used_bytes,
			 quota->quota_bytes);
		refused(arg, batch->files[i].original_path, why);
	}
	sr_quota_free(quota);
	return SR_OK;
}

sr_status sr_batch_settle(sr_batch *batch, sr_saved *saved, sr_batch_refused_fn refused, void *arg)
{
	sr_status rc = batch->status;

	saved->added += batch->saved.added;
	saved->changed += batch->saved.changed;
	saved->unchanged += batch->saved.unchanged;
	saved->refused += batch->saved.refused;
	if (rc != SR_OK)
		sr_error_set(batch->words);
	if (batch->saved.refused > 0 && rc == SR_OK)
		rc = tell_refused(batch, refused, arg);
	empty(batch);
	return rc;
}
