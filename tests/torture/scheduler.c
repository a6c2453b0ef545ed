#include "scheduler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "scheduler_redirect.h"
#include "torture.h"

enum {
	STACK = 512 * 1024,
	GUARD = 4096,
	TRACE = 64,
	POINTS_MAX = 200000, /* In one schedule: nobody comes to an end. */
	THREAD_DATA = 16 * 1024,
	STEP = 1000, /* Nanoseconds that a point takes. */
};

static const int64_t forever = INT64_MAX;

typedef enum thread_state {
	UNUSED,
	READY,
	WANTS_LOCK, /* Can go on when the lock is free. */
	ASLEEP,     /* On a condition, or (without one) until a time. */
	JOINS,      /* Can go on when all others have ended. */
	ENDED,
} thread_state;

typedef struct thread {
	thread_state state;
	ucontext_t context;
	char *stack; /* Kept from schedule to schedule. */
	void (*body)(void *);
	void *arg;
	pthread_mutex_t *lock;     /* What it wants, or will when it wakes up. */
	pthread_cond_t *condition; /* What it sleeps on. */
	int64_t deadline;
	bool timed_out;
	uint64_t priority;
	char data[THREAD_DATA]; /* What is kept for each thread, while it does not run. */
} thread;

/* What a pthread_mutex_t and a pthread_cond_t hold here. */
typedef struct fake {
	uint32_t magic;
	int owner; /* Of a lock: the thread's number + 1, or 0. */
} fake;

#define LOCK_MAGIC      UINT32_C(0x4c6f636b)
#define CONDITION_MAGIC UINT32_C(0x436f6e64)

static thread threads[SCHEDULE_THREADS];
static int count;   /* Threads of this schedule so far. */
static int current; /* Who runs. */
static ucontext_t outside;
static schedule_plan plan;
static uint64_t chance;
static int64_t clock_ns;
static unsigned points, signals;
static uint64_t all_points;
static int locks; /* That are there now. */
static bool failed;
static char wrong[4096];

/* How this schedule is chosen. */
static bool priorities;
static unsigned stay;         /* A walk changes the thread once in so many points. */
static unsigned spurious;     /* Once in so many points somebody wakes up for nothing; 0: never. */
static unsigned changes;      /* Points left at which the running thread becomes the last. */
static unsigned change_among; /* And how many points they are among. */

static struct {
	int thread;
	const char *what;
} trace[TRACE];

extern char __start_of_thread[], __stop_of_thread[];
static char fresh_data[THREAD_DATA]; /* As a new thread finds it. */
static size_t data_size;

/* ---- Chance ---- */

unsigned schedule_chance(unsigned below)
{
	return (unsigned)torture_chance(&chance, below);
}

bool schedule_once_in(unsigned times)
{
	return times > 0 && schedule_chance(times) == 0;
}

static void choose_kind(void)
{
	static const unsigned stays[] = {1, 2, 4, 16};

	priorities = schedule_chance(2) == 0;
	stay = stays[schedule_chance(4)];
	spurious = schedule_chance(4) == 0 ? 64 : 0;
	changes = 1 + schedule_chance(5);
	change_among = 16u << schedule_chance(6);
}

/* ---- Failing ---- */

static const char *state_words(const thread *t)
{
	switch (t->state) {
	case WANTS_LOCK:
		return "wants a lock";
	case ASLEEP:
		return t->deadline == forever ? "sleeps until it is woken" : "sleeps until a time";
	case JOINS:
		return "waits for the others";
	default:
		return "runs";
	}
}

static void add_trace(void)
{
	size_t used = strlen(wrong);
	unsigned from = points > TRACE ? points - TRACE : 0;

	used += (size_t)snprintf(wrong + used, sizeof wrong - used, "\n  the end of it:");
	for (unsigned i = from; i < points && used < sizeof wrong; i++)
		used += (size_t)snprintf(wrong + used, sizeof wrong - used, " %d:%s",
					 trace[i % TRACE].thread, trace[i % TRACE].what);
}

