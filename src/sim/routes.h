/* Which function answers which request; reading routes.c is reading what the simulator plays.
 *
 * Threads: confined. Errors: answered.
 */
#ifndef GATE_SIM_ROUTES_H
#define GATE_SIM_ROUTES_H

#include "sim/exchange.h"

/* Answer a request whose body is in. */
void gate_sim_routes_dispatch(struct gate_sim_exchange *exchange);

/* Paths that journal and faults leave alone. */
bool gate_sim_routes_is_control(const struct gate_sim_exchange *exchange);

#endif
