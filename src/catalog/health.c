/*
 * Check-ups: the table of checks, and what runs them.
 *
 * Each check has a snapshot and a connection of its own, so that none holds the log back for
 * long, and one that ran into damage does not spoil the next. In a quick check-up each has a few
 * seconds; what it found until then stays, and what it did not reach is told.
 */
#include "health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/clock.h"
#include "../base/text.h"

static const sr_health_limits own_limits = {
	.whole_bytes = (int64_t)256 << 20, /* Seconds on a slow disk: it cannot be stopped. */
	.whole_rows = 100000,
	.pass_rows = 3000000,
	.recount_rows = 20000,
	.behind_rows = 100000, /* A quarter of a second. */
	.log_bytes = (int64_t)256 << 20,
	.reader_seconds = 300,
	.part_seconds = 3600,
};

#define SECONDS     2.0 /* Of each part of a quick check-up. */
#define SECONDS_MAX 1e6
#define PATIENCE    1000000000 /* Nanoseconds with what changes this very moment, */
#define PAUSE       20000000   /* and between two looks at it. */
#define TELL_EVERY  50000000   /* Nanoseconds between two calls of progress. */

typedef struct check {
	const char *what; /* For people: what it looks at. */
	sr_status (*run)(sr_checkup *c);
	bool files; /* Only with verify_files: it takes as long as it does, and connections for
		       itself. */
} check;

/* Cheap ones first. */
static const check checks[] = {
	{"the engine", sr_check_engine, false},
	{"the size", sr_check_size, false},
	{"the room left", sr_check_room, false},
	{"the log", sr_check_log, false},
	{"unfinished copies", sr_check_parts, false},
	{"the schema", sr_check_schema, false},
	{"foreign triggers", sr_check_foreign, false},
	{"the integrity of the pages", sr_check_integrity, false},
	{"references between rows", sr_check_references, false},
	{"counters against a count", sr_check_usage, false},
	{"totals against a count", sr_check_totals, false},
	{"quotas against a sum", sr_check_quotas, false},
	{"versions", sr_check_versions, false},
	{"the search index", sr_check_search_index, false},
	{"clients' AES keys", sr_check_keys, false},
	{"the storage folder", sr_check_storage, false},
	{"stored files", sr_check_stored, true},
};

#define CHECKS ((int64_t)(sizeof(checks) / sizeof(checks[0])))

/* ---- Findings ---- */

static char *keep(sr_checkup *c, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && copy == NULL)
		c->trouble = sr_fail_memory();
	return copy;
}

/* Fit for a terminal, whatever a damaged database has put into it. */
static char *keep_clean(sr_checkup *c, sr_text text)
{
	char *clean = text.data ? sr_text_escaped(text) : NULL;

	if (text.data && clean == NULL)
		c->trouble = sr_fail_memory();
	return clean;
}

static void release(const char *text)
{
	free((char *)(uintptr_t)text);
}

static void drop_finding(sr_finding *finding)
{
	release(finding->subject);
	release(finding->meaning);
	release(finding->cure);
}

void sr_finding_add(sr_checkup *c, sr_severity severity, const char *code, sr_text subject,
		    int64_t count, const char *cure, const char *fmt, ...)
{
	sr_health *health = c->health;
	char words[SR_MESSAGE_SIZE];
	sr_finding *more;
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	more = realloc(c->findings, (health->finding_count + 1) * sizeof(*more));
	if (more == NULL) {
		c->trouble = sr_fail_memory();
		return;
	}
	c->findings = more;
	health->findings = more;
	more[health->finding_count++] = (sr_finding){
		.code = code,
		.severity = severity,
		.subject = keep_clean(c, subject),
		.count = count,
		.meaning = keep(c, words),
		.cure = keep(c, cure),
	};
}

const char *sr_cure_repair(const sr_checkup *c)
{
	return c->reading.shape.latest ? "strongroom repair --apply"
				       : "strongroom migrate up, then strongroom repair --apply";
}

void sr_words_add(sr_checkup *c, const char *const **list, size_t *count, const char *text)
{
	const char **more = realloc((void *)(uintptr_t)*list, (*count + 1) * sizeof(*more));

	if (more == NULL) {
		c->trouble = sr_fail_memory();
		return;
	}
	*list = more;
	if ((more[*count] = keep(c, text)) != NULL)
		(*count)++;
}

