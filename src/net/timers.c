#include "net/timers.h"

#include <assert.h>
#include <stdlib.h>

void gate_net_timers_done(struct gate_net_timers *timers) {
    free(timers->heap);
    *timers = (struct gate_net_timers){0};
}

static void put(struct gate_net_timers *timers, size_t place, struct gate_net_timer *timer) {
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static struct gate_net_timer *at(const struct gate_net_timers *timers, size_t place) {
    return timers->heap[place - 1];
}

static void sift_up(struct gate_net_timers *timers, struct gate_net_timer *timer, size_t place) {
    while (place > 1 && at(timers, place / 2)->due_ms > timer->due_ms) {
        put(timers, place, at(timers, place / 2));
        place /= 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct gate_net_timers *timers, struct gate_net_timer *timer, size_t place) {
    for (;;) {
        size_t child = place * 2;
        if (child > timers->count) {
            break;
        }
        if (child < timers->count && at(timers, child + 1)->due_ms < at(timers, child)->due_ms) {
            child++;
        }
        if (at(timers, child)->due_ms >= timer->due_ms) {
            break;
        }
        put(timers, place, at(timers, child));
        place = child;
    }
    put(timers, place, timer);
}

void gate_net_timers_set(struct gate_net_timers *timers, struct gate_net_timer *timer) {
    assert(timer->place == 0);
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        timers->heap = realloc(timers->heap, timers->capacity * sizeof(struct gate_net_timer *));
        if (timers->heap == NULL) {
            abort();
        }
    }
    timers->count++;
    sift_up(timers, timer, timers->count);
}

void gate_net_timers_clear(struct gate_net_timers *timers, struct gate_net_timer *timer) {
    if (timer->place == 0) {
        return;
    }
    size_t hole = timer->place;
    struct gate_net_timer *last = at(timers, timers->count);
    timers->count--;
    timer->place = 0;
    if (last == timer) {
        return;
    }
    if (hole > 1 && at(timers, hole / 2)->due_ms > last->due_ms) {
        sift_up(timers, last, hole);
    } else {
        sift_down(timers, last, hole);
    }
}

struct gate_net_timer *gate_net_timers_first(const struct gate_net_timers *timers) {
    return timers->count == 0 ? NULL : at(timers, 1);
}
