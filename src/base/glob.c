#include "glob.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"
#include "utf8.h"

/* A byte that is part of no character is one of its own, behind all others. */
#define STRAY_BYTE 0x110000

/* Literals that a pattern tells of at most: a sane one has two or three. */
#define LITERALS_MOST 16

/* What a place of the pattern takes. Those from STAR on may also take nothing. */
typedef enum item_kind {
	CHARACTER,
	ANY,   /* One that is no slash. */
	CLASS, /* One of its ranges, or none of them, and no slash. */
	STAR,  /* Any that are no slashes. */
	STARS, /* Any. */
	PARTS, /* Whole parts of a path, each with its slash. */
} item_kind;

typedef struct item {
	item_kind kind;
	bool negated;   /* A class. */
	uint32_t code;  /* The character. */
	uint32_t first; /* The class's ranges, */
	uint32_t count; /* and how many. */
} item;

typedef struct range {
	uint32_t from;
	uint32_t to;
} range;

/* The items that may come next, ascending; item_count means that the pattern is through. */
typedef struct places {
	size_t *list;
	size_t count;
} places;

struct sr_glob {
	item *items;
	size_t item_count;
	range *ranges;
	size_t range_count;
	size_t shortest; /* Characters that it takes at least. */
	bool is_path;
	places now;
	places next;
	sr_buffer bytes; /* Of the literals, one behind the other. */
	sr_text literals[LITERALS_MOST];
	size_t literal_count;
};

