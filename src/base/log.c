#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"

#define MODULES_MAX     16
#define MODULE_NAME_MAX 24
#define MESSAGE_SIZE    2048
#define NOBODY          (-1)

/* Which level each module sends. */
struct levels {
	int others; /* Of every module that is not named. */
	size_t count;
	struct {
		char name[MODULE_NAME_MAX];
		int level;
	} modules[MODULES_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards the five below, and calls. */
static sr_log_fn listener;
static void *listener_arg;
static struct levels levels = {.others = SR_LOG_WARNING};
static bool levels_known;        /* Set by a call, or $STRONGROOM_LOG was looked at. */
static bool environment_refused; /* $STRONGROOM_LOG does not parse; the listener is told. */

/* The most that any module sends; NOBODY without a listener. */
static atomic_int most = NOBODY;

static int level_of(const char *word, size_t length)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	for (int i = 0; i < 4; i++)
		if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
			return i;
	return NOBODY;
}

/* One word of the specification: a level, or module:level. */
static bool parse_word(const char *word, size_t length, struct levels *parsed)
{
	const char *colon = memchr(word, ':', length);
	size_t name;
	int level;

	if (colon == NULL) {
		if ((level = level_of(word, length)) == NOBODY)
			return false;
		parsed->others = level;
		return true;
	}
	name = (size_t)(colon - word);
	level = level_of(colon + 1, length - name - 1);
	if (level == NOBODY || name == 0 || name >= MODULE_NAME_MAX || parsed->count == MODULES_MAX)
		return false;
	memcpy(parsed->modules[parsed->count].name, word, name);
	parsed->modules[parsed->count].name[name] = '\0';
	parsed->modules[parsed->count++].level = level;
	return true;
}

/* The word that does not parse is left in bad. */
static bool parse_levels(const char *spec, struct levels *parsed, sr_text *bad)
{
	memset(parsed, 0, sizeof(*parsed));
	parsed->others = SR_LOG_WARNING;
	for (;;) {
		bad->data = spec;
		bad->length = strcspn(spec, ",");
		if (!parse_word(bad->data, bad->length, parsed))
			return false;
		spec += bad->length;
		if (*spec++ == '\0')
			return true;
	}
}

/* Locked: works out how much anybody wants. */
static void update_most(void)
{
	int level = levels.others;

	for (size_t i = 0; i < levels.count; i++)
		if (levels.modules[i].level > level)
			level = levels.modules[i].level;
	atomic_store(&most, listener != NULL ? level : NOBODY);
}

/* Locked: takes $STRONGROOM_LOG unless a call came before it. */
static void know_levels(void)
{
	const char *spec = getenv("STRONGROOM_LOG");
	struct levels parsed;
	sr_text bad;

	if (levels_known)
		return;
	levels_known = true;
	if (spec == NULL || *spec == '\0')
		return;
	if (parse_levels(spec, &parsed, &bad))
		levels = parsed;
	else
		environment_refused = true;
}

void sr_log_set(sr_log_fn fn, void *arg)
{
	bool refused;

	pthread_mutex_lock(&lock);
	know_levels();
	listener = fn;
	listener_arg = arg;
	update_most();
	refused = environment_refused && fn != NULL;
	if (refused)
		environment_refused = false;
	pthread_mutex_unlock(&lock);
	if (refused)
		sr_log("log", SR_LOG_WARNING,
		       "STRONGROOM_LOG is not used: %s is no list of levels such as "
		       "pool:debug,info",
		       sr_quoted(sr_text_of(getenv("STRONGROOM_LOG"))));
}

sr_status sr_log_levels(const char *spec)
{
	struct levels parsed;
	sr_text bad;

	if (spec == NULL)
		return sr_return(sr_fail(SR_INVALID, "log levels are missing"));
	if (!parse_levels(spec, &parsed, &bad))
		return sr_return(sr_fail(SR_INVALID,
					 "log level %s is neither error, warning, info or debug "
					 "nor MODULE:LEVEL",
					 sr_quoted(bad)));
	pthread_mutex_lock(&lock);
	levels = parsed;
	levels_known = true;
	environment_refused = false;
	update_most();
	pthread_mutex_unlock(&lock);
	return sr_return(SR_OK);
}

/* Locked. */
static bool wanted(const char *module, sr_log_level level)
{
	int sent = levels.others;

	for (size_t i = 0; i < levels.count; i++)
		if (strcmp(levels.modules[i].name, module) == 0)
			sent = levels.modules[i].level;
	return listener != NULL && (int)level <= sent;
}

void sr_log(const char *module, sr_log_level level, const char *fmt, ...)
{
	char message[MESSAGE_SIZE];
	int saved = errno;
	va_list args;

	if ((int)level > atomic_load_explicit(&most, memory_order_relaxed))
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	for (char *newline = message; (newline = strchr(newline, '\n')) != NULL;)
		*newline = ' ';
	pthread_mutex_lock(&lock);
	if (wanted(module, level))
		listener(listener_arg, level, module, message);
	pthread_mutex_unlock(&lock);
	errno = saved;
}
