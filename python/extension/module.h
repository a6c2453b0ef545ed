/*
 * strongroom._strongroom: libstrongroom for Python, as thin as it can be.
 *
 * The package `strongroom` and the compatible modules are written on it; nobody else should be.
 * Rows are plain tuples whose order the *_FIELDS constants of the module tell. The stable ABI
 * of Python 3.11 is enough.
 *
 * Rules, which hold for every function here:
 *
 * - The library is called through LIBRARY(), which lets other threads run meanwhile, and what it
 *   returned goes through `failed`, which hands the log out and raises.
 * - A method of a catalog begins with catalog_enter and ends with catalog_failed or catalog_leave,
 * so that a close by another thread cannot take the handle away beneath it.
 * - Functions that return a PyObject * return a new reference, or NULL with an exception set.
 * - State is of the process, as the library's log is: not for several interpreters.
 */
#ifndef MODULE_H
#define MODULE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <strongroom.h>

/* ---- The module (module.c) ---- */

/* Adds a tuple of the words: the order of a kind of row. */
int module_add_fields(PyObject *module, const char *name, const char *fields);

/* ---- Calling the library (call.c) ---- */

/* Runs a statement without Python's lock. */
#define LIBRARY(statement)                                                                         \
	do {                                                                                       \
		PyThreadState *state_;                                                             \
                                                                                                   \
		call_begins();                                                                     \
		state_ = PyEval_SaveThread();                                                      \
		statement;                                                                         \
		PyEval_RestoreThread(state_);                                                      \
		call_ends();                                                                       \
	} while (0)

/* LIBRARY calls both. In the main thread signals end a call that waits or reads for long. */
void call_begins(void);
void call_ends(void);

/* Whether this thread is in a call: then it may not begin another, since what asks for that is a
 * progress function or a signal's handler in the midst of it. */
bool call_is_running(void);

/* Hands the log out and, where the call failed or a signal's handler raised, sets the exception.
 * Then the caller frees what it got and returns NULL. */
bool failed(sr_status status);

/* Raises the error class of a status with words of ours. */
void raise_error(sr_status status, const char *message);

/* For the library's progress callbacks: sr_progress_fn and sr_stage_fn whose arg is a callable of
 * Python's, or NULL. Each time they look for signals, too. A callable that returns something true
 * cancels the call, and so does an exception, which the call then raises. */
bool progress_call(void *arg, int64_t done, int64_t total);
bool progress_stage(void *arg, const char *step, int64_t done, int64_t total);
/* For other callbacks, with Python's lock held: calls it with `arguments`, which it takes over.
 * Whether that returned something true, or raised. */
bool progress_ask(PyObject *callable, PyObject *arguments);
/* For O&: a callable, borrowed, or NULL for None. Into a PyObject *. */
int arg_progress(PyObject *object, void *callable);

int call_setup(PyObject *module);

/* ---- The log (log.c) ---- */

/* Gives what was logged to Python. Keeps an exception that is set, unless Ctrl-C comes meanwhile:
 * then KeyboardInterrupt is set afterwards. */
void log_deliver(void);
int log_setup(PyObject *module);
PyObject *module_set_log(PyObject *module, PyObject *sink);

/* ---- Values (convert.c) ---- */

PyObject *from_text(sr_text text);       /* str, or None; not UTF-8: with surrogateescape. */
PyObject *from_string(const char *text); /* Likewise; NULL is None. */
PyObject *from_bytes(sr_text text);      /* bytes, or None */
PyObject *from_id(const sr_id *id);      /* bytes of 16 */
PyObject *from_integer(int64_t value);   /* int, or None for SR_NULL_INTEGER */
PyObject *from_real(double value);       /* float, or None for NAN */
PyObject *from_value(const sr_value *value);

/* A tuple of what `item` makes of each. */
PyObject *from_each(PyObject *(*item)(const void *of, size_t index), const void *of, size_t count);
PyObject *from_strings(const char *const *strings, size_t count);

/* A tuple of `count` new references, which it takes over; NULL where one of them is. */
PyObject *row(Py_ssize_t count, ...);

/* A text of the caller's: str (surrogateescape), bytes, a path, or None for a null. Holds what it
 * borrows from; let go with text_done. For PyArg_Parse's O& as `arg_text`. */
typedef struct text_arg {
	sr_text text;
	PyObject *owner;
} text_arg;

int arg_text(PyObject *object, void *text);
void text_done(text_arg *text);

/* For O& too: bytes of 16 or hex digits. Into an sr_id, or an id_arg for which None is a null. */
typedef struct id_arg {
	sr_id id;
	bool given;
} id_arg;
int arg_id(PyObject *object, void *id);
int arg_maybe_id(PyObject *object, void *id_arg);

/* int, or None for SR_NULL_INTEGER. Into an int64_t. */
int arg_integer(PyObject *object, void *integer);
/* float, or None for NAN. Into a double. */
int arg_real(PyObject *object, void *real);

/* Values for a statement's parameters. */
typedef struct value_list {
	sr_value *values;
	size_t count;
	PyObject *owners; /* A list of what the values borrow from and no row keeps, or NULL. */
} value_list;

