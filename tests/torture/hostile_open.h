/* Watching which files this process opens. */
#ifndef HOSTILE_OPEN_H
#define HOSTILE_OPEN_H

/* From now on calls fn for each file that is opened neither below the folder nor as one of the
 * system's. Both must last. */
void hostile_watch(const char *folder, void (*fn)(const char *path));

#endif
