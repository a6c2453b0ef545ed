#include "statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sqlite3.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards what follows. */
static char **texts;
static size_t count;
static size_t room;

void statements_add(const char *sql)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], sql) == 0)
			goto out;
	if (count == room) {
		room = room ? room * 2 : 256;
		if ((texts = realloc(texts, room * sizeof(*texts))) == NULL)
			abort();
	}
	if ((texts[count++] = strdup(sql)) == NULL)
		abort();
out:
	pthread_mutex_unlock(&lock);
}

static int trace(unsigned kind, void *arg, void *stmt, void *text)
{
	const char *sql = sqlite3_sql(stmt);

	(void)kind;
	(void)arg;
	(void)text;
	if (sql != NULL)
		statements_add(sql);
	return 0;
}

static int trace_begin(sqlite3 *db, char **error, const void *api)
{
	(void)error;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, trace, NULL);
}

void statements_begin(void)
{
	if (sqlite3_auto_extension((void (*)(void))trace_begin) != SQLITE_OK)
		abort();
}

void statements_end(void)
{
	sqlite3_reset_auto_extension();
	while (count > 0)
		free(texts[--count]);
	free(texts);
	texts = NULL;
	room = 0;
}

size_t statements_count(void)
{
	return count;
}

const char *statements_at(size_t index)
{
	return texts[index];
}

void statements_from_environment(void)
{
	if (getenv(STATEMENTS_VARIABLE) != NULL)
		statements_begin();
}

void statements_to_environment(void)
{
	const char *path = getenv(STATEMENTS_VARIABLE);
	FILE *file;

	if (path == NULL)
		return;
	if ((file = fopen(path, "w")) == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		fwrite(texts[i], strlen(texts[i]) + 1, 1, file);
	if (fclose(file) != 0)
		abort();
	statements_end();
}