/* The next character of a text that has one. */
static uint32_t take(const char **at, const char *end)
{
	const unsigned char *bytes = (const unsigned char *)*at;
	size_t length;
	uint32_t code;

	if (bytes[0] < 0x80) {
		*at += 1;
		return bytes[0];
	}
	length = sr_utf8_sequence(*at, (size_t)(end - *at));
	if (length == 0) {
		*at += 1;
		return STRAY_BYTE + bytes[0];
	}
	code = bytes[0] & (0x7FU >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (bytes[i] & 0x3FU);
	*at += length;
	return code;
}

/* ---- Compiling ---- */

typedef struct parser {
	sr_glob *glob;
	const char *at;
	const char *end;
	const char *unclosed; /* No class that begins before here has an end. */
	size_t run;           /* Where the literal that is being read begins in bytes. */
} parser;

static item *add_item(parser *p, item_kind kind)
{
	item *made = &p->glob->items[p->glob->item_count++];

	*made = (item){.kind = kind};
	p->glob->shortest += kind < STAR;
	return made;
}

static item_kind last_kind(const parser *p)
{
	return p->glob->item_count > 0 ? p->glob->items[p->glob->item_count - 1].kind : ANY;
}

/* At the pattern's beginning, or behind a slash. */
static bool begins_part(const parser *p)
{
	const item *last;

	if (p->glob->item_count == 0)
		return true;
	last = &p->glob->items[p->glob->item_count - 1];
	return last->kind == PARTS || (last->kind == CHARACTER && last->code == '/');
}

/* The literal ends here. The buffer may still move, so only its length is kept. A slash alone
 * tells nothing. */
static void end_run(parser *p)
{
	sr_glob *glob = p->glob;
	const size_t length = glob->bytes.length - p->run;

	if (length == 1 && glob->bytes.data[p->run] == '/')
		glob->bytes.length = p->run;
	else if (length > 0)
		glob->literals[glob->literal_count++].length = length;
	p->run = glob->bytes.length;
}

static void add_character(parser *p)
{
	const char *from = p->at;
	uint32_t code = take(&p->at, p->end);

	add_item(p, CHARACTER)->code = code;
	p->glob->is_path |= code == '/';
	if (p->glob->literal_count < LITERALS_MOST)
		sr_buffer_add(&p->glob->bytes, from, (size_t)(p->at - from));
}

static void add_stars(parser *p)
{
	const size_t before = p->glob->item_count;
	const bool whole = begins_part(p);
	size_t stars = 0;

	end_run(p);
	for (; p->at < p->end && *p->at == '*'; p->at++)
		stars++;
	if (stars > 1 && whole && p->at < p->end && *p->at == '/') {
		p->at++;
		p->glob->is_path = true;
		if (last_kind(p) == PARTS)
			return;
		add_item(p, PARTS);
		/* Whether parts come in between or not, there is a slash before what follows. */
		if (before > 0 && p->glob->literal_count < LITERALS_MOST)
			sr_buffer_add(&p->glob->bytes, "/", 1);
		return;
	}
	add_item(p, stars > 1 ? STARS : STAR);
}

/* The bracket that closes the class that begins at `at`, or NULL. The first may be one of its
 * characters, and a class ends within its part of the path. */
static const char *class_end(parser *p, const char *at)
{
	if (at < p->unclosed)
		return NULL;
	at++;
	if (at < p->end && (*at == '!' || *at == '^'))
		at++;
	for (const char *first = at; at < p->end && *at != '/'; at++) {
		if (*at == ']' && at > first)
			return at;
		if (*at == '\\' && at + 1 < p->end && at[1] != '/')
			at++;
	}
	p->unclosed = at;
	return NULL;
}

static uint32_t take_escaped(parser *p, const char *end)
{
	if (*p->at == '\\' && p->at + 1 < end)
		p->at++;
	return take(&p->at, end);
}

static void add_class(parser *p, const char *end)
{
	item *made;

	end_run(p);
	made = add_item(p, CLASS);
	made->first = (uint32_t)p->glob->range_count;
	p->at++;
	if (*p->at == '!' || *p->at == '^') {
		made->negated = true;
		p->at++;
	}
	while (p->at < end) {
		range *r = &p->glob->ranges[p->glob->range_count++];

		r->from = r->to = take_escaped(p, end);
		if (end - p->at >= 2 && *p->at == '-') {
			p->at++;
			r->to = take_escaped(p, end);
		}
		made->count++;
	}
	p->at = end + 1;
}

static void parse(parser *p)
{
	const char *end;

	/* Unless it begins at the root, it may begin at any part. */
	if (p->at < p->end && *p->at != '/')
		add_item(p, PARTS);
	while (p->at < p->end) {
		switch (*p->at) {
		case '*':
			add_stars(p);
			break;
		case '?':
			end_run(p);
			add_item(p, ANY);
			p->at++;
			break;
		case '[':
			if ((end = class_end(p, p->at)) != NULL)
				add_class(p, end);
			else
				add_character(p);
			break;
		case '\\':
			p->at += p->end - p->at > 1;
			add_character(p);
			break;
		default:
			add_character(p);
		}
	}
	/* What ends in a slash is a folder, and means all that is below. */
	if (p->glob->is_path && begins_part(p))
		add_item(p, STARS);
	end_run(p);
}

/* Room for whatever a pattern of that length may hold. */
static sr_status make_room(sr_glob *glob, size_t length)
{
	const size_t items = length + 2;

	if ((glob->items = calloc(items, sizeof(item))) == NULL ||
	    (glob->ranges = calloc(length + 1, sizeof(range))) == NULL ||
	    (glob->now.list = calloc(items + 1, sizeof(size_t))) == NULL ||
	    (glob->next.list = calloc(items + 1, sizeof(size_t))) == NULL)
		return sr_fail_memory();
	return SR_OK;
}

sr_status sr_glob_new(sr_text pattern, sr_glob **glob)
{
	sr_buffer folded = SR_BUFFER_EMPTY;
	sr_glob *made;
	parser p;
	size_t at = 0;
	sr_status rc;

	*glob = NULL;
	if ((made = calloc(1, sizeof(*made))) == NULL)
		return sr_fail_memory();
	if ((rc = sr_text_fold(pattern, &folded)) != SR_OK)
		goto err0;
	if ((rc = make_room(made, folded.length)) != SR_OK)
		goto err0;
	p = (parser){.glob = made, .at = sr_buffer_text(&folded).data};
	p.end = p.at + folded.length;
	parse(&p);
	if ((rc = sr_buffer_status(&made->bytes)) != SR_OK)
		goto err0;
	for (size_t i = 0; i < made->literal_count; i++) {
		made->literals[i].data = made->bytes.data + at;
		at += made->literals[i].length;
	}
	sr_buffer_free(&folded);
	*glob = made;
	return SR_OK;

err0:
	sr_buffer_free(&folded);
	sr_glob_free(made);
	return rc;
}

/* ---- Matching ---- */

static bool in_class(const sr_glob *glob, const item *it, uint32_t code)
{
	for (uint32_t i = 0; i < it->count; i++) {
		const range *r = &glob->ranges[it->first + i];

		if (code >= r->from && code <= r->to)
			return !it->negated;
	}
	return it->negated;
}

/* Adds the place, and those behind it that are reached without a character. They are added in
 * ascending order, so that what is not behind the last one is there already: from one place only
 * places without a gap between them are reached. */
static void enter(const sr_glob *glob, places *to, size_t place)
{
	if (to->count > 0 && place <= to->list[to->count - 1])
		return;
	to->list[to->count++] = place;
	while (place < glob->item_count && glob->items[place].kind >= STAR)
		to->list[to->count++] = ++place;
}

/* Adds where one character leads from a place. */
static void step(const sr_glob *glob, places *to, size_t place, uint32_t code)
{
	const item *it = &glob->items[place];

	if (place == glob->item_count)
		return;
	switch (it->kind) {
	case CHARACTER:
		if (code == it->code)
			enter(glob, to, place + 1);
		break;
	case ANY:
		if (code != '/')
			enter(glob, to, place + 1);
		break;
	case CLASS:
		if (code != '/' && in_class(glob, it, code))
			enter(glob, to, place + 1);
		break;
	case STAR:
		if (code != '/')
			enter(glob, to, place);
		break;
	case STARS:
		enter(glob, to, place);
		break;
	case PARTS:
		/* It goes on behind a slash alone. */
		if (to->count == 0 || place > to->list[to->count - 1])
			to->list[to->count++] = place;
		if (code == '/')
			enter(glob, to, place + 1);
		break;
	}
}

bool sr_glob_matches(sr_glob *glob, sr_text folded)
{
	const char *at = folded.data;
	const char *end;

	if (folded.data == NULL || folded.length < glob->shortest)
		return false;
	end = at + folded.length;
	glob->now.count = 0;
	enter(glob, &glob->now, 0);
	while (at < end && glob->now.count > 0) {
		const uint32_t code = take(&at, end);
		places stepped = glob->next;

		stepped.count = 0;
		for (size_t i = 0; i < glob->now.count; i++)
			step(glob, &stepped, glob->now.list[i], code);
		glob->next = glob->now;
		glob->now = stepped;
	}
	return glob->now.count > 0 && glob->now.list[glob->now.count - 1] == glob->item_count;
}

bool sr_glob_is_path(const sr_glob *glob)
{
	return glob->is_path;
}

size_t sr_glob_literals(const sr_glob *glob, const sr_text **literals)
{
	*literals = glob->literals;
	return glob->literal_count;
}

void sr_glob_free(sr_glob *glob)
{
	if (glob == NULL)
		return;
	free(glob->items);
	free(glob->ranges);
	free(glob->now.list);
	free(glob->next.list);
	sr_buffer_free(&glob->bytes);
	free(glob);
}
