/* Scalekit's calls about app connections and connected accounts.
 *
 * Threads: confined. Errors: answered as google.rpc.Status.
 */
#ifndef GATE_SIM_ACCOUNT_CALLS_H
#define GATE_SIM_ACCOUNT_CALLS_H

#include "sim/account.h"
#include "sim/exchange.h"
#include "sim/fields.h"

void gate_sim_connections_list_handle(struct gate_sim_exchange *exchange);
void gate_sim_accounts_list_handle(struct gate_sim_exchange *exchange);
void gate_sim_accounts_search_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_create_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_update_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_details_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_auth_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_get_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_disconnect_handle(struct gate_sim_exchange *exchange);
void gate_sim_account_delete_handle(struct gate_sim_exchange *exchange);

/* The usable connection of that name; otherwise NULL, and the error has been answered. */
struct gate_sim_connection *gate_sim_connection_require(struct gate_sim_exchange *exchange,
                                                        const char *name);

/* The account that `id`, or `connector` and `identifier`, name; otherwise NULL and answered. */
struct gate_sim_account *gate_sim_account_require(struct gate_sim_exchange *exchange,
                                                  const char *id, const char *connector,
                                                  const char *identifier);

#endif
