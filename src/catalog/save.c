/* Saving files: added, changed with a version, or unchanged and corrected in place. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/path.h"
#include "../schema/counters.h"
#include "bulk.h"
#include "file.h"
#include "search_index.h"

#define NAME_MAX_BYTES      4096
#define PATH_MAX_BYTES      65536
#define WORD_MAX_BYTES      255 /* Dates, categories, types: generous, and bounded. */
#define EXTENSION_MAX_BYTES 10  /* VARCHAR(10) in every database. */
#define HASH_BYTES          64
#define BULK_LEAST          32  /* Files for which triggers are worth being turned off. */
#define LARGE               100 /* Files of one call that do not join another's transaction. */

/* ---- What was given ---- */

/* A file as it will be written: derived what was left out, spelt as it is stored. */
typedef struct wanted {
	sr_file file;
	bool extension_derived;                  /* Not given: fills a gap, replaces nothing. */
	bool path_derived;                       /* Not given: what is known stays. */
	char hash[HASH_BYTES + 1];               /* Lower case. */
	char extension[EXTENSION_MAX_BYTES + 1]; /* Lower case. */
} wanted;

static const char *named(const sr_file *file)
{
	return sr_quoted(file->original_path.data ? file->original_path : file->name);
}

static sr_status check_text(const sr_file *file, const char *field, sr_text text, size_t max)
{
	if (text.data == NULL)
		return SR_OK;
	if (text.length == 0)
		return sr_fail(SR_INVALID, "%s of file %s is empty", field, named(file));
	if (text.length > max)
		return sr_fail(SR_INVALID, "%s %s of file %s has %zu bytes, more than %zu", field,
			       sr_quoted(text), named(file), text.length, max);
	if (memchr(text.data, '\0', text.length) != NULL)
		return sr_fail(SR_INVALID, "%s %s of file %s contains a NUL", field,
			       sr_quoted(text), named(file));
	return SR_OK;
}

