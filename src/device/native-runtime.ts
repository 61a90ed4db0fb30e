// The small C runtime of the native target: a pool of threads that walks launch tables.

/**
 * C source of the runtime. It exports `oar_create(heap, capacity, spin_ns)`, `oar_launch(pool, table, count, threads)` and
 * `oar_destroy(pool)`; the entries of a table are those of `launchEntry`.
 *
 * A run of entries joined by `noBarrier` is one phase. Its blocks are dealt to the threads as ranges, each with a count of blocks left;
 * a thread empties its own range a quarter at a time and then helps with the others'. A phase ends when all its BLOCKS are done, not when
 * all threads have come, so a thread that the system has put aside delays nobody unless it holds blocks; whoever ends the last block
 * opens the next phase. Claims carry the phase's number: a thread that comes late finds nothing to claim and touches nothing.
 */
export const runtimeSource = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef void (*kernel_fn)(char *heap, u32 args, int begin, int end, int thread);
typedef struct { u64 fn; u32 args, blocks, flags, unused[3]; } entry;
enum { SINGLE = 1, NO_BARRIER = 2, MAX_THREADS = 255 };

#define LINE __attribute__((aligned(64)))
#define GET(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define PUT(x, v) __atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define PUT_OWN(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

/* Parts of a state. */
#define NUMBER(s) ((s) >> 16)
#define THREADS(s) ((int)((s) >> 1 & 0xff))
#define IS_SINGLE(s) ((int)((s) >> 9 & 1))
#define IS_IDLE(s) ((int)((s) & 1))

/* Blocks left in one thread's range: phase number << 32 | count. */
typedef struct { u64 left LINE; } range;
/* Whether a thread holds blocks or opens a phase: the others wait for it. When and to which processor it was called last. */
typedef struct { u32 busy LINE; int place; u64 called; pthread_t id; } member;

typedef struct pool pool;
typedef struct { pool *owner; int index; } worker;

struct pool {
  /* phase number << 16 | single << 9 | threads << 1 | idle: what waiting threads watch. */
  u64 state LINE;
  /* Blocks of the phase that are not done. */
  u64 pending LINE;
  u32 sleepers LINE;
  u32 stop;
  /* The phase: written before its state is, read only by holders of its blocks. */
  const entry *table LINE;
  u32 count, first, last;
  u64 total;
  char *heap;
  u64 spin_ns;
  int capacity, started;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  u32 moving;
  worker *workers;
  member *members;
  range *ranges;
};

static u64 now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

