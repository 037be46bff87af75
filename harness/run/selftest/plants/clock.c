/* Rows 44 and 45: a wall clock that lies, before the C library's own (LD_PRELOAD). The file that PEAKPROOF_LYING_CLOCK
   names holds by how many seconds; it is read at every look, so that the clock can be made to jump. Monotonic clocks and
   every kind of sleep stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead_s(void)
{
    const char *path = getenv("PEAKPROOF_LYING_CLOCK");
    char text[32] = {0};
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    long count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*honest)(clockid_t, struct timespec *);
    if (!honest)
        *(void **)&honest = dlsym(RTLD_NEXT, "clock_gettime");
    int code = honest(clock, now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead_s();
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec moment;
    (void)zone;
    int code = clock_gettime(CLOCK_REALTIME, &moment);
    now->tv_sec = moment.tv_sec;
    now->tv_usec = moment.tv_nsec / 1000;
    return code;
}

time_t time(time_t *into)
{
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (into)
        *into = moment.tv_sec;
    return moment.tv_sec;
}
