/* The engine's thread: libcurl's multi interface on epoll, and the timers.
 *
 * curl_multi_socket_action costs a third of curl_multi_poll at some hundred transfers in flight,
 * because it looks only at sockets that moved.
 */
#include "net/engine.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/log.h"

#define EVENTS_PER_TURN 128
/* Streams per HTTP/2 connection; the server's own limit applies too. */
#define STREAMS_MAX 256L

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *state, void *is_watched) {
    (void)easy;
    gate_net *net = state;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(net->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd};
    if ((what & CURL_POLL_IN) != 0) {
        event.events |= EPOLLIN;
    }
    if ((what & CURL_POLL_OUT) != 0) {
        event.events |= EPOLLOUT;
    }
    int first = is_watched == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int second = is_watched == NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(net->epoll_fd, first, fd, &event) != 0 &&
        epoll_ctl(net->epoll_fd, second, fd, &event) != 0) {
        return -1;
    }
    curl_multi_assign(net->multi, fd, net);
    return 0;
}

static int set_curl_due(CURLM *multi, long timeout_ms, void *state) {
    (void)multi;
    gate_net *net = state;
    net->curl_due_ms =
        timeout_ms < 0 ? -1 : gate_clock_monotonic_ms(&gate_clock_system) + timeout_ms;
    return 0;
}

enum gate_err gate_net_engine_open(gate_net *net, struct gate_error *error) {
    net->curl_due_ms = -1;
    net->arrived_last = &net->arrived;
    net->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    net->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    net->multi = curl_multi_init();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = net->event_fd};
    if (net->event_fd < 0 || net->epoll_fd < 0 || net->multi == NULL ||
        epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, net->event_fd, &event) != 0) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL, "network engine: %s",
                                 strerror(errno));
    }
    curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net);
    curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, set_curl_due);
    curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net);
    curl_multi_setopt(net->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(net->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)net->connections_max);
    curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, (long)net->connections_max);
    curl_multi_setopt(net->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, STREAMS_MAX);
    return GATE_OK;
}

void gate_net_engine_close(gate_net *net) {
    while (net->idle_handle_count > 0) {
        curl_easy_cleanup(net->idle_handles[--net->idle_handle_count]);
    }
    if (net->multi != NULL) {
        curl_multi_cleanup(net->multi);
    }
    gate_net_timers_done(&net->timers);
    if (net->epoll_fd >= 0) {
        close(net->epoll_fd);
    }
    if (net->event_fd >= 0) {
        close(net->event_fd);
    }
}

void gate_net_ring(gate_net *net) {
    const uint64_t one = 1;
    /* Fails only when the counter is full, and then the descriptor is readable anyway. */
    if (write(net->event_fd, &one, sizeof one) < 0) {
        return;
    }
}

void gate_net_job_submit(struct gate_net_job *job) {
    gate_net *net = job->net;
    job->next_arrived = NULL;
    pthread_mutex_lock(&net->lock);
    bool was_empty = net->arrived == NULL;
    *net->arrived_last = job;
    net->arrived_last = &job->next_arrived;
    /* Inside the lock, so that gate_net_free cannot close the descriptor in between. */
    if (was_empty) {
        gate_net_ring(net);
    }
    pthread_mutex_unlock(&net->lock);
}

void gate_net_cancel_submit(gate_net *net, uint64_t cancel_id) {
    pthread_mutex_lock(&net->lock);
    if (net->cancelled_count < GATE_NET_CANCELLED_MAX) {
        net->cancelled[net->cancelled_count++] = cancel_id;
        gate_net_ring(net);
    }
    pthread_mutex_unlock(&net->lock);
}

static void cancel_streams(gate_net *net, const uint64_t *ids, size_t count, bool ends_events) {
    for (struct gate_net_job *job = net->active; job != NULL; job = job->next) {
        if (job->stream == NULL) {
            continue;
        }
        bool is_cancelled = ends_events && gate_net_stream_is_events(job->stream);
        for (size_t i = 0; i < count; i++) {
            is_cancelled = is_cancelled || job->stream->cancel_id == ids[i];
        }
        if (is_cancelled) {
            gate_net_stream_take_cancel(job->stream);
        }
    }
}

static void log_transfer(const struct gate_net_job *job, enum gate_err err) {
    gate_log_write(
        GATE_LOG_DEBUG, "upstream", GATE_LOG_TEXT("request_id", job->ctx->request_id),
        GATE_LOG_TEXT("method", job->request->method), GATE_LOG_TEXT("host", job->host),
        GATE_LOG_NUMBER("status", job->status), GATE_LOG_TEXT("outcome", gate_err_name(err)),
        GATE_LOG_NUMBER("duration_ms", gate_clock_monotonic_ms(job->net->clock) - job->started_ms),
        GATE_LOG_NUMBER("sent_bytes", (int64_t)(job->was_sent ? job->request->body_length : 0)),
        GATE_LOG_NUMBER("received_bytes", job->ret_response != NULL && err == GATE_OK
                                              ? (int64_t)job->ret_response->body_length
                                              : 0));
}

