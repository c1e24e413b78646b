/* Listing tools and running them.
 *
 * A tool's result depends on its parameters only: it echoes them. Three parameters steer the
 * simulator: `sim_error` (a provider's refusal with that HTTP status), `sim_latency_ms`, and
 * `sim_bytes` (size of a padding in the result).
 * Threads: confined. Errors: answered as google.rpc.Status.
 */
#ifndef GATE_SIM_TOOL_CALLS_H
#define GATE_SIM_TOOL_CALLS_H

#include "sim/exchange.h"

void gate_sim_tools_list_handle(struct gate_sim_exchange *exchange);
void gate_sim_tools_scoped_handle(struct gate_sim_exchange *exchange);
void gate_sim_tools_available_handle(struct gate_sim_exchange *exchange);
void gate_sim_tool_execute_handle(struct gate_sim_exchange *exchange);

#endif
