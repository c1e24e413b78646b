#include "sim/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "sim/world.h"

#define BUCKETS 65536
#define PROVIDER_TOKEN_TTL_MS 3600000

struct gate_sim_accounts {
    struct gate_sim_account *by_identifier[BUCKETS];
    struct gate_sim_account *by_id[BUCKETS];
    struct gate_sim_account *first;
    struct gate_sim_account *last;
    size_t count;
};

/* FNV-1a. */
static size_t choose_bucket(const char *text) {
    uint32_t hash = 2166136261U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return (hash ^ (hash >> 16)) % BUCKETS;
}

gate_sim_accounts *gate_sim_accounts_new(void) {
    gate_sim_accounts *accounts = calloc(1, sizeof *accounts);
    if (accounts == NULL) {
        abort();
    }
    return accounts;
}

void gate_sim_accounts_free(gate_sim_accounts *accounts) {
    if (accounts == NULL) {
        return;
    }
    for (struct gate_sim_account *account = accounts->first; account != NULL;) {
        struct gate_sim_account *next = account->next;
        free(account);
        account = next;
    }
    free(accounts);
}

struct gate_sim_account *gate_sim_account_next(const gate_sim_accounts *accounts,
                                               const struct gate_sim_account *account) {
    return account == NULL ? accounts->first : account->next;
}

struct gate_sim_account *gate_sim_account_next_of(const gate_sim_accounts *accounts,
                                                  const char *identifier,
                                                  const struct gate_sim_account *account) {
    struct gate_sim_account *next = account == NULL
                                        ? accounts->by_identifier[choose_bucket(identifier)]
                                        : account->next_of_identifier;
    while (next != NULL && strcmp(next->identifier, identifier) != 0) {
        next = next->next_of_identifier;
    }
    return next;
}

struct gate_sim_account *gate_sim_account_find(const gate_sim_accounts *accounts,
                                               const struct gate_sim_connection *connection,
                                               const char *identifier) {
    struct gate_sim_account *account = NULL;
    while ((account = gate_sim_account_next_of(accounts, identifier, account)) != NULL) {
        if (account->connection == connection) {
            return account;
        }
    }
    return NULL;
}

struct gate_sim_account *gate_sim_account_find_by_id(const gate_sim_accounts *accounts,
                                                     const char *id) {
    struct gate_sim_account *account = accounts->by_id[choose_bucket(id)];
    while (account != NULL && strcmp(account->id, id) != 0) {
        account = account->next_of_id;
    }
    return account;
}

static void link_account(gate_sim_accounts *accounts, struct gate_sim_account *account) {
    size_t of_identifier = choose_bucket(account->identifier);
    size_t of_id = choose_bucket(account->id);
    account->next_of_identifier = accounts->by_identifier[of_identifier];
    accounts->by_identifier[of_identifier] = account;
    account->next_of_id = accounts->by_id[of_id];
    accounts->by_id[of_id] = account;
    account->previous = accounts->last;
    if (accounts->last == NULL) {
        accounts->first = account;
    } else {
        accounts->last->next = account;
    }
    accounts->last = account;
    accounts->count++;
}

static void unlink_account(gate_sim_accounts *accounts, struct gate_sim_account *account) {
    struct gate_sim_account **at = &accounts->by_identifier[choose_bucket(account->identifier)];
    while (*at != account) {
        at = &(*at)->next_of_identifier;
    }
    *at = account->next_of_identifier;
    at = &accounts->by_id[choose_bucket(account->id)];
    while (*at != account) {
        at = &(*at)->next_of_id;
    }
    *at = account->next_of_id;
    *(account->previous == NULL ? &accounts->first : &account->previous->next) = account->next;
    *(account->next == NULL ? &accounts->last : &account->next->previous) = account->previous;
    accounts->count--;
}

/* What an OAuth provider grants runs out; keys do not. */
static void refresh_expiry(struct gate_sim_world *world, struct gate_sim_account *account) {
    bool runs_out = account->status == GATE_ACCOUNT_ACTIVE &&
                    gate_sim_connection_asks_consent(account->connection);
    account->token_expires_ms =
        runs_out ? gate_clock_wall_ms(world->clock) + PROVIDER_TOKEN_TTL_MS : 0;
}

struct gate_sim_account *gate_sim_account_add(struct gate_sim_world *world,
                                              const struct gate_sim_connection *connection,
                                              const char *identifier,
                                              enum gate_account_status status) {
    struct gate_sim_account *account = NULL;
    if (world->accounts->count >= GATE_SIM_ACCOUNTS_MAX ||
        strlen(identifier) > GATE_SIM_IDENTIFIER_MAX_BYTES ||
        (account = calloc(1, sizeof *account)) == NULL) {
        return NULL;
    }
    bool open = gate_text_equal(connection->type, "NO_AUTH");
    gate_sim_world_number(world, "ca_", account->id, sizeof account->id);
    snprintf(account->identifier, sizeof account->identifier, "%s", identifier);
    account->connection = connection;
    account->status = open ? GATE_ACCOUNT_ACTIVE : status;
    account->updated_ms = gate_sim_world_stamp(world);
    refresh_expiry(world, account);
    link_account(world->accounts, account);
    gate_sim_webhook_account(world, "connected_account.created", account, GATE_ACCOUNT_UNKNOWN);
    return account;
}

void gate_sim_account_set_status(struct gate_sim_world *world, struct gate_sim_account *account,
                                 enum gate_account_status status, bool quiet) {
    enum gate_account_status old = account->status;
    account->status = status;
    account->updated_ms = gate_sim_world_stamp(world);
    refresh_expiry(world, account);
    if (old == status || quiet) {
        return;
    }
    gate_sim_webhook_account(world, "connected_account.status_updated", account, old);
}

void gate_sim_account_remove(struct gate_sim_world *world, struct gate_sim_account *account) {
    account->updated_ms = gate_sim_world_stamp(world);
    gate_sim_webhook_account(world, "connected_account.deleted", account, GATE_ACCOUNT_UNKNOWN);
    unlink_account(world->accounts, account);
    free(account);
}
