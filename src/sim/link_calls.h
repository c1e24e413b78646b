/* Minting magic links, the pages behind them, and user verification.
 *
 * Threads: confined. Errors: API calls answer google.rpc.Status, pages answer people.
 */
#ifndef GATE_SIM_LINK_CALLS_H
#define GATE_SIM_LINK_CALLS_H

#include "sim/exchange.h"

void gate_sim_link_create_handle(struct gate_sim_exchange *exchange);
void gate_sim_user_verify_handle(struct gate_sim_exchange *exchange);
void gate_sim_link_page_handle(struct gate_sim_exchange *exchange);
void gate_sim_link_decide_handle(struct gate_sim_exchange *exchange);
void gate_sim_verified_page_handle(struct gate_sim_exchange *exchange);

#endif
