/* The bytes of stored files: comparing them with their record, deleting them together. */
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "file.h"
#include "place.h"
#include "sharing.h"
#include "stored.h"

/* A file's record as it was read before its bytes were touched. */
typedef struct record {
	sr_catalog *catalog;
	const sr_id *client;
	sr_text key;
	int64_t row;
	sr_file *file;
} record;

static sr_status read_record(record *known)
{
	sr_reading reading = {0};
	sr_stmt *stmt;
	sr_file file;
	sr_status rc;

	if ((rc = sr_file_check_key(known->key)) != SR_OK)
		return rc;
	if ((rc = sr_reading_begin(known->catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	rc = sr_file_seek(reading.conn, &reading.shape, known->client, known->key, &stmt);
	if (rc == SR_OK) {
		sr_file_read(stmt, &file);
		known->row = sr_file_row(stmt);
		if ((known->file = sr_file_copy(&file)) == NULL)
			rc = sr_fail_memory();
		rc = sr_stmt_end(stmt, rc);
	}
	sr_reading_end(&reading);
	return rc;
}

/* Whether the record still says what it said, inside the operation that builds on it. */
static sr_status check_same(sr_conn *conn, const record *known)
{
	const sr_file *before = known->file;
	sr_stmt *stmt;
	sr_file now;
	bool same;
	sr_status rc;

	if ((rc = sr_file_seek(conn, NULL, known->client, known->key, &stmt)) != SR_OK)
		return rc;
	sr_file_read(stmt, &now);
	same = sr_file_row(stmt) == known->row && now.stored == before->stored &&
	       now.size == before->size && now.crc == before->crc &&
	       sr_text_equal(now.path, before->path) && sr_text_equal(now.hash, before->hash);
	if ((rc = sr_stmt_end(stmt, rc)) == SR_OK && !same)
		rc = sr_fail(SR_BUSY, "file %s was saved anew meanwhile: try again",
			     sr_quoted(known->key));
	return rc;
}

/* ---- Verifying ---- */

typedef struct verification {
	record known;
	sr_stored found;
	bool equal;
	char now[SR_TIME_TEXT_SIZE];
} verification;

/* Writes what was found: only what differs from the record. */
static sr_status write_verified(sr_conn *conn, void *arg)
{
	const verification *check = arg;
	const sr_file *before = check->known.file;
	unsigned bits = 0;
	sr_account account;
	sr_file file;
	sr_status rc;

	if ((rc = check_same(conn, &check->known)) != SR_OK)
		return rc;
	sr_file_init(&file);
	file.verified = check->equal;
	file.size = check->found.size;
	file.crc = check->found.crc;
	file.hash = sr_text_of(check->found.hash);
	if (before->verified != check->equal)
		bits |= SR_FILE_BIT(SR_FILE_VERIFIED);
	if (check->equal && before->size == SR_NULL_INTEGER) {
		rc = sr_account_admit(conn, check->known.client, check->known.key, before->size,
				      file.size, &account);
		if (rc == SR_OK)
			bits |= SR_FILE_BIT(SR_FILE_SIZE);
		else if (rc != SR_QUOTA)
			return rc;
	}
	if (check->equal && before->crc == SR_NULL_INTEGER)
		bits |= SR_FILE_BIT(SR_FILE_CRC);
	if (check->equal && before->hash.data == NULL)
		bits |= SR_FILE_BIT(SR_FILE_HASH);
	if ((rc = sr_file_update(conn, check->known.row, &file, bits)) != SR_OK)
		return rc;
	return sr_activity_append(conn, check->known.client,
				  check->equal ? SR_ACTIVITY_VERIFY : SR_ACTIVITY_VERIFY_FAILED, 1,
				  check->found.size, check->now);
}

/* A deletion that a crash cut short may have left the file hidden. Deletions of other files in the
 * folder are none of its business. */
static sr_status take_back(sr_place *place)
{
	sr_status rc = SR_OK;

	if (sr_place_hidden(place) && (rc = sr_place_lock(place, false)) == SR_OK)
		rc = sr_place_recover(place);
	return rc;
}

/* Reads the bytes. *found says what of them can be said; anything else is a failure. */
static sr_status compare(verification *check, sr_status *found)
{
	const sr_settings *settings = &check->known.catalog->settings;
	sr_place place;
	sr_status rc;

	*found = sr_place_open(settings, check->known.file->path, &place);
	if (*found == SR_OK) {
		if ((rc = take_back(&place)) != SR_OK) {
			sr_place_close(&place);
			return rc;
		}
		*found = sr_stored_measure(settings, &place, NULL, NULL, &check->found);
		if (*found == SR_OK)
			*found = sr_stored_compare(check->known.file, &check->found, place.path);
		sr_place_close(&place);
	}
	check->equal = *found == SR_OK;
	/* Only these say something about the file; the rest says that it could not be read. */
	if (*found != SR_OK && *found != SR_CORRUPT && *found != SR_NOT_FOUND)
		return *found;
	return SR_OK;
}

static sr_status verify(verification *check)
{
	sr_catalog *catalog = check->known.catalog;
	sr_status found, rc;
	char words[SR_MESSAGE_SIZE];

	if ((rc = sr_catalog_writable(catalog)) != SR_OK)
		return rc;
	if ((rc = read_record(&check->known)) != SR_OK)
		return rc;
	if (!check->known.file->stored)
		return sr_fail(SR_INVALID, "file %s is only catalogued: nothing of it is stored",
			       sr_quoted(check->known.key));
	if ((rc = compare(check, &found)) != SR_OK)
		return rc;
	strcpy(words, sr_error_message());
	sr_time_format(sr_time_now(), check->now);
	rc = sr_catalog_write(catalog, SR_HERE, write_verified, check);
	if (rc == SR_OK && found != SR_OK)
		rc = sr_fail(found, "%s", words);
	return rc;
}

sr_status sr_file_verify(sr_catalog *catalog, const sr_id *client, sr_text key)
{
	verification check = {.known = {.catalog = catalog, .client = client, .key = key}};
	sr_status rc = verify(&check);

	sr_file_free(check.known.file);
	return sr_return(rc);
}

/* ---- Deleting ---- */

typedef struct deletion {
	record known;
	sr_place place;
	sr_sharing sharing; /* Of the stored path. */
	bool hidden;        /* The file is moved aside. */
	bool shared;        /* Another record refers to the same bytes, which then stay. */
	char now[SR_TIME_TEXT_SIZE];
} deletion;

/* Old code left several records of one stored file: it goes with the last of them. */
static sr_status is_shared(sr_conn *conn, const deletion *work, bool *shared)
{
	return sr_sharing_look(conn, &work->sharing, work->known.row, shared);
}

static sr_status delete_record(sr_conn *conn, void *arg)
{
	deletion *work = arg;
	sr_status rc;

	if ((rc = check_same(conn, &work->known)) != SR_OK)
		return rc;
	if (work->hidden && (rc = is_shared(conn, work, &work->shared)) != SR_OK)
		return rc;
	if ((rc = sr_file_delete_row(conn, work->known.row)) != SR_OK)
		return rc;
	return sr_activity_append(conn, work->known.client, SR_ACTIVITY_DELETE, 1,
				  sr_activity_bytes(work->known.file->size), work->now);
}

/* After a commit whose outcome nobody knows: whether the record is there. */
static sr_status look_again(const deletion *work, bool *there)
{
	sr_reading reading = {0};
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_reading_begin(work->known.catalog, SR_HERE, &reading);
	if (rc != SR_OK)
		return rc;
	rc = sr_file_seek_row(reading.conn, work->known.row, &stmt);
	*there = rc == SR_OK;
	sr_stmt_done(stmt);
	sr_reading_end(&reading);
	return rc == SR_NOT_FOUND ? SR_OK : rc;
}

/* Brings the hidden file to where the record is. */
static sr_status settle(deletion *work, sr_status outcome)
{
	char words[SR_MESSAGE_SIZE];
	bool there = outcome != SR_OK;
	sr_status rc = SR_OK;

	strcpy(words, sr_error_message());
	if (outcome == SR_OUTCOME_UNKNOWN && (rc = look_again(work, &there)) != SR_OK)
		rc = sr_fail_also(rc, "; the stored file waits as %s for the next call about it",
				  work->place.tombstone);
	if (rc == SR_OK)
		rc = there || work->shared ? sr_place_show(&work->place)
					   : sr_place_remove(&work->place);
	if (outcome != SR_OK && rc == SR_OK) {
		rc = sr_fail(outcome, "%s", words);
	} else if (outcome != SR_OK) {
		/* Still recognisable, and the next deletion takes it back. */
		rc = sr_fail_within(outcome, "%s; then", words);
	} else if (rc != SR_OK) {
		rc = sr_fail_within(rc, "the record of %s is deleted, but",
				    sr_quoted(work->known.key));
	}
	return rc;
}

/* Looks at the stored file and moves it aside, if it is there and nobody else's. */
static sr_status set_aside(deletion *work)
{
	const sr_settings *settings = &work->known.catalog->settings;
	sr_reading reading = {0};
	bool present;
	sr_status rc;

	if ((rc = sr_place_lock(&work->place, true)) != SR_OK)
		return rc;
	if ((rc = sr_place_recover(&work->place)) != SR_OK)
		return rc;
	if ((rc = sr_place_look(&work->place, settings, &present)) != SR_OK || !present)
		return rc;
	if ((rc = sr_reading_begin(work->known.catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	rc = is_shared(reading.conn, work, &work->shared);
	sr_reading_end(&reading);
	if (rc != SR_OK || work->shared)
		return rc;
	if ((rc = sr_place_hide(&work->place)) == SR_OK)
		work->hidden = true;
	return rc;
}

static sr_status delete_stored(deletion *work)
{
	sr_catalog *catalog = work->known.catalog;
	sr_status rc;

	if ((rc = sr_catalog_writable(catalog)) != SR_OK)
		return rc;
	if (sr_pool_in_transaction(catalog->pool))
		return sr_fail(SR_INVALID,
			       "stored file %s is not deleted inside a transaction: a rollback "
			       "could not bring it back",
			       sr_quoted(work->known.key));
	if ((rc = read_record(&work->known)) != SR_OK)
		return rc;
	if (work->known.file->stored) {
		if ((rc = sr_sharing_spell(&work->sharing, &catalog->settings,
					   work->known.file->path)) != SR_OK)
			return rc;
		rc = sr_place_open(&catalog->settings, work->known.file->path, &work->place);
		if (rc == SR_OK)
			rc = set_aside(work);
		else if (rc == SR_NOT_FOUND) /* No folder, no file: the record goes. */
			rc = SR_OK;
		if (rc != SR_OK)
			return rc;
	}
	sr_time_format(sr_time_now(), work->now);
	rc = sr_catalog_write(catalog, SR_HERE, delete_record, work);
	return work->hidden ? settle(work, rc) : rc;
}

sr_status sr_file_delete_stored(sr_catalog *catalog, const sr_id *client, sr_text key)
{
	deletion work = {.known = {.catalog = catalog, .client = client, .key = key},
			 .place = {.folder = -1}};
	sr_status rc = delete_stored(&work);

	sr_place_close(&work.place);
	sr_sharing_free(&work.sharing);
	sr_file_free(work.known.file);
	return sr_return(rc);
}
