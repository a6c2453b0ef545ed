/*
 * Queries while another process writes.
 *
 * Nobody can stop it between the oracle's look and the search's, but it counts its commits in
 * memory that both see. Where none was made in between, the answer is the oracle's; where one may
 * have been, it is that of the state before or of the one after; where it were more, nothing is
 * said.
 */
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "asking.h"

#define WRITER "--writer"

extern char **environ;

static progress *share(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	progress *shared;

	if (fd < 0 || ftruncate(fd, sizeof(progress)) != 0)
		abort();
	shared = mmap(NULL, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		abort();
	return shared;
}

static void rest(int microseconds)
{
	struct timespec time = {.tv_sec = microseconds / 1000000,
				.tv_nsec = microseconds % 1000000 * 1000L};

	nanosleep(&time, NULL);
}

/* ---- The writer ---- */

/* WRITER, database, log, shared memory, seed, rows. */
void machine_writer_main(int argc, char **argv)
{
	machine_index index;
	sr_options options;
	writing w = {0};

	if (argc != 7 || strcmp(argv[1], WRITER) != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w.path = argv[2];
	w.log = fopen(argv[3], "a");
	w.progress = share(argv[4]);
	w.rows = (unsigned)strtoul(argv[6], NULL, 10);
	if (w.log == NULL)
		abort();
	chance_seed(strtoull(argv[5], NULL, 10));
	machine_choose_step(&index);
	sr_options_init(&options);
	options.path = w.path;
	options.pool_size = 2;
	options.durability = SR_DURABILITY_NORMAL;
	if (sr_open(&w.catalog, &options) != SR_OK) {
		write_log(&w, "FAILED sr_open in the writer: %s", sr_error_message());
		exit(1);
	}
	machine_set_step(&index, w.catalog);
	write_log(&w, "a writer begins");
	while (!atomic_load(&w.progress->stop) && !w.failed) {
		int pause = atomic_load(&w.progress->pause);

		write_something(&w);
		rest((int)chance((unsigned)pause * 2 + 1));
	}
	if (sr_close(w.catalog) != SR_OK)
		w.failed = true;
	exit(w.failed);
}

static pid_t start_writer(machine *m, const char *shared)
{
	char seed[32], rows[32];
	char *arguments[] = {"search-random",           WRITER, m->path, m->log,
			     (char *)(uintptr_t)shared, seed,   rows,    NULL};
	pid_t writer;

	snprintf(seed, sizeof(seed), "%u", chance(1u << 30));
	snprintf(rows, sizeof(rows), "%u", m->writing.rows);
	if (posix_spawn(&writer, "/proc/self/exe", NULL, NULL, arguments, environ) != 0)
		abort();
	return writer;
}

static void end_writer(machine *m, pid_t writer, progress *shared)
{
	bool killed = !one_in(3);
	int status;

	if (killed) {
		rest((int)chance(20000));
		kill(writer, SIGKILL);
		m->figures->killed++;
	} else {
		atomic_store(&shared->stop, 1);
	}
	if (waitpid(writer, &status, 0) != writer)
		abort();
	if (WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) != SIGKILL)
		sr_buffer_printf(&m->report, "the writer ended with status %d, see the log\n",
				 status);
	write_log(&m->writing, "the writer %s", killed ? "was killed" : "ended");
}

/* ---- The reader ---- */

static oracle *look(machine *m, sqlite3 *db)
{
	oracle *all = oracle_load(db);

	if (all == NULL)
		sr_buffer_add_string(&m->report, "the oracle cannot read the tables\n");
	return all;
}

/* What the rows were when no commit was being made, or at least when none came to its end. */
static oracle *look_in_peace(machine *m, sqlite3 *db, progress *shared, int *done)
{
	for (;;) {
		oracle *all;

		*done = atomic_load(&shared->done);
		all = look(m, db);
		if (all == NULL || atomic_load(&shared->done) == *done)
			return all;
		oracle_free(all);
	}
}

static void judge(machine *m, sqlite3 *db, progress *shared, int done, const question *q,
		  const answer *a, oracle *before)
{
	sr_buffer words = SR_BUFFER_EMPTY;
	oracle *after;

	if (answer_equals(a, before, q, false, &words))
		goto out;
	if ((after = look(m, db)) == NULL)
		goto out;
	if (atomic_load(&shared->begun) - done > 1)
		m->figures->unclear++;
	else if (!answer_equals(a, after, q, false, &words)) {
		sr_buffer_printf(&m->report,
				 "query %lu of epoch %u, beside a writer: strongroom "
				 "--db … ",
				 m->figures->queries, m->epoch);
		question_describe(q, &m->report);
		sr_buffer_printf(&m->report, "\nbefore and after a commit: %s", words.data);
	}
	oracle_free(after);
out:
	sr_buffer_free(&words);
}

static void ask_beside(machine *m, sqlite3 *db, progress *shared)
{
	int done;
	oracle *before = look_in_peace(m, db, shared, &done);
	sr_buffer words = SR_BUFFER_EMPTY;
	question q;
	answer a;

	if (before == NULL)
		return;
	question_make(&q, before);
	m->figures->queries++;
	m->figures->beside++;
	if (answer_get(&a, m->writing.catalog, &q, false, &words)) {
		m->figures->compared += a.count;
		m->figures->hits += a.count > 0;
		judge(m, db, shared, done, &q, &a, before);
		answer_free(&a);
	} else {
		sr_buffer_printf(&m->report, "query %lu of epoch %u, beside a writer: %s",
				 m->figures->queries, m->epoch, words.data);
	}
	question_free(&q);
	oracle_free(before);
	sr_buffer_free(&words);
}

void machine_ask_beside(machine *m, unsigned queries)
{
	char path[560];
	progress *shared;
	sqlite3 *db;
	pid_t writer;

	snprintf(path, sizeof(path), "%s/progress", m->folder);
	unlink(path);
	shared = share(path);
	atomic_store(&shared->pause, 20000);
	writer = start_writer(m, path);
	db = open_plain(m->path);
	while (queries-- > 0 && !machine_failed(m))
		ask_beside(m, db, shared);
	sqlite3_close(db);
	end_writer(m, writer, shared);
	munmap(shared, sizeof(progress));
}