void gate_net_job_release_handle(struct gate_net_job *job) {
    gate_net *net = job->net;
    if (job->easy == NULL) {
        return;
    }
    curl_multi_remove_handle(net->multi, job->easy);
    if (net->idle_handle_count < GATE_NET_IDLE_HANDLES_MAX) {
        curl_easy_reset(job->easy);
        net->idle_handles[net->idle_handle_count++] = job->easy;
    } else {
        curl_easy_cleanup(job->easy);
    }
    job->easy = NULL;
}

/* Here and not where the context goes on, which may be later because we are busy. */
static void note_wait(struct gate_net_job *job) {
    int64_t waited_ms = gate_clock_monotonic_ms(job->net->clock) - job->started_ms;
    if (job->stream != NULL) {
        return; /* the context waits for pieces; see net/stream.c */
    }
    if (job->request != NULL) {
        job->ctx->waited.upstream_ms += waited_ms;
    } else {
        job->ctx->waited.pause_ms += waited_ms;
    }
}

void gate_net_job_end(struct gate_net_job *job, enum gate_err err) {
    gate_net *net = job->net;
    gate_net_timers_clear(&net->timers, &job->timer);
    if (job->previous != NULL) {
        job->previous->next = job->next;
    } else {
        net->active = job->next;
    }
    if (job->next != NULL) {
        job->next->previous = job->previous;
    }
    if (job->request != NULL) {
        log_transfer(job, err);
        gate_net_job_release_handle(job);
        gate_net_transfer_done(job);
        atomic_fetch_sub(&net->in_flight, 1);
    }
    note_wait(job);
    gate_ctx_resume(job->ctx, err, job->then, job->state);
}

static void abandon_job(struct gate_net_job *job, enum gate_err reason) {
    if (job->stream != NULL) {
        gate_net_stream_finish(job->stream, gate_net_transfer_abandon(job, reason));
    } else if (job->request != NULL) {
        gate_net_job_end(job, gate_net_transfer_abandon(job, reason));
    } else if (reason == GATE_ERR_TIMEOUT) {
        gate_net_job_end(job, GATE_OK); /* the delay is over */
    } else {
        gate_net_job_end(job, gate_fail(job->ctx, reason, "shutting down"));
    }
}

static CURL *take_handle(gate_net *net) {
    if (net->idle_handle_count > 0) {
        return net->idle_handles[--net->idle_handle_count];
    }
    return curl_easy_init();
}

static void start_job(gate_net *net, struct gate_net_job *job) {
    job->previous = NULL;
    job->next = net->active;
    if (net->active != NULL) {
        net->active->previous = job;
    }
    net->active = job;
    gate_net_timers_set(&net->timers, &job->timer);
    if (job->request == NULL) {
        return;
    }
    if (job->stream != NULL) {
        job->stream->is_started = true;
    }
    job->easy = take_handle(net);
    if (job->easy == NULL) {
        abort();
    }
    enum gate_err err = gate_net_transfer_prepare(job);
    if (err == GATE_OK && curl_multi_add_handle(net->multi, job->easy) != CURLM_OK) {
        err = gate_error_set_at(job->error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                "%s: libcurl takes no transfer", job->host);
    }
    if (err != GATE_OK && job->stream != NULL) {
        gate_net_stream_finish(job->stream, err);
    } else if (err != GATE_OK) {
        gate_net_job_end(job, err);
    }
}

/* Returns whether the engine shall go on. */
static bool take_arrived(gate_net *net) {
    uint64_t count;
    if (read(net->event_fd, &count, sizeof count) < 0 && errno != EAGAIN) {
        abort();
    }
    pthread_mutex_lock(&net->lock);
    struct gate_net_job *job = net->arrived;
    net->arrived = NULL;
    net->arrived_last = &net->arrived;
    bool goes_on = !net->stopping;
    uint64_t cancelled[GATE_NET_CANCELLED_MAX];
    const size_t cancelled_count = net->cancelled_count;
    memcpy(cancelled, net->cancelled, cancelled_count * sizeof cancelled[0]);
    net->cancelled_count = 0;
    const bool ends_events = net->ends_events;
    pthread_mutex_unlock(&net->lock);
    while (job != NULL) {
        struct gate_net_job *next = job->next_arrived;
        if (job->stream != NULL && job->stream->is_started) {
            gate_net_stream_resume(job->stream);
        } else {
            start_job(net, job);
        }
        job = next;
    }
    if (cancelled_count > 0 || ends_events) {
        cancel_streams(net, cancelled, cancelled_count, ends_events);
    }
    return goes_on;
}

