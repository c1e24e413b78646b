/* Connected accounts: one user's authorization on one connection.
 *
 * Owner: the world; an account stays where it is until it is removed. Threads: confined. Errors:
 * none. Every change is stamped and announced by webhook.
 */
#ifndef GATE_SIM_ACCOUNT_H
#define GATE_SIM_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/account_status.h"
#include "sim/connection.h"

struct gate_sim_world;
typedef struct gate_sim_accounts gate_sim_accounts;

struct gate_sim_account {
    char id[40];
    char identifier[GATE_SIM_IDENTIFIER_MAX_BYTES + 1];
    const struct gate_sim_connection *connection;
    enum gate_account_status status;
    int64_t token_expires_ms; /* 0: never */
    int64_t updated_ms;
    int64_t last_used_ms;       /* 0: never */
    char provider_account[128]; /* who the user is over there */

    struct gate_sim_account *next_of_identifier; /* hash chains and the list of all */
    struct gate_sim_account *next_of_id;
    struct gate_sim_account *next;
    struct gate_sim_account *previous;
};

gate_sim_accounts *gate_sim_accounts_new(void);
void gate_sim_accounts_free(gate_sim_accounts *accounts);

struct gate_sim_account *gate_sim_account_find(const gate_sim_accounts *accounts,
                                               const struct gate_sim_connection *connection,
                                               const char *identifier);
struct gate_sim_account *gate_sim_account_find_by_id(const gate_sim_accounts *accounts,
                                                     const char *id);

/* Walk all accounts, oldest first (NULL starts); or all of one identifier, newest first. */
struct gate_sim_account *gate_sim_account_next(const gate_sim_accounts *accounts,
                                               const struct gate_sim_account *account);
struct gate_sim_account *gate_sim_account_next_of(const gate_sim_accounts *accounts,
                                                  const char *identifier,
                                                  const struct gate_sim_account *account);

/* Make one in `status`; NO_AUTH ones are ACTIVE at once. NULL when there are too many. */
struct gate_sim_account *gate_sim_account_add(struct gate_sim_world *world,
                                              const struct gate_sim_connection *connection,
                                              const char *identifier,
                                              enum gate_account_status status);

/* Change the status, if it is another one. `quiet`: no webhook. */
void gate_sim_account_set_status(struct gate_sim_world *world, struct gate_sim_account *account,
                                 enum gate_account_status status, bool quiet);

void gate_sim_account_remove(struct gate_sim_world *world, struct gate_sim_account *account);

#endif
