/* The sign-in provider's endpoints (OpenID Connect Core, Discovery and RP-Initiated Logout 1.0).
 *
 * Threads: confined. Errors: answered as the standards say; a redirect never goes to an
 * unregistered place.
 */
#ifndef GATE_SIM_SIGNIN_H
#define GATE_SIM_SIGNIN_H

#include "sim/exchange.h"

void gate_sim_discovery_handle(struct gate_sim_exchange *exchange);
void gate_sim_keys_handle(struct gate_sim_exchange *exchange);
void gate_sim_authorize_handle(struct gate_sim_exchange *exchange);
void gate_sim_logout_handle(struct gate_sim_exchange *exchange);
void gate_sim_userinfo_handle(struct gate_sim_exchange *exchange);

#endif