static void end_finished(gate_net *net) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        char *job_pointer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job_pointer);
        struct gate_net_job *job = (struct gate_net_job *)(void *)job_pointer;
        const enum gate_err err = gate_net_transfer_judge(job, message->data.result);
        if (job->stream != NULL) {
            gate_net_stream_finish(job->stream, err);
        } else {
            gate_net_job_end(job, err);
        }
    }
}

/* Whether it was only time to look if the request is on its way. */
static bool goes_on_until_its_end(struct gate_net_job *job, int64_t now_ms) {
    if (job->stream != NULL) {
        return !gate_net_stream_is_overdue(job->stream, now_ms);
    }
    if (job->request == NULL || now_ms >= job->ends_ms || !job->was_sent) {
        return false;
    }
    job->timer.due_ms = job->ends_ms;
    return true;
}

static void end_overdue(gate_net *net) {
    int64_t now_ms = gate_clock_monotonic_ms(net->clock);
    struct gate_net_timer *timer;
    while ((timer = gate_net_timers_first(&net->timers)) != NULL && timer->due_ms <= now_ms) {
        struct gate_net_job *job = (struct gate_net_job *)timer;
        gate_net_timers_clear(&net->timers, timer);
        if (goes_on_until_its_end(job, now_ms)) {
            gate_net_timers_set(&net->timers, timer);
            continue;
        }
        job->lacked_connection =
            job->stream == NULL && job->request != NULL && now_ms < job->ends_ms;
        abandon_job(job, job->lacked_connection ? GATE_ERR_UNAVAILABLE : GATE_ERR_TIMEOUT);
    }
}

/* How long epoll may sleep; -1 for ever. libcurl's timers always run on the system's clock. */
static int choose_wait_ms(const gate_net *net) {
    int64_t wait_ms = INT_MAX;
    if (net->curl_due_ms >= 0) {
        wait_ms = net->curl_due_ms - gate_clock_monotonic_ms(&gate_clock_system);
    }
    const struct gate_net_timer *timer = gate_net_timers_first(&net->timers);
    if (timer != NULL) {
        int64_t own_ms = timer->due_ms - gate_clock_monotonic_ms(net->clock);
        wait_ms = own_ms < wait_ms ? own_ms : wait_ms;
    }
    if (wait_ms >= INT_MAX) {
        return -1;
    }
    return wait_ms < 0 ? 0 : (int)wait_ms;
}

static void drive_socket(gate_net *net, const struct epoll_event *event) {
    int what = 0;
    if ((event->events & EPOLLIN) != 0) {
        what |= CURL_CSELECT_IN;
    }
    if ((event->events & EPOLLOUT) != 0) {
        what |= CURL_CSELECT_OUT;
    }
    if ((event->events & (EPOLLERR | EPOLLHUP)) != 0) {
        what |= CURL_CSELECT_ERR;
    }
    int running;
    curl_multi_socket_action(net->multi, event->data.fd, what, &running);
}

static void drive_curl_timers(gate_net *net) {
    if (net->curl_due_ms < 0 || net->curl_due_ms > gate_clock_monotonic_ms(&gate_clock_system)) {
        return;
    }
    net->curl_due_ms = -1; /* libcurl sets the next one from inside */
    int running;
    curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* Streams whose contexts are busy stay as they are: nobody is left to take them back. */
static void abandon_all(gate_net *net) {
    struct gate_net_job *next;
    for (struct gate_net_job *job = net->active; job != NULL; job = next) {
        next = job->next;
        abandon_job(job, GATE_ERR_UNAVAILABLE);
    }
    gate_net_stream_tell_all(net);
}

void *gate_net_engine_run(void *state) {
    gate_net *net = state;
    struct epoll_event events[EVENTS_PER_TURN];
    bool goes_on = true;
    while (goes_on) {
        int count = epoll_wait(net->epoll_fd, events, EVENTS_PER_TURN, choose_wait_ms(net));
        bool was_rung = false;
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == net->event_fd) {
                was_rung = true;
            } else {
                drive_socket(net, &events[i]);
            }
        }
        drive_curl_timers(net);
        end_finished(net);
        end_overdue(net);
        if (was_rung) {
            goes_on = take_arrived(net);
        }
        gate_net_stream_tell_all(net);
    }
    abandon_all(net);
    return NULL;
}