static void fail_with(const char *words, va_list args)
{
	failed = true;
	snprintf(wrong, sizeof wrong, "thread %d: ", current);
	vsnprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), words, args);
	add_trace();
}

void schedule_fail(const char *words, ...)
{
	va_list args;

	va_start(args, words);
	fail_with(words, args);
	va_end(args);
	/* Nobody goes on; what the threads had is left as it is. */
	setcontext(&outside);
	abort();
}

static void fail_blocked(void)
{
	char words[1024] = "everybody is blocked:";

	for (int i = 0; i < count; i++)
		if (threads[i].state != ENDED)
			snprintf(words + strlen(words), sizeof words - strlen(words),
				 " thread %d %s;", i, state_words(&threads[i]));
	schedule_fail("%s", words);
}

/* ---- Who goes on ---- */

static fake *fake_of(const void *object)
{
	return (fake *)(uintptr_t)object;
}

static bool others_ended(int number)
{
	for (int i = 0; i < count; i++)
		if (i != number && threads[i].state != ENDED)
			return false;
	return true;
}

static bool can_run(int number)
{
	const thread *t = &threads[number];

	switch (t->state) {
	case READY:
		return true;
	case WANTS_LOCK:
		return fake_of(t->lock)->owner == 0;
	case JOINS:
		return others_ended(number);
	default:
		return false;
	}
}

static void wake(thread *t, bool timed_out)
{
	t->timed_out = timed_out;
	t->condition = NULL;
	t->state = t->lock != NULL ? WANTS_LOCK : READY;
}

/* Lets time pass until somebody's deadline. False: nobody has one. */
static bool jump(void)
{
	thread *next = NULL;

	for (int i = 0; i < count; i++) {
		thread *t = &threads[i];
		if (t->state == ASLEEP && t->deadline != forever &&
		    (next == NULL || t->deadline < next->deadline))
			next = t;
	}
	if (next == NULL)
		return false;
	if (next->deadline > clock_ns)
		clock_ns = next->deadline;
	wake(next, true);
	return true;
}

static void wake_for_nothing(void)
{
	int number = (int)schedule_chance((unsigned)count);

	if (threads[number].state == ASLEEP && threads[number].condition != NULL)
		wake(&threads[number], false);
}

static int choose(void)
{
	int able[SCHEDULE_THREADS], ables = 0, best;

	for (int i = 0; i < count; i++)
		if (can_run(i))
			able[ables++] = i;
	if (ables == 0)
		return -1;
	if (!priorities) {
		if (stay > 1 && can_run(current) && schedule_chance(stay) != 0)
			return current;
		return able[schedule_chance((unsigned)ables)];
	}
	best = able[0];
	for (int i = 1; i < ables; i++)
		if (threads[able[i]].priority > threads[best].priority)
			best = able[i];
	return best;
}

static void go_to(int number)
{
	int from = current;

	if (threads[number].state == WANTS_LOCK)
		fake_of(threads[number].lock)->owner = number + 1;
	threads[number].state = READY;
	if (number == from)
		return;
	memcpy(threads[from].data, __start_of_thread, data_size);
	memcpy(__start_of_thread, threads[number].data, data_size);
	current = number;
	swapcontext(&threads[from].context, &threads[number].context);
}

/* The running thread has set its state; returns when it goes on. */
static void reschedule(const char *what)
{
	int next;

	trace[points % TRACE].thread = current;
	trace[points % TRACE].what = what;
	points++;
	all_points++;
	clock_ns += STEP;
	if (points > POINTS_MAX)
		schedule_fail("it does not come to an end");
	if (schedule_once_in(plan.impatience))
		(void)jump();
	if (schedule_once_in(spurious))
		wake_for_nothing();
	if (priorities && changes > 0 && schedule_chance(change_among) == 0) {
		threads[current].priority = changes;
		changes--;
	}
	while ((next = choose()) < 0)
		if (!jump())
			fail_blocked();
	go_to(next);
}

void schedule_point(const char *what)
{
	threads[current].state = READY;
	reschedule(what);
}

