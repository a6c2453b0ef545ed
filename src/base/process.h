/* Telling a child from the process that made it, cheaply enough for every row. */
#ifndef SR_PROCESS_H
#define SR_PROCESS_H

/* Another number in a child than in its parent. From the first call on; any thread. */
unsigned sr_process_generation(void);

#endif
