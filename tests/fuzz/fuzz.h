/*
 * What the fuzzers share. Each target is one file with LLVMFuzzerTestOneInput, of which libFuzzer
 * makes a program; tests/fuzz/run runs them all.
 *
 * A finding is a crash, a report of a sanitizer, memory that is left behind, an input that takes
 * more than seconds, and whatever a target says of a result with FUZZ_CHECK.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "strongroom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Ends the process, saying what is wrong. */
#define FUZZ_CHECK(condition)                                                                      \
	((condition) ? (void)0 : fuzz_bad(__FILE__, __LINE__, "%s", #condition))
_Noreturn void fuzz_bad(const char *file, int line, const char *words, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether a public call was successful. Then it left no words; else one line of them that drives
 * no terminal. */
bool fuzz_done(sr_status rc);

/* The same of a call inside the library, which leaves the words of the call before it. */
bool fuzz_inner(sr_status rc);

/* What could drive a terminal or a log: control characters, those that turn the direction of
 * writing, bytes that are not UTF-8. */
bool fuzz_drives(const char *bytes, size_t length);

/* A copy that ends with its allocation, so that reading on is noticed; free. */
char *fuzz_string(const void *bytes, size_t length); /* With a NUL. */
void *fuzz_bytes(const void *bytes, size_t length);

/* A folder of this process, which is removed at its end; a path in it, good until the next call
 * but seven; a file there with these bytes. */
const char *fuzz_folder(void);
const char *fuzz_path(const char *name);
const char *fuzz_file(const char *name, const void *bytes, size_t length);

/* An input taken apart from its front; once it has ended, zeros and empty texts. */
typedef struct fuzz_input {
	const uint8_t *at;
	size_t left;
} fuzz_input;

uint64_t fuzz_number(fuzz_input *input, size_t width); /* Little endian. */
/* As many bytes as the next one says, or are left; borrowed. */
sr_text fuzz_text(fuzz_input *input);
/* The same, all that is left. */
sr_text fuzz_rest(fuzz_input *input);

#endif
