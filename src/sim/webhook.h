/* Signed events about accounts (Standard Webhooks), sent by a thread of their own.
 *
 * Owner: the world. Threads: locked (own mutex around the queue); the sender waits for one delivery
 * at a time. Errors: a delivery that keeps failing is logged and dropped; so is what does not fit
 * the queue. Network: yes, through net/.
 */
#ifndef GATE_SIM_WEBHOOK_H
#define GATE_SIM_WEBHOOK_H

#include "core/account_status.h"
#include "core/error.h"

struct gate_sim_account;
struct gate_sim_world;
typedef struct gate_sim_webhooks gate_sim_webhooks;

/* Start the sender. GATE_ERR_CONFIG for a secret that is not "whsec_" and base64. */
enum gate_err gate_sim_webhooks_new(const char *url, const char *secret, struct gate_error *error,
                                    gate_sim_webhooks **ret_webhooks) GATE_MUST_CHECK;

/* Drop what waits, end the delivery in flight, and free. NULL is fine. */
void gate_sim_webhooks_free(gate_sim_webhooks *webhooks);

/* Queue one event about an account; `old_status` only for status_updated. Nothing when the world
 * has no webhooks. */
void gate_sim_webhook_account(struct gate_sim_world *world, const char *type,
                              const struct gate_sim_account *account,
                              enum gate_account_status old_status);

#endif
