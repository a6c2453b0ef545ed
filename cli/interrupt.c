#include "interrupt.h"

#include <signal.h>
#include <string.h>

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
