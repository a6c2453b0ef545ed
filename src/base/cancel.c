#include "cancel.h"

#include "clock.h"

static _Thread_local struct {
	sr_cancel_fn fn; /* NULL: nobody. */
	void *arg;
	int64_t next; /* sr_clock_ns() before which it is not asked again. */
	int held;     /* sr_cancel_hold calls that wait for their sr_cancel_resume. */
} mine;

void sr_cancel_set(sr_cancel_fn fn, void *arg)
{
	mine.fn = fn;
	mine.arg = arg;
}

bool sr_cancel_asks(void)
{
	return mine.fn != NULL && mine.held == 0;
}

bool sr_cancel_wanted(void)
{
	bool wanted;

	if (!sr_cancel_asks() || sr_clock_ns() < mine.next)
		return false;
	wanted = mine.fn(mine.arg);
	/* From now on: the answer itself may have taken long. */
	mine.next = sr_clock_ns() + (int64_t)(SR_CANCEL_PAUSE * 1e9);
	return wanted;
}

void sr_cancel_hold(void)
{
	mine.held++;
}

void sr_cancel_resume(void)
{
	mine.held--;
}