static sr_status check_number(const sr_file *file, const char *field, int64_t number, int64_t max)
{
	if (number == SR_NULL_INTEGER || (number >= 0 && number <= max))
		return SR_OK;
	if (number < 0)
		return sr_fail(SR_INVALID, "%s %" PRId64 " of file %s is negative", field, number,
			       named(file));
	return sr_fail(SR_INVALID, "%s %" PRId64 " of file %s is more than %" PRId64, field, number,
		       named(file), max);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static sr_status check_hash(const sr_file *file)
{
	sr_text hash = file->hash;
	bool good = hash.length == HASH_BYTES;

	if (hash.data == NULL)
		return SR_OK;
	for (size_t i = 0; good && i < hash.length; i++)
		good = is_hex(hash.data[i]);
	if (good)
		return SR_OK;
	return sr_fail(SR_INVALID, "hash %s of file %s is not %d hex digits", sr_quoted(hash),
		       named(file), HASH_BYTES);
}

static sr_status check_numbers(const sr_file *file)
{
	sr_status rc;

	if ((rc = check_number(file, "size", file->size, INT64_MAX)) != SR_OK)
		return rc;
	if ((rc = check_number(file, "CRC", file->crc, UINT32_MAX)) != SR_OK)
		return rc;
	if ((rc = check_number(file, "transfer duration", file->transfer_duration, INT64_MAX)) !=
	    SR_OK)
		return rc;
	if ((rc = check_number(file, "transfer speed", file->transfer_speed, INT64_MAX)) != SR_OK)
		return rc;
	if (!isnan(file->compression_ratio) &&
	    (file->compression_ratio < 0 || isinf(file->compression_ratio)))
		return sr_fail(SR_INVALID, "compression ratio %g of file %s makes no sense",
			       file->compression_ratio, named(file));
	return SR_OK;
}

static sr_status check_file(const sr_file *file)
{
	sr_status rc;

	if (file->name.data == NULL && file->original_path.data == NULL)
		return sr_fail(SR_INVALID, "a file has neither a name nor an original path");
	if ((rc = check_text(file, "original path", file->original_path, PATH_MAX_BYTES)) != SR_OK)
		return rc;
	if (file->name.data == NULL && sr_path_name(file->original_path).length == 0)
		return sr_fail(SR_INVALID, "original path %s has no name at its end",
			       sr_quoted(file->original_path));
	if ((rc = check_text(file, "name",
			     file->name.data ? file->name : sr_path_name(file->original_path),
			     NAME_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "path", file->path, PATH_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "date", file->date, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "category", file->category, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "MIME type", file->mime_type, WORD_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_text(file, "extension", file->extension, EXTENSION_MAX_BYTES)) != SR_OK)
		return rc;
	if ((rc = check_hash(file)) != SR_OK)
		return rc;
	return check_numbers(file);
}

sr_text sr_file_extension_of(sr_text name)
{
	const char *dot = name.length > 0 ? memrchr(name.data, '.', name.length) : NULL;
	sr_text none = {NULL, 0};
	sr_text extension;

	if (dot == NULL || dot == name.data)
		return none;
	extension.data = dot + 1;
	extension.length = name.length - (size_t)(extension.data - name.data);
	if (extension.length == 0 || extension.length > EXTENSION_MAX_BYTES ||
	    memchr(extension.data, ' ', extension.length) != NULL || !sr_text_is_utf8(extension) ||
	    sr_text_has_control(extension))
		return none;
	return extension;
}

static sr_text copy_lower(char *out, sr_text text)
{
	sr_text copy = {out, text.length};

	for (size_t i = 0; i < text.length; i++)
		out[i] = lower(text.data[i]);
	out[text.length] = '\0';
	return copy;
}

static void complete(const sr_file *given, wanted *want)
{
	sr_file *file = &want->file;

	*file = *given;
	if (file->name.data == NULL)
		file->name = sr_path_name(file->original_path);
	want->path_derived = file->path.data == NULL;
	if (want->path_derived)
		file->path = file->name;
	want->extension_derived = file->extension.data == NULL;
	if (want->extension_derived)
		file->extension = sr_file_extension_of(file->name);
	if (file->extension.data != NULL)
		file->extension = copy_lower(want->extension, file->extension);
	if (file->hash.data != NULL)
		file->hash = copy_lower(want->hash, file->hash);
	file->missing_since = (sr_text){NULL, 0};
	file->current_version = SR_NULL_INTEGER;
	file->versions = 1;
	file->has_id = false;
}

/* ---- Against what is known ---- */

bool sr_file_same_date(sr_text a, sr_text b)
{
	int64_t left, right;

	if (sr_text_equal(a, b))
		return true;
	if (a.data == NULL || b.data == NULL)
		return false;
	return sr_time_parse(a.data, &left, NULL) == SR_OK &&
	       sr_time_parse(b.data, &right, NULL) == SR_OK && left == right;
}

bool sr_file_same_hash(sr_text a, sr_text b)
{
	return a.length == b.length &&
	       (a.length == 0 || strncasecmp(a.data, b.data, a.length) == 0);
}

/* What one side lacks tells nothing, so it is no difference. */
static bool content_differs(const sr_file *known, const sr_file *given)
{
	if (known->hash.data != NULL && given->hash.data != NULL)
		return !sr_file_same_hash(known->hash, given->hash);
	if (known->crc != SR_NULL_INTEGER && given->crc != SR_NULL_INTEGER)
		return known->crc != given->crc;
	if (known->size != SR_NULL_INTEGER && given->size != SR_NULL_INTEGER &&
	    known->size != given->size)
		return true;
	return known->date.data != NULL && given->date.data != NULL &&
	       !sr_file_same_date(known->date, given->date);
}

static unsigned integer_bit(sr_file_column column, int64_t known, int64_t given, bool clear)
{
	if (known == given || (given == SR_NULL_INTEGER && !clear))
		return 0;
	return SR_FILE_BIT(column);
}

static unsigned text_bit(sr_file_column column, sr_text known, sr_text given, bool clear)
{
	if ((given.data == NULL && !clear) || sr_text_equal(known, given))
		return 0;
	return SR_FILE_BIT(column);
}

/* The columns in which the row must be written. New content also clears what is not known of
 * it; the same content keeps what was known before. */
static unsigned differing(const sr_file *known, const wanted *want, bool changed)
{
	const sr_file *given = &want->file;
	unsigned bits = 0;

	bits |= text_bit(SR_FILE_NAME, known->name, given->name, false);
	if (!want->path_derived)
		bits |= text_bit(SR_FILE_PATH, known->path, given->path, false);
	if (known->verified != given->verified)
		bits |= SR_FILE_BIT(SR_FILE_VERIFIED);
	/* Where the bytes are was not said: that they are stored is no news either. */
	if (known->stored != given->stored && !(want->path_derived && given->stored))
		bits |= SR_FILE_BIT(SR_FILE_STORED);
	bits |= integer_bit(SR_FILE_SIZE, known->size, given->size, changed);
	if ((given->date.data != NULL || changed) && !sr_file_same_date(known->date, given->date))
		bits |= SR_FILE_BIT(SR_FILE_DATE);
	bits |= integer_bit(SR_FILE_CRC, known->crc, given->crc, changed);
	if ((given->hash.data != NULL || changed) && !sr_file_same_hash(known->hash, given->hash))
		bits |= SR_FILE_BIT(SR_FILE_HASH);
	bits |= text_bit(SR_FILE_CATEGORY, known->category, given->category, false);
	bits |= text_bit(SR_FILE_MIME_TYPE, known->mime_type, given->mime_type, false);
	if (!want->extension_derived || known->extension.data == NULL)
		bits |= text_bit(SR_FILE_EXTENSION, known->extension, given->extension, false);
	bits |= integer_bit(SR_FILE_TRANSFER_DURATION, known->transfer_duration,
			    given->transfer_duration, changed);
	bits |= integer_bit(SR_FILE_TRANSFER_SPEED, known->transfer_speed, given->transfer_speed,
			    changed);
	if (isnan(given->compression_ratio) ? changed && !isnan(known->compression_ratio)
					    : given->compression_ratio != known->compression_ratio)
		bits |= SR_FILE_BIT(SR_FILE_COMPRESSION_RATIO);
	bits |= integer_bit(SR_FILE_MODIFIED_NS, known->modified_ns, given->modified_ns, changed);
	bits |= integer_bit(SR_FILE_INODE, known->inode, given->inode, changed);
	if (known->missing_since.data != NULL)
		bits |= SR_FILE_BIT(SR_FILE_MISSING_SINCE);
	if (changed)
		bits |= SR_FILE_BIT(SR_FILE_RECORDED_AT);
	return bits;
}

/* ---- The operation ---- */

typedef struct saving {
	const sr_file *files; /* The call's. */
	size_t count;
	sr_outcome *outcomes; /* count of them. */
	sr_id *ids;           /* count of them. */
	sr_saved saved;
	const sr_activity_run *run;  /* The call's, as it was before; NULL: none. */
	char now[SR_TIME_TEXT_SIZE]; /* One moment for the whole batch. */

	/* Of the run at hand: */
	sr_conn *conn;
	sr_stmt *by_path; /* Finds the row of one identity. */
	sr_stmt *by_name;
	sr_stmt *insert;
	unsigned insert_bits;     /* What insert writes. */
	sr_accounts accounts;     /* Of the clients so far, */
	sr_account *account;      /* and that of the file at hand. */
	sr_activity_run extended; /* The call's run, with this. */

	/* While new files are inserted without triggers: */
	bool inserting;
	bool *later;        /* count of them: files that are known and must be written. */
	bool any_later;     /* There is one, and what comes after may be the same file. */
	sr_bulk bulk;       /* What the triggers would have counted. */
	sr_buffer category; /* What the schema gives a row without one, once that was asked; */
	bool category_asked;

	/* Where saved.refused is not 0: */
	size_t first_refused;       /* Which file, */
	int64_t growth_refused;     /* by how much it would have grown, */
	sr_account account_refused; /* and whose it is, as it was then. */
} saving;

/* Counts what the file adds to what its client uses. False where that does not fit: then nothing
 * of the file is written, and only the transfer that failed is counted. */
static bool admit(saving *save, size_t i, int64_t before, int64_t after)
{
	int64_t growth = sr_account_growth(before, after);

	if (sr_account_grow(save->account, growth))
		return true;
	save->outcomes[i] = SR_OVER_QUOTA;
	save->account->transfers.failed++;
	if (save->saved.refused++ == 0) {
		save->first_refused = i;
		save->growth_refused = growth;
		save->account_refused = *save->account;
	}
	return false;
}

static sr_status prepare_find(sr_conn *conn, const char *condition, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_file_select(&sql, NULL, "$1");
	sr_buffer_printf(&sql, " WHERE f.ClientID = $1 AND %s ORDER BY f.row_number DESC LIMIT 1",
			 condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

/* The row of exactly this identity. Where old code left several, the newest. */
static sr_status find(saving *save, const sr_file *file, sr_stmt **stmt, bool *row)
{
	bool path = file->original_path.data != NULL;
	sr_stmt **found = path ? &save->by_path : &save->by_name;
	sr_status rc = SR_OK;

	if (*found == NULL)
		rc = prepare_find(save->conn,
				  path ? "f.OriginalPath = $2"
				       : "f.FileName = $2 AND (f.OriginalPath IS NULL) = 1",
				  found);
	if (rc != SR_OK)
		return rc;
	*stmt = *found;
	sr_bind_id(*stmt, 1, &file->client_id);
	sr_bind_name(*stmt, 2, path ? file->original_path : file->name);
	return sr_step(*stmt, row);
}

/* What the row that was just inserted has for a category that was not given. */
static sr_status ask_category(saving *save)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(save->conn, "SELECT f.FileCategory FROM files f WHERE f.rowid = $1", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, sr_conn_last_row_id(save->conn));
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_buffer_add_text(&save->category, sr_column_text(stmt, 0));
		rc = sr_buffer_status(&save->category);
		save->category_asked = rc == SR_OK;
	}
	sr_stmt_done(stmt);
	return rc;
}

static sr_status count_added(saving *save, const sr_file *file)
{
	sr_text category = file->category;
	sr_status rc;

	if (category.data == NULL) {
		if (!save->category_asked && (rc = ask_category(save)) != SR_OK)
			return rc;
		category = sr_buffer_text(&save->category);
	}
	return sr_bulk_add(&save->bulk, save->account, file->size, category, file->verified,
			   file->date);
}

static sr_status add(saving *save, wanted *want, sr_id *id)
{
	unsigned bits = SR_FILE_BIT(SR_FILE_COLUMNS) - 1;
	sr_status rc;

	/* Left out, so that the schema's own defaults hold. */
	bits &= ~(SR_FILE_BIT(SR_FILE_CURRENT_VERSION) | SR_FILE_BIT(SR_FILE_MISSING_SINCE));
	if (want->file.category.data == NULL)
		bits &= ~SR_FILE_BIT(SR_FILE_CATEGORY);
	if (save->insert != NULL && save->insert_bits != bits) {
		sr_stmt_done(save->insert);
		save->insert = NULL;
	}
	if (save->insert == NULL &&
	    (rc = sr_file_prepare_insert(save->conn, bits, &save->insert)) != SR_OK)
		return rc;
	save->insert_bits = bits;
	sr_id_new(&want->file.id);
	want->file.has_id = true;
	*id = want->file.id;
	rc = sr_file_insert(save->insert, &want->file, save->now, bits);
	return rc == SR_OK && save->inserting ? count_added(save, &want->file) : rc;
}

static sr_status change(saving *save, int64_t row, const wanted *want, unsigned bits)
{
	sr_status rc;

	if ((rc = sr_version_begin(save->conn, row, save->now)) != SR_OK)
		return rc;
	if ((rc = sr_file_write(save->conn, row, &want->file, save->now, bits)) != SR_OK)
		return rc;
	return sr_version_append(save->conn, row, save->now);
}

static sr_status save_known(saving *save, sr_stmt *stmt, wanted *want, size_t i)
{
	sr_id *id = &save->ids[i];
	sr_file known;
	int64_t row = sr_file_row(stmt);
	unsigned bits;
	bool changed, more;
	sr_status rc;

	sr_file_read(stmt, &known);
	changed = content_differs(&known, &want->file);
	bits = differing(&known, want, changed);
	save->outcomes[i] = changed ? SR_CHANGED : SR_UNCHANGED;
	*id = known.id;
	/* To its end, before the row is written and the next file bound; known ends here. */
	if ((rc = sr_step(stmt, &more)) != SR_OK)
		return rc;
	if (save->inserting && (bits != 0 || changed || !known.has_id || save->any_later)) {
		save->later[i] = save->any_later = true;
		return SR_OK;
	}
	if ((bits & SR_FILE_BIT(SR_FILE_SIZE)) && !admit(save, i, known.size, want->file.size))
		return SR_OK;
	if (!known.has_id) {
		/* Before its versions, which refer to it. */
		sr_id_new(id);
		want->file.id = *id;
		want->file.has_id = true;
		rc = sr_file_write(save->conn, row, &want->file, NULL, SR_FILE_BIT(SR_FILE_ID));
		if (rc != SR_OK)
			return rc;
	}
	if (changed)
		return change(save, row, want, bits);
	return sr_file_update(save->conn, row, &want->file, bits);
}

static void count(saving *save, const sr_file *file, sr_outcome outcome)
{
	save->saved.added += outcome == SR_ADDED;
	save->saved.changed += outcome == SR_CHANGED;
	save->saved.unchanged += outcome == SR_UNCHANGED;
	if (outcome == SR_ADDED || outcome == SR_CHANGED)
		sr_account_transferred(save->account, file->size, file->transfer_speed);
}

static sr_status save_one(saving *save, size_t i)
{
	wanted want;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	complete(&save->files[i], &want);
	rc = sr_accounts_get(&save->accounts, save->conn, &want.file.client_id, &save->account);
	if (rc != SR_OK)
		return rc;
	if ((rc = find(save, &want.file, &stmt, &row)) != SR_OK)
		return rc;
	if (row) {
		rc = save_known(save, stmt, &want, i);
	} else if (admit(save, i, SR_NULL_INTEGER, want.file.size)) {
		save->outcomes[i] = SR_ADDED;
		rc = add(save, &want, &save->ids[i]);
	}
	if (rc != SR_OK)
		return sr_fail_within(rc, "file %s", named(&want.file));
	if (!save->inserting || !save->later[i])
		count(save, &want.file, save->outcomes[i]);
	return SR_OK;
}

/* ---- New files without triggers ---- */

/* Whether that comes to the same: there are enough of them, nobody else's trigger is on the table,
 * and no client could be over its quota in any order of them. */
static sr_status may_insert(saving *save, bool *may)
{
	sr_status rc;

	*may = false;
	if (save->count < BULK_LEAST)
		return SR_OK;
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

/* Inserts those that are not known, and finds those that are as they were. The others are left for
 * later, since triggers that are not only ours to replace look at changes. */
static sr_status insert_new(saving *save)
{
	sr_status rc, again;

	if ((rc = sr_conn_triggers(save->conn, false)) != SR_OK)
		return rc;
	save->inserting = true;
	for (size_t i = 0; rc == SR_OK && i < save->count; i++)
		rc = save_one(save, i);
	save->inserting = false;
	if ((again = sr_conn_triggers(save->conn, true)) != SR_OK && rc == SR_OK)
		rc = again;
	if (rc == SR_OK)
		rc = sr_bulk_settle(save->conn, &save->bulk, &save->accounts, save->now);
	return rc;
}

/* What every client's share of the batch comes to: a row each, which those of a run extend. */
static sr_status settle(saving *save)
{
	sr_activity_run alone, *run = &save->extended;
	sr_status rc = SR_OK;

	if (save->run != NULL)
		save->extended = *save->run;
	for (size_t i = 0; rc == SR_OK && i < save->accounts.count; i++) {
		if (save->run == NULL) {
			alone = (sr_activity_run){0, 0};
			run = &alone;
		}
		rc = sr_account_settle(save->conn, &save->accounts.list[i], save->now, run);
	}
	return rc;
}

static sr_status save_all(sr_conn *conn, void *arg)
{
	saving *save = arg;
	sr_status rc;
	bool bulk;

	save->conn = conn;
	save->by_path = save->by_name = save->insert = NULL;
	sr_accounts_free(&save->accounts);
	memset(&save->saved, 0, sizeof(save->saved));
	memset(save->ids, 0, save->count * sizeof(*save->ids));
	memset(save->later, 0, save->count * sizeof(*save->later));
	save->any_later = save->category_asked = false;
	sr_buffer_clear(&save->category);
	sr_bulk_free(&save->bulk);
	if ((rc = may_insert(save, &bulk)) == SR_OK && bulk)
		rc = insert_new(save);
	for (size_t i = 0; rc == SR_OK && i < save->count; i++)
		if (!bulk || save->later[i])
			rc = save_one(save, i);
	sr_stmt_done(save->insert);
	sr_stmt_done(save->by_name);
	sr_stmt_done(save->by_path);
	return rc == SR_OK ? settle(save) : rc;
}

/* Hands out what came of it. */
static sr_status report(sr_catalog *catalog, const saving *save, sr_outcome *outcomes, sr_id *ids,
			sr_saved *saved)
{
	const sr_file *file = &save->files[save->first_refused];

	if (outcomes != NULL)
		memcpy(outcomes, save->outcomes, save->count * sizeof(*outcomes));
	if (ids != NULL)
		memcpy(ids, save->ids, save->count * sizeof(*ids));
	if (saved != NULL)
		*saved = save->saved;
	for (size_t i = 0; i < save->accounts.count; i++)
		sr_account_log(catalog, &save->accounts.list[i]);
	if (save->saved.refused == 0)
		return SR_OK;
	return sr_account_fail(&save->account_refused,
			       file->original_path.data ? file->original_path : file->name,
			       save->growth_refused, save->saved.refused);
}

sr_status sr_file_save(sr_catalog *catalog, const sr_file *files, size_t count,
		       sr_outcome *outcomes, sr_id *ids, sr_saved *saved)
{
	return sr_file_save_run(catalog, files, count, outcomes, ids, saved, NULL);
}

sr_status sr_file_save_run(sr_catalog *catalog, const sr_file *files, size_t count,
			   sr_outcome *outcomes, sr_id *ids, sr_saved *saved, sr_activity_run *run)
{
	saving save = {.files = files,
		       .count = count,
		       .run = run,
		       .bulk = {.keys = SR_BUFFER_EMPTY},
		       .category = SR_BUFFER_EMPTY};
	sr_status rc = SR_OK;

	for (size_t i = 0; i < count; i++)
		if ((rc = check_file(&files[i])) != SR_OK)
			goto err0;
	sr_time_format(sr_time_now(), save.now);
	save.outcomes = calloc(count ? count : 1, sizeof(*save.outcomes));
	save.ids = calloc(count ? count : 1, sizeof(*save.ids));
	save.later = calloc(count ? count : 1, sizeof(*save.later));
	if (save.outcomes == NULL || save.ids == NULL || save.later == NULL)
		rc = sr_fail_memory();
	else if (count > LARGE)
		rc = sr_catalog_write_large(catalog, SR_HERE, save_all, &save);
	else if (count > 0)
		rc = sr_catalog_write(catalog, SR_HERE, save_all, &save);
	if (rc == SR_OK && count > 0 && run != NULL)
		*run = save.extended;
	if (rc == SR_OK) {
		sr_index_tend(catalog, save.saved.added + save.saved.changed);
		rc = report(catalog, &save, outcomes, ids, saved);
	}
	sr_bulk_free(&save.bulk);
	sr_buffer_free(&save.category);
	sr_accounts_free(&save.accounts);
	free(save.later);
	free(save.ids);
	free(save.outcomes);
err0:
	return sr_return(rc);
}