void sr_unseen_add(sr_checkup *c, const char *fmt, ...)
{
	char words[SR_MESSAGE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	sr_words_add(c, &c->health->unseen, &c->health->unseen_count, words);
}

/* Forgets what a check added before it is run again. */
static void take_back(sr_checkup *c, size_t findings, size_t unseen)
{
	sr_health *health = c->health;

	while (health->finding_count > findings)
		drop_finding(&c->findings[--health->finding_count]);
	while (health->unseen_count > unseen)
		release(health->unseen[--health->unseen_count]);
}

void sr_tally_add(sr_tally *tally, const char *fmt, ...)
{
	char words[512];
	va_list args;

	if (tally->count++ >= SR_HEALTH_EXAMPLES)
		return;
	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	sr_buffer_printf(&tally->names, "%s%s", tally->count > 1 ? ", " : "", words);
}

const char *sr_tally_names(sr_checkup *c, sr_tally *tally)
{
	if (tally->count > SR_HEALTH_EXAMPLES)
		sr_buffer_printf(&tally->names, " and %" PRId64 " more",
				 tally->count - SR_HEALTH_EXAMPLES);
	if (sr_buffer_status(&tally->names) == SR_OK)
		return sr_buffer_text(&tally->names).data;
	c->trouble = SR_NO_MEMORY;
	return "";
}

void sr_tally_free(sr_tally *tally)
{
	sr_buffer_free(&tally->names);
	tally->count = 0;
}

/* ---- Running ---- */

bool sr_checkup_stop(sr_checkup *c)
{
	int64_t now = sr_clock_ns();

	if (c->cancelled || c->late)
		return true;
	c->cancelled = sr_cancel_wanted();
	if (c->options.progress != NULL && now - c->told >= TELL_EVERY) {
		c->told = now;
		c->cancelled |= c->options.progress(c->options.progress_arg, c->done, c->total);
	}
	c->late = c->deadline != 0 && now >= c->deadline;
	return c->cancelled || c->late;
}

static bool stop(void *arg)
{
	return sr_checkup_stop(arg);
}

sr_status sr_checkup_step(sr_checkup *c, sr_stmt *stmt, bool *row)
{
	sr_status rc = sr_step(stmt, row);

	if (rc == SR_INTERRUPTED && c->late && !c->cancelled) {
		*row = false;
		return SR_OK;
	}
	return rc;
}

sr_status sr_checkup_has(sr_checkup *c, const char *table, const char *column, bool *has)
{
	sr_stmt *stmt;
	sr_status rc;

	*has = false;
	rc = sr_prepare(c->conn,
			"SELECT 1 FROM sqlite_master m, pragma_table_xinfo(m.name) x"
			" WHERE m.type = 'table' AND m.name = $1 COLLATE NOCASE"
			" AND x.name = coalesce($2, x.name) COLLATE NOCASE LIMIT 1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	sr_bind_text(stmt, 2, column);
	rc = sr_step(stmt, has);
	return sr_stmt_end(stmt, rc);
}

/* Whether a failure says something about the database; the others end the check-up. */
static bool is_of_the_database(sr_status rc)
{
	switch (rc) {
	case SR_CORRUPT:
	case SR_IO:
	case SR_SQL:
	case SR_READ_ONLY:
	case SR_TOO_NEW:
	case SR_TOO_OLD:
	case SR_NOT_FOUND:
	case SR_PERMISSION:
	case SR_WRONG_KEY:
	case SR_REFUSED:
		return true;
	default:
		return false;
	}
}

/* The words of the error as a finding. */
static void add_failure(sr_checkup *c, const check *which, sr_status rc)
{
	char words[SR_MESSAGE_SIZE];
	bool damage = rc == SR_CORRUPT || rc == SR_IO;

	strcpy(words, sr_error_message());
	if (damage)
		c->health->integrity_check = false;
	sr_finding_add(c, SR_SEVERITY_ERROR, damage ? "damaged" : "check_failed",
		       sr_text_of(which->what), 1, damage ? SR_CURE_DAMAGE : NULL,
		       "%s cannot be checked: %s", which->what, words);
}

/* What is read without its log may get one in this very moment, or lose it: that passes, and is
 * tried again after a short pause. A lock that was waited for is another matter. */
static bool is_passing(sr_status rc, int64_t began)
{
	const struct timespec pause = {.tv_nsec = PAUSE};

	if ((rc != SR_BUSY && rc != SR_READ_ONLY) || sr_clock_ns() - began >= PATIENCE)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static sr_status run_once(sr_checkup *c, const check *which)
{
	sr_status rc;

	if (which->files)
		return which->run(c);
	if ((rc = sr_reading_begin(c->catalog, "sr_health_check", &c->reading)) != SR_OK)
		return rc;
	c->conn = c->reading.conn;
	sr_conn_watch(c->conn, stop, c);
	rc = which->run(c);
	sr_conn_watch(c->conn, NULL, NULL);
	sr_reading_end(&c->reading);
	c->conn = NULL;
	return rc;
}

static sr_status run(sr_checkup *c, const check *which)
{
	size_t findings = c->health->finding_count;
	size_t unseen = c->health->unseen_count;
	bool boxed = !c->options.full && !which->files;
	int64_t began = sr_clock_ns();
	sr_status rc;

	c->late = false;
	c->deadline = boxed ? sr_clock_ns() + (int64_t)(c->options.seconds * 1e9) : 0;
	rc = run_once(c, which);
	while (is_passing(rc, began)) {
		take_back(c, findings, unseen);
		rc = run_once(c, which);
	}
	if (c->trouble != SR_OK)
		return sr_fail_memory();
	if (c->cancelled)
		return sr_fail(SR_INTERRUPTED, "interrupted while checking %s", which->what);
	if (c->late)
		sr_unseen_add(c, "%s: not all, after %g s", which->what, c->options.seconds);
	if (rc == SR_OK || (rc == SR_INTERRUPTED && c->late))
		return SR_OK;
	if (!is_of_the_database(rc))
		return rc;
	add_failure(c, which, rc);
	return SR_OK;
}

static int compare_findings(const void *a, const void *b)
{
	const sr_finding *one = a;
	const sr_finding *other = b;

	return (int)other->severity - (int)one->severity;
}

/* Errors first; those of one severity in the order of the checks. */
static void sort(sr_checkup *c)
{
	for (size_t i = 1; i < c->health->finding_count; i++) {
		sr_finding one = c->findings[i];
		size_t at = i;

		for (; at > 0 && compare_findings(&c->findings[at - 1], &one) > 0; at--)
			c->findings[at] = c->findings[at - 1];
		c->findings[at] = one;
	}
}

static void list_issues(sr_checkup *c)
{
	sr_health *health = c->health;

	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *f = &health->findings[i];
		char words[2 * SR_MESSAGE_SIZE];

		health->errors += f->severity == SR_SEVERITY_ERROR;
		health->warnings += f->severity == SR_SEVERITY_WARNING;
		health->notes += f->severity == SR_SEVERITY_NOTE;
		if (f->severity == SR_SEVERITY_NOTE)
			continue;
		snprintf(words, sizeof(words), "%s%s%s", f->meaning, f->cure ? "; cure: " : "",
			 f->cure ? f->cure : "");
		sr_words_add(c, &health->issues, &health->issue_count, words);
	}
}

static sr_status finish(sr_checkup *c)
{
	sort(c);
	list_issues(c);
	return c->trouble != SR_OK ? sr_fail_memory() : SR_OK;
}

/* ---- The public calls ---- */

const char *sr_severity_name(sr_severity severity)
{
	switch (severity) {
	case SR_SEVERITY_NOTE:
		return "note";
	case SR_SEVERITY_WARNING:
		return "warning";
	case SR_SEVERITY_ERROR:
		return "error";
	}
	return "unknown";
}

void sr_health_options_init(sr_health_options *options)
{
	*options = (sr_health_options){
		.version = SR_HEALTH_OPTIONS_VERSION,
		.sample = 100,
		.seconds = SECONDS,
	};
}

static sr_status take_options(sr_checkup *c, const sr_health_options *options)
{
	if (options == NULL)
		sr_health_options_init(&c->options);
	else
		c->options = *options;
	options = &c->options;
	if (options->version != SR_HEALTH_OPTIONS_VERSION)
		return sr_fail(SR_INVALID,
			       "sr_health_options of version %u, not %d: sr_health_options_init it",
			       options->version, SR_HEALTH_OPTIONS_VERSION);
	if (!(options->sample > 0 && options->sample <= 100))
		return sr_fail(SR_INVALID, "a sample of %g percent: more than 0, at most 100",
			       options->sample);
	if (!(options->seconds > 0 && options->seconds <= SECONDS_MAX))
		return sr_fail(SR_INVALID, "%g seconds for each part: more than 0, at most %g",
			       options->seconds, SECONDS_MAX);
	if (c->options.seed == 0) {
		sr_id id;

		/* Its end is random. */
		sr_id_new(&id);
		memcpy(&c->options.seed, id.bytes + 8, sizeof(c->options.seed));
		/* Small enough for every reader of JSON. */
		c->options.seed = (c->options.seed & 0xffffffffU) | 1;
	}
	return SR_OK;
}

static sr_status begin(sr_checkup *c, const sr_health_options *options)
{
	sr_status rc = take_options(c, options);

	if (rc != SR_OK)
		return rc;
	if ((c->health = calloc(1, sizeof(*c->health))) == NULL)
		return sr_fail_memory();
	*c->health = (sr_health){
		.integrity_check = true,
		.foreign_key_check = true,
		.full = c->options.full,
		.schema_version = -1,
		.latest_version = sr_schema_latest(),
		.seed = c->options.seed,
		.other_readers = -1,
		.size = {.status = "error"},
	};
	c->total = CHECKS;
	c->health->engine = keep(c, sr_engine_version());
	return c->trouble != SR_OK ? sr_fail_memory() : SR_OK;
}

static sr_status run_all(sr_checkup *c)
{
	sr_pool_statistics figures;
	sr_status rc;

	if ((rc = sr_pool_statistics_get(c->catalog, &figures)) != SR_OK)
		return rc;
	c->health->opened = true;
	for (int64_t i = 0; i < CHECKS; i++) {
		if (checks[i].files && !c->options.verify_files)
			continue;
		if (!checks[i].files)
			c->done = i;
		if ((rc = run(c, &checks[i])) != SR_OK)
			return rc;
	}
	sr_check_pool(c, &figures);
	return c->trouble != SR_OK ? sr_fail_memory() : SR_OK;
}

/* Hands the result over, or drops it. */
static sr_status end(sr_checkup *c, sr_status rc, sr_health **health)
{
	if (rc == SR_OK)
		rc = finish(c);
	if (rc == SR_OK)
		*health = c->health;
	else
		sr_health_free(c->health);
	return rc;
}

sr_status sr_health_run(sr_catalog *catalog, const sr_health_options *options,
			const sr_health_limits *limits, sr_health **health)
{
	sr_checkup c = {.catalog = catalog, .limits = limits ? limits : &own_limits};
	sr_status rc;

	*health = NULL;
	if ((rc = begin(&c, options)) == SR_OK)
		rc = run_all(&c);
	return end(&c, rc, health);
}

sr_status sr_health_check(sr_catalog *catalog, const sr_health_options *options, sr_health **health)
{
	return sr_return(sr_health_run(catalog, options, NULL, health));
}

/* Reading alone; but a log that a crash has left can only be used by who may write. */
static sr_status open_once(sr_catalog **catalog, sr_options *options)
{
	sr_status rc;

	options->read_only = true;
	if ((rc = sr_open(catalog, options)) != SR_READ_ONLY)
		return rc;
	options->read_only = false;
	return sr_open(catalog, options);
}

static sr_status open_to_read(sr_catalog **catalog, const sr_options *where)
{
	sr_options options;
	int64_t began = sr_clock_ns();
	sr_status rc;

	if ((rc = sr_options_take(&options, where)) != SR_OK)
		return rc;
	options.create = options.migrate = false;
	rc = open_once(catalog, &options);
	while (is_passing(rc, began))
		rc = open_once(catalog, &options);
	return rc;
}

/* Why it cannot be opened, where that is the database's fault. */
static sr_status explain(sr_checkup *c, sr_status rc)
{
	char words[SR_MESSAGE_SIZE];

	if (rc == SR_NOT_FOUND || !is_of_the_database(rc))
		return rc;
	strcpy(words, sr_error_message());
	if (rc == SR_CORRUPT || rc == SR_IO)
		c->health->integrity_check = false;
	sr_finding_add(c, SR_SEVERITY_ERROR, "cannot_open", sr_text_of(NULL), 1,
		       rc == SR_CORRUPT || rc == SR_IO ? SR_CURE_DAMAGE : NULL, "%s", words);
	return c->trouble != SR_OK ? sr_fail_memory() : SR_OK;
}

sr_status sr_health_look(const sr_options *where, const sr_health_options *options,
			 sr_health **health)
{
	sr_catalog *catalog = NULL;
	sr_checkup c = {.limits = &own_limits};
	sr_status rc;

	*health = NULL;
	if ((rc = begin(&c, options)) != SR_OK)
		goto err0;
	if ((rc = open_to_read(&catalog, where)) != SR_OK) {
		rc = explain(&c, rc);
		goto err0;
	}
	c.catalog = catalog;
	if ((rc = run_all(&c)) == SR_OK) {
		rc = sr_close(catalog);
	} else {
		char words[SR_MESSAGE_SIZE];

		/* Closing must not replace them. */
		strcpy(words, sr_error_message());
		(void)sr_close(catalog);
		sr_error_set(words);
	}

err0:
	return sr_return(end(&c, rc, health));
}

static void free_list(const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		release(list[i]);
	free((void *)(uintptr_t)list);
}

void sr_health_free(sr_health *health)
{
	if (health == NULL)
		return;
	for (size_t i = 0; i < health->finding_count; i++)
		drop_finding((sr_finding *)(uintptr_t)&health->findings[i]);
	free((void *)(uintptr_t)health->findings);
	free_list(health->issues, health->issue_count);
	free_list(health->unseen, health->unseen_count);
	free_list(health->pool.warnings, health->pool.warning_count);
	free_list(health->pool.recommendations, health->pool.recommendation_count);
	release(health->engine);
	release(health->size.message);
	free(health);
}
