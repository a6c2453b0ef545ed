/*
 * Which category files have: one file's by hand, all files' by the rules, and those of a category
 * that goes.
 *
 * Many files change so: a reader looks at the next ones without holding anybody up, and collects
 * those that get another category; a short transaction then writes them, each on condition that it
 * is still what the reader saw.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "category.h"
#include "file.h"

enum {
	STEPS_MOST = 1000,  /* Files that one transaction changes. */
	LOOKED_MOST = 50000 /* Files that one reading looks at. */
};

/* A file that gets another category. */
struct step {
	int64_t row;
	sr_text seen[3]; /* Its category, MIME type and extension, in one piece of memory. */
	sr_text to;      /* The rules', or the caller's. */
	int64_t size;
	bool written; /* It was still so. */
};

/* Files that went from one category to another. */
struct move {
	char *from; /* Owned; NULL for none. */
	sr_text to;
	int64_t files;
	int64_t bytes;
};

struct pass {
	sr_catalog *catalog;
	const sr_category_rules *rules; /* What files get; without any, */
	sr_text to;                     /* all get this. */
	const sr_id *client;            /* Only its files, or NULL. */
	sr_text from;                   /* Only files of this category, or null. */
	bool dry_run;
	int64_t after; /* The last row looked at. */
	bool ended;    /* There is none behind it. */
	struct step steps[STEPS_MOST];
	size_t count;
	int64_t looked;
	int64_t changed;
	struct move *moves;
	size_t move_count;
};

static void free_steps(struct pass *pass)
{
	for (size_t i = 0; i < pass->count; i++)
		free((void *)(uintptr_t)pass->steps[i].seen[0].data);
	pass->count = 0;
}

static void free_pass(struct pass *pass)
{
	free_steps(pass);
	for (size_t i = 0; i < pass->move_count; i++)
		free(pass->moves[i].from);
	free(pass->moves);
	free(pass);
}

/* ---- Looking ---- */

/* The columns of the statement below. */
enum { ROW, NAME, CATEGORY, MIME_TYPE, EXTENSION, SIZE };

static sr_status prepare_look(sr_reading *reading, const struct pass *pass, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql,
			 "SELECT f.row_number, f.FileName, f.FileCategory, f.MimeType,"
			 " f.FileExtension, f.FileSize FROM %s f WHERE f.row_number > $1%s%s"
			 " ORDER BY f.row_number",
			 reading->shape.files, pass->client ? " AND f.ClientID = $2" : "",
			 pass->from.data ? " AND f.FileCategory = $3" : "");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(reading->conn, sql.data, stmt);
	sr_buffer_free(&sql);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(*stmt, 1, pass->after);
	if (pass->client != NULL)
		sr_bind_id(*stmt, 2, pass->client);
	if (pass->from.data != NULL)
		sr_bind_name(*stmt, 3, pass->from);
	return SR_OK;
}

/* Copies what was seen of the file; the first text's memory holds them all. */
static sr_status keep_seen(sr_stmt *stmt, struct step *step)
{
	size_t size = 1;
	char *at;

	for (int i = 0; i < 3; i++)
		size += sr_column_text(stmt, CATEGORY + i).length;
	if ((at = malloc(size)) == NULL)
		return sr_fail_memory();
	step->seen[0].data = at;
	for (int i = 0; i < 3; i++) {
		const sr_text text = sr_column_text(stmt, CATEGORY + i);

		step->seen[i] = (sr_text){at, text.length};
		if (text.data != NULL)
			memcpy(at, text.data, text.length);
		at += text.length;
	}
	return SR_OK;
}

/* The file that stmt stands on; a step where it is to change. */
static sr_status look_at(struct pass *pass, sr_stmt *stmt)
{
	const sr_text category = sr_column_text(stmt, CATEGORY);
	sr_text extension = sr_column_text(stmt, EXTENSION);
	sr_text to = pass->to;
	struct step *step = &pass->steps[pass->count];
	sr_status rc;

	pass->after = sr_column_integer(stmt, ROW);
	pass->looked++;
	if (pass->rules != NULL) {
		if (extension.data == NULL)
			extension = sr_file_extension_of(sr_column_text(stmt, NAME));
		to = sr_category_classify(pass->rules, sr_column_text(stmt, MIME_TYPE), extension);
	}
	if (sr_text_equal(category, to))
		return SR_OK;
	if ((rc = keep_seen(stmt, step)) != SR_OK)
		return rc;
	step->row = pass->after;
	step->to = to;
	step->size = sr_column_integer(stmt, SIZE);
	step->written = pass->dry_run;
	pass->count++;
	return SR_OK;
}

