/* The classes of sizes that counters and facets count by, in words: see sr_counted_class. */
#ifndef SR_SIZE_CLASS_H
#define SR_SIZE_CLASS_H

#include <stdint.h>

typedef struct sr_size_class {
	const char *name; /* NULL: the size is not known. */
	int64_t from;     /* Bytes, */
	int64_t below;    /* SR_NULL_INTEGER where there is no end; both where it is not known. */
} sr_size_class;

/* A number that is no class's is as 0: not known. */
const sr_size_class *sr_size_class_of(int64_t number);

#endif
