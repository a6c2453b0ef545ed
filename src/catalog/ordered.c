#include "ordered.h"

#include <stdlib.h>
#include <string.h>

/* Three ranges at the root (absolute, and relative before and behind the slash), each of them
 * text and blob, path and name. */
#define STREAMS_MAX 12

typedef struct stream {
	sr_stmt *stmt; /* Stands on its first row not handed out yet; NULL at its end. */
	char *from;    /* The bounds, which the statement borrows. */
	char *until;
	size_t skip; /* As in the range. */
	bool names;  /* The key is FileName. */
	sr_text key; /* Of that row. */
} stream;

struct sr_ordered {
	sr_reading *reading;
	const sr_id *client;
	stream streams[STREAMS_MAX];
	size_t count;
	stream *last; /* Whose row was handed out; it goes on with the next step. */
};

sr_status sr_prefix_end(sr_text prefix, sr_buffer *end)
{
	sr_buffer_clear(end);
	sr_buffer_add(end, prefix.data, prefix.length - 1);
	sr_buffer_add_string(end, "0"); /* What comes after a slash. */
	return sr_buffer_status(end);
}

sr_status sr_ordered_new(sr_ordered **ordered, sr_reading *reading, const sr_id *client)
{
	if ((*ordered = calloc(1, sizeof(**ordered))) == NULL)
		return sr_fail_memory();
	(*ordered)->reading = reading;
	(*ordered)->client = client;
	return SR_OK;
}

/* Where the key of a row is. */
static sr_text key_of(const stream *one)
{
	sr_text key =
		one->names ? sr_file_read_name(one->stmt) : sr_file_read_original_path(one->stmt);

	key.data += one->skip;
	key.length -= one->skip;
	return key;
}

static sr_status advance(stream *one)
{
	bool row = false;
	sr_status rc = sr_step(one->stmt, &row);

	if (rc == SR_OK && row) {
		one->key = key_of(one);
		return sr_stmt_check(one->stmt);
	}
	sr_stmt_done(one->stmt);
	one->stmt = NULL;
	return rc;
}

static sr_status prepare(sr_ordered *ordered, stream *one, const sr_ordered_range *range, bool blob)
{
	const char *column = one->names ? "f.FileName" : "f.OriginalPath";
	bool bounded = range->until.data != NULL || !blob;
	bool early = ordered->reading->shape.version < SR_NAMES_INDEXED;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_file_select(&sql, &ordered->reading->shape, "$1");
	sr_buffer_printf(&sql, " WHERE f.ClientID = $1%s AND %s %s $2",
			 !one->names ? ""
			 : early     ? " AND (f.OriginalPath IS NULL) = 1"
				     : " AND f.OriginalPath IS NULL",
			 column, range->after ? ">" : ">=");
	if (bounded)
		sr_buffer_printf(&sql, " AND %s < $3", column);
	sr_buffer_printf(&sql, " ORDER BY %s, %sf.row_number", column,
			 one->names && early ? "(f.OriginalPath IS NULL), " : "");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(ordered->reading->conn, sql.data, &one->stmt);
	sr_buffer_free(&sql);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(one->stmt, 1, ordered->client);
	if (blob)
		sr_bind_blob(one->stmt, 2, one->from, range->from.length);
	else
		sr_bind_text(one->stmt, 2, one->from);
	if (blob && bounded)
		sr_bind_blob(one->stmt, 3, one->until, range->until.length);
	else if (range->until.data != NULL)
		sr_bind_text(one->stmt, 3, one->until);
	else if (bounded)
		sr_bind_blob(one->stmt, 3, "", 0); /* The first blob ends the texts. */
	return SR_OK;
}

static char *copy(sr_text text)
{
	char *bytes = malloc(text.length + 1);

	if (bytes == NULL)
		return NULL;
	if (text.length > 0)
		memcpy(bytes, text.data, text.length);
	bytes[text.length] = '\0';
	return bytes;
}

static sr_status add_stream(sr_ordered *ordered, const sr_ordered_range *range, bool names,
			    bool blob)
{
	stream *one = &ordered->streams[ordered->count];
	sr_status rc;

	if (ordered->count == STREAMS_MAX)
		return sr_fail(SR_INVALID, "more than %d ranges of paths", STREAMS_MAX);
	ordered->count++;
	one->skip = range->skip;
	one->names = names;
	one->from = copy(range->from);
	one->until = copy(range->until);
	if (one->from == NULL || one->until == NULL)
		return sr_fail_memory();
	if ((rc = prepare(ordered, one, range, blob)) != SR_OK)
		return rc;
	return advance(one);
}

sr_status sr_ordered_add(sr_ordered *ordered, const sr_ordered_range *range, bool names)
{
	sr_status rc;

	for (int kind = 0; kind < (names ? 4 : 2); kind++)
		if ((rc = add_stream(ordered, range, kind >= 2, kind % 2 == 1)) != SR_OK)
			return rc;
	return SR_OK;
}

sr_status sr_ordered_next(sr_ordered *ordered, sr_stmt **stmt)
{
	stream *least = NULL;
	sr_status rc;

	*stmt = NULL;
	if (ordered->last != NULL && ordered->last->stmt != NULL &&
	    (rc = advance(ordered->last)) != SR_OK)
		return rc;
	for (size_t i = 0; i < ordered->count; i++) {
		stream *one = &ordered->streams[i];

		if (one->stmt == NULL)
			continue;
		if (least == NULL || sr_text_compare(one->key, least->key) < 0)
			least = one;
	}
	ordered->last = least;
	if (least != NULL)
		*stmt = least->stmt;
	return SR_OK;
}

sr_text sr_ordered_key(const sr_ordered *ordered)
{
	return ordered->last->key;
}

void sr_ordered_free(sr_ordered *ordered)
{
	if (ordered == NULL)
		return;
	for (size_t i = 0; i < ordered->count; i++) {
		sr_stmt_done(ordered->streams[i].stmt);
		free(ordered->streams[i].from);
		free(ordered->streams[i].until);
	}
	free(ordered);
}