static sr_status look(struct pass *pass)
{
	const int64_t until = pass->looked + LOOKED_MOST;
	sr_reading reading = {0};
	sr_stmt *stmt;
	sr_status rc;
	bool row = true;

	free_steps(pass);
	if ((rc = sr_reading_begin(pass->catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if ((rc = prepare_look(&reading, pass, &stmt)) != SR_OK)
		goto err0;
	while (pass->count < STEPS_MOST && pass->looked < until &&
	       (rc = sr_step(stmt, &row)) == SR_OK && row) {
		if ((rc = look_at(pass, stmt)) != SR_OK)
			break;
	}
	rc = sr_stmt_end(stmt, rc);
	pass->ended = rc == SR_OK && !row;
err0:
	sr_reading_end(&reading);
	return rc;
}

/* ---- Writing ---- */

static sr_status write_step(sr_stmt *stmt, sr_conn *conn, struct step *step)
{
	static const char nothing = '\0';
	sr_status rc;

	sr_bind_integer(stmt, 1, step->row);
	sr_bind_name(stmt, 2, step->to);
	for (int i = 0; i < 3; i++)
		sr_bind_name(stmt, 3 + i,
			     step->seen[i].length > 0 ? step->seen[i] : (sr_text){&nothing, 0});
	if ((rc = sr_run(stmt)) == SR_OK)
		step->written = sr_conn_changes(conn) > 0;
	return rc;
}

static sr_status write_steps(sr_conn *conn, void *arg)
{
	struct pass *pass = arg;
	sr_stmt *stmt;
	sr_status rc;

	/* One may have been deleted meanwhile, and a file's own null reads as "". */
	if (pass->to.data != NULL && (rc = sr_category_require(conn, pass->to)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(conn,
			     "UPDATE files SET FileCategory = $2 WHERE rowid = $1"
			     " AND coalesce(FileCategory, '') = $3 AND coalesce(MimeType, '') = $4"
			     " AND coalesce(FileExtension, '') = $5",
			     &stmt)) != SR_OK)
		return rc;
	for (size_t i = 0; rc == SR_OK && i < pass->count; i++)
		rc = write_step(stmt, conn, &pass->steps[i]);
	return sr_stmt_end(stmt, rc);
}

/* ---- Counting ---- */

static bool is_move(const struct move *move, const struct step *step)
{
	return sr_text_equal(sr_text_of(move->from), step->seen[0]) &&
	       sr_text_equal(move->to, step->to);
}

static sr_status count_step(struct pass *pass, const struct step *step)
{
	struct move *grown;
	size_t i = 0;

	pass->changed++;
	while (i < pass->move_count && !is_move(&pass->moves[i], step))
		i++;
	if (i == pass->move_count) {
		if ((grown = realloc(pass->moves, (i + 1) * sizeof(*grown))) == NULL)
			return sr_fail_memory();
		pass->moves = grown;
		grown[i] = (struct move){.to = step->to};
		if ((grown[i].from = strndup(step->seen[0].data, step->seen[0].length)) == NULL)
			return sr_fail_memory();
		pass->move_count++;
	}
	pass->moves[i].files++;
	if (step->size > 0 && step->size <= INT64_MAX - pass->moves[i].bytes)
		pass->moves[i].bytes += step->size;
	return SR_OK;
}

/* One chunk: looked at, written, counted. */
static sr_status go_on(struct pass *pass)
{
	sr_status rc;

	if ((rc = look(pass)) != SR_OK)
		return rc;
	if (pass->count > 0 && !pass->dry_run &&
	    (rc = sr_catalog_write(pass->catalog, SR_HERE, write_steps, pass)) != SR_OK)
		return rc;
	for (size_t i = 0; rc == SR_OK && i < pass->count; i++) {
		if (pass->steps[i].written)
			rc = count_step(pass, &pass->steps[i]);
	}
	return rc;
}

/* ---- By the rules ---- */

void sr_classify_options_init(sr_classify_options *options)
{
	memset(options, 0, sizeof(*options));
	options->version = SR_CLASSIFY_OPTIONS_VERSION;
}

/* How many files there are to look at; also finds that there is no such client, or no rules. */
static sr_status count_files(sr_catalog *catalog, const sr_id *client, int64_t *total)
{
	sr_reading reading = {0};
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool there;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if ((rc = sr_category_table_exists(reading.conn, "category_rules", &there)) != SR_OK)
		goto err0;
	if (!there) {
		rc = sr_fail(SR_TOO_OLD,
			     "the database %s is at schema version %d and has no rules: run "
			     "`strongroom migrate up`",
			     sr_quoted(sr_text_of(catalog->settings.path)), reading.shape.version);
		goto err0;
	}
	if (client != NULL && (rc = sr_file_check_client(&reading, client)) != SR_OK)
		goto err0;
	sr_buffer_printf(&sql, "SELECT count(*) FROM %s f%s", reading.shape.files,
			 client ? " WHERE f.ClientID = $1" : "");
	if ((rc = sr_buffer_status(&sql)) != SR_OK ||
	    (rc = sr_prepare(reading.conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	if (client != NULL)
		sr_bind_id(stmt, 1, client);
	if ((rc = sr_step(stmt, &there)) == SR_OK)
		*total = there ? sr_column_integer(stmt, 0) : 0;
	sr_stmt_done(stmt);

err0:
	sr_buffer_free(&sql);
	sr_reading_end(&reading);
	return rc;
}

/* What was done is told whether or not it came to its end; the words of a failure stay. */
static void tell(const struct pass *pass, const sr_classify_options *options, int64_t *looked,
		 int64_t *changed)
{
	if (looked != NULL)
		*looked = pass->looked;
	if (changed != NULL)
		*changed = pass->changed;
	for (size_t i = 0; options->moved != NULL && i < pass->move_count; i++) {
		const struct move *move = &pass->moves[i];

		options->moved(options->arg, sr_text_of(move->from[0] != '\0' ? move->from : NULL),
			       move->to, move->files, move->bytes);
	}
}

static sr_status classify_all(struct pass *pass, const sr_classify_options *options)
{
	int64_t total = 0;
	sr_status rc;

	if ((rc = count_files(pass->catalog, options->client, &total)) != SR_OK)
		return rc;
	if (!pass->dry_run && (rc = sr_catalog_writable(pass->catalog)) != SR_OK)
		return rc;
	while (rc == SR_OK && !pass->ended) {
		rc = go_on(pass);
		if (rc == SR_OK && options->progress != NULL &&
		    options->progress(options->arg, pass->looked, total))
			rc = sr_fail(SR_INTERRUPTED, "classifying was stopped");
	}
	return rc;
}

sr_status sr_category_classify_files(sr_catalog *catalog, const sr_classify_options *options,
				     int64_t *looked, int64_t *changed)
{
	sr_category_rules *rules = NULL;
	char why[SR_MESSAGE_SIZE];
	struct pass *pass;
	sr_status rc;

	if (looked != NULL)
		*looked = 0;
	if (changed != NULL)
		*changed = 0;
	if (options->version != SR_CLASSIFY_OPTIONS_VERSION)
		return sr_return(sr_fail(
			SR_INVALID, "version %u of the classify options; this library knows %d",
			options->version, SR_CLASSIFY_OPTIONS_VERSION));
	if ((rc = sr_category_rules_load(catalog, &rules)) != SR_OK)
		return rc;
	if ((pass = calloc(1, sizeof(*pass))) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	pass->catalog = catalog;
	pass->rules = rules;
	pass->client = options->client;
	pass->from = options->from;
	pass->dry_run = options->dry_run;
	pass->after = INT64_MIN + 1;
	rc = classify_all(pass, options);
	strcpy(why, sr_error_message());
	tell(pass, options, looked, changed);
	sr_error_set(why);
	free_pass(pass);
err0:
	sr_category_rules_free(rules);
	return sr_return(rc);
}

/* ---- One file ---- */

typedef struct assignment {
	const sr_id *client;
	sr_text key;
	sr_text category;
} assignment;

static sr_status assign_one(sr_conn *conn, void *arg)
{
	const assignment *wanted = arg;
	sr_stmt *stmt;
	sr_file file;
	int64_t row;
	sr_status rc;

	if ((rc = sr_category_require(conn, wanted->category)) != SR_OK)
		return rc;
	if ((rc = sr_file_seek(conn, NULL, wanted->client, wanted->key, &stmt)) != SR_OK)
		return rc;
	row = sr_file_row(stmt);
	if ((rc = sr_stmt_end(stmt, rc)) != SR_OK)
		return rc;
	sr_file_init(&file);
	file.category = wanted->category;
	return sr_file_update(conn, row, &file, SR_FILE_BIT(SR_FILE_CATEGORY));
}

sr_status sr_category_assign(sr_catalog *catalog, const sr_id *client, sr_text key,
			     sr_text category)
{
	assignment wanted = {client, key, category};
	sr_status rc;

	if ((rc = sr_file_check_key(key)) != SR_OK ||
	    (rc = sr_category_check_name(category)) != SR_OK)
		return sr_return(rc);
	return sr_return(sr_catalog_write(catalog, SR_HERE, assign_one, &wanted));
}

/* ---- A category goes ---- */

typedef struct removal {
	sr_text name;
	sr_text move_to;
	int64_t moved; /* In the last transaction. */
} removal;

static bool is_word(sr_text name, const char *word)
{
	return sr_text_equal(name, sr_text_of(word));
}

static sr_status check_removal(const removal *job)
{
	sr_status rc;

	if ((rc = sr_category_check_name(job->name)) != SR_OK)
		return rc;
	if (is_word(job->name, SR_CATEGORY_REST) || is_word(job->name, SR_CATEGORY_DEFAULT))
		return sr_fail(SR_REFUSED,
			       "category %s stays: files get it that no rule fits, or that say "
			       "nothing",
			       sr_quoted(job->name));
	if (job->move_to.data == NULL)
		return SR_OK;
	if (sr_text_equal(job->name, job->move_to))
		return sr_fail(SR_INVALID, "the files of category %s cannot go to itself",
			       sr_quoted(job->name));
	return sr_category_check_name(job->move_to);
}

static sr_status run_for(sr_conn *conn, const char *sql, const removal *job, int64_t *result)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, job->name);
	if (sr_stmt_parameters(stmt) > 1)
		sr_bind_name(stmt, 2, job->move_to);
	if ((rc = sr_step(stmt, &row)) == SR_OK)
		*result = row ? sr_column_integer(stmt, 0) : sr_conn_changes(conn);
	return sr_stmt_end(stmt, rc);
}

/* Nobody can save a file into it any more: those that came meanwhile go first. */
static sr_status remove_one(sr_conn *conn, void *arg)
{
	removal *job = arg;
	int64_t count;
	sr_status rc;

	job->moved = 0;
	if ((rc = sr_category_require(conn, job->name)) != SR_OK)
		return rc;
	if (job->move_to.data != NULL) {
		if ((rc = sr_category_require(conn, job->move_to)) != SR_OK)
			return rc;
		rc = run_for(conn, "UPDATE files SET FileCategory = $2 WHERE FileCategory = $1",
			     job, &job->moved);
	} else {
		rc = run_for(conn, "SELECT count(*) FROM files WHERE FileCategory = $1", job,
			     &count);
		if (rc == SR_OK && count > 0)
			rc = sr_fail(SR_REFUSED,
				     "category %s is that of %" PRId64 " %s, with --move-to",
				     sr_quoted(job->name), count,
				     sr_plural(count, "file: say which one it gets",
					       "files: say which one they get"));
	}
	if (rc != SR_OK || (rc = sr_category_rules_move(conn, job->name, job->move_to)) != SR_OK)
		return rc;
	return run_for(conn, "DELETE FROM file_categories WHERE Name = $1", job, &count);
}

/* What can be moved without holding anybody up. */
static sr_status move_files(sr_catalog *catalog, const removal *job, int64_t *moved)
{
	struct pass *pass = calloc(1, sizeof(*pass));
	sr_status rc = SR_OK;

	if (pass == NULL)
		return sr_fail_memory();
	pass->catalog = catalog;
	pass->to = job->move_to;
	pass->from = job->name;
	pass->after = INT64_MIN + 1;
	while (rc == SR_OK && !pass->ended)
		rc = go_on(pass);
	*moved = pass->changed;
	free_pass(pass);
	return rc;
}

sr_status sr_category_delete(sr_catalog *catalog, sr_text name, sr_text move_to, int64_t *moved)
{
	removal job = {.name = name, .move_to = move_to};
	int64_t before = 0;
	sr_status rc;

	if ((rc = check_removal(&job)) != SR_OK)
		return sr_return(rc);
	if (move_to.data != NULL && (rc = move_files(catalog, &job, &before)) != SR_OK)
		return sr_return(rc);
	if ((rc = sr_catalog_write(catalog, SR_HERE, remove_one, &job)) == SR_OK && moved != NULL)
		*moved = before + job.moved;
	return sr_return(rc);
}
