/* Points in time that the engine waits for: a binary heap, soonest first.
 *
 * Owner: whoever declared the struct; a timer is embedded in the object that waits and must be
 * cleared before that object goes. Threads: confined to the engine's thread. Errors: none.
 */
#ifndef GATE_NET_TIMERS_H
#define GATE_NET_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct gate_net_timer {
    int64_t due_ms;
    size_t place; /* position in the heap, counted from 1; 0: not set */
};

struct gate_net_timers {
    struct gate_net_timer **heap;
    size_t count;
    size_t capacity;
};

void gate_net_timers_done(struct gate_net_timers *timers);

/* Wait for timer->due_ms. The timer must not be set already. */
void gate_net_timers_set(struct gate_net_timers *timers, struct gate_net_timer *timer);

/* Take a timer out; nothing happens when it is not set. */
void gate_net_timers_clear(struct gate_net_timers *timers, struct gate_net_timer *timer);

/* The soonest timer, or NULL. */
struct gate_net_timer *gate_net_timers_first(const struct gate_net_timers *timers);

#endif