void schedule_sleep(double seconds)
{
	thread *t = &threads[current];

	t->lock = NULL;
	t->condition = NULL;
	t->deadline = clock_ns + (int64_t)(seconds * 1e9);
	t->state = ASLEEP;
	reschedule("sleep");
}

void schedule_join_all(void)
{
	threads[current].state = JOINS;
	reschedule("join");
}

int schedule_self(void)
{
	return current;
}

int64_t schedule_now(void)
{
	return clock_ns;
}

bool schedule_asleep(const pthread_cond_t *condition)
{
	for (int i = 0; i < count; i++)
		if (threads[i].state == ASLEEP && threads[i].condition == condition)
			return true;
	return false;
}

/* ---- Threads ---- */

static void thread_main(void)
{
	thread *t = &threads[current];

	t->body(t->arg);
	t->state = ENDED;
	if (others_ended(current)) {
		if (locks != 0)
			schedule_fail("all have ended, and %d locks are still there", locks);
		setcontext(&outside);
	}
	reschedule("end");
	abort();
}

static void new_stack(thread *t)
{
	void *memory = mmap(NULL, STACK + GUARD, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE) != 0) {
		perror("a stack");
		exit(2);
	}
	t->stack = (char *)memory + GUARD;
}

int schedule_spawn(void (*body)(void *), void *arg)
{
	thread *t;

	if (count == SCHEDULE_THREADS)
		schedule_fail("more than %d threads", SCHEDULE_THREADS);
	t = &threads[count];
	if (t->stack == NULL)
		new_stack(t);
	t->state = READY;
	t->body = body;
	t->arg = arg;
	t->lock = NULL;
	t->condition = NULL;
	/* Above those that changes give. */
	t->priority = 16 + torture_chance(&chance, UINT32_MAX);
	memcpy(t->data, fresh_data, data_size);
	getcontext(&t->context);
	t->context.uc_stack.ss_sp = t->stack;
	t->context.uc_stack.ss_size = STACK;
	t->context.uc_link = NULL;
	makecontext(&t->context, thread_main, 0);
	return count++;
}

static void prepare(void)
{
	data_size = (size_t)(__stop_of_thread - __start_of_thread);
	if (data_size > THREAD_DATA) {
		fprintf(stderr, "a thread has more than %d bytes of its own\n", THREAD_DATA);
		exit(2);
	}
	memcpy(fresh_data, __start_of_thread, data_size);
}

bool schedule_run(const schedule_plan *chosen, void (*body)(void *), void *arg)
{
	static bool prepared;
	volatile bool begun = false;

	if (!prepared)
		prepare();
	prepared = true;
	plan = *chosen;
	chance = torture_state(plan.seed, 1);
	clock_ns = INT64_C(1000000000000);
	points = signals = 0;
	count = locks = 0;
	failed = false;
	wrong[0] = '\0';
	choose_kind();
	current = schedule_spawn(body, arg);
	memcpy(__start_of_thread, threads[current].data, data_size);
	getcontext(&outside);
	if (!begun) {
		begun = true;
		setcontext(&threads[current].context);
	}
	memcpy(__start_of_thread, fresh_data, data_size);
	return !failed;
}

const char *schedule_wrong(void)
{
	return wrong;
}

uint64_t schedule_points(void)
{
	return all_points;
}

/* ---- Locks ---- */

static fake *lock_of(const pthread_mutex_t *mutex)
{
	if (fake_of(mutex)->magic != LOCK_MAGIC)
		schedule_fail("a lock is used that is not there");
	return fake_of(mutex);
}

int schedule_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	(void)attributes;
	*fake_of(mutex) = (fake){.magic = LOCK_MAGIC};
	locks++;
	return 0;
}

int schedule_mutex_destroy(pthread_mutex_t *mutex)
{
	if (lock_of(mutex)->owner != 0)
		schedule_fail("a lock is destroyed that thread %d has", lock_of(mutex)->owner - 1);
	for (int i = 0; i < count; i++)
		if (threads[i].state == WANTS_LOCK && threads[i].lock == mutex)
			schedule_fail("a lock is destroyed that thread %d wants", i);
	fake_of(mutex)->magic = 0;
	locks--;
	return 0;
}

