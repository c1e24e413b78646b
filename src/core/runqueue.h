/* Where work that waited comes back: a queue of steps for the worker threads.
 *
 * The network engine and the store's writer push; workers pop. The queue itself never grows
 * beyond what was admitted elsewhere, because each request has at most one step in it.
 * Threads: locked (own mutex). Errors: none.
 */
#ifndef GATE_CORE_RUNQUEUE_H
#define GATE_CORE_RUNQUEUE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gate_runqueue gate_runqueue;

/* One step. Embedded in the object that waits; not copied. */
struct gate_step {
    struct gate_step *next; /* the queue's */
    void (*run)(struct gate_step *step);
};

/* Make an empty queue. Aborts when the kernel gives no event descriptor. */
gate_runqueue *gate_runqueue_new(void);
void gate_runqueue_free(gate_runqueue *queue);

/* Add a step and wake one worker. Any thread. */
void gate_runqueue_push(gate_runqueue *queue, struct gate_step *step);

/* Steps that wait now. Any thread. */
size_t gate_runqueue_length(gate_runqueue *queue);

/* Run the oldest step; false when there is none. */
bool gate_runqueue_run_one(gate_runqueue *queue);

/* Readable while steps wait; for a worker's epoll. After a wake-up the worker calls _settle, then
 * runs steps until there are none. */
int gate_runqueue_fd(const gate_runqueue *queue);
void gate_runqueue_settle(gate_runqueue *queue);

/* Run steps, waiting for new ones, until `*done`. For tests and command-line programs that have no
 * workers. */
void gate_runqueue_run_until(gate_runqueue *queue, const bool *done);

/* The same while `goes_on` says so. For the end, when the workers are gone and something of theirs
 * is still under way. */
void gate_runqueue_run_while(gate_runqueue *queue, bool (*goes_on)(void *state), void *state);

#endif
