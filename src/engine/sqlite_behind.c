#include "sqlite_behind.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define ALIGNMENT 4096 /* What O_DIRECT asks for at most, on disks that there are. */

struct sr_sqlite_behind {
	sqlite3_file *file;
	int fd; /* Past the page cache; -1: not, or not any more. The thread's alone. */
	pthread_t thread;
	pthread_mutex_t lock;   /* Guards what follows. */
	pthread_cond_t changed; /* full, stop. */
	char *bytes;            /* The buffer that goes out, or that is free. */
	int length;
	sqlite3_int64 at;
	bool full; /* It goes out: the thread's until that is over. */
	bool stop;
	int code; /* The first failure; nothing more is written then. */
};

int sr_sqlite_write_pieces(sqlite3_file *file, const char *bytes, int length, sqlite3_int64 at)
{
	int code = SQLITE_OK;

	while (length > 0 && code == SQLITE_OK) {
		int piece = length < SR_BEHIND_PIECE ? length : SR_BEHIND_PIECE;

		code = file->pMethods->xWrite(file, bytes, piece, at);
		bytes += piece;
		at += piece;
		length -= piece;
	}
	return code;
}

char *sr_sqlite_behind_buffer(void)
{
	return aligned_alloc(ALIGNMENT, SR_BEHIND_BYTES);
}

static int write_direct(int fd, const char *bytes, int length, sqlite3_int64 at)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, bytes, (size_t)length, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno != ENOSPC && errno != EDQUOT ? SQLITE_IOERR_WRITE
									   : SQLITE_FULL;
		bytes += n;
		at += n;
		length -= (int)n;
	}
	return SQLITE_OK;
}

static int write_out(sr_sqlite_behind *b)
{
	if (b->fd >= 0 && b->at % ALIGNMENT == 0 && b->length % ALIGNMENT == 0) {
		int code = write_direct(b->fd, b->bytes, b->length, b->at);

		/* A file system that does not have it says so now; others are asked to repeat it.
		 */
		if (code != SQLITE_IOERR_WRITE)
			return code;
		b->fd = -1;
	}
	return sr_sqlite_write_pieces(b->file, b->bytes, b->length, b->at);
}

static void *run(void *arg)
{
	sr_sqlite_behind *b = arg;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		int code = b->code;

		while (!b->full && !b->stop)
			pthread_cond_wait(&b->changed, &b->lock);
		if (!b->full)
			break;
		pthread_mutex_unlock(&b->lock);
		if (code == SQLITE_OK)
			code = write_out(b);
		pthread_mutex_lock(&b->lock);
		b->code = code;
		b->full = false;
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* Signals from elsewhere are for the threads that were there before; what this one's own writing
 * raises is for it. */
static bool start(sr_sqlite_behind *b)
{
	static const int own[] = {SIGXFSZ, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&b->thread, NULL, run, b) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

sr_sqlite_behind *sr_sqlite_behind_new(sqlite3_file *file, int fd)
{
	sr_sqlite_behind *b = calloc(1, sizeof(*b));

	if (b == NULL || (b->bytes = sr_sqlite_behind_buffer()) == NULL) {
		free(b);
		return NULL;
	}
	b->file = file;
	b->fd = fd;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	if (!start(b)) {
		pthread_cond_destroy(&b->changed);
		pthread_mutex_destroy(&b->lock);
		free(b->bytes);
		free(b);
		return NULL;
	}
	return b;
}

static int wait_locked(sr_sqlite_behind *b)
{
	while (b->full)
		pthread_cond_wait(&b->changed, &b->lock);
	return b->code;
}

int sr_sqlite_behind_write(sr_sqlite_behind *b, char **bytes, int length, sqlite3_int64 at)
{
	char *next;
	int code;

	pthread_mutex_lock(&b->lock);
	if ((code = wait_locked(b)) == SQLITE_OK) {
		next = b->bytes;
		b->bytes = *bytes;
		b->length = length;
		b->at = at;
		b->full = true;
		*bytes = next;
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return code;
}

int sr_sqlite_behind_wait(sr_sqlite_behind *b)
{
	int code;

	if (b == NULL)
		return SQLITE_OK;
	pthread_mutex_lock(&b->lock);
	code = wait_locked(b);
	pthread_mutex_unlock(&b->lock);
	return code;
}

void sr_sqlite_behind_free(sr_sqlite_behind *b)
{
	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b->bytes);
	free(b);
}
