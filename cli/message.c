#include "message.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "memory.h"
#include "utf8.h"

/* Guards all below and standard error. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool as_json; /* Lines are objects. */
static size_t drawn; /* Columns of the progress line that stands on the terminal. */

void message_json(bool json)
{
	pthread_mutex_lock(&lock);
	as_json = json;
	pthread_mutex_unlock(&lock);
}

/* A window that was made narrower meanwhile has folded the line. */
static size_t folded_rows(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 0;
	return (drawn - 1) / size.ws_col;
}

static void wipe(void)
{
	const size_t rows = drawn > 0 ? folded_rows() : 0;

	if (rows > 0)
		fprintf(stderr, "\x1b[%zuA\r\x1b[J", rows);
	else if (drawn > 0)
		fputs("\r\x1b[K", stderr);
	drawn = 0;
}

/* Prints the object, which it takes over, or the text; what was printed before to standard
 * output comes first where both go to one terminal. */
static void print(const char *kind, json_t *object, const char *text)
{
	fflush(stdout);
	pthread_mutex_lock(&lock);
	wipe();
	if (as_json) {
		json_t *outer = json_object();
		char *line;

		json_object_set(outer, kind, object);
		line = json_line(outer);
		fprintf(stderr, "%s\n", line);
		free(line);
		json_decref(outer);
	} else {
		char *clean = utf8_clean(text);

		fprintf(stderr, "strongroom: %s\n", clean);
		free(clean);
	}
	pthread_mutex_unlock(&lock);
	json_decref(object);
}

static json_t *with_message(const char *key, const char *value, const char *text)
{
	json_t *object = json_object();

	if (key != NULL)
		json_object_set_new(object, key, json_of(sr_text_of(value)));
	json_object_set_new(object, "message", json_of(sr_text_of(text)));
	return object;
}

void message_error(const char *status, const char *text)
{
	print("error", with_message("status", status, text), text);
}

void message_note(const char *text)
{
	print("note", with_message(NULL, NULL, text), text);
}

void message_failed(sr_text path, const char *why)
{
	json_t *object = json_object();
	/* Why may be the library's own words, which its next call wipes. */
	char *kept = must_copy(why, strlen(why));
	char *shown = NULL;
	char *line;

	json_object_add_text(object, "path", path);
	json_object_set_new(object, "message", json_of(sr_text_of(kept)));
	must_have(sr_text_escape(path, &shown) == SR_OK ? shown : NULL);
	line = must_print("%s: %s", shown, kept);
	print("failed", object, line);
	free(line);
	sr_free(shown);
	free(kept);
}

void message_log(void *arg, sr_log_level level, const char *module, const char *text)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	const char *name = (unsigned)level <= SR_LOG_DEBUG ? names[level] : "debug";
	json_t *object = with_message("module", module, text);
	char *line = must_print("%s: [%s] %s", name, module, text);

	(void)arg;
	json_object_set_new(object, "level", json_string(name));
	print("log", object, line);
	free(line);
}

void message_progress(const char *text)
{
	pthread_mutex_lock(&lock);
	wipe();
	if (text[0] != '\0') {
		fputs(text, stderr);
		drawn = utf8_columns(text);
	}
	fflush(stderr);
	pthread_mutex_unlock(&lock);
}
