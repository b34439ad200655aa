/* Moves what every program reads of the calendar clock by CLOCK_MOVED_S seconds; preloaded by scripts/test-days.sh.
 *
 * No clock but the calendar's is touched, so that whatever waits waits as long as it says. libfaketime also moves the clock
 * by which programs wait: Python's timed waits never ended, and PostgreSQL's timers did not fire (in a signal
 * handler it shows the real time), so that deadlocks and statements without end hung.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static time_t moved_s;

__attribute__((constructor)) static void prepare(void) {
  const char *given = getenv("CLOCK_MOVED_S");
  if (given != NULL) moved_s = atoll(given);
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (real_clock_gettime == NULL) prepare();
  int status = real_clock_gettime(clock, now);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += moved_s;
  return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  int status = clock_gettime(CLOCK_REALTIME, &precise);
  if (status == 0) *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
  return status;
}

time_t time(time_t *place) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (place != NULL) *place = precise.tv_sec;
  return precise.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
