#include "words.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

static uint64_t state;

void chance_seed(uint64_t seed)
{
	state = seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du;
	for (int i = 0; i < 4; i++)
		(void)chance(2);
}

unsigned chance(unsigned limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % limit;
}

bool one_in(unsigned n)
{
	return chance(n) == 0;
}

static const char *const plain[] = {
	"photo",   "IMG_",  "report", "Report",       "REPORT", "backup", "a",    "ab",
	"abc",     "x",     "aaaa",   "aaa",          "2024",   "2025",   "-",    "_",
	" ",       ".",     "README", "node_modules", "lib",    "src",    "test", "tests",
	"testing", "main",  "0",      "00",           "1",      "77",     "tar",  "gz",
	"copy",    "final", "banana", "ananas",       "nan",    "data"};

/* What matching must not take for what it looks like. */
static const char *const odd[] = {
	"%",
	"_%_",
	"*",
	"?",
	"[a-z]",
	"{x,y}",
	"\\",
	"'",
	"\"",
	"\n",
	"\t",
	"\x01",
	"\x7f",
	"!",
	"-x",
	"caf\xc3\xa9",  /* Composed, */
	"cafe\xcc\x81", /* and apart. */
	"CAF\xc3\x89",
	"\xcc\x81",          /* A mark that meets whatever stands before it. */
	"e\xcc\x81\xcc\xa3", /* Marks in two orders. */
	"e\xcc\xa3\xcc\x81",
	"Stra\xc3\x9f"
	"e",
	"STRASSE",
	"stra\xe1\xba\x9e"
	"e", /* The capital of that letter. */
	"\xc5\xbf"
	"ee", /* Long s. */
	"\xe2\x84\xaa"
	"ey", /* Kelvin's sign, */
	"\xe2\x84\xab"
	"ngstrom",         /* Angstrom's. */
	"\xc4\xb0stanbul", /* Turkish i, with a dot and without. */
	"\xc4\xb1rmak",
	"ISTANBUL",
	"i\xcc\x87stanbul",
	"\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82", /* All three sigmas. */
	"\xce\xa3\xce\x8a\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3",
	"\xef\xac\x81n", /* A ligature. */
	"\xc5\x89",      /* One letter that folds to two. */
	"\xce\x90",
	"\xe1\xbe\xb3\xcd\x85", /* Iota below, twice. */
	"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	"\xed\x95\x9c\xea\xb8\x80",             /* Hangul, */
	"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", /* and in pieces. */
	"\xf0\x9f\x93\xb7",
	"\xf0\x90\x90\x80\xf0\x90\x90\xa8", /* Deseret: case beyond 16 bits. */
	"\xff\xfe",
	"b\x80"
	"d",
	"\xe2\x82",         /* Cut short. */
	"\xc0\xaf",         /* Overlong, */
	"\xed\xa0\x80",     /* a surrogate, */
	"\xf4\x90\x80\x80", /* beyond the last. */
	"\xc3",
	"\xa9",
	"\xc2\x80",
	"\xe2\x80\xae",
};

static const char *const endings[] = {".txt",         ".TXT", ".tar.gz", "",  ".Pdf",
				      ".caf\xc3\xa9", ".jpg", ".c",      ".", "~"};

void add_part(sr_buffer *out)
{
	sr_buffer_add_string(out, one_in(4) ? PICK(odd) : PICK(plain));
}

void add_name(sr_buffer *out)
{
	unsigned parts = one_in(60) ? 40 : 1 + chance(4);
	size_t before = out->length;

	while (parts-- > 0)
		add_part(out);
	if (one_in(3))
		sr_buffer_printf(out, "%u", chance(300));
	sr_buffer_add_string(out, PICK(endings));
	if (out->length == before)
		sr_buffer_add_string(out, "n");
}

void add_folder(sr_buffer *out)
{
	unsigned depth = chance(4);

	sr_buffer_add_string(out, one_in(12) ? "" : "/");
	while (depth-- > 0) {
		add_part(out);
		sr_buffer_add_string(out, one_in(25) ? "//" : "/");
	}
}

/* ---- Other spellings ---- */

static void add_character(sr_buffer *out, utf8proc_int32_t c)
{
	utf8proc_uint8_t bytes[4];

	sr_buffer_add(out, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

/* What is no UTF-8 is left as it stands. */
static void add_other_case(sr_buffer *out, sr_text text, unsigned how)
{
	for (size_t at = 0; at < text.length;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
						      (utf8proc_ssize_t)(text.length - at), &c);

		if (n <= 0) {
			sr_buffer_add(out, text.data + at++, 1);
			continue;
		}
		at += (size_t)n;
		if (how == 0 || (how == 2 && one_in(2)))
			c = utf8proc_toupper(c);
		else
			c = utf8proc_tolower(c);
		add_character(out, c);
	}
}

static void add_other_composition(sr_buffer *out, sr_text text)
{
	utf8proc_uint8_t *made = NULL;
	utf8proc_ssize_t n;

	n = utf8proc_map((const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.length, &made,
			 UTF8PROC_STABLE | (one_in(2) ? UTF8PROC_DECOMPOSE : UTF8PROC_COMPOSE));
	if (n < 0)
		sr_buffer_add(out, text.data, text.length);
	else
		sr_buffer_add(out, made, (size_t)n);
	free(made);
}

void add_respelled(sr_buffer *out, sr_text text)
{
	unsigned how = chance(5);

	if (how < 3)
		add_other_case(out, text, how);
	else
		add_other_composition(out, text);
}

void add_shell_quoted(sr_buffer *out, sr_text text)
{
	sr_buffer_add_string(out, "$'");
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\')
			sr_buffer_printf(out, "\\x%02x", c);
		else
			sr_buffer_add(out, &text.data[i], 1);
	}
	sr_buffer_add_string(out, "'");
}
