/*
 * Rows of the caller's queries.
 *
 * They are read without Python's lock, some thousand at a time, and kept as plain values until
 * they become tuples: taking the lock for each row would cost more than the row. The first of them
 * come with the call that opens a query, and where these are all, its reader is given back with it.
 */
#include <stdlib.h>
#include <string.h>

#include "module.h"

#define ROWS_MOST  1000        /* In memory, */
#define BYTES_MOST (256 << 10) /* or so many bytes of texts, if there is one row. */

/* A query and the rows that were read ahead. A text's `data` is its place in `bytes` until the
 * whole batch is there, since that moves as it grows. */
typedef struct stream {
	sr_rows *rows; /* NULL after the last row. */
	held_lease *lease;
	size_t columns;
	sr_value *values; /* Of `filled` rows, room for `room`. */
	size_t filled;
	size_t room;
	size_t at; /* The next row to hand out. */
	char *bytes;
	size_t length;
	size_t capacity;
} stream;

/* ---- Reading ahead, without Python's lock ---- */

static bool keep_bytes(stream *s, sr_value *value)
{
	size_t length = value->text.length;
	size_t place = s->length;

	if (place + length >= s->capacity) { /* An empty text is no null. */
		size_t capacity = (place + length) * 2 + 1024;
		char *more = realloc(s->bytes, capacity);

		if (more == NULL)
			return false;
		s->bytes = more;
		s->capacity = capacity;
	}
	if (length > 0)
		memcpy(s->bytes + place, value->text.data, length);
	s->length += length;
	value->text.data = (const char *)place; // NOLINT(performance-no-int-to-ptr)
	return true;
}

static bool keep_row(stream *s, const sr_value *values)
{
	sr_value *row;

	if (s->filled == s->room) {
		size_t room = s->room * 2 + 8;
		sr_value *more = realloc(s->values, (room * s->columns + 1) * sizeof(*more));

		if (more == NULL)
			return false;
		s->values = more;
		s->room = room;
	}
	row = s->values + s->filled * s->columns;
	memcpy(row, values, s->columns * sizeof(*row));
	for (size_t i = 0; i < s->columns; i++) {
		if ((row[i].type == SR_TEXT || row[i].type == SR_BLOB) && !keep_bytes(s, &row[i]))
			return false;
	}
	s->filled++;
	return true;
}

static void settle_bytes(stream *s)
{
	for (size_t i = 0; i < s->filled * s->columns; i++) {
		sr_value *value = &s->values[i];

		if (value->type == SR_TEXT || value->type == SR_BLOB)
			value->text.data = s->bytes + (uintptr_t)value->text.data;
	}
}

static void end_rows(stream *s)
{
	sr_rows_close(s->rows);
	s->rows = NULL;
	lease_let_go(s->lease);
	s->lease = NULL;
}

/* The next rows, at most so many. After the last one the reader is given back. */
static sr_status fill(stream *s, size_t most)
{
	const sr_value *values;
	sr_status rc = SR_OK;

	s->filled = 0;
	s->at = 0;
	s->length = 0;
	while (s->rows != NULL && s->filled < most && s->length < BYTES_MOST) {
		if ((rc = sr_rows_next(s->rows, &values)) != SR_OK)
			break;
		if (values == NULL) {
			end_rows(s);
		} else if (!keep_row(s, values)) {
			rc = SR_NO_MEMORY;
			break;
		}
	}
	settle_bytes(s);
	return rc;
}

static void stream_free(stream *s)
{
	if (s == NULL)
		return;
	end_rows(s);
	free(s->values);
	free(s->bytes);
	free(s);
}

static sr_status stream_open(sr_catalog *handle, held_lease *lease, const statement *given,
			     stream **out)
{
	stream *s = calloc(1, sizeof(*s));
	sr_status rc;

	*out = NULL;
	if (s == NULL)
		return SR_NO_MEMORY;
	rc = lease != NULL ? sr_lease_query_open(lease->lease, given->sql, given->values.values,
						 given->values.count, &s->rows)
			   : sr_query_open(handle, given->sql, given->values.values,
					   given->values.count, &s->rows);
	if (rc != SR_OK) {
		free(s);
		return rc;
	}
	s->lease = lease_hold(lease);
	s->columns = sr_rows_columns(s->rows);
	*out = s;
	return SR_OK;
}

/* The words of what the library has not failed itself are ours. */
static bool stream_failed(sr_status rc)
{
	if (rc != SR_NO_MEMORY || PyErr_Occurred() != NULL)
		return failed(rc);
	PyErr_NoMemory();
	log_deliver();
	return true;
}

/* ---- Tuples ---- */

PyObject *values_row(const sr_value *values, size_t count)
{
	PyObject *tuple = PyTuple_New((Py_ssize_t)count);

	for (size_t i = 0; tuple != NULL && i < count; i++) {
		PyObject *item = from_value(&values[i]);

		if (item == NULL)
			Py_CLEAR(tuple);
		else
			PyTuple_SetItem(tuple, (Py_ssize_t)i, item);
	}
	return tuple;
}

static PyObject *name_at(const void *rows, size_t index)
{
	return from_string(sr_rows_name(rows, index));
}

/* Adds the rows that are there, at most so many. */
static bool take_rows(stream *s, PyObject *list, size_t most)
{
	for (size_t taken = 0; s->at < s->filled && taken < most; taken++) {
		PyObject *tuple = values_row(s->values + s->at * s->columns, s->columns);
		int added = tuple == NULL ? -1 : PyList_Append(list, tuple);

		Py_XDECREF(tuple);
		if (added != 0)
			return false;
		s->at++;
	}
	return true;
}

