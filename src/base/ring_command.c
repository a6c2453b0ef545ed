/* Key rings from commands: a password store, a hardware module, another machine. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "ring.h"
#include "secret.h"
#include "text.h"

extern char **environ;

/* A shell that writes into the pipe and reads nothing. With all that it starts it is a session of
 * its own: it is ended as a whole, and a terminal is not there to wait for. */
static sr_status start(const char *command, pid_t *child, int *out)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = {shell, option, (char *)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t session;
	int ends[2];
	int error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return sr_fail_errno(errno, "no pipe for the key command");
	if ((error = posix_spawnattr_init(&session)) != 0)
		goto err0;
	if ((error = posix_spawn_file_actions_init(&actions)) == 0) {
		if ((error = posix_spawnattr_setflags(&session, POSIX_SPAWN_SETSID)) == 0 &&
		    (error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
							      O_RDONLY, 0)) == 0 &&
		    (error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)) ==
			    0)
			error = posix_spawn(child, "/bin/sh", &actions, &session, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&session);
err0:
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		return sr_fail_errno(error, "the key command cannot be run");
	}
	*out = ends[0];
	return SR_OK;
}

static sr_status fail_late(double timeout)
{
	return sr_fail(SR_BUSY, "the key command took longer than %.0f seconds", timeout);
}

/* All that it prints. */
static sr_status collect(int out, int64_t until, double timeout, char *text, size_t room,
			 size_t *length)
{
	*length = 0;
	for (;;) {
		struct pollfd at = {.fd = out, .events = POLLIN};
		int64_t left = (until - sr_clock_ns()) / 1000000;
		ssize_t n;

		if (left <= 0)
			return fail_late(timeout);
		if (poll(&at, 1, left < 1000 ? (int)left + 1 : 1000) <= 0)
			continue;
		n = read(out, text + *length, room - *length);
		if (n == 0)
			return SR_OK;
		if (n < 0 && errno != EINTR)
			return sr_fail_errno(errno, "what the key command prints cannot be read");
		if (n > 0)
			*length += (size_t)n;
		if (*length == room)
			return sr_fail(
				SR_INVALID,
				"the key command prints more than the %d bytes of a key ring",
				SR_RING_BYTES_MAX);
	}
}

/* With all that it has started. */
static void stop(pid_t child)
{
	kill(-child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* It has printed all, and may still be at work. */
static sr_status wait_for_end(pid_t child, int64_t until, double timeout)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int status = 0;
	pid_t got;

	while ((got = waitpid(child, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		if (sr_clock_ns() >= until) {
			stop(child);
			return fail_late(timeout);
		}
		nanosleep(&pause, NULL);
	}
	/* Where the program lets children go unheeded, what it printed has to do. */
	if (got < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return SR_OK;
	if (WIFSIGNALED(status))
		return sr_fail(SR_IO, "the key command was ended by signal %d", WTERMSIG(status));
	return sr_fail(SR_IO, "the key command ended with status %d", WEXITSTATUS(status));
}

sr_status sr_ring_run(const char *command, double timeout, sr_ring **ring)
{
	const int64_t until = sr_clock_ns() + (int64_t)(timeout * 1e9);
	const size_t room = SR_RING_BYTES_MAX + 1;
	char *text = sr_secret_new(room);
	size_t length = 0;
	pid_t child;
	sr_status rc;
	int out = -1;

	*ring = NULL;
	if (text == NULL)
		return sr_fail_memory();
	if ((rc = start(command, &child, &out)) != SR_OK)
		goto err0;
	if ((rc = collect(out, until, timeout, text, room, &length)) == SR_OK)
		rc = wait_for_end(child, until, timeout);
	else
		stop(child);
	close(out);
	if (rc == SR_OK)
		rc = sr_ring_parse(text, length, "what the key command prints", ring);
err0:
	sr_secret_free(text, room);
	if (rc != SR_OK)
		sr_fail_within(rc, "%s", sr_quoted(sr_text_of(command)));
	return rc;
}
