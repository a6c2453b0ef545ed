#include "takes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The command that the next word names. */
static const command *take_word(struct takes *takes, const command *table)
{
	if (takes->used == takes->count)
		return NULL;
	for (; table->name != NULL; table++) {
		const size_t length = strlen(takes->path);

		if (strcmp(table->name, takes->words[takes->used]) != 0)
			continue;
		takes->used++;
		snprintf(takes->path + length, sizeof(takes->path) - length, "%s%s",
			 length > 0 ? " " : "", table->name);
		return table;
	}
	return NULL;
}

const command *takes_part(struct takes *takes, const command *table)
{
	const command *part = take_word(takes, table);

	takes->parts = part == NULL ? table : NULL;
	return part;
}

const char *takes_next(const struct takes *takes)
{
	return takes->used < takes->count ? takes->words[takes->used] : NULL;
}

void takes_arguments(struct takes *takes, const arg_option *options, const arg_operand *operands)
{
	size_t count = 0;

	takes_free(takes);
	while (options != NULL && options[count].name != NULL)
		count++;
	takes->options = must_alloc((count + 1) * sizeof(*options));
	for (size_t i = 0; i < count; i++) {
		takes->options[i] = options[i];
		takes->options[i].into = NULL;
	}
	for (count = 0; operands != NULL && operands[count].name != NULL;)
		count++;
	takes->operands = must_alloc((count + 1) * sizeof(*operands));
	for (size_t i = 0; i < count; i++) {
		takes->operands[i] = operands[i];
		takes->operands[i].into = NULL;
	}
}

void takes_note(struct takes *takes, char *const *words, size_t count)
{
	struct cli pad = {.takes = takes};

	*takes = (struct takes){.words = words, .count = count};
	if ((takes->about = take_word(takes, commands)) != NULL)
		(void)takes->about->run(&pad);
}

void takes_free(struct takes *takes)
{
	free(takes->options);
	free(takes->operands);
	takes->options = NULL;
	takes->operands = NULL;
}

/* The word behind the path in a line of the usage; its length, 0 for none. */
static size_t word_behind(const char *line, const char *path, const char **word)
{
	const char *prefix = "strongroom ";
	const size_t length = strlen(path);
	size_t letters = 0;

	line += strncmp(line, "usage: ", 7) == 0 ? 7 : strspn(line, " ");
	if (strncmp(line, prefix, strlen(prefix)) != 0 ||
	    strncmp(line + strlen(prefix), path, length) != 0)
		return 0;
	line += strlen(prefix) + length;
	if (*line != ' ')
		return 0;
	*word = line + 1;
	while ((*word)[letters] >= 'a' && (*word)[letters] <= 'z')
		letters++;
	return strchr(" \n", (*word)[letters]) != NULL ? letters : 0;
}

char *takes_usage_word(const struct takes *takes, size_t index)
{
	const char *line = takes->about->help;

	while (*line != '\0' && *line != '\n') {
		const char *word;
		const size_t length = word_behind(line, takes->path, &word);

		if (length > 0 && index-- == 0)
			return must_copy(word, length);
		line += strcspn(line, "\n") + 1;
	}
	return NULL;
}
