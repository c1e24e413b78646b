#include "sim/timer.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"

struct sleeper {
    int64_t due_ms; /* monotonic */
    struct MHD_Connection *connection;
    bool releasable;
};

struct gate_sim_timer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct sleeper *heap; /* smallest due_ms first */
    size_t count;
    size_t capacity;
    bool stopping;
};

static void swap_sleepers(struct sleeper *a, struct sleeper *b) {
    struct sleeper kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(gate_sim_timer *timer, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < timer->count; child++) {
            if (timer->heap[child].due_ms < timer->heap[least].due_ms) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        swap_sleepers(&timer->heap[at], &timer->heap[least]);
        at = least;
    }
}

static void sift_up(gate_sim_timer *timer, size_t at) {
    while (at > 0 && timer->heap[at].due_ms < timer->heap[(at - 1) / 2].due_ms) {
        swap_sleepers(&timer->heap[at], &timer->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

/* Resume the first of the heap. */
static void resume_first(gate_sim_timer *timer) {
    struct MHD_Connection *connection = timer->heap[0].connection;
    timer->heap[0] = timer->heap[--timer->count];
    sift_down(timer, 0);
    MHD_resume_connection(connection);
}

static void wait_until(gate_sim_timer *timer, int64_t due_ms) {
    struct timespec until = {.tv_sec = (time_t)(due_ms / 1000),
                             .tv_nsec = (long)(due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&timer->changed, &timer->lock, &until);
}

static void *run_timer(void *state) {
    gate_sim_timer *timer = state;
    pthread_mutex_lock(&timer->lock);
    while (!timer->stopping || timer->count > 0) {
        if (timer->count == 0) {
            pthread_cond_wait(&timer->changed, &timer->lock);
        } else if (timer->stopping ||
                   timer->heap[0].due_ms <= gate_clock_monotonic_ms(&gate_clock_system)) {
            resume_first(timer);
        } else {
            wait_until(timer, timer->heap[0].due_ms);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

gate_sim_timer *gate_sim_timer_new(void) {
    gate_sim_timer *timer = calloc(1, sizeof *timer);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (timer == NULL || pthread_mutex_init(&timer->lock, NULL) != 0 ||
        pthread_cond_init(&timer->changed, &attributes) != 0 ||
        pthread_create(&timer->thread, NULL, run_timer, timer) != 0) {
        abort();
    }
    pthread_condattr_destroy(&attributes);
    return timer;
}

void gate_sim_timer_stop(gate_sim_timer *timer) {
    pthread_mutex_lock(&timer->lock);
    timer->stopping = true;
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
}

void gate_sim_timer_free(gate_sim_timer *timer) {
    if (timer == NULL) {
        return;
    }
    pthread_cond_destroy(&timer->changed);
    pthread_mutex_destroy(&timer->lock);
    free(timer->heap);
    free(timer);
}

static void grow_heap(gate_sim_timer *timer) {
    if (timer->count < timer->capacity) {
        return;
    }
    timer->capacity = timer->capacity == 0 ? 256 : timer->capacity * 2;
    timer->heap = realloc(timer->heap, timer->capacity * sizeof *timer->heap);
    if (timer->heap == NULL) {
        abort();
    }
}

void gate_sim_timer_sleep(gate_sim_timer *timer, struct MHD_Connection *connection, int64_t wait_ms,
                          bool releasable) {
    int64_t due_ms = gate_clock_monotonic_ms(&gate_clock_system) + wait_ms;
    MHD_suspend_connection(connection);
    pthread_mutex_lock(&timer->lock);
    if (timer->stopping) {
        MHD_resume_connection(connection);
    } else {
        grow_heap(timer);
        timer->heap[timer->count] = (struct sleeper){due_ms, connection, releasable};
        sift_up(timer, timer->count++);
        pthread_cond_signal(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
}

void gate_sim_timer_release(gate_sim_timer *timer) {
    pthread_mutex_lock(&timer->lock);
    for (size_t i = 0; i < timer->count; i++) {
        if (timer->heap[i].releasable) {
            timer->heap[i].due_ms = 0;
        }
    }
    for (size_t i = timer->count / 2; i-- > 0;) {
        sift_down(timer, i);
    }
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
}