#if defined(__linux__)
/* Processor time that a thread has used; 0 when it cannot be told. */
static u64 used_ns(pthread_t id) {
  clockid_t clock;
  struct timespec t;
  if (pthread_getcpuclockid(id, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/*
 * For a thread that is about to sleep: a thread that others wait for and that makes no progress was put aside for some other process, and
 * the system may leave it there for many milliseconds although this processor falls idle. It is moved here, and left free to move on.
 */
static void call_here(pool *p, u64 last, int self) {
  /* Entries of one thread are thread 0's. */
  int t = 0;
  while (t < p->started && (t == self || !(GET(p->members[t].busy) || (t == 0 && IS_SINGLE(last))))) t++;
  if (t == p->started) return;
  member *other = &p->members[t];
  u64 used = used_ns(other->id), begin = now_ns();
  while (now_ns() - begin < 20000) {
    for (int i = 0; i < 16; i++) PAUSE();
    if (GET(p->state) != last) return;
  }
  if (used == 0 || used_ns(other->id) - used > 2000 || GET(p->state) != last) return;
  if (__atomic_exchange_n(&p->moving, 1, __ATOMIC_SEQ_CST)) return;
  cpu_set_t all, here;
  int place = sched_getcpu();
  CPU_ZERO(&here);
  CPU_SET(place, &here);
  if (pthread_getaffinity_np(other->id, sizeof all, &all) == 0 &&
      pthread_setaffinity_np(other->id, sizeof here, &here) == 0) {
    pthread_setaffinity_np(other->id, sizeof all, &all);
    other->place = place;
    PUT(other->called, now_ns());
  }
  PUT(p->moving, 0);
}

/* A thread that was called to another's processor tries its luck elsewhere after a while: the system may leave both on one. */
static void move_on(pool *p, int self) {
  member *me = &p->members[self];
  if (now_ns() - GET(me->called) < 2000000 || __atomic_exchange_n(&p->moving, 1, __ATOMIC_SEQ_CST)) return;
  cpu_set_t all, others;
  if (sched_getcpu() == me->place && pthread_getaffinity_np(pthread_self(), sizeof all, &all) == 0) {
    others = all;
    CPU_CLR(me->place, &others);
    if (CPU_COUNT(&others) > 0 && pthread_setaffinity_np(pthread_self(), sizeof others, &others) == 0)
      pthread_setaffinity_np(pthread_self(), sizeof all, &all);
  }
  PUT(me->called, 0);
  PUT(p->moving, 0);
}
#else
static void call_here(pool *p, u64 last, int self) { (void)p, (void)last, (void)self; }
static void move_on(pool *p, int self) { (void)p, (void)self; }
#endif

/* Spins for a bound, then sleeps: an idle core takes over a thread that was put aside, which a spinning one prevents. */
static u64 wait_change(pool *p, u64 last, int self) {
  u64 s, begin = 0;
  for (;;) {
    for (int i = 0; i < 64; i++) {
      s = GET(p->state);
      if (s != last) return s;
      PAUSE();
    }
    u64 t = now_ns();
    if (begin == 0) begin = t;
    if (t - begin > p->spin_ns) break;
  }
  if (!IS_IDLE(last)) call_here(p, last, self);
  pthread_mutex_lock(&p->mutex);
  __atomic_fetch_add(&p->sleepers, 1, __ATOMIC_SEQ_CST);
  while ((s = GET(p->state)) == last) pthread_cond_wait(&p->wake, &p->mutex);
  __atomic_fetch_sub(&p->sleepers, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&p->mutex);
  return s;
}

static void publish(pool *p, u64 state) {
  PUT(p->state, state);
  if (GET(p->sleepers) == 0) return;
  pthread_mutex_lock(&p->mutex);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
}

static u64 range_start(u64 total, int r, int threads) { return total * (u64)r / (u64)threads; }

/* Opens the phase that begins at entry "first", or ends the launch when no entry with blocks is left. */
static void open_phase(pool *p, u32 first, u64 number, int threads) {
  const entry *table = p->table;
  while (first < p->count && table[first].blocks == 0) first++;
  if (first >= p->count) {
    publish(p, number << 16 | (u64)threads << 1 | 1);
    return;
  }
  u32 last = first;
  u64 total = table[first].blocks;
  int single = (table[first].flags & SINGLE) != 0;
  while (!single && (table[last].flags & NO_BARRIER) && last + 1 < p->count && !(table[last + 1].flags & SINGLE)
         && total + table[last + 1].blocks < 1u << 31)
    total += table[++last].blocks;
  p->first = first;
  p->last = last;
  p->total = total;
  PUT(p->pending, total);
  for (int r = 0; r < threads; r++) {
    u64 blocks = range_start(total, r + 1, threads) - range_start(total, r, threads);
    if (single) blocks = r == 0 ? total : 0;
    PUT(p->ranges[r].left, (number & 0xffffffffu) << 32 | blocks);
  }
  publish(p, number << 16 | (u64)single << 9 | (u64)threads << 1);
}

/* Runs blocks begin..end-1 of the phase, which may span entries. */
static void run_blocks(pool *p, u64 begin, u64 end, int thread) {
  u64 base = 0;
  for (u32 e = p->first; e <= p->last && begin < end; e++) {
    const entry *it = &p->table[e];
    u64 stop = base + it->blocks < end ? base + it->blocks : end;
    if (begin < stop) {
      ((kernel_fn)it->fn)(p->heap, it->args, (int)(begin - base), (int)(stop - base), thread);
      begin = stop;
    }
    base += it->blocks;
  }
}

/* Takes blocks of range r and runs them; 0 when none are left or the phase is over. */
static int help(pool *p, u64 state, int r, int thread) {
  u64 number = NUMBER(state), left = GET(p->ranges[r].left), blocks, take;
  int threads = THREADS(state);
  do {
    blocks = left & 0xffffffffu;
    if (left >> 32 != (number & 0xffffffffu) || blocks == 0) return 0;
    take = IS_SINGLE(state) ? blocks : (blocks + 3) / 4;
  } while (!__atomic_compare_exchange_n(&p->ranges[r].left, &left, left - take, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  PUT_OWN(p->members[thread].busy, 1);
  u64 end = IS_SINGLE(state) ? p->total : range_start(p->total, r + 1, threads);
  run_blocks(p, end - blocks, end - blocks + take, thread);
  if (__atomic_sub_fetch(&p->pending, take, __ATOMIC_SEQ_CST) == 0) open_phase(p, p->last + 1, number + 1, threads);
  PUT_OWN(p->members[thread].busy, 0);
  return 1;
}

static void take_part(pool *p, u64 state, int thread) {
  int threads = THREADS(state);
  if (__builtin_expect(GET(p->members[thread].called) != 0, 0)) move_on(p, thread);
  if (IS_SINGLE(state)) {
    if (thread == 0) help(p, state, 0, 0);
    return;
  }
  for (int k = 0; k < threads; k++) {
    int r = thread + k < threads ? thread + k : thread + k - threads;
    while (help(p, state, r, thread)) {}
  }
}

static void *worker_main(void *argument) {
  worker *self = argument;
  pool *p = self->owner;
  u64 state = 0;
  for (;;) {
    state = wait_change(p, state, self->index);
    if (GET(p->stop)) return 0;
    if (!IS_IDLE(state) && self->index < THREADS(state)) take_part(p, state, self->index);
  }
}

/* Starts threads until the pool has "wanted", the caller included; fewer when the system refuses. Signals stay with the caller's. */
static void start_threads(pool *p, int wanted) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (; p->started < wanted; p->started++) {
    worker *w = &p->workers[p->started];
    w->owner = p;
    w->index = p->started;
    if (pthread_create(&p->members[p->started].id, 0, worker_main, w) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, 0);
}

pool *oar_create(u64 heap, int capacity, u64 spin_ns) {
  /* A sleeping thread must not lose its code when the library's last user goes. */
  Dl_info self;
  if (dladdr((void *)oar_create, &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
  void *memory = 0;
  if (capacity < 1) capacity = 1;
  if (capacity > MAX_THREADS) capacity = MAX_THREADS;
  if (posix_memalign(&memory, 64, sizeof(pool)) != 0) return 0;
  pool *p = memset(memory, 0, sizeof(pool));
  if (posix_memalign(&memory, 64, sizeof(range) * (size_t)capacity) != 0) return free(p), (pool *)0;
  p->ranges = memset(memory, 0, sizeof(range) * (size_t)capacity);
  p->workers = calloc((size_t)capacity, sizeof(worker));
  if (p->workers == 0 || posix_memalign(&memory, 64, sizeof(member) * (size_t)capacity) != 0) {
    free(p->workers);
    free(p->ranges);
    free(p);
    return 0;
  }
  p->members = memset(memory, 0, sizeof(member) * (size_t)capacity);
  p->heap = (char *)heap;
  p->spin_ns = spin_ns;
  p->capacity = capacity;
  p->started = 1;
  p->state = 1;
  pthread_mutex_init(&p->mutex, 0);
  pthread_cond_init(&p->wake, 0);
  return p;
}

void oar_launch(pool *p, u64 table, u32 count, int threads) {
  const entry *entries = (const entry *)(p->heap + table);
  if (threads > p->capacity) threads = p->capacity;
  if (threads > p->started) start_threads(p, threads);
  if (threads > p->started) threads = p->started;
  if (threads <= 1) {
    for (u32 e = 0; e < count; e++)
      if (entries[e].blocks > 0) ((kernel_fn)entries[e].fn)(p->heap, entries[e].args, 0, (int)entries[e].blocks, 0);
    return;
  }
  p->members[0].id = pthread_self();
  p->table = entries;
  p->count = count;
  u64 state = p->state;
  open_phase(p, 0, NUMBER(state) + 1, threads);
  while (!IS_IDLE(state = GET(p->state))) {
    take_part(p, state, 0);
    wait_change(p, state, 0);
  }
}

void oar_destroy(pool *p) {
  PUT(p->stop, 1);
  publish(p, ((NUMBER(GET(p->state)) + 1) << 16) | 1);
  for (int i = 1; i < p->started; i++) pthread_join(p->members[i].id, 0);
  pthread_mutex_destroy(&p->mutex);
  pthread_cond_destroy(&p->wake);
  free(p->members);
  free(p->workers);
  free(p->ranges);
  free(p);
}
`;
