#include "estimate.h"

/*
 * Work is counted in files that are read. What else costs, in that unit: a look at one, and the
 * bytes that are read in the time of opening, classifying and saving one. Measured with a warm
 * cache; a slow disk shifts both in the same direction.
 */
#define LOOK       0.05
#define FILE_BYTES (128.0 * 1024)

/* Over about so many seconds the rate is a mean. */
#define HORIZON 10.0

static double share(int64_t part, int64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 1;
}

static double more_than_none(int64_t count)
{
	return count > 0 ? (double)count : 0;
}

/* As much of what was not seen yet will be read as of what was. */
static double work_left(const sr_extent *x)
{
	double unseen = more_than_none(x->files - x->seen);
	double unseen_bytes = more_than_none(x->bytes - x->seen_bytes);
	double files = unseen * share(x->given, x->seen) + more_than_none(x->given - x->read);
	double bytes = unseen_bytes * share(x->given_bytes, x->seen_bytes) +
		       more_than_none(x->given_bytes - x->read_bytes);

	return unseen * LOOK + files + bytes / FILE_BYTES;
}

double sr_estimate_left(sr_estimate *estimate, const sr_extent *extent, double now)
{
	double done = (double)extent->seen * LOOK + (double)extent->read +
		      (double)extent->read_bytes / FILE_BYTES;
	double since = now - estimate->at;

	if (estimate->at > 0 && since > 0) {
		double current = (done - estimate->done) / since;
		double old = estimate->rate > 0 ? HORIZON / (HORIZON + since) : 0;

		estimate->rate = old * estimate->rate + (1 - old) * current;
	}
	estimate->done = done;
	estimate->at = now;
	if (extent->files == 0 || estimate->rate <= 0)
		return -1;
	return work_left(extent) / estimate->rate;
}
