#include "core/runqueue.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What ends a wait may happen without a step. */
#define RUN_WHILE_LOOK_EVERY_MS 50

struct gate_runqueue {
    pthread_mutex_t lock;
    struct gate_step *first;
    struct gate_step **last;
    size_t length;
    bool is_signalled; /* the event descriptor is readable, and nobody has settled that yet */
    int event_fd;
};

gate_runqueue *gate_runqueue_new(void) {
    gate_runqueue *queue = malloc(sizeof *queue);
    if (queue == NULL) {
        abort();
    }
    queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event_fd < 0) {
        abort();
    }
    pthread_mutex_init(&queue->lock, NULL);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->length = 0;
    queue->is_signalled = false;
    return queue;
}

void gate_runqueue_free(gate_runqueue *queue) {
    if (queue == NULL) {
        return;
    }
    close(queue->event_fd);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* Whether a worker has to be woken for what is in the queue; call with the lock held. One wake-up
 * is enough for any number of steps: whoever takes the first wakes the next worker for the rest. */
static bool note_signal(gate_runqueue *queue) {
    const bool wakes = queue->first != NULL && !queue->is_signalled;
    queue->is_signalled = queue->is_signalled || wakes;
    return wakes;
}

static void wake_worker(gate_runqueue *queue) {
    const uint64_t one = 1;
    /* Fails only when the counter is full, and then the descriptor is readable anyway. */
    if (write(queue->event_fd, &one, sizeof one) < 0) {
        return;
    }
}

void gate_runqueue_push(gate_runqueue *queue, struct gate_step *step) {
    step->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = step;
    queue->last = &step->next;
    queue->length++;
    const bool wakes = note_signal(queue);
    pthread_mutex_unlock(&queue->lock);
    if (wakes) {
        wake_worker(queue);
    }
}

bool gate_runqueue_run_one(gate_runqueue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct gate_step *step = queue->first;
    if (step != NULL) {
        queue->first = step->next;
        queue->length--;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    const bool wakes = note_signal(queue);
    pthread_mutex_unlock(&queue->lock);
    if (wakes) {
        wake_worker(queue);
    }
    if (step == NULL) {
        return false;
    }
    step->run(step);
    return true;
}

size_t gate_runqueue_length(gate_runqueue *queue) {
    pthread_mutex_lock(&queue->lock);
    const size_t length = queue->length;
    pthread_mutex_unlock(&queue->lock);
    return length;
}

int gate_runqueue_fd(const gate_runqueue *queue) {
    return queue->event_fd;
}

void gate_runqueue_settle(gate_runqueue *queue) {
    uint64_t count;
    /* Another worker may have emptied it first; either way the steps are looked at next. */
    (void)!read(queue->event_fd, &count, sizeof count);
    /* Only then: a step pushed meanwhile without a signal is one of those that are looked at. */
    pthread_mutex_lock(&queue->lock);
    queue->is_signalled = false;
    pthread_mutex_unlock(&queue->lock);
}

void gate_runqueue_run_until(gate_runqueue *queue, const bool *done) {
    while (!*done) {
        if (gate_runqueue_run_one(queue)) {
            continue;
        }
        struct pollfd waiting = {.fd = queue->event_fd, .events = POLLIN};
        poll(&waiting, 1, -1);
        gate_runqueue_settle(queue);
    }
}

void gate_runqueue_run_while(gate_runqueue *queue, bool (*goes_on)(void *state), void *state) {
    while (goes_on(state)) {
        if (gate_runqueue_run_one(queue)) {
            continue;
        }
        struct pollfd waiting = {.fd = queue->event_fd, .events = POLLIN};
        poll(&waiting, 1, RUN_WHILE_LOOK_EVERY_MS);
        gate_runqueue_settle(queue);
    }
}
