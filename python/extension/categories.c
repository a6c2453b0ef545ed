/*
 * Categories of files, and the rules that lead to them.
 */
#include <stdlib.h>
#include <string.h>

#include "module.h"

static const char *const rule_kinds[] = {"mime", "extension"};

static PyObject *category_row(const sr_category *category)
{
	return row(8, from_text(category->name), from_text(category->description),
		   from_text(category->path), from_text(category->color),
		   PyBool_FromLong(category->known), from_integer(category->rules),
		   from_integer(category->files), from_integer(category->bytes));
}

CURSOR_KIND(category_rows, sr_categories, sr_category, category_row);

/* category_list(counts=False) -> cursor */
METHOD(category_list)
{
	static char *names[] = {"counts", NULL};
	sr_categories *categories = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	int counts = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|p:category_list", names, &counts) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_category_list(handle, counts, &categories));
	cursor = cursor_opened(self, rc, &category_rows, categories);
	catalog_leave(self);
	return cursor;
}

/* ---- Rules ---- */

/* Rules of the caller's, with what holds their texts. */
typedef struct rule_list {
	sr_category_rule *rules;
	text_arg *texts;
	size_t count;
} rule_list;

static void rules_done(rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		text_done(&list->texts[i]);
	free(list->texts);
	free(list->rules);
	*list = (rule_list){0};
}

static bool take_rule(rule_list *list, PyObject *given)
{
	sr_category_rule *rule = &list->rules[list->count];
	text_arg *text = &list->texts[list->count];
	const char *kind;

	if (!PyTuple_Check(given)) {
		PyErr_Format(PyExc_TypeError, "a rule is (kind, pattern), not %R", given);
		return false;
	}
	if (!PyArg_ParseTuple(given, "sO&", &kind, arg_text, text))
		return false;
	list->count++;
	rule->pattern = text->text;
	for (int i = 0; i < 2; i++) {
		rule->kind = (sr_rule_kind)i;
		if (strcmp(kind, rule_kinds[i]) == 0)
			return true;
	}
	PyErr_Format(PyExc_ValueError, "a rule is of kind 'mime' or 'extension', not '%s'", kind);
	return false;
}

/* For O&: a sequence of (kind, pattern). Let go with rules_done. */
static int arg_rules(PyObject *object, void *out)
{
	rule_list *list = out;
	PyObject *given;
	size_t count;
	bool taken;

	if (object == NULL) { /* PyArg_Parse cleans up. */
		rules_done(list);
		return 1;
	}
	*list = (rule_list){0};
	if ((given = PySequence_Tuple(object)) == NULL)
		return 0;
	count = (size_t)PyTuple_Size(given);
	list->rules = calloc(count + 1, sizeof(*list->rules));
	list->texts = calloc(count + 1, sizeof(*list->texts));
	taken = list->rules != NULL && list->texts != NULL;
	if (!taken)
		PyErr_NoMemory();
	while (taken && list->count < count)
		taken = take_rule(list, PyTuple_GetItem(given, (Py_ssize_t)list->count));
	Py_DECREF(given);
	if (taken)
		return Py_CLEANUP_SUPPORTED;
	rules_done(list);
	return 0;
}

static PyObject *rule_row(const sr_category_rule *rule)
{
	return row(3, from_text(rule->category), from_string(rule_kinds[rule->kind]),
		   from_text(rule->pattern));
}

/* All rules; the caller frees them. NULL with an exception. */
static sr_category_rules *load_rules(Catalog *self)
{
	sr_catalog *handle = catalog_enter(self);
	sr_category_rules *rules = NULL;
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = sr_category_rules_load(handle, &rules));
	if (catalog_failed(self, rc)) {
		sr_category_rules_free(rules);
		return NULL;
	}
	return rules;
}

/* category_rules() -> list of (category, kind, pattern) */
METHOD(category_rules)
{
	static char *names[] = {NULL};
	sr_category_rules *rules;
	PyObject *list;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":category_rules", names) ||
	    (rules = load_rules(self)) == NULL)
		return NULL;
	list = PyList_New(0);
	for (size_t i = 0; list != NULL && i < sr_category_rules_count(rules); i++) {
		PyObject *tuple = rule_row(sr_category_rules_at(rules, i));

		if (tuple == NULL || PyList_Append(list, tuple) != 0)
			Py_CLEAR(list);
		Py_XDECREF(tuple);
	}
	sr_category_rules_free(rules);
	return list;
}

/* category_of(mime_type, extension) -> the category that the rules give */
METHOD(category_of)
{
	static char *names[] = {"mime_type", "extension", NULL};
	text_arg mime_type = {0}, extension = {0};
	sr_category_rules *rules;
	PyObject *result = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&:category_of", names, arg_text,
					 &mime_type, arg_text, &extension))
		return NULL;
	if ((rules = load_rules(self)) != NULL)
		result = from_text(sr_category_classify(rules, mime_type.text, extension.text));
	sr_category_rules_free(rules);
	text_done(&mime_type);
	text_done(&extension);
	return result;
}

/* ---- Changing ---- */

/* A category as it is given, with what holds its texts. */
typedef struct given {
	sr_category category;
	text_arg name;
	text_arg description;
	text_arg path;
	text_arg color;
	rule_list added;
	rule_list removed;
} given;

static void given_done(given *g)
{
	text_done(&g->name);
	text_done(&g->description);
	text_done(&g->path);
	text_done(&g->color);
	rules_done(&g->added);
	rules_done(&g->removed);
}

