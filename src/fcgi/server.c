#define _GNU_SOURCE /* accept4 */
#include "fcgi/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/log.h"
#include "fcgi/exchange.h"
#include "fcgi/pool.h"

enum { ACCEPTS_PER_WAKE = 64, ACCEPT_PAUSE_MS = 100 };

struct gate_fcgi {
    struct gate_fcgi_options options;
    gate_fcgi_pool *pool;
    int epoll_fd;
    int stop_fd;  /* an event; never read, so every worker sees it */
    int pause_fd; /* a timer that ends a pause in accepting */
    atomic_bool is_pause_logged;
    pthread_t *threads;
    int thread_count;
};

static int64_t read_monotonic_ms(void) {
    return gate_clock_monotonic_ms(&gate_clock_system);
}

static bool watch(gate_fcgi *fcgi, int fd, uint32_t events, void *tag) {
    struct epoll_event interest = {.events = events, .data.ptr = tag};
    return epoll_ctl(fcgi->epoll_fd, EPOLL_CTL_ADD, fd, &interest) == 0;
}

/* Armed once, so that one connection wakes one worker, and one worker accepts at a time. */
static bool watch_listener(gate_fcgi *fcgi) {
    return watch(fcgi, fcgi->options.listener->fd, EPOLLIN | EPOLLONESHOT, fcgi->options.listener);
}

static void rearm_listener(gate_fcgi *fcgi) {
    struct epoll_event interest = {.events = EPOLLIN | EPOLLONESHOT,
                                   .data.ptr = fcgi->options.listener};
    /* Fails after the order to stop, when the socket is no longer watched. That is meant. */
    (void)epoll_ctl(fcgi->epoll_fd, EPOLL_CTL_MOD, fcgi->options.listener->fd, &interest);
}

static bool open_descriptors(gate_fcgi *fcgi) {
    fcgi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    fcgi->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fcgi->pause_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fcgi->epoll_fd < 0 || fcgi->stop_fd < 0 || fcgi->pause_fd < 0) {
        return false;
    }
    /* Edge-triggered: each step pushed wakes one worker rather than all of them. */
    return watch(fcgi, gate_runqueue_fd(fcgi->options.runqueue), EPOLLIN | EPOLLET,
                 fcgi->options.runqueue) &&
           watch(fcgi, fcgi->pause_fd, EPOLLIN | EPOLLET, &fcgi->pause_fd) &&
           watch(fcgi, fcgi->stop_fd, EPOLLIN, &fcgi->stop_fd);
}

enum gate_err gate_fcgi_new(const struct gate_fcgi_options *options, struct gate_error *error,
                            gate_fcgi **ret_fcgi) {
    enum gate_err err = gate_fcgi_library_init(error);
    if (err != GATE_OK) {
        return err;
    }
    gate_fcgi *fcgi = calloc(1, sizeof *fcgi);
    if (fcgi == NULL) {
        abort();
    }
    fcgi->options = *options;
    if (!open_descriptors(fcgi)) {
        err = gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                "the workers' descriptors cannot be opened: %s", strerror(errno));
        gate_fcgi_free(fcgi);
        return err;
    }
    fcgi->pool = gate_fcgi_pool_new(&(struct gate_fcgi_pool_options){
        .web = options->web,
        .epoll_fd = fcgi->epoll_fd,
        .in_flight_max = options->in_flight_max,
        .connections_max = options->connections_max,
        .peer_timeout_ms = options->peer_timeout_ms,
        .keep_connections = options->keep_connections,
    });
    *ret_fcgi = fcgi;
    return GATE_OK;
}