/* From `rows` sequences of `columns` values each. The caller keeps the rows meanwhile. */
bool values_take(value_list *list, PyObject *const *rows, size_t row_count, size_t columns);
void values_done(value_list *list);

/* A statement and its values, as methods take them. */
typedef struct statement {
	const char *sql;
	PyObject *parameters; /* A list or a tuple, or NULL. */
	value_list values;
} statement;

bool statement_values(statement *given); /* sql.c */

/* A tuple of a statement's values: select.c. */
PyObject *values_row(const sr_value *values, size_t count);

/* ---- The catalog (catalog.c) ---- */

typedef struct Cursor Cursor;

typedef struct Catalog {
	PyObject_HEAD sr_catalog *handle; /* NULL before it is opened and after it is closed. */
	sr_catalog *closing;              /* What the last running call is to close. */
	long pid;                         /* That opened it. */
	int levels;                       /* Of transactions that threads have open. */
	int calls;                        /* Running now, in any thread. */
	Cursor *cursors;                  /* Open ones. */
} Catalog;

/* The handle for one call; NULL with an exception where the catalog is closed. */
sr_catalog *catalog_enter(Catalog *self);
void catalog_leave(Catalog *self);
/* catalog_leave, and `failed` before it, since leaving may close. */
bool catalog_failed(Catalog *self, sr_status status);

/* What sr_options and the texts that it refers to are read into. */
typedef struct opening {
	sr_options options;
	text_arg path;
	text_arg config_file;
	text_arg storage_dir;
	text_arg base_dir;
	text_arg master_key_file;
} opening;

/* For O&: a dictionary of what the type Catalog takes. Let go with opening_done. */
int arg_options(PyObject *object, void *opening);
void opening_done(opening *o);

extern PyTypeObject *catalog_type;
int catalog_setup(PyObject *module);

/* ---- Cursors (cursor.c) ---- */

/* What a cursor hands out: one of these a kind of row. */
typedef struct cursor_kind {
	/* *item is NULL after the last row. */
	sr_status (*next)(void *handle, const void **item);
	void (*close)(void *handle);
	PyObject *(*row)(void *handle, const void *item);
} cursor_kind;

struct Cursor {
	PyObject_HEAD Catalog *catalog;
	const cursor_kind *kind;
	void *handle;     /* NULL after the last row or close. */
	bool busy;        /* A thread is in it. */
	Cursor *previous; /* In the catalog's list. */
	Cursor *next;
};

/* Takes the library's cursor over, also where it fails. */
PyObject *cursor_new(Catalog *catalog, const cursor_kind *kind, void *handle);
/* `failed`, and cursor_new where it has not; takes the handle over, also where it fails. */
PyObject *cursor_opened(Catalog *catalog, sr_status status, const cursor_kind *kind, void *handle);
/* The handle of an open cursor of this kind; NULL with an exception else. */
void *cursor_handle(PyObject *cursor, const cursor_kind *kind);
/* The same for a call that uses it without Python's lock, until cursor_used, which closes what is
 * at its end. */
void *cursor_use(PyObject *cursor, const cursor_kind *kind);
void cursor_used(PyObject *cursor, bool at_end);
/* Closes all that no thread is in. */
void cursors_close(Catalog *catalog);
int cursor_setup(PyObject *module);

/* A kind by the library's names: CURSOR_KIND(client_rows, sr_clients, sr_client, client_row) is
 * for sr_clients_next and sr_clients_close. */
