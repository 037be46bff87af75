/* A small SSE responder for the engine's bench: one thread, epoll, and its own stamps of every stream.
 *
 *     stream_responder EVENTS FIRST_US GAP_US STAMPS_FILE
 *
 * Prints its port. Every POST is answered by a chunked OpenAI stream: EVENTS tokens, the first FIRST_US after the request
 * has come in whole, the others GAP_US apart. At SIGTERM it writes to STAMPS_FILE, of every stream whose last token was
 * sent, four 64-bit numbers: its seq, and the CLOCK_MONOTONIC ns at which the request had been read, and just before the
 * writes that carried the first and the last token. All delays are equal, so what is due next is always at the head of
 * one queue.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 16384, MOST_CONNECTIONS = 65536, MOST_STAMPS = 8 << 20 };

typedef struct Connection {
    int fd, used, sent;
    uint64_t seq, due_ns, begun_ns, first_ns;
    struct Connection *next;
    char buffer[BUFFER];
} Connection;

typedef struct { Connection *head, *tail; } Queue;

static const char HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
static const char TOKEN[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n";
static const char LAST[] = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
static char token_chunk[256], last_chunk[256];
static Queue firsts, gaps; /* waiting for their first token; waiting for their next */
static uint64_t first_ns, gap_ns, *stamps;
static size_t stamp_count;
static int events_per_stream, epoll_fd, timer_fd;
static volatile sig_atomic_t ending;

static void end(int signal_number) { (void)signal_number; ending = 1; }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void push(Queue *queue, Connection *c, uint64_t due_ns) {
    c->due_ns = due_ns;
    c->next = NULL;
    if (queue->tail) queue->tail->next = c; else queue->head = c;
    queue->tail = c;
}

static Connection *pop(Queue *queue) {
    Connection *c = queue->head;
    queue->head = c->next;
    if (!queue->head) queue->tail = NULL;
    return c;
}

/* Loopback buffers hold far more than a stream has under way; a short write ends the connection, and the bench sees it. */
static void write_or_close(Connection *c, const char *data, size_t size) {
    if (c->fd >= 0 && write(c->fd, data, size) != (ssize_t)size) { close(c->fd); c->fd = -1; }
}

static void send_event(Connection *c) {
    char block[1024];
    size_t size = 0;
    if (c->sent == 0) {
        memcpy(block, HEAD, sizeof HEAD - 1);
        size = sizeof HEAD - 1;
    }
    size_t chunk = strlen(token_chunk);
    memcpy(block + size, token_chunk, chunk);
    size += chunk;
    if (++c->sent == events_per_stream) {
        chunk = strlen(last_chunk);
        memcpy(block + size, last_chunk, chunk);
        size += chunk;
    }
    if (c->sent == 1) c->first_ns = now_ns();
    if (c->sent == events_per_stream && stamp_count < MOST_STAMPS) {
        uint64_t *stamp = stamps + 4 * stamp_count++;
        stamp[0] = c->seq, stamp[1] = c->begun_ns, stamp[2] = c->first_ns, stamp[3] = now_ns();
    }
    write_or_close(c, block, size);
    if (c->fd < 0) { free(c); return; }
    if (c->sent < events_per_stream) push(&gaps, c, c->due_ns + gap_ns);
    else c->sent = -1; /* idle again */
}

static void serve_due(Queue *queue, uint64_t now) {
    while (queue->head && queue->head->due_ns <= now) send_event(pop(queue));
}

static void arm(void) {
    uint64_t at = 0;
    if (firsts.head) at = firsts.head->due_ns;
    if (gaps.head && (!at || gaps.head->due_ns < at)) at = gaps.head->due_ns;
    struct itimerspec when = {{0, 0}, {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_request(Connection *c) {
    c->buffer[c->used] = 0;
    char *end_of_head = strstr(c->buffer, "\r\n\r\n");
    if (!end_of_head) return;
    char *length = strcasestr(c->buffer, "content-length:");
    long body = length && length < end_of_head ? atol(length + 15) : 0;
    if (end_of_head + 4 + body > c->buffer + c->used) return;
    char *seq = strcasestr(c->buffer, "x-peakproof-seq:");
    c->seq = seq ? strtoull(seq + 16, NULL, 10) : 0;
    c->used = 0;
    c->sent = 0;
    c->begun_ns = now_ns();
    push(&firsts, c, c->begun_ns + first_ns);
}

static void on_readable(Connection *c) {
    ssize_t got = read(c->fd, c->buffer + c->used, BUFFER - 1 - c->used);
    if (got > 0) {
        c->used += (int)got;
        on_request(c);
    } else if (got == 0 || errno != EAGAIN) {
        close(c->fd);
        if (c->sent < 0) free(c); else c->fd = -1; /* still in a queue */
    }
}

static void on_connection(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->sent = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    events_per_stream = atoi(arguments[1]);
    first_ns = strtoull(arguments[2], NULL, 10) * 1000u;
    gap_ns = strtoull(arguments[3], NULL, 10) * 1000u;
    stamps = malloc(sizeof *stamps * 4 * MOST_STAMPS);
    sprintf(token_chunk, "%zx\r\n%s\r\n", sizeof TOKEN - 1, TOKEN);
    sprintf(last_chunk, "%zx\r\n%s\r\n0\r\n\r\n", sizeof LAST - 1, LAST);
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event);
    struct epoll_event ready[512];
    while (!ending) {
        int n = epoll_wait(epoll_fd, ready, 512, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr == &listener) on_connection(listener);
            else if (ready[i].data.ptr == &timer_fd) { uint64_t rung; if (read(timer_fd, &rung, 8) < 0) continue; }
            else on_readable(ready[i].data.ptr);
        }
        uint64_t now = now_ns();
        serve_due(&firsts, now);
        serve_due(&gaps, now);
        arm();
    }
    FILE *out = fopen(arguments[4], "wb");
    if (!out) return 1;
    fwrite(stamps, sizeof *stamps * 4, stamp_count, out);
    fclose(out);
    return 0;
}
