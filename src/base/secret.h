/* Memory for keys: in no core file and no child, not written to swap where the system allows that,
 * and zeroed when it is given back. */
#ifndef SR_SECRET_H
#define SR_SECRET_H

#include <stddef.h>

/* Zeroed; whole pages, so not for many small ones. NULL without memory. */
void *sr_secret_new(size_t size);

/* The size that it was made with. NULL is fine. */
void sr_secret_free(void *memory, size_t size);

/* Zeroes the stack below the caller's frame, deeper than any frame of libcrypto's: some of its
 * code, depending on the processor, leaves the key there that it works with. Called after it, by
 * who called it. */
void sr_stack_scrub(void);

#endif
