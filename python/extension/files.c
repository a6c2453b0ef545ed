/*
 * Files.
 */
#include <stdlib.h>

#include "module.h"

PyObject *file_row(const sr_file *file)
{
	return row(25, from_id(&file->client_id), from_text(file->name), from_text(file->path),
		   from_text(file->original_path), from_integer(file->size), from_text(file->date),
		   from_integer(file->crc), from_text(file->hash), PyBool_FromLong(file->verified),
		   from_text(file->category), from_text(file->mime_type),
		   from_text(file->extension), from_integer(file->transfer_duration),
		   from_integer(file->transfer_speed), from_real(file->compression_ratio),
		   from_integer(file->modified_ns), from_integer(file->inode),
		   PyBool_FromLong(file->stored),
		   file->has_id ? from_id(&file->id) : from_string(NULL),
		   from_text(file->client_name), from_integer(file->versions),
		   from_integer(file->current_version), from_text(file->missing_since),
		   from_text(file->recorded_at), from_integer(file->version));
}

CURSOR_KIND(file_rows, sr_files, sr_file, file_row);

/* ---- Saving ---- */

/* A file of the caller's, with what holds its texts. */
typedef struct given {
	text_arg name, path, original_path, date, hash, category, mime_type, extension;
} given;

static void given_done(given *texts)
{
	text_done(&texts->name);
	text_done(&texts->path);
	text_done(&texts->original_path);
	text_done(&texts->date);
	text_done(&texts->hash);
	text_done(&texts->category);
	text_done(&texts->mime_type);
	text_done(&texts->extension);
}

static void file_fill(sr_file *file, const given *texts, bool verified, bool stored)
{
	file->name = texts->name.text;
	file->path = texts->path.text;
	file->original_path = texts->original_path.text;
	file->date = texts->date.text;
	file->hash = texts->hash.text;
	file->category = texts->category.text;
	file->mime_type = texts->mime_type.text;
	file->extension = texts->extension.text;
	file->verified = verified;
	file->stored = stored;
}

/* A tuple in the order of FILE_FIELDS, of client and name and as many more up to `stored` as
 * there are to tell. */
static bool given_take(PyObject *tuple, sr_file *file, given *texts)
{
	int verified = 0, stored = 1;

	if (!PyTuple_Check(tuple)) {
		PyErr_Format(PyExc_TypeError, "a file is a tuple, not %R", tuple);
		return false;
	}
	sr_file_init(file);
	if (!PyArg_ParseTuple(tuple, "O&O&|O&O&O&O&O&O&pO&O&O&O&O&O&O&O&p", arg_id,
			      &file->client_id, arg_text, &texts->name, arg_text, &texts->path,
			      arg_text, &texts->original_path, arg_integer, &file->size, arg_text,
			      &texts->date, arg_integer, &file->crc, arg_text, &texts->hash,
			      &verified, arg_text, &texts->category, arg_text, &texts->mime_type,
			      arg_text, &texts->extension, arg_integer, &file->transfer_duration,
			      arg_integer, &file->transfer_speed, arg_real,
			      &file->compression_ratio, arg_integer, &file->modified_ns,
			      arg_integer, &file->inode, &stored))
		return false;
	file_fill(file, texts, verified, stored);
	return true;
}

/* The files of one call, and what becomes of them. */
typedef struct batch {
	sr_file *files;
	given *texts;
	size_t count;
	sr_outcome *outcomes;
	sr_id *ids;
	sr_saved saved;
} batch;

static void batch_done(batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		given_done(&b->texts[i]);
	free(b->files);
	free(b->texts);
	free(b->outcomes);
	free(b->ids);
}

static bool batch_take(batch *b, PyObject *list)
{
	size_t size = (size_t)PyList_Size(list);

	b->files = calloc(size + 1, sizeof(*b->files));
	b->texts = calloc(size + 1, sizeof(*b->texts));
	b->outcomes = calloc(size + 1, sizeof(*b->outcomes));
	b->ids = calloc(size + 1, sizeof(*b->ids));
	if (b->files == NULL || b->texts == NULL || b->outcomes == NULL || b->ids == NULL) {
		PyErr_NoMemory();
		return false;
	}
	/* A file's own methods (__fspath__) may shorten the list meanwhile. */
	while (b->count < size && (Py_ssize_t)b->count < PyList_Size(list)) {
		PyObject *tuple = PyList_GetItem(list, (Py_ssize_t)b->count);
		bool taken;

		Py_INCREF(tuple);
		taken = given_take(tuple, &b->files[b->count], &b->texts[b->count]);
		Py_DECREF(tuple);
		if (!taken)
			return false;
		b->count++;
	}
	return true;
}

static PyObject *outcome_word(sr_outcome outcome)
{
	static const char *const words[] = {
		[SR_ADDED] = "added",
		[SR_CHANGED] = "changed",
		[SR_UNCHANGED] = "unchanged",
		[SR_OVER_QUOTA] = "over quota",
	};

	return from_string(words[outcome]);
}

