/* Faults that are known, one for each way in which a fuzzer must notice: tests/fuzz/run --plant. */
#include <unistd.h>

#include "fuzz.h"

static volatile int sum;
static void *volatile lost;

/* By the fourth letter in its place alone: such an input is found by what the first three reach. */
static bool is_key(const uint8_t *data, size_t size)
{
	if (size < 4 || data[0] != 'k')
		return false;
	if (data[1] != 'e' || data[2] != 'y')
		return false;
	return data[3] == '!';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *plant = getenv("FUZZ_PLANT");
	char *copy = fuzz_bytes(data, size);
	size_t behind = size;

	if (plant != NULL && is_key(data, size)) {
		if (strcmp(plant, "crash") == 0)
			abort();
		if (strcmp(plant, "read") == 0)
			sum = copy[behind];
		if (strcmp(plant, "undefined") == 0)
			sum = INT32_MAX, sum = sum + data[0];
		if (strcmp(plant, "leak") == 0)
			lost = malloc(10), lost = NULL;
		while (strcmp(plant, "hang") == 0)
			sleep(1);
	}
	free(copy);
	return 0;
}