#define CURSOR_KIND(kind, noun, item_type, to_row)                                                 \
	static sr_status kind##_next(void *handle, const void **item)                              \
	{                                                                                          \
		const item_type *typed;                                                            \
		sr_status rc = noun##_next(handle, &typed);                                        \
                                                                                                   \
		*item = typed;                                                                     \
		return rc;                                                                         \
	}                                                                                          \
	static void kind##_close(void *handle)                                                     \
	{                                                                                          \
		noun##_close(handle);                                                              \
	}                                                                                          \
	static PyObject *kind##_row(void *handle, const void *item)                                \
	{                                                                                          \
		(void)handle;                                                                      \
		return to_row(item);                                                               \
	}                                                                                          \
	static const cursor_kind kind = {kind##_next, kind##_close, kind##_row}

/* ---- Methods of a catalog, by noun ---- */

#define METHOD(name) PyObject *catalog_##name(Catalog *self, PyObject *args, PyObject *keywords)

/* clients.c */
METHOD(client_save);
METHOD(client_by_id);
METHOD(client_by_name);
METHOD(client_update);
METHOD(client_delete);
METHOD(client_count);
METHOD(client_list);
PyObject *saved_row(const sr_saved *saved);
int clients_setup(PyObject *module);

/* files.c */
METHOD(file_save);
METHOD(file_find);
METHOD(file_by_id);
METHOD(file_set_verified);
METHOD(file_verify);
METHOD(file_delete);
METHOD(file_delete_stored);
METHOD(file_list);
PyObject *file_row(const sr_file *file); /* FILE_FIELDS */
int files_setup(PyObject *module);

/* statistics.c */
METHOD(statistics);
METHOD(total_list);
METHOD(file_sums);
METHOD(client_usage_list);
int statistics_setup(PyObject *module);

/* metrics.c */
METHOD(metric_record);
METHOD(metric_list);
METHOD(metric_cleanup);
int metrics_setup(PyObject *module);

/* health.c */
METHOD(health);
PyObject *module_health_look(PyObject *module, PyObject *args, PyObject *keywords);
METHOD(size_limits);
METHOD(optimize);
METHOD(optimize_needs);
int health_setup(PyObject *module);

/* pool.c */
METHOD(begin);
METHOD(commit);
METHOD(rollback);
METHOD(undo);
METHOD(in_transaction);
METHOD(transaction_take);
METHOD(lease);
METHOD(pool_statistics);

/* A lease of a reader, shared by the cursor that stands for it and the queries that need it. */
typedef struct held_lease {
	sr_lease *lease;
	atomic_int users;
} held_lease;

/* For O&: what `lease` has returned, or NULL for None. Into a held_lease *, borrowed. */
int arg_lease(PyObject *object, void *lease);
held_lease *lease_hold(held_lease *lease);
void lease_let_go(held_lease *lease); /* NULL is fine for both. */
int pool_setup(PyObject *module);

/* sql.c */
METHOD(describe);
METHOD(execute);
METHOD(execute_fetch);
METHOD(execute_many);
METHOD(execute_more);
METHOD(execute_script);

/* select.c */
METHOD(query);
METHOD(select);
METHOD(more);
METHOD(fetch);

/* search.c */
METHOD(search);
METHOD(search_page);
METHOD(search_count);
int search_setup(PyObject *module);

/* backup.c */
METHOD(backup);
PyObject *module_backup_verify(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *module_restore(PyObject *module, PyObject *args, PyObject *keywords);
PyObject *module_backup_rotate(PyObject *module, PyObject *args, PyObject *keywords);
int backup_setup(PyObject *module);

/* migrations.c */
METHOD(migrate);
METHOD(migrate_verify);
METHOD(migrate_own);
METHOD(migrate_own_down);
PyObject *module_migration_status(PyObject *module, PyObject *args, PyObject *keywords);
int migrations_setup(PyObject *module);

/* record.c */
METHOD(record);
int record_setup(PyObject *module);

/* versions.c */
METHOD(version_list);
METHOD(version_find);
METHOD(version_diff);
METHOD(version_activate);
METHOD(version_pin);
PyObject *from_version(const sr_file_version *version);
int versions_setup(PyObject *module);

/* prune.c */
METHOD(policy_set);
METHOD(policy_clear);
METHOD(policy_get);
METHOD(policy_list);
METHOD(prune);
int prune_setup(PyObject *module);

/* quotas.c */
METHOD(quota_set);
METHOD(quota_clear);
METHOD(quota_get);
METHOD(quota_list);
METHOD(quota_default_set);
METHOD(quota_default);
METHOD(quota_enforce_set);
METHOD(quota_enforce);
int quotas_setup(PyObject *module);

/* keys.c */
METHOD(keys_status);
METHOD(keys_init);
METHOD(keys_unwrap);
METHOD(keys_check);
int keys_setup(PyObject *module);

/* activity.c */
METHOD(activity_list);
METHOD(activity_failed);
METHOD(activity_cleanup);
METHOD(transfer_list);
int activity_setup(PyObject *module);

/* categories.c */
METHOD(category_list);
METHOD(category_rules);
METHOD(category_of);
METHOD(category_add);
METHOD(category_update);
METHOD(category_delete);
METHOD(category_assign);
METHOD(category_classify);
int categories_setup(PyObject *module);

/* repair.c */
METHOD(repair);
METHOD(search_index_build);
PyObject *module_salvage(PyObject *module, PyObject *args, PyObject *keywords);
int repair_setup(PyObject *module);

/* folders.c */
METHOD(folder);
int folders_setup(PyObject *module);

/* ---- Rules of what is kept (keep.c) ---- */

/* For O&: a dictionary of rules and their values. Into an sr_keep. */
int arg_keep(PyObject *object, void *keep);
PyObject *from_keep(const sr_keep *keep);
PyObject *from_kept(unsigned kept, const sr_keep *keep); /* In words; "" for none. */
int keep_setup(PyObject *module);

/* Rows that tell what rules keep, for callbacks. */
typedef struct kept_list {
	PyObject *rows;
	const sr_keep *keep;
} kept_list;

/* ---- Words (words.c) ---- */

/* As arg_text, for what the library takes as a string: None is NULL, a NUL inside is refused. */
int arg_path(PyObject *object, void *text);

PyObject *module_parse_when(PyObject *module, PyObject *args);
PyObject *module_parse_time(PyObject *module, PyObject *args);
PyObject *module_parse_size(PyObject *module, PyObject *args);
PyObject *module_parse_span(PyObject *module, PyObject *args);
PyObject *module_day_end(PyObject *module, PyObject *args);
PyObject *module_format_time(PyObject *module, PyObject *args);
PyObject *module_new_id(PyObject *module, PyObject *args);

#endif
