/*
 * Searching.
 */
#include <stdlib.h>
#include <string.h>

#include "module.h"

/* ---- What to search for ---- */

/* A query as these methods take it, with what its texts borrow from. */
typedef struct asked {
	sr_query query;
	text_arg term;
	text_arg file_type;
	text_arg client_name;
	text_arg client_part;
	text_arg after;
	const char *sort;
	PyObject *by;      /* A sequence of facets' names, or NULL. */
	PyObject *matches; /* A sequence of conditions, or NULL. */
	sr_condition *conditions;
	text_arg *texts; /* Of the conditions. */
	size_t text_count;
} asked;

static const char *const kinds[] = {"term", "glob", "name", "path", "hash"};
static const char *const sorts[] = {"date", "name", "path", "size"};
static const char *const facets[] = {"client", "type", "category", "month", "size"};

/* Where `word` stands in a list; -1 with an exception. */
static int choose(const char *what, const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, list[i]) == 0)
			return (int)i;
	}
	PyErr_Format(PyExc_ValueError, "there is no %s '%s'", what, word);
	return -1;
}

#define CHOOSE(what, word, list) choose(what, word, list, sizeof(list) / sizeof((list)[0]))

static bool take_condition(asked *a, PyObject *given, sr_condition *condition)
{
	const char *kind;
	int chosen, negated;

	if (!PyTuple_Check(given)) {
		PyErr_Format(PyExc_TypeError, "a condition is (kind, negated, text), not %R",
			     given);
		return false;
	}
	if (!PyArg_ParseTuple(given, "spO&", &kind, &negated, arg_text, &a->texts[a->text_count]))
		return false;
	condition->text = a->texts[a->text_count++].text;
	condition->negated = negated;
	chosen = CHOOSE("kind of condition", kind, kinds);
	condition->kind = (sr_match_kind)(chosen < 0 ? 0 : chosen);
	return chosen >= 0;
}

static bool take_conditions(asked *a)
{
	PyObject *list = PySequence_Tuple(a->matches);
	Py_ssize_t count = list == NULL ? 0 : PyTuple_Size(list);
	bool taken = list != NULL;

	if (list == NULL)
		return false;
	a->conditions = calloc((size_t)count + 1, sizeof(*a->conditions));
	a->texts = calloc((size_t)count + 1, sizeof(*a->texts));
	if (a->conditions == NULL || a->texts == NULL) {
		PyErr_NoMemory();
		taken = false;
	}
	for (Py_ssize_t i = 0; taken && i < count; i++)
		taken = take_condition(a, PyTuple_GetItem(list, i), &a->conditions[i]);
	Py_DECREF(list);
	a->query.matches = a->conditions;
	a->query.match_count = (size_t)count;
	return taken;
}

static void asked_done(asked *a)
{
	text_done(&a->term);
	text_done(&a->file_type);
	text_done(&a->client_name);
	text_done(&a->client_part);
	text_done(&a->after);
	for (size_t i = 0; i < a->text_count; i++)
		text_done(&a->texts[i]);
	free(a->texts);
	free(a->conditions);
}

static bool asked_fill(asked *a, int verified, int present, int versions, int reverse)
{
	int sort = CHOOSE("order", a->sort, sorts);

	a->query.term = a->term.text;
	a->query.file_type = a->file_type.text;
	a->query.client_name = a->client_name.text;
	a->query.client_part = a->client_part.text;
	a->query.after = a->after.text.data;
	a->query.verified_only = verified;
	a->query.present_only = present;
	a->query.all_versions = versions;
	a->query.reverse = reverse;
	a->query.sort = (sr_sort)(sort < 0 ? 0 : sort);
	return sort >= 0 && (a->matches == NULL || take_conditions(a));
}

/* Fills `a`, which the caller lets go of with asked_done where this returns true. */
static bool asked_take(asked *a, int64_t limit, PyObject *args, PyObject *keywords)
{
	static char *names[] = {
		"term",     "file_type", "client_name",   "client_part",  "from_",        "to",
		"min_size", "max_size",  "verified_only", "present_only", "all_versions", "sort",
		"reverse",  "limit",     "after",         "matches",      "by",           NULL};
	int verified = 0, present = 0, versions = 0, reverse = 0;
	long long rows = limit;

	*a = (asked){.sort = sorts[0]};
	sr_query_init(&a->query);
	if (!PyArg_ParseTupleAndKeywords(
		    args, keywords, "|O&$O&O&O&O&O&O&O&pppspLO&OO:search", names, arg_text,
		    &a->term, arg_text, &a->file_type, arg_text, &a->client_name, arg_text,
		    &a->client_part, arg_integer, &a->query.from, arg_integer, &a->query.to,
		    arg_integer, &a->query.min_size, arg_integer, &a->query.max_size, &verified,
		    &present, &versions, &a->sort, &reverse, &rows, arg_path, &a->after,
		    &a->matches, &a->by))
		return false;
	a->query.limit = rows;
	if (asked_fill(a, verified, present, versions, reverse))
		return true;
	asked_done(a);
	return false;
}