/* (added, changed, unchanged, refused, list of (outcome, id), why the first was refused) */
static PyObject *batch_row(const batch *b, const char *refusal)
{
	PyObject *list = PyList_New((Py_ssize_t)b->count);

	for (size_t i = 0; list != NULL && i < b->count; i++) {
		PyObject *pair = row(2, outcome_word(b->outcomes[i]), from_id(&b->ids[i]));

		if (pair == NULL)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, (Py_ssize_t)i, pair);
	}
	return row(6, from_integer(b->saved.added), from_integer(b->saved.changed),
		   from_integer(b->saved.unchanged), from_integer(b->saved.refused), list,
		   from_string(refusal));
}

/* file_save(list of files) -> as batch_row. Files over a quota raise nothing: the others are saved.
 */
METHOD(file_save)
{
	static char *names[] = {"files", NULL};
	PyObject *list;
	PyObject *result = NULL;
	batch b = {0};
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!:file_save", names, &PyList_Type,
					 &list))
		return NULL;
	if (!batch_take(&b, list) || (handle = catalog_enter(self)) == NULL)
		goto err0;
	LIBRARY(rc = sr_file_save(handle, b.files, b.count, b.outcomes, b.ids, &b.saved));
	if (rc == SR_QUOTA) {
		result = batch_row(&b, sr_error_message());
		rc = SR_OK;
	}
	if (catalog_failed(self, rc))
		Py_CLEAR(result);
	else if (result == NULL && PyErr_Occurred() == NULL)
		result = batch_row(&b, NULL);

err0:
	batch_done(&b);
	return result;
}

/* ---- One file ---- */

/* Parses (client, key) and enters; the key goes with text_done. NULL with an exception else. */
static sr_catalog *enter_key(Catalog *self, PyObject *args, PyObject *keywords, const char *format,
			     sr_id *client, text_arg *key)
{
	static char *names[] = {"client", "key", NULL};
	sr_catalog *handle;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, arg_id, client, arg_text,
					 key))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL)
		text_done(key);
	return handle;
}

static PyObject *owned_row(Catalog *self, sr_status rc, sr_file *file)
{
	PyObject *tuple = catalog_failed(self, rc) ? NULL : file_row(file);

	sr_file_free(file);
	return tuple;
}

METHOD(file_find)
{
	sr_file *file = NULL;
	text_arg key = {0};
	sr_id client;
	sr_catalog *handle = enter_key(self, args, keywords, "O&O&:file_find", &client, &key);
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = sr_file_find(handle, &client, key.text, &file));
	text_done(&key);
	return owned_row(self, rc, file);
}

METHOD(file_by_id)
{
	static char *names[] = {"id", NULL};
	sr_file *file = NULL;
	sr_catalog *handle;
	sr_status rc;
	sr_id id;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:file_by_id", names, arg_id, &id) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_file_by_id(handle, &id, &file));
	return owned_row(self, rc, file);
}

/* What takes a client and a key and answers nothing. */
static PyObject *on_key(Catalog *self, PyObject *args, PyObject *keywords, const char *format,
			sr_status (*call)(sr_catalog *, const sr_id *, sr_text))
{
	text_arg key = {0};
	sr_id client;
	sr_catalog *handle = enter_key(self, args, keywords, format, &client, &key);
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = call(handle, &client, key.text));
	text_done(&key);
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

METHOD(file_verify)
{
	return on_key(self, args, keywords, "O&O&:file_verify", sr_file_verify);
}

METHOD(file_delete)
{
	return on_key(self, args, keywords, "O&O&:file_delete", sr_file_delete);
}

METHOD(file_delete_stored)
{
	return on_key(self, args, keywords, "O&O&:file_delete_stored", sr_file_delete_stored);
}

/* file_set_verified(client, key, verified, crc=None) */
METHOD(file_set_verified)
{
	static char *names[] = {"client", "key", "verified", "crc", NULL};
	int64_t crc = SR_NULL_INTEGER;
	text_arg key = {0};
	sr_catalog *handle;
	int verified;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&p|O&:file_set_verified", names,
					 arg_id, &client, arg_text, &key, &verified, arg_integer,
					 &crc))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		text_done(&key);
		return NULL;
	}
	LIBRARY(rc = sr_file_set_verified(handle, &client, key.text, verified, crc));
	text_done(&key);
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* ---- Listing ---- */

/* file_list(client=None) -> cursor */
METHOD(file_list)
{
	static char *names[] = {"client", NULL};
	id_arg client = {0};
	sr_files *files = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&:file_list", names, arg_maybe_id,
					 &client) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_file_list(handle, client.given ? &client.id : NULL, &files));
	cursor = cursor_opened(self, rc, &file_rows, files);
	catalog_leave(self);
	return cursor;
}

int files_setup(PyObject *module)
{
	return module_add_fields(module, "FILE_FIELDS",
				 "client_id name path original_path size date crc hash verified "
				 "category mime_type extension transfer_duration transfer_speed "
				 "compression_ratio modified_ns inode stored id client_name "
				 "versions current_version missing_since recorded_at version");
}