int schedule_mutex_lock(pthread_mutex_t *mutex)
{
	if (lock_of(mutex)->owner == current + 1)
		schedule_fail("it takes a lock that it has");
	threads[current].lock = mutex;
	threads[current].state = WANTS_LOCK;
	reschedule("lock");
	return 0;
}

static void give_up(pthread_mutex_t *mutex)
{
	if (lock_of(mutex)->owner != current + 1)
		schedule_fail("it gives up a lock that it does not have");
	if (plan.watch.unlock != NULL)
		plan.watch.unlock(mutex);
	fake_of(mutex)->owner = 0;
}

int schedule_mutex_unlock(pthread_mutex_t *mutex)
{
	give_up(mutex);
	schedule_point("unlock");
	return 0;
}

/* ---- Conditions ---- */

static void check_condition(const pthread_cond_t *condition)
{
	if (fake_of(condition)->magic != CONDITION_MAGIC)
		schedule_fail("a condition is used that is not there");
}

int schedule_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
	(void)attributes;
	*fake_of(condition) = (fake){.magic = CONDITION_MAGIC};
	return 0;
}

int schedule_cond_destroy(pthread_cond_t *condition)
{
	check_condition(condition);
	if (schedule_asleep(condition))
		schedule_fail("a condition is destroyed on which somebody sleeps");
	if (plan.watch.forget != NULL)
		plan.watch.forget(condition);
	fake_of(condition)->magic = 0;
	return 0;
}

static int sleep_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline)
{
	thread *t = &threads[current];

	check_condition(condition);
	if (plan.watch.wait != NULL)
		plan.watch.wait(condition);
	give_up(mutex);
	t->lock = mutex;
	t->condition = condition;
	t->deadline = deadline;
	t->state = ASLEEP;
	reschedule("wait");
	return t->timed_out ? ETIMEDOUT : 0;
}

int schedule_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	return sleep_on(condition, mutex, forever);
}

int schedule_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *deadline)
{
	return sleep_on(condition, mutex,
			(int64_t)deadline->tv_sec * 1000000000 + deadline->tv_nsec);
}

/* Wakes one of those that sleep on it, by chance. False: nobody does. */
static bool wake_one(const pthread_cond_t *condition)
{
	int asleep[SCHEDULE_THREADS];
	unsigned sleepers = 0;

	for (int i = 0; i < count; i++)
		if (threads[i].state == ASLEEP && threads[i].condition == condition)
			asleep[sleepers++] = i;
	if (sleepers == 0)
		return false;
	wake(&threads[asleep[schedule_chance(sleepers)]], false);
	return true;
}

int schedule_cond_signal(pthread_cond_t *condition)
{
	check_condition(condition);
	if (schedule_asleep(condition) && ++signals == plan.drop)
		return 0;
	(void)wake_one(condition);
	schedule_point("signal");
	return 0;
}

int schedule_cond_broadcast(pthread_cond_t *condition)
{
	check_condition(condition);
	while (wake_one(condition))
		continue;
	schedule_point("broadcast");
	return 0;
}

/* ---- What else is asked of the system ---- */

/* A thread's body as pthread_create has it. */
static void *(*created_body[SCHEDULE_THREADS])(void *);

static void run_created(void *arg)
{
	(void)created_body[current](arg);
}

int schedule_create(pthread_t *thread_id, const pthread_attr_t *attributes, void *(*body)(void *),
		    void *arg)
{
	(void)attributes;
	if (schedule_once_in(plan.unstarted) || count == SCHEDULE_THREADS)
		return EAGAIN;
	created_body[count] = body;
	*thread_id = (pthread_t)schedule_spawn(run_created, arg);
	schedule_point("create");
	return 0;
}

int schedule_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	(void)how;
	if (before != NULL)
		*before = *set;
	return 0;
}

int schedule_clock(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = (time_t)(clock_ns / 1000000000);
	now->tv_nsec = (long)(clock_ns % 1000000000);
	return 0;
}

pid_t schedule_thread(void)
{
	return 1000 + current;
}
