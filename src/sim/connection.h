/* The catalogue of app connections.
 *
 * Owner: the world. Threads: confined. Errors: none; names are unique.
 */
#ifndef GATE_SIM_CONNECTION_H
#define GATE_SIM_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim_limits.h"

struct gate_sim_connection {
    char id[40];
    char name[GATE_SIM_CONNECTION_NAME_MAX_BYTES + 1]; /* key_id on the wire */
    char provider[GATE_SIM_PROVIDER_MAX_BYTES + 1];
    const char *type;           /* ConnectionType */
    const char *status;         /* ConnectionStatus */
    const char *mcp_server_url; /* NULL: a REST connector */
    bool enabled;
    int64_t created_ms;
};

struct gate_sim_connections {
    struct gate_sim_connection **items; /* each stays where it is */
    size_t count;
    size_t capacity;
};

/* The default connectors, then generated ones up to `at_least`. */
void gate_sim_connections_fill(struct gate_sim_connections *connections, int at_least);
void gate_sim_connections_done(struct gate_sim_connections *connections);

/* Add one; NULL when the name is taken, too long, or the catalogue is full. */
struct gate_sim_connection *gate_sim_connection_add(struct gate_sim_connections *connections,
                                                    const char *name, const char *provider,
                                                    const char *type);

struct gate_sim_connection *gate_sim_connection_find(const struct gate_sim_connections *connections,
                                                     const char *name);

/* Can accounts be made on it? */
bool gate_sim_connection_is_usable(const struct gate_sim_connection *connection);

/* ConnectorType, the accounts' word for the connection's type. */
const char *gate_sim_connection_authorization_type(const struct gate_sim_connection *connection);

/* True for types whose magic link shows a consent page; the others ask for credentials. */
bool gate_sim_connection_asks_consent(const struct gate_sim_connection *connection);

/* A ConnectionType or ConnectionStatus of the official enums, as static text, or NULL. */
const char *gate_sim_connection_type_parse(const char *word);
const char *gate_sim_connection_status_parse(const char *word);

#endif
