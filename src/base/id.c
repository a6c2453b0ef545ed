#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "error.h"
#include "text.h"

/* Random bytes fetched at once: a system call for each id would cost more than the id. */
#define POOL_SIZE 512

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards the rest. */
static uint64_t last_ms;   /* The time in the newest id; it may run ahead of the clock. */
static uint64_t last_tail; /* The 74 bits behind it: rand_a in last_a, rand_b here. */
static unsigned last_a;
static unsigned char pool[POOL_SIZE]; /* Random bytes, used from the end. */
static size_t pool_left;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* With the parent's random bytes both would make the same ids. */
static void in_child(void)
{
	pool_left = 0;
	last_ms = 0;
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

static uint64_t random_word(void)
{
	uint64_t word;

	while (pool_left < sizeof(word)) {
		ssize_t n = getrandom(pool, sizeof(pool), 0);

		/* Only a kernel without the call fails; ids that repeat would lose files. */
		if (n < 0 && errno != EINTR)
			abort();
		pool_left = n > 0 ? (size_t)n : 0;
	}
	pool_left -= sizeof(word);
	memcpy(&word, pool + pool_left, sizeof(word));
	return word;
}

#define TAIL_BITS 62
#define TAIL_MASK ((UINT64_C(1) << TAIL_BITS) - 1)

/* Locked: a later time draws anew, the same one counts on by a random step. */
static void advance(uint64_t now_ms)
{
	uint64_t random = random_word();

	if (now_ms > last_ms) {
		last_ms = now_ms;
		last_tail = random & TAIL_MASK;
		/* The top bit stays free, so that counting on has room. */
		last_a = (unsigned)(random_word() & 0x7FF);
		return;
	}
	last_tail += (random & UINT32_MAX) + 1;
	if (last_tail <= TAIL_MASK)
		return;
	last_tail &= TAIL_MASK;
	if (++last_a <= 0xFFF)
		return;
	last_a = 0;
	last_ms++;
}

void sr_id_new(sr_id *id)
{
	struct timespec now;
	uint8_t *to = id->bytes;

	pthread_once(&once, watch_forks);
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&lock);
	advance((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	for (int i = 0; i < 6; i++)
		to[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	to[6] = (uint8_t)(0x70 | last_a >> 8);
	to[7] = (uint8_t)last_a;
	for (int i = 0; i < 8; i++)
		to[8 + i] = (uint8_t)(last_tail >> (56 - 8 * i));
	to[8] |= 0x80;
	pthread_mutex_unlock(&lock);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

sr_status sr_id_parse(const char *text, sr_id *id)
{
	size_t length = text != NULL ? strlen(text) : 0;
	bool hyphens = length == 36;
	const char *at = text;
	sr_id parsed = {{0}};

	if (length != 32 && !hyphens)
		goto err0;
	for (unsigned i = 0; i < 32; i++) {
		int digit;

		if (hyphens && (i == 8 || i == 12 || i == 16 || i == 20) && *at++ != '-')
			goto err0;
		if ((digit = digit_of(*at++)) < 0)
			goto err0;
		parsed.bytes[i / 2] = (uint8_t)(parsed.bytes[i / 2] << 4 | digit);
	}
	*id = parsed;
	return sr_return(SR_OK);

err0:
	return sr_return(
		sr_fail(SR_INVALID, "id %s is not 32 hex digits", sr_quoted(sr_text_of(text))));
}

void sr_id_format(const sr_id *id, char text[SR_ID_TEXT_SIZE])
{
	sr_hex(id->bytes, sizeof(id->bytes), text);
}