/* ---- Rows ---- */

CURSOR_KIND(search_rows, sr_files, sr_file, file_row);

/* search(…, limit=0: all) -> cursor of files */
METHOD(search)
{
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_files *files = NULL;
	sr_status rc;
	asked a;

	if (!asked_take(&a, 0, args, keywords))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_search(handle, &a.query, &files));
		cursor = cursor_opened(self, rc, &search_rows, files);
		catalog_leave(self);
	}
	asked_done(&a);
	return cursor;
}

static PyObject *explanation_row(const sr_explanation *e)
{
	return row(8, from_string(e->choice), from_integer(e->estimated),
		   from_integer(e->candidates), from_integer(e->rechecked), from_integer(e->hits),
		   from_real(e->planning), from_real(e->matching), from_real(e->fetching));
}

/* The next rows of a cursor, to the last; NULL with an exception. */
static PyObject *rest_of(sr_files *files)
{
	PyObject *list = PyList_New(0);
	const sr_file *file = NULL;
	sr_status rc;

	while (list != NULL) {
		PyObject *tuple;

		LIBRARY(rc = sr_files_next(files, &file));
		if (!failed(rc) && file == NULL)
			break;
		tuple = PyErr_Occurred() == NULL ? file_row(file) : NULL;
		if (tuple == NULL || PyList_Append(list, tuple) != 0)
			Py_CLEAR(list);
		Py_XDECREF(tuple);
	}
	return list;
}

/* search_page(…, limit=1000) -> (list of files, token or None, explanation) */
METHOD(search_page)
{
	PyObject *page = NULL;
	sr_files *files = NULL;
	sr_explanation explanation;
	sr_catalog *handle;
	sr_status rc;
	asked a;

	if (!asked_take(&a, 1000, args, keywords))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		PyObject *list;

		LIBRARY(rc = sr_search(handle, &a.query, &files));
		list = failed(rc) ? NULL : rest_of(files);
		if (list != NULL) {
			LIBRARY(rc = sr_search_explain(files, &explanation));
			if (failed(rc))
				Py_CLEAR(list);
		}
		if (list != NULL)
			page = row(3, list, from_string(sr_search_token(files)),
				   explanation_row(&explanation));
		LIBRARY(sr_files_close(files));
		catalog_leave(self);
	}
	asked_done(&a);
	return page;
}

/* ---- Counts ---- */

/* The bits of a sequence of names; 0 for none. */
static bool facets_take(PyObject *by, unsigned *bits)
{
	PyObject *list = by == NULL ? PyTuple_New(0) : PySequence_Tuple(by);
	bool taken = list != NULL;

	*bits = 0;
	for (Py_ssize_t i = 0; taken && i < PyTuple_Size(list); i++) {
		const char *word = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(list, i), NULL);
		int facet = word == NULL ? -1 : CHOOSE("facet", word, facets);

		taken = facet >= 0;
		*bits |= 1u << (taken ? facet : 0);
	}
	Py_XDECREF(list);
	return taken;
}

/* The library's callback: adds a row to the list `arg`. */
static bool add_facet(void *arg, const sr_facet_value *value)
{
	PyGILState_STATE state = PyGILState_Ensure();
	bool stop = PyErr_Occurred() != NULL;
	unsigned which = 0;
	PyObject *tuple;

	while ((1u << which) < (unsigned)value->facet)
		which++;
	if (!stop) {
		tuple = row(5, from_string(facets[which]), from_text(value->value),
			    PyBool_FromLong(value->rest), from_integer(value->files),
			    from_integer(value->bytes));
		stop = tuple == NULL || PyList_Append(arg, tuple) != 0;
		Py_XDECREF(tuple);
	}
	PyGILState_Release(state);
	return stop;
}

/* search_count(…, by=()) -> (files, bytes, list of facets' values); sort, limit and after do not
 * matter. */
METHOD(search_count)
{
	PyObject *list = PyList_New(0);
	PyObject *result = NULL;
	sr_catalog *handle;
	sr_found found;
	unsigned bits;
	sr_status rc;
	asked a;

	if (list == NULL || !asked_take(&a, 0, args, keywords))
		goto err0;
	if (!facets_take(a.by, &bits) || (handle = catalog_enter(self)) == NULL)
		goto err1;
	if (bits == 0)
		LIBRARY(rc = sr_search_count(handle, &a.query, &found));
	else
		LIBRARY(rc = sr_search_facets(handle, &a.query, bits, add_facet, list, &found));
	if (!catalog_failed(self, rc)) {
		Py_INCREF(list);
		result = row(3, from_integer(found.files), from_integer(found.bytes), list);
	}

err1:
	asked_done(&a);
err0:
	Py_XDECREF(list);
	return result;
}

int search_setup(PyObject *module)
{
	if (module_add_fields(module, "EXPLANATION_FIELDS",
			      "choice estimated candidates rechecked hits planning matching "
			      "fetching") != 0)
		return -1;
	return module_add_fields(module, "FACET_FIELDS", "facet value rest files bytes");
}
