/* What the tests of the pool share: a database in a folder of its own, a log to look into, and
 * waiting for a state instead of for a time. */
#ifndef POOL_FIXTURE_H
#define POOL_FIXTURE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "expect.h"
#include "pool/internal.h"
#include "scratch.h"

typedef struct pool_fixture {
	char path[96];
	sr_pool_options options; /* Of the next fixture_pool. */
	sr_pool *pool;
} pool_fixture;

/* ---- The log ---- */

static pthread_mutex_t logged_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[65536]; /* Every message since pool_setup, a line each. */

static inline void keep_log(void *arg, sr_log_level level, const char *module, const char *message)
{
	size_t used;

	(void)arg;
	(void)level;
	pthread_mutex_lock(&logged_lock);
	used = strlen(logged);
	snprintf(logged + used, sizeof(logged) - used, "%s: %s\n", module, message);
	pthread_mutex_unlock(&logged_lock);
}

/* How often the log holds the words. */
static inline int times_logged(const char *words)
{
	int count = 0;

	pthread_mutex_lock(&logged_lock);
	for (const char *at = logged; (at = strstr(at, words)) != NULL; at += strlen(words))
		count++;
	pthread_mutex_unlock(&logged_lock);
	return count;
}

/* ---- The pool ---- */

/* An empty database with the tables `t (v)` and `wide (b)`, and parent and child with a deferred
 * foreign key. */
static inline int pool_setup(void **state)
{
	pool_fixture *f = calloc(1, sizeof(*f));
	sr_conn_options options = {.access = SR_ACCESS_CREATE, .busy_timeout = 10};
	sr_conn *conn;

	scratch_new();
	snprintf(f->path, sizeof(f->path), "%s", scratch_path("p.db"));
	logged[0] = '\0';
	sr_log_set(keep_log, NULL);
	assert_done(sr_conn_open(&sr_sqlite, f->path, &options, &conn));
	assert_done(sr_exec(conn, "CREATE TABLE t (v); CREATE TABLE wide (b);"
				  "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
				  "CREATE TABLE child (p REFERENCES parent (id) "
				  "DEFERRABLE INITIALLY DEFERRED)"));
	sr_conn_close(conn);
	f->options = (sr_pool_options){
		.engine = &sr_sqlite, .path = f->path, .readers = 4, .timeout = 120};
	*state = f;
	return 0;
}

/* The pool of f->options, in place of one opened before. */
static inline sr_pool *fixture_pool(pool_fixture *f)
{
	if (f->pool != NULL)
		assert_done(sr_pool_close(f->pool));
	assert_done(sr_pool_open(&f->pool, &f->options));
	return f->pool;
}

static inline bool fixture_has(const pool_fixture *f, const char *suffix)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", f->path, suffix);
	return stat(path, &st) == 0;
}

static inline int pool_teardown(void **state)
{
	pool_fixture *f = *state;

	if (f->pool != NULL)
		(void)sr_pool_close(f->pool);
	sr_log_set(NULL, NULL);
	free(f);
	return scratch_teardown(state);
}

static inline sr_pool_statistics figures(sr_pool *pool)
{
	sr_pool_statistics s;

	sr_pool_statistics_read(pool, &s);
	return s;
}

/* Returns when so many callers wait. */
static inline void until_waiting(sr_pool *pool, int count)
{
	while (figures(pool).waiting < count)
		usleep(200);
}

/* Returns when nobody brings the log in. */
static inline void until_copied(sr_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->copying)
		pthread_cond_wait(&pool->copied, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

static inline int64_t integer_of(sr_pool *pool, const char *sql)
{
	int64_t value = -1;
	sr_conn *conn;

	assert_done(sr_pool_read(pool, "integer_of", &conn));
	assert_done(sr_query_integer(conn, sql, &value));
	sr_pool_release(pool, conn);
	return value;
}

static inline int64_t rows(sr_pool *pool)
{
	return integer_of(pool, "SELECT count(*) FROM t");
}

/* ---- An operation ---- */

/* Inserts *arg as a row of t. */
static inline sr_status insert_one(sr_conn *conn, void *arg)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "INSERT INTO t VALUES ($1)", &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, *(int64_t *)arg);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

#endif
