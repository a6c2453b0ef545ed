/* Threads, processes and what they talk through. */
/* The functions here have names of their own and the symbols of those that they stand for, so that
 * neither the headers' attributes nor their checked variants get in the way. */
#undef _FORTIFY_SOURCE
#include "shim_private.h"

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

int shim_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			void *arg) SHIM("pthread_create");
int shim_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			void *arg)
{
	int rc;

	NEXT("pthread_create",
	     int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
	if (shim_trips(MEMORY, "pthread_create"))
		return EAGAIN;
	shim_inside = true; /* The C library keeps stacks for later threads. */
	rc = next(thread, attributes, run, arg);
	shim_inside = false;
	return rc;
}

pid_t shim_fork(void) SHIM("fork");
pid_t shim_fork(void)
{
	NEXT("fork", pid_t(*)(void));
	return shim_trips(MEMORY, "fork") ? -1 : next();
}

int shim_socketpair(int family, int type, int protocol, int *ends) SHIM("socketpair");
int shim_socketpair(int family, int type, int protocol, int *ends)
{
	NEXT("socketpair", int (*)(int, int, int, int *));
	return shim_trips(MEMORY, "socketpair") ? -1 : next(family, type, protocol, ends);
}

pid_t shim_waitpid(pid_t child, int *status, int how) SHIM("waitpid");
pid_t shim_waitpid(pid_t child, int *status, int how)
{
	NEXT("waitpid", pid_t(*)(pid_t, int *, int));
	return shim_trips(SIGNAL, "waitpid") ? -1 : next(child, status, how);
}
