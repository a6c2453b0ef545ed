#include "size_class.h"

#include "strongroom.h"

static const sr_size_class classes[] = {
	{NULL, SR_NULL_INTEGER, SR_NULL_INTEGER},
	{"empty", 0, 1},
	{"below 1 KiB", 1, 1 << 10},
	{"1 KiB to 16 KiB", 1 << 10, 1 << 14},
	{"16 KiB to 256 KiB", 1 << 14, 1 << 18},
	{"256 KiB to 4 MiB", 1 << 18, 1 << 22},
	{"4 MiB to 64 MiB", 1 << 22, 1 << 26},
	{"64 MiB to 1 GiB", 1 << 26, 1 << 30},
	{"1 GiB and more", 1 << 30, SR_NULL_INTEGER},
};

#define CLASSES ((int64_t)(sizeof(classes) / sizeof(classes[0])))

const sr_size_class *sr_size_class_of(int64_t number)
{
	return &classes[number > 0 && number < CLASSES ? number : 0];
}
