#include "notes.h"

#include <stdlib.h>

#include "../base/error.h"
#include "pack.h"

sr_status sr_notes_new(sr_notes *notes)
{
	*notes = (sr_notes){0};
	return sr_bits_new(&notes->known, SR_TRIGRAMS);
}

void sr_notes_free(sr_notes *notes)
{
	free(notes->list);
	free(notes->spare);
	sr_bits_free(&notes->known);
	*notes = (sr_notes){0};
}

sr_status sr_notes_room(sr_notes *notes, size_t most)
{
	uint64_t *more;

	if (most <= notes->room)
		return SR_OK;
	if ((more = realloc(notes->list, most * sizeof(*more))) == NULL)
		return sr_fail_memory();
	notes->list = more;
	free(notes->spare);
	if ((notes->spare = malloc(most * sizeof(*more))) == NULL) {
		notes->room = 0;
		return sr_fail_memory();
	}
	notes->room = most;
	return SR_OK;
}

void sr_notes_add(sr_notes *notes, const char *texts, size_t length, size_t from, uint64_t block)
{
	const unsigned char *text = (const unsigned char *)texts;

	for (size_t i = from; i + 2 < length; i++) {
		uint32_t trigram =
			(uint32_t)text[i] << 16 | (uint32_t)text[i + 1] << 8 | text[i + 2];
		uint64_t bit = UINT64_C(1) << (trigram % 64);
		uint64_t *word = &notes->known.words[trigram / 64];

		if (*word & bit)
			continue;
		*word |= bit;
		notes->list[notes->count++] = (uint64_t)trigram << 32 | block;
	}
}

void sr_notes_next_block(sr_notes *notes)
{
	for (; notes->block < notes->count; notes->block++)
		notes->known.words[notes->list[notes->block] >> 32 >> 6] = 0;
}

/* Two rounds of twelve bits. */
void sr_notes_sort(sr_notes *notes)
{
	sr_notes_next_block(notes);
	for (unsigned shift = 32; shift < 56; shift += 12) {
		size_t starts[4097] = {0};
		uint64_t *swapped;

		for (size_t i = 0; i < notes->count; i++)
			starts[(notes->list[i] >> shift & 4095) + 1]++;
		for (size_t i = 1; i < 4097; i++)
			starts[i] += starts[i - 1];
		for (size_t i = 0; i < notes->count; i++)
			notes->spare[starts[notes->list[i] >> shift & 4095]++] = notes->list[i];
		swapped = notes->list;
		notes->list = notes->spare;
		notes->spare = swapped;
	}
}

void sr_notes_clear(sr_notes *notes)
{
	sr_notes_next_block(notes);
	notes->count = notes->block = 0;
}
