/*
 * The library's log, for Python's logging.
 *
 * The library logs from any thread, with its own locks held and without Python's: nothing of Python
 * may run there. So messages wait in a list, and go out when a call returns, in the thread that
 * made it; what threads of the library's own log meanwhile goes out in the main thread soon
 * afterwards.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

#define WAITING_MAX 10000 /* More than that are lost, and that is told. */

typedef struct message {
	struct message *next;
	sr_log_level level;
	const char *module; /* Static. */
	char text[];
} message;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards the next four. */
static message *first;
static message **last = &first;
static size_t waiting;
static size_t lost;

static PyObject *sink; /* Called with level, module and text; NULL: nobody listens. */

static int deliver_later(void *arg)
{
	(void)arg;
	log_deliver();
	return PyErr_Occurred() == NULL ? 0 : -1;
}

/* The library's callback. */
static void keep(void *arg, sr_log_level level, const char *module, const char *text)
{
	size_t length = strlen(text) + 1;
	message *fresh = malloc(sizeof(*fresh) + length);
	bool is_first;

	(void)arg;
	if (fresh != NULL) {
		fresh->next = NULL;
		fresh->level = level;
		fresh->module = module;
		memcpy(fresh->text, text, length);
	}
	pthread_mutex_lock(&lock);
	is_first = waiting == 0;
	if (fresh == NULL || waiting == WAITING_MAX) {
		lost++;
		free(fresh);
	} else {
		*last = fresh;
		last = &fresh->next;
		waiting++;
	}
	pthread_mutex_unlock(&lock);
	if (is_first)
		(void)Py_AddPendingCall(deliver_later, NULL);
}

static message *take(size_t *lost_count)
{
	message *list;

	pthread_mutex_lock(&lock);
	list = first;
	*lost_count = lost;
	first = NULL;
	last = &first;
	waiting = 0;
	lost = 0;
	pthread_mutex_unlock(&lock);
	return list;
}

/* An exception, taken out of the way. */
typedef struct stash {
	PyObject *type, *value, *traceback;
} stash;

/* What the sink raises harms no call. But Ctrl-C may come while it runs: that goes to `interrupt`.
 */
static void send(sr_log_level level, const char *module, const char *text, stash *interrupt)
{
	PyObject *words = from_string(text);
	PyObject *result = NULL;

	if (words != NULL)
		result = PyObject_CallFunction(sink, "isO", (int)level, module, words);
	if (result == NULL && interrupt->type == NULL && !PyErr_ExceptionMatches(PyExc_Exception))
		PyErr_Fetch(&interrupt->type, &interrupt->value, &interrupt->traceback);
	else if (result == NULL)
		PyErr_WriteUnraisable(sink);
	Py_XDECREF(result);
	Py_XDECREF(words);
}

void log_deliver(void)
{
	stash before = {0}, interrupt = {0};
	size_t lost_count;
	message *list = take(&lost_count);
	char text[80];

	if (list == NULL && lost_count == 0)
		return;
	PyErr_Fetch(&before.type, &before.value, &before.traceback);
	while (list != NULL) {
		message *one = list;

		list = one->next;
		if (sink != NULL)
			send(one->level, one->module, one->text, &interrupt);
		free(one);
	}
	if (lost_count > 0 && sink != NULL) {
		PyOS_snprintf(text, sizeof(text), "%zu messages were lost", lost_count);
		send(SR_LOG_WARNING, "log", text, &interrupt);
	}
	PyErr_Restore(before.type, before.value, before.traceback);
	if (interrupt.type != NULL) /* It goes before anything else. */
		PyErr_Restore(interrupt.type, interrupt.value, interrupt.traceback);
}

PyObject *module_set_log(PyObject *module, PyObject *callable)
{
	PyObject *old = sink;

	(void)module;
	if (callable == Py_None) {
		sink = NULL;
	} else if (PyCallable_Check(callable)) {
		Py_INCREF(callable);
		sink = callable;
	} else {
		PyErr_SetString(PyExc_TypeError, "set_log takes a callable or None");
		return NULL;
	}
	Py_XDECREF(old);
	Py_RETURN_NONE;
}

int log_setup(PyObject *module)
{
	static const struct {
		const char *name;
		sr_log_level level;
	} levels[] = {
		{"LOG_ERROR", SR_LOG_ERROR},
		{"LOG_WARNING", SR_LOG_WARNING},
		{"LOG_INFO", SR_LOG_INFO},
		{"LOG_DEBUG", SR_LOG_DEBUG},
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (PyModule_AddIntConstant(module, levels[i].name, levels[i].level) != 0)
			return -1;
	}
	sr_log_set(keep, NULL);
	/* Python's loggers have levels of their own, which may change at any time. */
	if (sr_log_levels("debug") != SR_OK) {
		raise_error(SR_INVALID, sr_error_message());
		return -1;
	}
	return 0;
}
