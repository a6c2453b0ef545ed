/* The folder of one test: empty when it starts, and removed with everything in it. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>

/* A new folder, in place of the one before; the settings of whoever runs the tests are forgotten.
 * Any failure ends the test. */
void scratch_new(void);
const char *scratch_folder(void);

/* A path in the folder; good until the next call but seven. */
const char *scratch_path(const char *name);

/* A new folder under TMPDIR, or /tmp: its path, whose last part begins with the name. Any failure
 * ends the test. */
void scratch_make(char *path, size_t size, const char *name);

/* Removes a folder with everything in it, also where that may not be read. */
void scratch_remove(const char *folder);

/* The same for cmocka, which also calls the second when a test has failed. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

#endif
