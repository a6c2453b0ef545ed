/* What the files of the shim share: whether a call is to fail, and how one stands for another. */
#ifndef SHIM_PRIVATE_H
#define SHIM_PRIVATE_H

#include <string.h>

#include "shim.h"

/* The ways in which a call can fail. */
#define BIT(kind) (1u << (kind))
#define MEMORY    BIT(SHIM_MEMORY)
#define IO        BIT(SHIM_IO)
#define FULL      BIT(SHIM_FULL)
#define SHORT     BIT(SHIM_SHORT)
#define SIGNAL    BIT(SHIM_SIGNAL)

/* What this thread calls is the shim's own: it does not fail, is not counted and not watched. */
extern _Thread_local bool shim_inside;

enum { SHIM_FRAMES = 24 };

/* Whether this call, which can fail in these ways, is to fail; errno says how. */
bool shim_trips(unsigned ways, const char *name);

/* Halves the size of what is to be read or written, where it is to be cut short. */
bool shim_shorten(const char *name, size_t *size);

/* Whether a write that is to fail says that all is well; whether that bug is to be planted here. */
bool shim_swallows(void);
bool shim_plant_now(shim_plant which);

/* Where shim_trips was called from, as one number; 0 where no places are surveyed. */
uint64_t shim_place(void);

/* Notes a call of a kind, if none came from that place. */
void shim_look_around(int kind, uint64_t number, uint64_t from);

void shim_survey_end(void);

/* A block that was allocated, and one that is about to be freed; NULL is none. */
void shim_note(void *at);
void shim_forget(const void *at);

/* Lines of " file+offset", as much as there is room for; how long they are. */
size_t shim_print_frames(char *words, size_t size, void *const *frames, int count);

/* The function that a symbol would be without the shim. */
void *shim_real(const char *symbol);

#define SHIM(symbol) __asm__(symbol) __attribute__((visibility("default")))
#define NEXT(symbol, type)                                                                         \
	static __typeof__(type) next;                                                              \
	do {                                                                                       \
		if (next == NULL) {                                                                \
			void *found_ = shim_real(symbol);                                          \
			memcpy(&next, &found_, sizeof(found_));                                    \
		}                                                                                  \
	} while (0)

#endif
