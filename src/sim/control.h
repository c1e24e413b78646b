/* The control path, /sim/…: what tests use to look inside and to make trouble. Served with
 * --control, and to loopback callers only.
 *
 * Threads: confined. Errors: 400 as google.rpc.Status.
 */
#ifndef GATE_SIM_CONTROL_H
#define GATE_SIM_CONTROL_H

#include "sim/exchange.h"

void gate_sim_control_log_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_log_clear_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_fault_add_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_faults_clear_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_account_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_connection_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_reset_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_rotate_keys_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_expire_tokens_handle(struct gate_sim_exchange *exchange);
void gate_sim_control_expire_links_handle(struct gate_sim_exchange *exchange);

#endif
