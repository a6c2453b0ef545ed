/*
 * Sizes, times and spans in words, as the library reads and writes them; and new ids.
 */
#include <string.h>

#include "module.h"

int arg_path(PyObject *object, void *out)
{
	text_arg *text = out;
	int result = arg_text(object, text);

	if (object == NULL || result == 0 || text->text.data == NULL ||
	    strlen(text->text.data) == text->text.length)
		return result;
	PyErr_Format(PyExc_ValueError, "there is a NUL in %R", object);
	text_done(text);
	return 0;
}

/* parse_when(text) -> (microseconds since 1970, whether it is a whole day): an ISO 8601 date or
 * time, or a span before now. */
PyObject *module_parse_when(PyObject *module, PyObject *args)
{
	const char *text;
	int64_t instant;
	bool is_day;

	(void)module;
	if (!PyArg_ParseTuple(args, "s:parse_when", &text) ||
	    failed(sr_when_parse(text, &instant, &is_day)))
		return NULL;
	return row(2, from_integer(instant), PyBool_FromLong(is_day));
}

/* parse_time(text), likewise, without spans */
PyObject *module_parse_time(PyObject *module, PyObject *args)
{
	const char *text;
	int64_t instant;
	bool is_day;

	(void)module;
	if (!PyArg_ParseTuple(args, "s:parse_time", &text) ||
	    failed(sr_time_parse(text, &instant, &is_day)))
		return NULL;
	return row(2, from_integer(instant), PyBool_FromLong(is_day));
}

/* parse_size(text) -> bytes */
PyObject *module_parse_size(PyObject *module, PyObject *args)
{
	const char *text;
	int64_t bytes;

	(void)module;
	if (!PyArg_ParseTuple(args, "s:parse_size", &text) || failed(sr_size_parse(text, &bytes)))
		return NULL;
	return from_integer(bytes);
}

/* parse_span(text) -> seconds */
PyObject *module_parse_span(PyObject *module, PyObject *args)
{
	const char *text;
	int64_t seconds;

	(void)module;
	if (!PyArg_ParseTuple(args, "s:parse_span", &text) || failed(sr_span_parse(text, &seconds)))
		return NULL;
	return from_integer(seconds);
}

/* day_end(instant) -> the last microsecond of the day that begins there */
PyObject *module_day_end(PyObject *module, PyObject *args)
{
	long long instant;

	(void)module;
	if (!PyArg_ParseTuple(args, "L:day_end", &instant))
		return NULL;
	return from_integer(sr_day_end(instant));
}

/* format_time(instant) -> ISO 8601 in UTC */
PyObject *module_format_time(PyObject *module, PyObject *args)
{
	char text[SR_TIME_TEXT_SIZE];
	long long instant;

	(void)module;
	if (!PyArg_ParseTuple(args, "L:format_time", &instant))
		return NULL;
	sr_time_format(instant, text);
	return from_string(text);
}

/* new_id() -> bytes of 16, later ones greater */
PyObject *module_new_id(PyObject *module, PyObject *args)
{
	sr_id id;

	(void)module;
	(void)args;
	sr_id_new(&id);
	return from_id(&id);
}