static void close_if_open(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

void gate_fcgi_free(gate_fcgi *fcgi) {
    if (fcgi == NULL) {
        return;
    }
    gate_fcgi_pool_free(fcgi->pool);
    close_if_open(fcgi->pause_fd);
    close_if_open(fcgi->stop_fd);
    close_if_open(fcgi->epoll_fd);
    free(fcgi->threads);
    free(fcgi);
}

/* Leave the listening socket alone for a moment: what it holds stays in the backlog. Trying again
 * at once would spin, because the socket stays readable. */
static void pause_accepting(gate_fcgi *fcgi, const char *reason) {
    const struct itimerspec pause = {.it_value = {.tv_nsec = ACCEPT_PAUSE_MS * 1000000L}};
    timerfd_settime(fcgi->pause_fd, 0, &pause, NULL);
    if (!atomic_exchange(&fcgi->is_pause_logged, true)) {
        gate_log_write(GATE_LOG_WARN, "accept_paused", GATE_LOG_TEXT("reason", reason));
    }
}

static void end_pause(gate_fcgi *fcgi) {
    uint64_t count;
    if (read(fcgi->pause_fd, &count, sizeof count) == (ssize_t)sizeof count) {
        rearm_listener(fcgi);
    }
}

/* Accept what waits. False: a pause is needed. */
static bool accept_some(gate_fcgi *fcgi, int at_most) {
    for (int i = 0; i < at_most; i++) {
        if (gate_fcgi_pool_is_full(fcgi->pool)) {
            pause_accepting(fcgi, "as many connections as allowed are open");
            return false;
        }
        const int fd = accept4(fcgi->options.listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            gate_fcgi_pool_add(fcgi->pool, fd);
        } else if (errno == EAGAIN) {
            atomic_store(&fcgi->is_pause_logged, false); /* caught up */
            return true;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            pause_accepting(fcgi, strerror(errno));
            return false;
        }
    }
    return true;
}

static void run_steps(gate_runqueue *runqueue) {
    gate_runqueue_settle(runqueue);
    while (gate_runqueue_run_one(runqueue)) {
    }
}

static void *work(void *argument) {
    gate_fcgi *fcgi = argument;
    for (;;) {
        /* One at a time: a second one would wait behind the first while other workers are idle. */
        struct epoll_event event;
        const int count = epoll_wait(fcgi->epoll_fd, &event, 1, -1);
        if (count <= 0) {
            continue;
        }
        void *tag = event.data.ptr;
        if (tag == &fcgi->stop_fd) {
            return NULL;
        }
        if (gate_fcgi_pool_is_watch_tag(event.data.u64)) {
            gate_fcgi_pool_reader_left(fcgi->pool, event.data.u64);
            continue;
        }
        if (tag == fcgi->options.runqueue) {
            run_steps(fcgi->options.runqueue);
        } else if (tag == fcgi->options.listener) {
            if (accept_some(fcgi, ACCEPTS_PER_WAKE)) {
                rearm_listener(fcgi);
            }
        } else if (tag == &fcgi->pause_fd) {
            end_pause(fcgi);
        } else {
            gate_fcgi_pool_serve(fcgi->pool, tag);
        }
    }
}

static void end_workers(gate_fcgi *fcgi) {
    const uint64_t one = 1;
    if (write(fcgi->stop_fd, &one, sizeof one) < 0) {
        abort();
    }
    for (int i = 0; i < fcgi->thread_count; i++) {
        pthread_join(fcgi->threads[i], NULL);
    }
    fcgi->thread_count = 0;
}

enum gate_err gate_fcgi_start(gate_fcgi *fcgi, struct gate_error *error) {
    fcgi->threads = calloc((size_t)fcgi->options.workers, sizeof *fcgi->threads);
    if (fcgi->threads == NULL) {
        abort();
    }
    /* A signal in the middle of libfcgi's read or write would cut the request short. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = 0;
    while (rc == 0 && fcgi->thread_count < fcgi->options.workers) {
        rc = pthread_create(&fcgi->threads[fcgi->thread_count], NULL, work, fcgi);
        fcgi->thread_count += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0 && !watch_listener(fcgi)) {
        rc = errno;
    }
    if (rc != 0) {
        end_workers(fcgi);
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                 "the workers cannot be started: %s", strerror(rc));
    }
    return GATE_OK;
}

static void stop_accepting(gate_fcgi *fcgi) {
    struct gate_fcgi_listener *listener = fcgi->options.listener;
    (void)epoll_ctl(fcgi->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL);
    if (listener->is_ours) {
        /* Nobody else will take what is in the backlog. A socket that was handed over belongs to
         * others as well; they take it. */
        gate_fcgi_listener_retire(listener);
        while (gate_fcgi_pool_is_full(fcgi->pool) == false) {
            const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            gate_fcgi_pool_add(fcgi->pool, fd);
        }
    }
}

/* Do the workers' part for requests that came in as they ended. */
static void run_late_steps(gate_fcgi *fcgi, int64_t until_ms) {
    struct pollfd steps = {.fd = gate_runqueue_fd(fcgi->options.runqueue), .events = POLLIN};
    for (;;) {
        run_steps(fcgi->options.runqueue);
        const int64_t left_ms = until_ms - read_monotonic_ms();
        if (gate_fcgi_pool_in_flight(fcgi->pool) == 0 || left_ms <= 0) {
            return;
        }
        poll(&steps, 1, (int)left_ms);
    }
}

bool gate_fcgi_stop(gate_fcgi *fcgi, int64_t idle_grace_ms, int64_t timeout_ms) {
    const int64_t now_ms = read_monotonic_ms();
    const int64_t end_ms = now_ms + timeout_ms;
    const int64_t grace_end_ms = now_ms + (idle_grace_ms < timeout_ms ? idle_grace_ms : timeout_ms);

    stop_accepting(fcgi);
    if (!gate_fcgi_pool_wait_empty(fcgi->pool, grace_end_ms)) {
        gate_fcgi_pool_stop_keeping(fcgi->pool);
        (void)gate_fcgi_pool_wait_idle(fcgi->pool, end_ms);
    }
    end_workers(fcgi);
    run_late_steps(fcgi, end_ms);
    return gate_fcgi_pool_in_flight(fcgi->pool) == 0;
}
