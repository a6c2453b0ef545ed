/*
 * Libraries of the system that few calls need, loaded when the first of these is made. Linked, they
 * would be mapped and relocated at the start of every process: libcrypto, libmagic and libzstd
 * together take two milliseconds.
 *
 * Each has a list of what is called of it, from which a struct of pointers is made:
 *
 *     #define SR_CRYPTO_CALLS(CALL) CALL(EVP_MD_CTX_new) CALL(EVP_MD_CTX_free)
 *     typedef struct sr_crypto { SR_CRYPTO_CALLS(SR_LIBRARY_POINTER) } sr_crypto;
 *
 * so that the compiler holds every call to the declaration in the library's own header.
 */
#ifndef SR_LIBRARY_H
#define SR_LIBRARY_H

#include <stdatomic.h>
#include <stddef.h>

#include "strongroom.h"

#define SR_LIBRARY_POINTER(name) __typeof__(name) *name;
#define SR_LIBRARY_NAME(name)    #name,

typedef struct sr_library {
	const char *file;         /* As the dynamic linker knows it, with its version. */
	const char *const *names; /* Of the functions, in the order of the pointers. */
	void *pointers;           /* The struct of them. */
	size_t count;
	atomic_bool loaded; /* All pointers are good, and stay so. */
} sr_library;

/* Fills the pointers in, once in a process; from any thread. SR_IO names the library, and the next
 * call tries again. */
SR_MUST_CHECK sr_status sr_library_load(sr_library *library);

#endif
