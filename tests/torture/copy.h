/* Copies of whole folders. */
#ifndef COPY_H
#define COPY_H

/* Makes the folder `to`, which must not exist, with what is in `from`. Any failure ends the
 * process. */
void copy_tree(const char *from, const char *to);

#endif
