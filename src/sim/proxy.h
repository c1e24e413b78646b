/* Proxied REST calls: the simulator also plays every provider behind /proxy/.
 *
 * Paths with a meaning: /bytes?n= (and chunked=1), /status/NNN, /sse?n=&interval_ms=, /set-cookie,
 * /delay/MS, /redirect; all others echo what arrived. Threads: confined. Errors: Scalekit's own as
 * google.rpc.Status.
 */
#ifndef GATE_SIM_PROXY_H
#define GATE_SIM_PROXY_H

#include "sim/exchange.h"

void gate_sim_proxy_handle(struct gate_sim_exchange *exchange);

#endif
