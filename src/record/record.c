/*
 * Recording: the walk and what the catalog knows are merged, both in the byte order of paths.
 *
 * A path that both have and that did not change is done; a file to be read goes to the readers
 * and from them, in the order of the walk, into a batch; what is known and not met is looked for,
 * and marked where it is gone. One thread does all of it but the reading and the saving, which
 * have threads of their own.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/log.h"
#include "../base/path.h"
#include "../base/text.h"
#include "estimate.h"
#include "known.h"
#include "own.h"
#include "roots.h"
#include "saver.h"
#include "scout.h"
#include "walk.h"

#define THREADS_MOST  256
#define READERS_LEAST 8     /* While one waits for the disk another hashes. */
#define PATH_MOST     65536 /* Bytes that sr_file_save takes. */
#define PROGRESS_NS   INT64_C(100000000)
#define SCOUT_NS      INT64_C(1000000000)
#define WAIT_SECONDS  0.1
#define NS_PER_SECOND 1e9

typedef struct recording {
	sr_catalog *catalog;
	const sr_id *client;
	const sr_record_options *options;
	sr_record_summary *summary;
	sr_excludes *excludes;
	sr_own *own;
	sr_types *types;
	sr_category_rules *rules;
	sr_readers *readers;
	sr_saver *saver;
	const sr_roots *roots;
	sr_scout *scout; /* NULL until it is worth its while. */
	sr_estimate estimate;
	sr_activity_run run; /* All of it is one. */
	int64_t given;       /* Files handed to the readers, */
	int64_t given_bytes; /* and their sizes. */
	int64_t refused;     /* Files that did not fit in the quota. */
	int64_t untouched;   /* Files that needed neither reading nor saving. */
	int64_t begun;       /* sr_clock_ns */
	int64_t reported;    /* When progress was last called. */
	bool stopping;       /* It said so; nobody is asked any more. */
} recording;

void sr_record_options_init(sr_record_options *options)
{
	memset(options, 0, sizeof(*options));
	options->version = SR_RECORD_OPTIONS_VERSION;
}

/* ---- What is told while it goes on ---- */

static void count_up(recording *rec)
{
	const sr_saved *saved = sr_saver_saved(rec->saver);

	rec->summary->added = saved->added;
	rec->summary->changed = saved->changed;
	rec->summary->unchanged = rec->untouched + saved->unchanged;
	rec->summary->over_quota = saved->refused;
	rec->summary->read = sr_readers_read(rec->readers);
	rec->summary->seconds = (double)(sr_clock_ns() - rec->begun) / NS_PER_SECOND;
}

/* What is to come, where the scout has counted it. */
static void look_ahead(recording *rec, int64_t now, sr_record_ahead *ahead)
{
	const sr_record_summary *s = rec->summary;
	sr_extent extent;

	/* Nobody asks how long something takes that is done at once. */
	if (rec->scout == NULL && now - rec->begun >= SCOUT_NS)
		sr_scout_start(&rec->scout, rec->roots, rec->excludes, rec->own,
			       rec->options->one_file_system);
	*ahead = (sr_record_ahead){.seconds_left = -1};
	sr_scout_counted(rec->scout, &ahead->total_files, &ahead->total_bytes);
	extent = (sr_extent){
		.files = ahead->total_files,
		.bytes = ahead->total_bytes,
		.seen = s->scanned,
		.seen_bytes = s->bytes,
		.given = rec->given,
		.given_bytes = rec->given_bytes,
		.read = rec->given - (int64_t)sr_readers_out(rec->readers),
		.read_bytes = s->read,
	};
	ahead->seconds_left =
		sr_estimate_left(&rec->estimate, &extent, (double)now / NS_PER_SECOND);
}

static sr_status report(recording *rec)
{
	int64_t now = sr_clock_ns();
	sr_record_ahead ahead;

	if (rec->options->progress == NULL || rec->stopping || now - rec->reported < PROGRESS_NS)
		return SR_OK;
	rec->reported = now;
	count_up(rec);
	look_ahead(rec, now, &ahead);
	if (!rec->options->progress(rec->options->arg, rec->summary, &ahead))
		return SR_OK;
	return sr_fail(SR_INTERRUPTED, "recording was stopped");
}

static void fail_file(recording *rec, sr_text path, const char *why)
{
	rec->summary->failed++;
	sr_log("record", SR_LOG_INFO, "%s failed: %s", sr_quoted(path), why);
	if (rec->options->failure != NULL)
		rec->options->failure(rec->options->arg, path, why);
}

/* The catalog itself counts these as transfers that failed. */
static void fail_refused(void *arg, sr_text path, const char *why)
{
	recording *rec = arg;

	fail_file(rec, path, why);
	rec->refused++;
}

