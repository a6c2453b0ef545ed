/* The word for one thing, or for several, as the number in front of it asks. */
#ifndef CLI_PLURAL_H
#define CLI_PLURAL_H

#include <stdint.h>

/* plural(n, "file is", "files are"). */
static inline const char *plural(int64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

#endif
