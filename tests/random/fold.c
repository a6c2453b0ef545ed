#include "fold.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

/* The longest that one character becomes, with room to spare. */
#define MOST_OF_ONE 32

typedef struct run {
	utf8proc_int32_t *characters;
	size_t count;
	size_t room;
} run;

static void append(run *r, utf8proc_int32_t character)
{
	if (r->count == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->characters = realloc(r->characters, r->room * sizeof(*r->characters));
		if (r->characters == NULL)
			abort();
	}
	r->characters[r->count++] = character;
}

static int class_of(utf8proc_int32_t character)
{
	return utf8proc_get_property(character)->combining_class;
}

/* Marks behind a letter, in the order of their classes. */
static void put_marks_in_order(run *r)
{
	for (size_t i = 1; i < r->count; i++) {
		utf8proc_int32_t moved = r->characters[i];
		size_t at = i;

		if (class_of(moved) == 0)
			continue;
		for (; at > 0 && class_of(r->characters[at - 1]) > class_of(moved); at--)
			r->characters[at] = r->characters[at - 1];
		r->characters[at] = moved;
	}
}

/* Every character of the run as what the options make of it. */
static run taken_apart(const run *from, utf8proc_option_t options)
{
	run made = {0};

	for (size_t i = 0; i < from->count; i++) {
		utf8proc_int32_t few[MOST_OF_ONE];
		int boundary = UTF8PROC_BOUNDCLASS_START;
		utf8proc_ssize_t n = utf8proc_decompose_char(from->characters[i], few, MOST_OF_ONE,
							     options | UTF8PROC_STABLE, &boundary);

		if (n < 0 || n > MOST_OF_ONE)
			abort();
		for (utf8proc_ssize_t k = 0; k < n; k++)
			append(&made, few[k]);
	}
	put_marks_in_order(&made);
	return made;
}

static void add_run(sr_buffer *out, run *letters)
{
	run apart = taken_apart(letters, UTF8PROC_DECOMPOSE);
	run small = taken_apart(&apart, UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE);
	utf8proc_ssize_t count;

	count = utf8proc_normalize_utf32(small.characters, (utf8proc_ssize_t)small.count,
					 UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	for (utf8proc_ssize_t i = 0; i < count; i++) {
		utf8proc_uint8_t bytes[4];

		sr_buffer_add(out, bytes, (size_t)utf8proc_encode_char(small.characters[i], bytes));
	}
	free(small.characters);
	free(apart.characters);
	letters->count = 0;
}

void oracle_fold(sr_text text, sr_buffer *out)
{
	run letters = {0};
	utf8proc_int32_t c;

	sr_buffer_clear(out);
	for (size_t at = 0; at < text.length;) {
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
						      (utf8proc_ssize_t)(text.length - at), &c);

		if (n > 0) {
			append(&letters, c);
			at += (size_t)n;
			continue;
		}
		if (letters.count > 0)
			add_run(out, &letters);
		sr_buffer_add(out, text.data + at++, 1);
	}
	if (letters.count > 0)
		add_run(out, &letters);
	free(letters.characters);
}
