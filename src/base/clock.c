#include "clock.h"

#define NS_PER_SECOND 1000000000

int64_t sr_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

struct timespec sr_deadline(double seconds)
{
	/* A century is for ever, and what is not a number is now. */
	const double longest = 3.2e9;
	struct timespec at;
	double whole;

	if (!(seconds > 0))
		seconds = 0;
	if (seconds > longest)
		seconds = longest;
	clock_gettime(CLOCK_MONOTONIC, &at);
	whole = (double)(time_t)seconds;
	at.tv_sec += (time_t)whole;
	at.tv_nsec += (long)((seconds - whole) * NS_PER_SECOND);
	if (at.tv_nsec >= NS_PER_SECOND) {
		at.tv_nsec -= NS_PER_SECOND;
		at.tv_sec++;
	}
	return at;
}

int sr_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int error;

	if ((error = pthread_condattr_init(&attributes)) != 0)
		return error;
	if ((error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)) == 0)
		error = pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return error;
}
