/* Stands between a program and libc: counts the file calls below one folder, and fails or kills at one of them.
 *
 * Loaded with LD_PRELOAD into a run and everything it starts. CRASH_ROOT names the folder, CRASH_CONTROL a file outside of it
 * that all processes map: so they count together, and the test reads afterwards what was counted and where the fault was.
 * A descriptor is known to be below the folder from its open until its close; only libc is called, nothing is allocated.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READS = 1, CHANGES = 2, SYNCS = 4 };                /* what a call does; `mask` says which ones count */
enum { COUNT = 0, KILL = 1, TORN = 2, ONCE = 3, ON = 4, HANG = 5 };
/* at call `at`: nothing, kill, kill amid a write, fail, fail from then on, never return */

/* Every call that is counted, in the order of `calls` below; tests/faults.py has the same names. */
#define CALLS \
  X(open) X(opendir) X(read) X(stat) X(readlink) X(close) X(creat) X(write) X(rename) X(link) X(unlink) X(mkdir) X(rmdir) \
  X(truncate) X(utime) X(fsync) X(syncfs) X(map)
#define X(name) CALL_##name,
enum { CALLS NUMBER_OF_CALLS };
#undef X
#define X(name) #name,
static const char *const names[] = {CALLS};
#undef X

struct control {
  _Atomic uint64_t counted;  /* calls so far of the kinds in `mask` */
  uint64_t at;               /* the call to fail or to die at; 0: none */
  int32_t action;
  int32_t error;
  int32_t mask;
  int32_t hit;               /* 1 once the fault was */
  _Atomic uint32_t calls[32];  /* by call, whatever the mask */
  char place[256];           /* name of the call and path of the fault */
};

#define MOST_FILES 4096
static struct control *control;
static char root[PATH_MAX];
static size_t root_length;
static unsigned char ours[MOST_FILES];  /* by descriptor: 1 if it is below the folder */

