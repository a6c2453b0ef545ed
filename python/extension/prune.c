/*
 * Pruning versions, and clients' policies for it.
 */
#include <stdlib.h>

#include "module.h"

/* ---- Policies ---- */

static PyObject *policy_row(const sr_policy *policy)
{
	return row(4, from_id(&policy->client_id), from_text(policy->client_name),
		   from_keep(&policy->keep), from_text(policy->updated));
}

CURSOR_KIND(policy_rows, sr_policies, sr_policy, policy_row);

/* policy_set(client, keep) */
METHOD(policy_set)
{
	static char *names[] = {"client", "keep", NULL};
	sr_catalog *handle;
	sr_keep keep;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&:policy_set", names, arg_id, &client,
					 arg_keep, &keep) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_policy_set(handle, &client, &keep));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* policy_clear(client) -> whether there was one */
METHOD(policy_clear)
{
	static char *names[] = {"client", NULL};
	bool cleared = false;
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:policy_clear", names, arg_id,
					 &client) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_policy_clear(handle, &client, &cleared));
	return catalog_failed(self, rc) ? NULL : PyBool_FromLong(cleared);
}

METHOD(policy_get)
{
	static char *names[] = {"client", NULL};
	sr_policy *policy = NULL;
	PyObject *result;
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:policy_get", names, arg_id, &client) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_policy_get(handle, &client, &policy));
	result = catalog_failed(self, rc) ? NULL : policy_row(policy);
	sr_policy_free(policy);
	return result;
}

METHOD(policy_list)
{
	static char *names[] = {NULL};
	sr_policies *policies = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":policy_list", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_policy_list(handle, &policies));
	cursor = cursor_opened(self, rc, &policy_rows, policies);
	catalog_leave(self);
	return cursor;
}

/* ---- Pruning ---- */

/* Who is called. */
typedef struct listeners {
	PyObject *progress;
	PyObject *each;
} listeners;

static bool tell_progress(void *arg, int64_t done, int64_t total)
{
	return progress_call(((listeners *)arg)->progress, done, total);
}

static bool tell_version(void *arg, const sr_prune_version *version)
{
	PyObject *each = ((listeners *)arg)->each;
	PyGILState_STATE state;
	bool stop;

	if (each == NULL)
		return false;
	state = PyGILState_Ensure();
	stop = PyErr_Occurred() != NULL ||
	       progress_ask(each, row(4, from_text(version->client_name), from_text(version->file),
				      from_version(version->version),
				      from_kept(version->kept, version->keep)));
	PyGILState_Release(state);
	return stop;
}

/* Ids of a sequence, which the caller frees; NULL with an exception. */
static sr_id *take_ids(PyObject *given, size_t *count)
{
	PyObject *list = given == NULL ? PyTuple_New(0) : PySequence_Tuple(given);
	sr_id *ids = NULL;

	if (list == NULL)
		return NULL;
	*count = (size_t)PyTuple_Size(list);
	ids = calloc(*count + 1, sizeof(*ids));
	if (ids == NULL)
		PyErr_NoMemory();
	for (size_t i = 0; ids != NULL && i < *count; i++) {
		if (!arg_id(PyTuple_GetItem(list, (Py_ssize_t)i), &ids[i])) {
			free(ids);
			ids = NULL;
		}
	}
	Py_DECREF(list);
	return ids;
}

static PyObject *pruned_row(const sr_prune_summary *s)
{
	return row(8, from_integer(s->clients), from_integer(s->files), from_integer(s->kept),
		   from_integer(s->pruned), from_integer(s->bytes), from_integer(s->stored_files),
		   from_integer(s->stored_bytes), from_integer(s->stored_failed));
}

static PyObject *prune(Catalog *self, const sr_prune_options *options)
{
	sr_catalog *handle = catalog_enter(self);
	sr_prune_summary summary;
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = sr_prune(handle, options, &summary));
	return catalog_failed(self, rc) ? NULL : pruned_row(&summary);
}

/* prune(keep or None for policies, clients=() for all, file=None, dry_run=False,
 * delete_stored=False, each=None, progress=None) -> summary; each(client_name, file, version, why
 * it is kept, or "") */
METHOD(prune)
{
	static char *names[] = {"keep",          "clients", "file",     "dry_run",
				"delete_stored", "each",    "progress", NULL};
	PyObject *keep_given, *clients = NULL;
	listeners l = {0};
	text_arg file = {0};
	int dry_run = 0, delete_stored = 0;
	PyObject *result = NULL;
	sr_prune_options options;
	sr_id *ids;
	sr_keep keep;

	sr_prune_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OO&ppO&O&:prune", names, &keep_given,
					 &clients, arg_text, &file, &dry_run, &delete_stored,
					 arg_progress, &l.each, arg_progress, &l.progress))
		return NULL;
	if (keep_given != Py_None && !arg_keep(keep_given, &keep))
		goto err0;
	if ((ids = take_ids(clients, &options.client_count)) == NULL)
		goto err0;
	options.keep = keep_given == Py_None ? NULL : &keep;
	options.policies = keep_given == Py_None;
	options.clients = ids;
	options.file = file.text;
	options.dry_run = dry_run;
	options.delete_stored = delete_stored;
	options.each = tell_version;
	options.progress = tell_progress;
	options.arg = &l;
	result = prune(self, &options);
	free(ids);

err0:
	text_done(&file);
	return result;
}

int prune_setup(PyObject *module)
{
	if (module_add_fields(module, "POLICY_FIELDS", "client_id client_name keep updated") != 0)
		return -1;
	return module_add_fields(
		module, "PRUNED_FIELDS",
		"clients files kept pruned bytes stored_files stored_bytes stored_failed");
}