/* Adds `most` rows, or all that are left. */
static bool read_rows(stream *s, PyObject *list, size_t most)
{
	sr_status rc = SR_OK;

	for (size_t taken = 0; taken < most;) {
		size_t here = s->filled - s->at;

		if (here == 0) {
			size_t left = most - taken;

			if (s->rows == NULL)
				break;
			LIBRARY(rc = fill(s, left < ROWS_MOST ? left : ROWS_MOST));
			if (stream_failed(rc))
				return false;
			continue;
		}
		if (!take_rows(s, list, most - taken))
			return false;
		taken += here < most - taken ? here : most - taken;
	}
	return true;
}

/* ---- Cursors ---- */

static sr_status stream_next(void *handle, const void **item)
{
	stream *s = handle;
	sr_status rc = SR_OK;

	*item = NULL;
	if (s->at == s->filled && s->rows != NULL)
		rc = fill(s, ROWS_MOST);
	if (rc == SR_OK && s->at < s->filled)
		*item = s->values + s->at++ * s->columns;
	return rc;
}

static void stream_close(void *handle)
{
	stream_free(handle);
}

static PyObject *stream_row(void *handle, const void *item)
{
	return values_row(item, ((const stream *)handle)->columns);
}

static const cursor_kind stream_rows = {stream_next, stream_close, stream_row};

/* ---- Methods ---- */

/* What opening a query needs. */
typedef struct selecting {
	statement given;
	held_lease *lease;
	size_t first;    /* Rows to be read at once. */
	stream *opened;  /* NULL after failures. */
	PyObject *names; /* Of the columns. */
} selecting;

/* Opens it, reads the first rows and names the columns. False: an exception is set. */
static bool select_open(Catalog *self, selecting *what)
{
	sr_catalog *handle;
	bool good = false;
	sr_status rc;

	if (!statement_values(&what->given))
		return false;
	if ((handle = catalog_enter(self)) == NULL)
		goto err0;
	what->lease = lease_hold(what->lease); /* Another thread may close it meanwhile. */
	LIBRARY(rc = stream_open(handle, what->lease, &what->given, &what->opened));
	if (!stream_failed(rc))
		what->names = from_each(name_at, what->opened->rows, what->opened->columns);
	if (what->names != NULL) {
		LIBRARY(rc = fill(what->opened, what->first));
		good = !stream_failed(rc);
	}
	if (!good) {
		LIBRARY(stream_free(what->opened));
		what->opened = NULL;
		Py_CLEAR(what->names);
	}
	lease_let_go(what->lease);
	catalog_leave(self);

err0:
	values_done(&what->given.values);
	return good;
}

/* query(sql, parameters=()) -> (names, cursor) */
METHOD(query)
{
	static char *names[] = {"sql", "parameters", NULL};
	selecting what = {0};

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|O:query", names, &what.given.sql,
					 &what.given.parameters) ||
	    !select_open(self, &what))
		return NULL;
	return row(2, what.names, cursor_new(self, &stream_rows, what.opened));
}

static size_t count_of(Py_ssize_t given)
{
	return given > 0 ? (size_t)given : SIZE_MAX;
}

/* select(sql, parameters=(), first=0, lease=None) -> (names, list of the first rows, or all; a
 * cursor for the others, or None) */
METHOD(select)
{
	static char *names[] = {"sql", "parameters", "first", "lease", NULL};
	selecting what = {0};
	Py_ssize_t first = 0;
	PyObject *list;
	PyObject *cursor;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|OnO&:select", names, &what.given.sql,
					 &what.given.parameters, &first, arg_lease, &what.lease))
		return NULL;
	what.first = count_of(first) < ROWS_MOST ? (size_t)first : ROWS_MOST;
	if (!select_open(self, &what))
		return NULL;
	list = PyList_New(0);
	if (list == NULL || !read_rows(what.opened, list, count_of(first))) {
		LIBRARY(stream_free(what.opened));
		Py_XDECREF(list);
		Py_DECREF(what.names);
		return NULL;
	}
	if (what.opened->rows == NULL && what.opened->at == what.opened->filled) {
		stream_free(what.opened);
		Py_INCREF(Py_None);
		cursor = Py_None;
	} else {
		cursor = cursor_new(self, &stream_rows, what.opened);
	}
	return row(3, what.names, list, cursor);
}

/* more(cursor, count=0) -> a list of the next rows of a query, or of all; shorter: they were the
 * last ones, and the cursor is closed */
METHOD(more)
{
	static char *names[] = {"cursor", "count", NULL};
	PyObject *cursor, *list;
	Py_ssize_t count = 0;
	stream *s;
	bool good;

	(void)self;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|n:more", names, &cursor, &count) ||
	    (s = cursor_use(cursor, &stream_rows)) == NULL)
		return NULL;
	list = PyList_New(0);
	good = list != NULL && read_rows(s, list, count_of(count));
	cursor_used(cursor, !good || (s->rows == NULL && s->at == s->filled));
	if (!good)
		Py_CLEAR(list);
	return list;
}

/* fetch(sql, parameters=(), limit=0) -> (names, list of rows) */
METHOD(fetch)
{
	static char *names[] = {"sql", "parameters", "limit", NULL};
	selecting what = {0};
	Py_ssize_t limit = 0;
	PyObject *list;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|On:fetch", names, &what.given.sql,
					 &what.given.parameters, &limit))
		return NULL;
	what.first = count_of(limit) < ROWS_MOST ? (size_t)limit : ROWS_MOST;
	if (!select_open(self, &what))
		return NULL;
	list = PyList_New(0);
	if (list != NULL && !read_rows(what.opened, list, count_of(limit)))
		Py_CLEAR(list);
	LIBRARY(stream_free(what.opened));
	return row(2, what.names, list);
}