/* Those that never got to the catalog. */
static sr_status count_failed(recording *rec)
{
	int64_t count = rec->summary->failed - rec->refused;

	return count > 0 ? sr_activity_failed(rec->catalog, rec->client, count, &rec->run) : SR_OK;
}

/* ---- Into the catalog ---- */

/* A batch with room in it; waits while all are on their way. */
static sr_status filling(recording *rec, sr_batch **batch)
{
	sr_status rc;

	while ((*batch = sr_saver_filling(rec->saver)) == NULL) {
		if ((rc = sr_saver_take(rec->saver, WAIT_SECONDS)) != SR_OK)
			return rc;
		if ((rc = report(rec)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

/* Gives a batch that is full, or, while another one is there to be filled, has waited. */
static sr_status pass_on(recording *rec)
{
	sr_batch *batch = sr_saver_filling(rec->saver);

	if (batch != NULL && (sr_batch_full(batch) || sr_batch_due(batch)))
		sr_saver_give(rec->saver);
	return sr_saver_take(rec->saver, 0);
}

/* Everything, to the end. */
static sr_status save_all(recording *rec)
{
	sr_status rc = SR_OK;

	sr_saver_give(rec->saver);
	while (rc == SR_OK && sr_saver_busy(rec->saver))
		rc = sr_saver_take(rec->saver, WAIT_SECONDS);
	return rc;
}

/* ---- Jobs that come back ---- */

static sr_status finish(recording *rec, sr_job *job)
{
	sr_batch *batch;
	sr_status rc;

	if (!job->failed && !job->stopped) {
		if ((rc = filling(rec, &batch)) != SR_OK) {
			sr_job_free(job);
			return rc;
		}
		sr_batch_add_read(batch, job);
		return pass_on(rec);
	}
	if (job->failed)
		fail_file(rec, sr_text_of(job->path), job->why);
	sr_job_free(job);
	return SR_OK;
}

/* Takes what is done until at most `left` jobs are out, and saves what has waited. */
static sr_status collect(recording *rec, size_t left)
{
	sr_status rc = SR_OK;
	sr_job *job;

	while (rc == SR_OK && (job = sr_readers_take(rec->readers, 0)) != NULL)
		rc = finish(rec, job);
	while (rc == SR_OK && sr_readers_out(rec->readers) > left) {
		if ((job = sr_readers_take(rec->readers, WAIT_SECONDS)) != NULL)
			rc = finish(rec, job);
		if (rc == SR_OK)
			rc = report(rec);
	}
	if (rc == SR_OK)
		rc = pass_on(rec);
	return rc == SR_OK ? report(rec) : rc;
}

static sr_status make_room(recording *rec)
{
	sr_status rc = SR_OK;

	while (rc == SR_OK && !sr_readers_room(rec->readers, WAIT_SECONDS))
		rc = collect(rec, SR_READERS_MOST - 1);
	return rc;
}

/* What is read already, though the rest is not wanted any more. */
static sr_status collect_read(recording *rec)
{
	sr_status rc = SR_OK;
	sr_job *job;

	rec->stopping = true;
	sr_readers_stop(rec->readers);
	while (rc == SR_OK && sr_readers_out(rec->readers) > 0)
		if ((job = sr_readers_take(rec->readers, WAIT_SECONDS)) != NULL)
			rc = finish(rec, job);
	return rc;
}

/* ---- Files ---- */

/* Opens a file that was met. Reading it is no use of it, so its access time stays where the
 * system lets it. */
static int open_file(const sr_met *met)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	int fd = openat(met->folder, met->name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(met->folder, met->name, flags);
	return fd;
}

static sr_status read_file(recording *rec, const sr_met *met)
{
	char space[128];
	sr_job *job;
	sr_status rc;

	if ((rc = make_room(rec)) != SR_OK)
		return rc;
	if ((job = sr_job_new(met->path)) == NULL)
		return sr_fail_memory();
	job->stat = met->stat;
	job->fd = open_file(met);
	if (job->fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* The jobs that are out hold descriptors. */
		if ((rc = collect(rec, 0)) != SR_OK) {
			sr_job_free(job);
			return rc;
		}
		job->fd = open_file(met);
	}
	if (job->fd < 0) {
		const char *why = errno == ENOENT ? "vanished before it was read"
						  : strerror_r(errno, space, sizeof(space));

		fail_file(rec, met->path, why);
		sr_job_free(job);
		return SR_OK;
	}
	rec->given++;
	rec->given_bytes += job->stat.st_size;
	sr_readers_give(rec->readers, job);
	return SR_OK;
}

static sr_status take_back(recording *rec, const sr_met *met, const sr_known_file *file)
{
	sr_batch *batch;
	sr_status rc;
	sr_job *job;

	if ((rc = filling(rec, &batch)) != SR_OK)
		return rc;
	if ((job = sr_job_new(met->path)) == NULL)
		return sr_fail_memory();
	job->stat = met->stat;
	sr_batch_add_returned(batch, job, file->verified, file->stored);
	return pass_on(rec);
}

static bool looks_unchanged(const sr_known_file *file, const struct stat *st)
{
	return file->hashed && file->size == st->st_size && file->inode == (int64_t)st->st_ino &&
	       file->modified_ns == (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* file is what is known of it, or NULL. */
static sr_status record_file(recording *rec, const sr_met *met, const sr_known_file *file)
{
	if (sr_own_has(rec->own, sr_path_name(met->path).data, &met->stat)) {
		rec->summary->excluded++;
		return SR_OK;
	}
	rec->summary->scanned++;
	rec->summary->bytes += met->stat.st_size;
	if (met->path.length > PATH_MOST) {
		fail_file(rec, met->path, "its path is longer than a catalog holds");
		return SR_OK;
	}
	if (file == NULL || rec->options->reread || !looks_unchanged(file, &met->stat))
		return read_file(rec, met);
	if (file->missing)
		return take_back(rec, met, file);
	rec->untouched++;
	return SR_OK;
}

/* lstat for a path of any length, of which the system takes PATH_MAX bytes at a time. */
static int look(sr_text path, struct stat *st)
{
	int folder = AT_FDCWD, status = -1;

	while (path.length >= PATH_MAX) {
		char part[PATH_MAX];
		size_t length = PATH_MAX - 1;
		int next;

		while (length > 1 && path.data[length] != '/')
			length--;
		memcpy(part, path.data, length);
		part[length] = '\0';
		next = openat(folder, part, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			goto err0;
		if (folder >= 0)
			close(folder);
		folder = next;
		path.data += length + 1;
		path.length -= length + 1;
	}
	status = fstatat(folder, path.data, st, AT_SYMLINK_NOFOLLOW);
err0:
	if (folder >= 0)
		close(folder);
	return status;
}

/* Known, below the root, and not met by the walk: gone, or left out of the walk. */
static sr_status look_for(recording *rec, const sr_known_file *file)
{
	sr_batch *batch;
	struct stat st;
	sr_status rc;

	if (look(file->path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return SR_OK;
	} else if (errno != ENOENT && errno != ENOTDIR) {
		return SR_OK;
	}
	rec->summary->missing++;
	if (file->missing)
		return SR_OK;
	if ((rc = filling(rec, &batch)) != SR_OK ||
	    (rc = sr_batch_add_missing(batch, file->path)) != SR_OK)
		return rc;
	return pass_on(rec);
}

/* Looks for what is known before `path` (null: to the end), and hands out what is known of
 * `path` itself. */
static sr_status merge(recording *rec, sr_known *known, sr_text path, const sr_known_file **found)
{
	const sr_known_file *file;
	sr_status rc;

	*found = NULL;
	while ((rc = sr_known_peek(known, &file)) == SR_OK && file != NULL) {
		int order = path.data != NULL ? sr_text_compare(file->path, path) : -1;

		if (order == 0)
			*found = file;
		if (order >= 0)
			return SR_OK;
		if ((rc = look_for(rec, file)) != SR_OK || (rc = report(rec)) != SR_OK)
			return rc;
		sr_known_pass(known);
	}
	return rc;
}

static sr_status record_met(recording *rec, sr_known *known, const sr_met *met)
{
	const sr_known_file *file;
	sr_status rc = merge(rec, known, met->path, &file);

	if (rc != SR_OK)
		return rc;
	switch (met->kind) {
	case SR_MET_FILE:
		rc = record_file(rec, met, file);
		/* There may be several rows of one path, left by old programs. */
		while (rc == SR_OK && file != NULL && sr_text_equal(file->path, met->path)) {
			sr_known_pass(known);
			rc = sr_known_peek(known, &file);
		}
		return rc;
	case SR_MET_SPECIAL:
		rec->summary->special++;
		return SR_OK;
	case SR_MET_EXCLUDED:
		rec->summary->excluded++;
		return SR_OK;
	case SR_MET_FAILED:
		fail_file(rec, met->path, met->why);
		return SR_OK;
	}
	return SR_OK;
}

/* ---- Roots ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static sr_status record_root(recording *rec, const char *root)
{
	const sr_known_file *file;
	sr_text path = sr_text_of(root);
	sr_known *known;
	sr_walk *walk;
	const sr_met *met;
	sr_status rc;
	bool folder = is_folder(root);

	/* A root that is gone is a failure, and no proof that what was in it is gone. */
	rc = folder ? sr_known_new(&known, rec->catalog, rec->client, path)
		    : sr_known_one(&known, rec->catalog, rec->client, path);
	if (rc != SR_OK)
		return rc;
	rc = sr_walk_new(&walk, root, rec->excludes, rec->options->one_file_system);
	if (rc != SR_OK)
		goto err0;
	while ((rc = sr_walk_next(walk, &met)) == SR_OK && met != NULL)
		if ((rc = record_met(rec, known, met)) != SR_OK || (rc = collect(rec, SIZE_MAX)))
			goto err1;
	if (rc == SR_OK && folder)
		rc = merge(rec, known, (sr_text){NULL, 0}, &file);

err1:
	sr_walk_free(walk);
err0:
	sr_known_free(known);
	return rc;
}

static int threads_of(const sr_record_options *options)
{
	cpu_set_t cores;
	int count = 1;

	if (options->threads > 0)
		return options->threads;
	if (sched_getaffinity(0, sizeof(cores), &cores) == 0)
		count = CPU_COUNT(&cores);
	return count > READERS_LEAST ? count : READERS_LEAST;
}

/* Stopping keeps what was read whole. */
static sr_status save_rest(recording *rec, sr_status ended)
{
	sr_status rc = ended == SR_OK ? SR_OK : collect_read(rec);

	if (rc == SR_OK)
		rc = save_all(rec);
	if (rc == SR_OK)
		rc = count_failed(rec);
	if (ended == SR_OK)
		return rc;
	if (rc == SR_OK)
		sr_fail(ended, "recording was stopped; what was read before is saved");
	return ended;
}

static sr_status record_roots(recording *rec)
{
	sr_status rc = sr_types_new(&rec->types, SR_TYPES_FOLDER);
	sr_batch_of of;

	if (rc != SR_OK)
		return rc;
	if ((rc = sr_category_rules_load(rec->catalog, &rec->rules)) != SR_OK)
		goto err0;
	of = (sr_batch_of){rec->catalog, rec->client, rec->rules, &rec->run};
	rc = sr_saver_start(&rec->saver, &of, fail_refused, rec);
	if (rc != SR_OK)
		goto err1;
	rc = sr_readers_start(&rec->readers, threads_of(rec->options), rec->types);
	if (rc != SR_OK)
		goto err2;
	for (size_t i = 0; rc == SR_OK && i < rec->roots->count; i++)
		rc = record_root(rec, rec->roots->paths[i]);
	if (rc == SR_OK)
		rc = collect(rec, 0);
	if (rc == SR_OK || rc == SR_INTERRUPTED)
		rc = save_rest(rec, rc);
	count_up(rec);
	sr_scout_free(rec->scout);
	sr_readers_free(rec->readers);
err2:
	sr_saver_free(rec->saver);
err1:
	sr_category_rules_free(rec->rules);
err0:
	sr_types_free(rec->types);
	return rc;
}

static sr_status check(const sr_record_options *options, size_t count)
{
	if (options->version != SR_RECORD_OPTIONS_VERSION)
		return sr_fail(SR_INVALID, "record options have version %u, not %d",
			       options->version, SR_RECORD_OPTIONS_VERSION);
	if (options->threads < 0 || options->threads > THREADS_MOST)
		return sr_fail(SR_INVALID, "threads %d is not within 0 and %d", options->threads,
			       THREADS_MOST);
	if (count == 0)
		return sr_fail(SR_INVALID, "no path to record");
	return SR_OK;
}

sr_status sr_record(sr_catalog *catalog, const sr_id *client, const char *const *paths,
		    size_t count, const sr_record_options *options, sr_record_summary *summary)
{
	sr_record_options defaults;
	sr_record_summary unasked;
	recording rec = {.catalog = catalog, .client = client};
	sr_client *known = NULL;
	sr_roots roots = {NULL, 0};
	sr_status rc;

	sr_record_options_init(&defaults);
	rec.options = options != NULL ? options : &defaults;
	rec.summary = summary != NULL ? summary : &unasked;
	rec.begun = sr_clock_ns();
	memset(rec.summary, 0, sizeof(*rec.summary));
	if ((rc = check(rec.options, count)) != SR_OK)
		goto err0;
	if ((rc = sr_client_find(catalog, client, sr_text_of(NULL), SR_CLIENT_NAME, &known)) !=
	    SR_OK)
		goto err0;
	rc = sr_excludes_new(&rec.excludes, rec.options->excludes, rec.options->exclude_count);
	if (rc != SR_OK)
		goto err1;
	if ((rc = sr_own_new(&rec.own, sr_catalog_path(catalog))) != SR_OK)
		goto err2;
	rc = sr_roots_new(&roots, paths, count, rec.excludes, rec.options->one_file_system);
	if (rc != SR_OK)
		goto err3;
	rec.roots = &roots;
	rc = record_roots(&rec);
	rec.summary->interrupted = rc == SR_INTERRUPTED;
	sr_roots_free(&roots);
err3:
	sr_own_free(rec.own);
err2:
	sr_excludes_free(rec.excludes);
err1:
	sr_client_free(known);
err0:
	return sr_return(rc);
}
