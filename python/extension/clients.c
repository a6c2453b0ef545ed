/*
 * Clients.
 */
#include <stdlib.h>

#include "module.h"

static PyObject *client_row(const sr_client *client)
{
	return row(8, from_id(&client->id), from_text(client->name), from_bytes(client->public_key),
		   from_bytes(client->aes_key), from_text(client->last_seen),
		   from_integer(client->files), from_integer(client->bytes),
		   from_text(client->last_recorded));
}

CURSOR_KIND(client_rows, sr_clients, sr_client, client_row);

/* ---- Saving ---- */

/* A client of the caller's, with what holds its texts. */
typedef struct given {
	text_arg name;
	text_arg public_key;
	text_arg aes_key;
	text_arg last_seen;
} given;

static void given_done(given *texts)
{
	text_done(&texts->name);
	text_done(&texts->public_key);
	text_done(&texts->aes_key);
	text_done(&texts->last_seen);
}

/* A tuple (id, name, public_key, aes_key, last_seen). */
static bool given_take(PyObject *tuple, sr_client *client, given *texts)
{
	if (!PyTuple_Check(tuple)) {
		PyErr_Format(PyExc_TypeError, "a client is a tuple, not %R", tuple);
		return false;
	}
	if (!PyArg_ParseTuple(tuple, "O&O&O&O&O&", arg_id, &client->id, arg_text, &texts->name,
			      arg_text, &texts->public_key, arg_text, &texts->aes_key, arg_text,
			      &texts->last_seen))
		return false;
	client->name = texts->name.text;
	client->public_key = texts->public_key.text;
	client->aes_key = texts->aes_key.text;
	client->last_seen = texts->last_seen.text;
	return true;
}

PyObject *saved_row(const sr_saved *saved)
{
	return row(4, from_integer(saved->added), from_integer(saved->changed),
		   from_integer(saved->unchanged), from_integer(saved->refused));
}

/* client_save(list of clients) -> (added, changed, unchanged, refused) */
METHOD(client_save)
{
	static char *names[] = {"clients", NULL};
	PyObject *list;
	PyObject *result = NULL;
	sr_client *clients = NULL;
	given *texts = NULL;
	sr_saved saved;
	sr_catalog *handle;
	Py_ssize_t count;
	Py_ssize_t taken = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!:client_save", names, &PyList_Type,
					 &list))
		return NULL;
	count = PyList_Size(list);
	clients = calloc((size_t)count + 1, sizeof(*clients));
	texts = calloc((size_t)count + 1, sizeof(*texts));
	if (clients == NULL || texts == NULL) {
		PyErr_NoMemory();
		goto err0;
	}
	while (taken < count && taken < PyList_Size(list)) {
		PyObject *tuple = PyList_GetItem(list, taken);

		if (!given_take(tuple, &clients[taken], &texts[taken]))
			goto err0;
		taken++;
	}
	if ((handle = catalog_enter(self)) == NULL)
		goto err0;
	LIBRARY(rc = sr_client_save(handle, clients, (size_t)taken, &saved));
	if (!catalog_failed(self, rc))
		result = saved_row(&saved);

err0:
	for (Py_ssize_t i = 0; texts != NULL && i < taken; i++)
		given_done(&texts[i]);
	free(texts);
	free(clients);
	return result;
}

/* client_update(id, name=, public_key=, aes_key=, last_seen=): changes what is given. */
METHOD(client_update)
{
	static char *names[] = {"id", "name", "public_key", "aes_key", "last_seen", NULL};
	given texts = {0};
	sr_client changes = {0};
	sr_catalog *handle;
	unsigned fields;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|O&O&O&O&:client_update", names, arg_id,
					 &changes.id, arg_text, &texts.name, arg_text,
					 &texts.public_key, arg_text, &texts.aes_key, arg_text,
					 &texts.last_seen))
		return NULL;
	changes.name = texts.name.text;
	changes.public_key = texts.public_key.text;
	changes.aes_key = texts.aes_key.text;
	changes.last_seen = texts.last_seen.text;
	fields = (changes.name.data ? SR_CLIENT_NAME : 0u) |
		 (changes.public_key.data ? SR_CLIENT_PUBLIC_KEY : 0u) |
		 (changes.aes_key.data ? SR_CLIENT_AES_KEY : 0u) |
		 (changes.last_seen.data ? SR_CLIENT_LAST_SEEN : 0u);
	if ((handle = catalog_enter(self)) == NULL) {
		given_done(&texts);
		return NULL;
	}
	LIBRARY(rc = sr_client_update(handle, &changes, fields));
	given_done(&texts);
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* ---- Finding ---- */

static PyObject *owned_row(Catalog *self, sr_status rc, sr_client *client)
{
	PyObject *tuple = catalog_failed(self, rc) ? NULL : client_row(client);

	sr_client_free(client);
	return tuple;
}

#define WITHOUT_KEYS ((unsigned)SR_CLIENT_NAME | SR_CLIENT_PUBLIC_KEY | SR_CLIENT_LAST_SEEN)
#define WITH_KEYS    (WITHOUT_KEYS | SR_CLIENT_AES_KEY)

/* client_by_id(id, keys=True): without keys aes_key is None, and none is unwrapped. */
METHOD(client_by_id)
{
	static char *names[] = {"id", "keys", NULL};
	sr_client *client = NULL;
	sr_catalog *handle;
	int keys = 1;
	sr_status rc;
	sr_id id;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|p:client_by_id", names, arg_id, &id,
					 &keys) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_client_find(handle, &id, sr_text_of(NULL), keys ? WITH_KEYS : WITHOUT_KEYS,
				    &client));
	return owned_row(self, rc, client);
}

METHOD(client_by_name)
{
	static char *names[] = {"name", "keys", NULL};
	sr_client *client = NULL;
	sr_catalog *handle;
	text_arg name = {0};
	int keys = 1;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|p:client_by_name", names, arg_text,
					 &name, &keys))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		text_done(&name);
		return NULL;
	}
	LIBRARY(rc = sr_client_find(handle, NULL, name.text, keys ? WITH_KEYS : WITHOUT_KEYS,
				    &client));
	text_done(&name);
	return owned_row(self, rc, client);
}

/* client_list(counts=False, keys=True) -> cursor */
METHOD(client_list)
{
	static char *names[] = {"counts", "keys", NULL};
	sr_clients *clients = NULL;
	sr_catalog *handle;
	PyObject *cursor = NULL;
	int counts = 0, keys = 1;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|pp:client_list", names, &counts,
					 &keys) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_client_list_fields(handle, counts, keys ? WITH_KEYS : WITHOUT_KEYS,
					   &clients));
	cursor = cursor_opened(self, rc, &client_rows, clients);
	catalog_leave(self);
	return cursor;
}

/* ---- Deleting and counting ---- */

/* client_delete(id) -> how many records of files went */
METHOD(client_delete)
{
	static char *names[] = {"id", NULL};
	sr_catalog *handle;
	int64_t files = 0;
	sr_status rc;
	sr_id id;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:client_delete", names, arg_id, &id) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_client_delete(handle, &id, &files));
	return catalog_failed(self, rc) ? NULL : from_integer(files);
}

METHOD(client_count)
{
	static char *names[] = {NULL};
	sr_catalog *handle;
	int64_t count = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":client_count", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_client_count(handle, &count));
	return catalog_failed(self, rc) ? NULL : from_integer(count);
}

int clients_setup(PyObject *module)
{
	return module_add_fields(module, "CLIENT_FIELDS",
				 "id name public_key aes_key last_seen files bytes last_recorded");
}
