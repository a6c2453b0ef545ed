/*
 * Operations that share a transaction. A batch is made certain by holding the writer until
 * everybody stands in line: the first then leads all of them.
 */
#ifndef POOL_BATCH_H
#define POOL_BATCH_H

#include "pool_fixture.h"

/* In place of the pool's clock: it stands still while a batch is run, so that none is ever too old
 * for newcomers, however slow the machine. */
int64_t __real_sr_clock_ns(void);
int64_t __wrap_sr_clock_ns(void);

static atomic_llong clock_stands_at; /* 0: it goes on. */

int64_t __wrap_sr_clock_ns(void)
{
	int64_t at = atomic_load(&clock_stands_at);

	return at != 0 ? at : __real_sr_clock_ns();
}

static inline void clock_stop(void)
{
	atomic_store(&clock_stands_at, __real_sr_clock_ns());
}

static inline void clock_go_on(void)
{
	atomic_store(&clock_stands_at, 0);
}

typedef struct member {
	sr_pool *pool;
	sr_operation operation;
	int64_t value; /* The operation's row. */
	int runs;      /* How often it was run. */
	sr_status status;
	char words[1024];
	pthread_t thread;
} member;

/* The row of a member; every operation here begins with it. */
static inline sr_status insert_member(sr_conn *conn, void *arg)
{
	member *m = arg;

	m->runs++;
	return insert_one(conn, &m->value);
}

static inline void *commit_member(void *arg)
{
	member *m = arg;

	m->status = sr_pool_commit(m->pool, "member", m->operation, m);
	snprintf(m->words, sizeof(m->words), "%s", sr_error_message());
	return NULL;
}

/* Queues the operations behind the writer, in order; `prepare` is done while it is held. */
static inline void run_batch(sr_pool *pool, member *members, int count, void (*prepare)(sr_conn *))
{
	sr_conn *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	if (prepare != NULL)
		prepare(conn);
	for (int i = 0; i < count; i++) {
		members[i].pool = pool;
		members[i].value = i;
		if (members[i].operation == NULL)
			members[i].operation = insert_member;
		assert_int_equal(
			pthread_create(&members[i].thread, NULL, commit_member, &members[i]), 0);
		until_waiting(pool, i + 1);
	}
	clock_stop();
	sr_pool_release(pool, conn);
	for (int i = 0; i < count; i++)
		assert_int_equal(pthread_join(members[i].thread, NULL), 0);
	clock_go_on();
}

/* Exactly the rows of members that were told SR_OK are there, once each. */
static inline void check_rows(sr_pool *pool, const member *members, int count)
{
	int good = 0;
	char sql[96];

	for (int i = 0; i < count; i++) {
		good += members[i].status == SR_OK;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM t WHERE v = %d", i);
		assert_int_equal(integer_of(pool, sql), members[i].status == SR_OK);
		assert_int_equal(members[i].words[0] == '\0', members[i].status == SR_OK);
	}
	assert_int_equal(rows(pool), good);
	assert_int_equal(figures(pool).operations, good);
	assert_int_equal(figures(pool).active, 0);
	assert_int_equal(figures(pool).waiting, 0);
}

/* Everybody but the one is fine. */
static inline void check_alone(sr_pool *pool, const member *members, int count, int culprit)
{
	for (int i = 0; i < count; i++)
		if (i != culprit)
			assert_int_equal(members[i].status, SR_OK);
	assert_int_not_equal(members[culprit].status, SR_OK);
	check_rows(pool, members, count);
}

#endif