/* The real call, looked up when first needed: other libraries open files before our constructor runs. */
#define REAL(result, name, ...) \
  typedef result (*type_##name)(__VA_ARGS__); \
  static type_##name real_##name(void) { \
    static type_##name found; \
    if (!found) found = (type_##name)dlsym(RTLD_NEXT, #name); \
    return found; \
  }

REAL(int, openat, int, const char *, int, ...)
REAL(DIR *, opendir, const char *)
REAL(ssize_t, read, int, void *, size_t)
REAL(ssize_t, pread, int, void *, size_t, off_t)
REAL(ssize_t, readv, int, const struct iovec *, int)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)
REAL(int, close, int)
REAL(int, stat, const char *, struct stat *)
REAL(int, lstat, const char *, struct stat *)
REAL(int, fstat, int, struct stat *)
REAL(int, fstatat, int, const char *, struct stat *, int)
REAL(int, statx, int, const char *, int, unsigned, struct statx *)
REAL(int, access, const char *, int)
REAL(ssize_t, readlink, const char *, char *, size_t)
REAL(int, rename, const char *, const char *)
REAL(int, renameat, int, const char *, int, const char *)
REAL(int, renameat2, int, const char *, int, const char *, unsigned)
REAL(int, link, const char *, const char *)
REAL(int, linkat, int, const char *, int, const char *, int)
REAL(int, symlink, const char *, const char *)
REAL(int, unlink, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, mkdir, const char *, mode_t)
REAL(int, mkdirat, int, const char *, mode_t)
REAL(int, rmdir, const char *)
REAL(int, truncate, const char *, off_t)
REAL(int, ftruncate, int, off_t)
REAL(int, posix_fallocate, int, off_t, off_t)
REAL(int, fallocate, int, int, off_t, off_t)
REAL(int, utimensat, int, const char *, const struct timespec[2], int)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, syncfs, int)
REAL(void *, mmap, void *, size_t, int, int, int, off_t)

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("CRASH_ROOT"), *file = getenv("CRASH_CONTROL");
  if (!folder || !file || strlen(folder) >= sizeof root) return;
  strcpy(root, folder);
  root_length = strlen(root);
  int descriptor = real_openat()(AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  void *mapped = real_mmap()(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  real_close()(descriptor);
  if (mapped != MAP_FAILED) control = mapped;
}

static int below(const char *path) {
  return control && path && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int known(int descriptor) { return control && descriptor >= 0 && descriptor < MOST_FILES && ours[descriptor]; }

static int keep(int descriptor, int is_ours) {
  if (descriptor >= 0 && descriptor < MOST_FILES) ours[descriptor] = (unsigned char)is_ours;
  return descriptor;
}

static void told(int call, const char *path) {
  snprintf(control->place, sizeof control->place, "%s %s", names[call], path ? path + root_length : "");
  control->hit = 1;
}

static void die(void) {
  kill(0, SIGKILL); /* everything that the run has started */
  for (;;) pause();
}

/* Count a call. 0: go on; -1: fail, errno is set; 1: write half and die. */
static int meet(int call, int kind, const char *path, int descriptor) {
  char found[PATH_MAX];
  atomic_fetch_add(&control->calls[call], 1);
  if (!(kind & control->mask)) return 0;
  uint64_t number = atomic_fetch_add(&control->counted, 1) + 1;
  if (!control->at || number < control->at || (number > control->at && control->action != ON)) return 0;
  if (!path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = real_readlink()(link, found, sizeof found - 1);
    if (length > (ssize_t)root_length) {
      found[length] = 0;
      path = found;
    }
  }
  if (number == control->at) told(call, path);
  if (control->action == KILL || (control->action == TORN && call != CALL_write)) die();
  if (control->action == TORN) return 1;
  if (control->action == COUNT) return 0;
  if (control->action == HANG) for (;;) pause();
  errno = control->error;
  return -1;
}

#define PATH_CALL(result, name, call, kind, parameters, arguments, path) \
  result name parameters { \
    if (below(path) && meet(CALL_##call, kind, path, -1)) return -1; \
    return real_##name() arguments; \
  }
#define FILE_CALL(result, name, call, kind, parameters, arguments) \
  result name parameters { \
    if (known(descriptor) && meet(CALL_##call, kind, NULL, descriptor)) return -1; \
    return real_##name() arguments; \
  }
#define SAME_AS(result, name64, name, parameters, arguments) \
  result name64 parameters { return name arguments; }

/* Open: a change if it may make or empty a file. */
static int opened(int folder, const char *path, int flags, mode_t mode) {
  int is_ours = below(path);
  int changes = flags & (O_CREAT | O_TRUNC);
  if (is_ours && meet(changes ? CALL_creat : CALL_open, changes ? CHANGES : READS, path, -1)) return -1;
  return keep(real_openat()(folder, path, flags, mode), is_ours);
}

#define OPEN(name, folder, ...) \
  int name(__VA_ARGS__, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = va_arg(rest, mode_t); \
      va_end(rest); \
    } \
    return opened(folder, path, flags, mode); \
  }
OPEN(open, AT_FDCWD, const char *path)
OPEN(open64, AT_FDCWD, const char *path)
OPEN(openat, folder, int folder, const char *path)
OPEN(openat64, folder, int folder, const char *path)
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
SAME_AS(int, creat64, creat, (const char *path, mode_t mode), (path, mode))

DIR *opendir(const char *path) {
  if (below(path) && meet(CALL_opendir, READS, path, -1)) return NULL;
  return real_opendir()(path);
}

int close(int descriptor) {
  int failed = known(descriptor) && meet(CALL_close, READS, NULL, descriptor);
  int error = errno;
  keep(descriptor, 0);
  int result = real_close()(descriptor); /* closed in any case, as the kernel does */
  if (!failed) return result;
  errno = error;
  return -1;
}

FILE_CALL(ssize_t, read, read, READS, (int descriptor, void *to, size_t size), (descriptor, to, size))
FILE_CALL(ssize_t, pread, read, READS, (int descriptor, void *to, size_t size, off_t from), (descriptor, to, size, from))
FILE_CALL(ssize_t, readv, read, READS, (int descriptor, const struct iovec *to, int number), (descriptor, to, number))
SAME_AS(ssize_t, pread64, pread, (int descriptor, void *to, size_t size, off64_t from), (descriptor, to, size, from))

ssize_t write(int descriptor, const void *from, size_t size) {
  int fate = known(descriptor) ? meet(CALL_write, CHANGES, NULL, descriptor) : 0;
  if (fate < 0) return -1;
  if (fate > 0) {
    (void)!real_write()(descriptor, from, size / 2);
    die();
  }
  return real_write()(descriptor, from, size);
}

ssize_t pwrite(int descriptor, const void *from, size_t size, off_t to) {
  int fate = known(descriptor) ? meet(CALL_write, CHANGES, NULL, descriptor) : 0;
  if (fate < 0) return -1;
  if (fate > 0) {
    (void)!real_pwrite()(descriptor, from, size / 2, to);
    die();
  }
  return real_pwrite()(descriptor, from, size, to);
}
SAME_AS(ssize_t, pwrite64, pwrite, (int descriptor, const void *from, size_t size, off64_t to), (descriptor, from, size, to))
FILE_CALL(ssize_t, writev, write, CHANGES, (int descriptor, const struct iovec *from, int number), (descriptor, from, number))
FILE_CALL(ssize_t, pwritev, write, CHANGES, (int descriptor, const struct iovec *from, int number, off_t to),
          (descriptor, from, number, to))
SAME_AS(ssize_t, pwritev64, pwritev, (int descriptor, const struct iovec *from, int number, off64_t to),
        (descriptor, from, number, to))

PATH_CALL(int, stat, stat, READS, (const char *path, struct stat *to), (path, to), path)
PATH_CALL(int, lstat, stat, READS, (const char *path, struct stat *to), (path, to), path)
FILE_CALL(int, fstat, stat, READS, (int descriptor, struct stat *to), (descriptor, to))
PATH_CALL(int, fstatat, stat, READS, (int folder, const char *path, struct stat *to, int flags), (folder, path, to, flags), path)
PATH_CALL(int, statx, stat, READS, (int folder, const char *path, int flags, unsigned mask, struct statx *to),
          (folder, path, flags, mask, to), path)
int stat64(const char *path, struct stat64 *to) { return stat(path, (struct stat *)to); }
int lstat64(const char *path, struct stat64 *to) { return lstat(path, (struct stat *)to); }
int fstat64(int descriptor, struct stat64 *to) { return fstat(descriptor, (struct stat *)to); }
int fstatat64(int folder, const char *path, struct stat64 *to, int flags) {
  return fstatat(folder, path, (struct stat *)to, flags);
}
PATH_CALL(int, access, stat, READS, (const char *path, int mode), (path, mode), path)
PATH_CALL(ssize_t, readlink, readlink, READS, (const char *path, char *to, size_t size), (path, to, size), path)

PATH_CALL(int, rename, rename, CHANGES, (const char *old, const char *path), (old, path), path)
PATH_CALL(int, renameat, rename, CHANGES, (int from, const char *old, int to, const char *path), (from, old, to, path), path)
PATH_CALL(int, renameat2, rename, CHANGES, (int from, const char *old, int to, const char *path, unsigned flags),
          (from, old, to, path, flags), path)
PATH_CALL(int, link, link, CHANGES, (const char *old, const char *path), (old, path), path)
PATH_CALL(int, linkat, link, CHANGES, (int from, const char *old, int to, const char *path, int flags),
          (from, old, to, path, flags), path)
PATH_CALL(int, symlink, link, CHANGES, (const char *old, const char *path), (old, path), path)
PATH_CALL(int, unlink, unlink, CHANGES, (const char *path), (path), path)
PATH_CALL(int, unlinkat, unlink, CHANGES, (int folder, const char *path, int flags), (folder, path, flags), path)
PATH_CALL(int, mkdir, mkdir, CHANGES, (const char *path, mode_t mode), (path, mode), path)
PATH_CALL(int, mkdirat, mkdir, CHANGES, (int folder, const char *path, mode_t mode), (folder, path, mode), path)
PATH_CALL(int, rmdir, rmdir, CHANGES, (const char *path), (path), path)
PATH_CALL(int, truncate, truncate, CHANGES, (const char *path, off_t size), (path, size), path)
SAME_AS(int, truncate64, truncate, (const char *path, off64_t size), (path, size))
FILE_CALL(int, ftruncate, truncate, CHANGES, (int descriptor, off_t size), (descriptor, size))
SAME_AS(int, ftruncate64, ftruncate, (int descriptor, off64_t size), (descriptor, size))
FILE_CALL(int, fallocate, truncate, CHANGES, (int descriptor, int mode, off_t from, off_t size), (descriptor, mode, from, size))
SAME_AS(int, fallocate64, fallocate, (int descriptor, int mode, off64_t from, off64_t size), (descriptor, mode, from, size))
int posix_fallocate(int descriptor, off_t from, off_t size) {
  if (known(descriptor) && meet(CALL_truncate, CHANGES, NULL, descriptor)) return errno; /* it returns its error */
  return real_posix_fallocate()(descriptor, from, size);
}
SAME_AS(int, posix_fallocate64, posix_fallocate, (int descriptor, off64_t from, off64_t size), (descriptor, from, size))
PATH_CALL(int, utimensat, utime, CHANGES, (int folder, const char *path, const struct timespec times[2], int flags),
          (folder, path, times, flags), path)

FILE_CALL(int, fsync, fsync, SYNCS, (int descriptor), (descriptor))
FILE_CALL(int, fdatasync, fsync, SYNCS, (int descriptor), (descriptor))
FILE_CALL(int, syncfs, syncfs, SYNCS, (int descriptor), (descriptor))

void *mmap(void *at, size_t size, int protection, int flags, int descriptor, off_t from) {
  if (known(descriptor) && meet(CALL_map, READS, NULL, descriptor)) return MAP_FAILED;
  return real_mmap()(at, size, protection, flags, descriptor, from);
}
SAME_AS(void *, mmap64, mmap, (void *at, size_t size, int protection, int flags, int descriptor, off64_t from),
        (at, size, protection, flags, descriptor, from))
