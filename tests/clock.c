/* Stands between a program and libc: the wall clock goes wrong by as many seconds as a file says.
 *
 * Loaded with LD_PRELOAD into a run and everything it starts. CLOCK_OFF names the file, which all processes map: 8 bytes, a
 * signed number. What a step of the real clock leaves alone stays alone: the monotonic clock, every wait on it, and the times
 * of files that are there already. (libfaketime 0.9.10 makes absolute waits on the monotonic clock fail.) What waits for a time
 * of day, which are the semaphores that processes share, waits for that of the wrong clock, and is woken by a step as it is by
 * the kernel.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *off;

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("CLOCK_OFF");
  int descriptor = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (descriptor < 0) return;
  void *place = mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, descriptor, 0);
  if (place != MAP_FAILED) off = place;
  close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (!result && off && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *off;
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone; /* nobody may ask for it any more */
  struct timespec found;
  int result = clock_gettime(CLOCK_REALTIME, &found);
  now->tv_sec = found.tv_sec;
  now->tv_usec = found.tv_nsec / 1000;
  return result;
}

time_t time(time_t *place) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME_COARSE, &found);
  if (place) *place = found.tv_sec;
  return found.tv_sec;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  static int (*real)(sem_t *restrict, const struct timespec *restrict);
  if (!real) real = (int (*)(sem_t *restrict, const struct timespec *restrict))dlsym(RTLD_NEXT, "sem_timedwait");
  if (!off) return real(semaphore, until);
  for (;;) {
    struct timespec now, later;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec)) return real(semaphore, &(struct timespec){0});
    later = now; /* of the right clock, a tenth of a second on: then the wrong one is looked at again */
    later.tv_sec -= *off;
    later.tv_nsec += 100000000;
    if (later.tv_nsec >= 1000000000) later.tv_sec++, later.tv_nsec -= 1000000000;
    if (!real(semaphore, &later)) return 0;
    if (errno != ETIMEDOUT) return -1;
  }
}
