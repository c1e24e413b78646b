#include "support/cases.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/runqueue.h"

struct counted {
    struct gate_step step; /* first, so that a pointer to it is a pointer to this */
    int number;
};

static int seen[4];
static int seen_count;

static void note_step(struct gate_step *step) {
    seen[seen_count++] = ((struct counted *)step)->number;
}

static bool is_readable(const gate_runqueue *queue) {
    struct pollfd waiting = {.fd = gate_runqueue_fd(queue), .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

static void test_run_one__oldest_first(void **state) {
    (void)state;
    gate_runqueue *queue = gate_runqueue_new();
    struct counted steps[3];
    seen_count = 0;
    assert_false(gate_runqueue_run_one(queue));
    for (int i = 0; i < 3; i++) {
        steps[i] = (struct counted){.step.run = note_step, .number = i};
        gate_runqueue_push(queue, &steps[i].step);
    }
    assert_true(gate_runqueue_run_one(queue));
    assert_true(gate_runqueue_run_one(queue));
    /* Emptied and filled again. */
    assert_true(gate_runqueue_run_one(queue));
    assert_false(gate_runqueue_run_one(queue));
    gate_runqueue_push(queue, &steps[0].step);
    assert_true(gate_runqueue_run_one(queue));
    assert_int_equal(seen_count, 4);
    assert_int_equal(seen[0], 0);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 2);
    assert_int_equal(seen[3], 0);
    gate_runqueue_free(queue);
    gate_runqueue_free(NULL);
}

static void test_fd__readable_while_steps_wait(void **state) {
    (void)state;
    gate_runqueue *queue = gate_runqueue_new();
    struct counted counted = {.step.run = note_step};
    seen_count = 0;
    assert_false(is_readable(queue));
    gate_runqueue_push(queue, &counted.step);
    assert_true(is_readable(queue));
    gate_runqueue_settle(queue);
    assert_false(is_readable(queue));
    assert_true(gate_runqueue_run_one(queue));
    gate_runqueue_settle(queue);
    gate_runqueue_free(queue);
}

#define PUSHERS 3
#define STEPS_EACH 2000

static atomic_int steps_run;

static void count_step(struct gate_step *step) {
    (void)step;
    atomic_fetch_add(&steps_run, 1);
}

struct pusher {
    pthread_t thread;
    gate_runqueue *queue;
    struct gate_step steps[STEPS_EACH];
};

static void *push_steps(void *state) {
    struct pusher *pusher = state;
    for (int i = 0; i < STEPS_EACH; i++) {
        pusher->steps[i].run = count_step;
        gate_runqueue_push(pusher->queue, &pusher->steps[i]);
    }
    return NULL;
}

static void test_push__from_many_threads(void **state) {
    (void)state;
    static struct pusher pushers[PUSHERS];
    gate_runqueue *queue = gate_runqueue_new();
    atomic_store(&steps_run, 0);
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i].queue = queue;
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_steps, &pushers[i]), 0);
    }
    while (atomic_load(&steps_run) < PUSHERS * STEPS_EACH) {
        struct pollfd waiting = {.fd = gate_runqueue_fd(queue), .events = POLLIN};
        assert_true(poll(&waiting, 1, 10000) == 1);
        gate_runqueue_settle(queue);
        while (gate_runqueue_run_one(queue)) {
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i].thread, NULL);
    }
    assert_int_equal(atomic_load(&steps_run), PUSHERS * STEPS_EACH);
    gate_runqueue_free(queue);
}

struct last_step {
    struct gate_step step; /* first, so that a pointer to it is a pointer to this */
    bool done;
};

static void finish(struct gate_step *step) {
    ((struct last_step *)step)->done = true;
}

struct late_push {
    gate_runqueue *queue;
    struct last_step *last;
};

static void *push_last(void *state) {
    struct late_push *late = state;
    gate_runqueue_push(late->queue, &late->last->step);
    return NULL;
}

static void test_run_until__waits_for_another_thread(void **state) {
    (void)state;
    gate_runqueue *queue = gate_runqueue_new();
    struct last_step last = {.step.run = finish};
    struct late_push late = {queue, &last};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, push_last, &late), 0);
    gate_runqueue_run_until(queue, &last.done);
    assert_true(last.done);
    pthread_join(thread, NULL);
    gate_runqueue_run_until(queue, &last.done);
    gate_runqueue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_one__oldest_first),
        cmocka_unit_test(test_fd__readable_while_steps_wait),
        cmocka_unit_test(test_push__from_many_threads),
        cmocka_unit_test(test_run_until__waits_for_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
