#include "interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t seen;

static void on_signal(int number)
{
	(void)number;
	seen = 1;
}

static void watch(int number)
{
	struct sigaction action;
	struct sigaction before;

	/* What whoever started the program ignores (nohup, a job in the background) stays so. */
	if (sigaction(number, NULL, &before) != 0 || before.sa_handler == SIG_IGN)
		return;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void interrupt_watch(void)
{
	watch(SIGINT);
	watch(SIGTERM);
}

/* What is mapped is not there any more, and nothing could go on with it. */
static void on_bus_error(int number)
{
	static const char words[] =
		"strongroom: a file of the database was cut short by another program while it was "
		"in use; what was done before is kept: run the command again\n";

	(void)number;
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		_exit(2);
	_exit(1);
}

void interrupt_survive(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGBUS, on_bus_error);
}

bool interrupt_seen(void)
{
	return seen != 0;
}

bool interrupt_progress(void *arg, int64_t done, int64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return interrupt_seen();
}
