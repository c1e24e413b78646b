#include "core/runqueue.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct gate_runqueue {
    pthread_mutex_t lock;
    struct gate_step *first;
    struct gate_step **last;
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

void gate_runqueue_push(gate_runqueue *queue, struct gate_step *step) {
    step->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = step;
    queue->last = &step->next;
    pthread_mutex_unlock(&queue->lock);
    const uint64_t one = 1;
    /* Fails only when the counter is full, and then the descriptor is readable anyway. */
    if (write(queue->event_fd, &one, sizeof one) < 0) {
        return;
    }
}

bool gate_runqueue_run_one(gate_runqueue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct gate_step *step = queue->first;
    if (step != NULL) {
        queue->first = step->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    pthread_mutex_unlock(&queue->lock);
    if (step == NULL) {
        return false;
    }
    step->run(step);
    return true;
}

int gate_runqueue_fd(const gate_runqueue *queue) {
    return queue->event_fd;
}

void gate_runqueue_settle(gate_runqueue *queue) {
    uint64_t count;
    /* Another worker may have emptied it first; either way the steps are looked at next. */
    if (read(queue->event_fd, &count, sizeof count) < 0) {
        return;
    }
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
