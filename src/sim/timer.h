/* Suspended connections and when they go on: thousands of slow requests without a thread each.
 *
 * Owner: the server. Threads: locked (own mutex); one thread of its own resumes what is due.
 * Errors: none.
 */
#ifndef GATE_SIM_TIMER_H
#define GATE_SIM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;
typedef struct gate_sim_timer gate_sim_timer;

gate_sim_timer *gate_sim_timer_new(void);

/* Resume everybody, now and from now on at once, and end the thread. Before MHD_stop_daemon. */
void gate_sim_timer_stop(gate_sim_timer *timer);
void gate_sim_timer_free(gate_sim_timer *timer);

/* Suspend a connection for `wait_ms`. `releasable` waits also end with gate_sim_timer_release. */
void gate_sim_timer_sleep(gate_sim_timer *timer, struct MHD_Connection *connection, int64_t wait_ms,
                          bool releasable);

/* Resume every releasable connection. */
void gate_sim_timer_release(gate_sim_timer *timer);

#endif
