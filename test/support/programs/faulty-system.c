/*
 * Preloaded into a server under test: a disk whose fsync is slow or fails, and a wall clock that jumps. Three 64-bit
 * numbers in the file that FAULTY_SYSTEM names say how, and may be changed while the server runs: milliseconds that
 * each fsync takes, errno of each fsync or 0, milliseconds that the wall clock is ahead.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
  int64_t fsync_ms, fsync_errno, clock_ms;
};

static const volatile struct faults *faults;

__attribute__((constructor)) static void map_faults(void) {
  const char *path = getenv("FAULTY_SYSTEM");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(struct faults), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) faults = mapped;
}

static int fsync_with_faults(int (*real)(int), int file) {
  if (!faults) return real(file);
  struct timespec wait = {faults->fsync_ms / 1000, faults->fsync_ms % 1000 * 1000000};
  nanosleep(&wait, NULL);
  if (faults->fsync_errno) {
    errno = (int)faults->fsync_errno;
    return -1;
  }
  return real(file);
}

int fsync(int file) {
  return fsync_with_faults((int (*)(int))dlsym(RTLD_NEXT, "fsync"), file);
}

int fdatasync(int file) {
  return fsync_with_faults((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"), file);
}

static int64_t ahead_ns(void) {
  return faults ? faults->clock_ms * 1000000 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t ns = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + ahead_ns();
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec exact;
  int result = clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return result;
}

time_t time(time_t *seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds) *seconds = now.tv_sec;
  return now.tv_sec;
}