static void given_fill(given *g)
{
	g->category.name = g->name.text;
	g->category.description = g->description.text;
	g->category.path = g->path.text;
	g->category.color = g->color.text;
}

/* category_add(name, description=None, path=None, color=None, rules=()) */
METHOD(category_add)
{
	static char *names[] = {"name", "description", "path", "color", "rules", NULL};
	PyObject *result = NULL;
	sr_catalog *handle;
	given g = {0};
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|O&O&O&O&:category_add", names,
					 arg_text, &g.name, arg_text, &g.description, arg_text,
					 &g.path, arg_text, &g.color, arg_rules, &g.added))
		return NULL;
	given_fill(&g);
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_category_add(handle, &g.category, g.added.rules, g.added.count));
		if (!catalog_failed(self, rc))
			result = from_string(NULL);
	}
	given_done(&g);
	return result;
}

/* A text that is changed only where it is given; None clears it. */
static bool take_change(PyObject *object, text_arg *text, unsigned bit, unsigned *fields)
{
	if (object == NULL)
		return true;
	*fields |= bit;
	return arg_text(object, text);
}

/* category_update(name, description=, path=, color=, add=(), remove=()) */
METHOD(category_update)
{
	static char *names[] = {"name", "description", "path", "color", "add", "remove", NULL};
	PyObject *description = NULL, *path = NULL, *color = NULL;
	PyObject *result = NULL;
	unsigned fields = 0;
	sr_catalog *handle;
	given g = {0};
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|OOOO&O&:category_update", names,
					 arg_text, &g.name, &description, &path, &color, arg_rules,
					 &g.added, arg_rules, &g.removed))
		return NULL;
	if (take_change(description, &g.description, SR_CATEGORY_DESCRIPTION, &fields) &&
	    take_change(path, &g.path, SR_CATEGORY_PATH, &fields) &&
	    take_change(color, &g.color, SR_CATEGORY_COLOR, &fields) &&
	    (handle = catalog_enter(self)) != NULL) {
		given_fill(&g);
		LIBRARY(rc = sr_category_update(handle, &g.category, fields, g.added.rules,
						g.added.count, g.removed.rules, g.removed.count));
		if (!catalog_failed(self, rc))
			result = from_string(NULL);
	}
	given_done(&g);
	return result;
}

/* category_delete(name, move_to=None) -> how many files moved */
METHOD(category_delete)
{
	static char *names[] = {"name", "move_to", NULL};
	text_arg name = {0}, move_to = {0};
	PyObject *result = NULL;
	sr_catalog *handle;
	int64_t moved = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|O&:category_delete", names, arg_text,
					 &name, arg_text, &move_to))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_category_delete(handle, name.text, move_to.text, &moved));
		if (!catalog_failed(self, rc))
			result = from_integer(moved);
	}
	text_done(&name);
	text_done(&move_to);
	return result;
}

/* ---- Of files ---- */

/* category_assign(client, key, category) */
METHOD(category_assign)
{
	static char *names[] = {"client", "key", "category", NULL};
	text_arg key = {0}, category = {0};
	PyObject *result = NULL;
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&O&:category_assign", names, arg_id,
					 &client, arg_text, &key, arg_text, &category))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_category_assign(handle, &client, key.text, category.text));
		if (!catalog_failed(self, rc))
			result = from_string(NULL);
	}
	text_done(&key);
	text_done(&category);
	return result;
}

/* Who is called, and where moves are kept. */
typedef struct listeners {
	PyObject *progress;
	PyObject *moves;
} listeners;

static bool tell_progress(void *arg, int64_t done, int64_t total)
{
	return progress_call(((listeners *)arg)->progress, done, total);
}

static void add_move(void *arg, sr_text from, sr_text to, int64_t files, int64_t bytes)
{
	PyGILState_STATE state = PyGILState_Ensure();

	if (PyErr_Occurred() == NULL) {
		PyObject *tuple = row(4, from_text(from), from_text(to), from_integer(files),
				      from_integer(bytes));

		if (tuple != NULL)
			(void)PyList_Append(((listeners *)arg)->moves, tuple);
		Py_XDECREF(tuple);
	}
	PyGILState_Release(state);
}

/* category_classify(client=None, from_=None, dry_run=False, progress=None) -> (looked, changed,
 * list of (from, to, files, bytes)) */
METHOD(category_classify)
{
	static char *names[] = {"client", "from_", "dry_run", "progress", NULL};
	listeners l = {0};
	id_arg client = {0};
	text_arg from = {0};
	PyObject *result = NULL;
	sr_classify_options options;
	int64_t looked = 0, changed = 0;
	int dry_run = 0;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&O&pO&:category_classify", names,
					 arg_maybe_id, &client, arg_text, &from, &dry_run,
					 arg_progress, &l.progress))
		return NULL;
	sr_classify_options_init(&options);
	options.client = client.given ? &client.id : NULL;
	options.from = from.text;
	options.dry_run = dry_run;
	options.moved = add_move;
	options.progress = tell_progress;
	options.arg = &l;
	if ((l.moves = PyList_New(0)) != NULL && (handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_category_classify_files(handle, &options, &looked, &changed));
		if (!catalog_failed(self, rc)) {
			Py_INCREF(l.moves);
			result = row(3, from_integer(looked), from_integer(changed), l.moves);
		}
	}
	Py_XDECREF(l.moves);
	text_done(&from);
	return result;
}

int categories_setup(PyObject *module)
{
	return module_add_fields(module, "CATEGORY_FIELDS",
				 "name description path color known rules files bytes");
}
