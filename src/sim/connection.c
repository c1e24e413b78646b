#include "sim/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define FIRST_CREATED_MS 1767225600000 /* 2026-01-01T00:00:00Z */
#define FIRST_NUMBER 248344953920000000
#define LINEAR_MCP_URL "https://mcp.linear.app/mcp"

struct preset {
    const char *name;
    const char *provider;
    const char *type;
    const char *status;
    bool enabled;
    const char *mcp_server_url;
};

static const struct preset presets[] = {
    {"gmail", "GMAIL", "OAUTH", "COMPLETED", true, NULL},
    {"slack", "SLACK", "OAUTH", "COMPLETED", true, NULL},
    {"googlecalendar", "GOOGLECALENDAR", "OAUTH", "COMPLETED", true, NULL},
    {"notion", "NOTION", "OAUTH", "COMPLETED", true, NULL},
    {"github", "GITHUB", "OAUTH", "COMPLETED", true, NULL},
    {"hubspot", "HUBSPOT", "OAUTH", "COMPLETED", true, NULL},
    {"linear", "LINEAR", "OAUTH", "COMPLETED", true, LINEAR_MCP_URL},
    {"freshdesk", "FRESHDESK", "BASIC", "COMPLETED", true, NULL},
    {"exa", "EXA", "API_KEY", "COMPLETED", true, NULL},
    {"hackernews", "HACKERNEWS", "NO_AUTH", "COMPLETED", true, NULL},
    {"salesforce", "SALESFORCE", "OAUTH", "COMPLETED", false, NULL},
    {"jira", "JIRA", "OAUTH", "DRAFT", true, NULL},
};

#define PRESET_COUNT (sizeof presets / sizeof presets[0])

static const char *const suffixes[] = {"prod",    "staging", "emea",    "apac",    "sales",
                                       "support", "finance", "design",  "people",  "legal",
                                       "ops",     "data",    "partner", "sandbox", "field"};

static struct gate_sim_connection *append_connection(struct gate_sim_connections *connections) {
    if (connections->count == connections->capacity) {
        connections->capacity = connections->capacity == 0 ? 64 : connections->capacity * 2;
        connections->items =
            realloc(connections->items, connections->capacity * sizeof *connections->items);
        if (connections->items == NULL) {
            abort();
        }
    }
    struct gate_sim_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    connections->items[connections->count++] = connection;
    return connection;
}

struct gate_sim_connection *gate_sim_connection_find(const struct gate_sim_connections *connections,
                                                     const char *name) {
    for (size_t i = 0; i < connections->count; i++) {
        if (gate_text_equal(connections->items[i]->name, name)) {
            return connections->items[i];
        }
    }
    return NULL;
}

struct gate_sim_connection *gate_sim_connection_add(struct gate_sim_connections *connections,
                                                    const char *name, const char *provider,
                                                    const char *type) {
    if (connections->count >= GATE_SIM_CONNECTIONS_MAX ||
        strlen(name) > GATE_SIM_CONNECTION_NAME_MAX_BYTES ||
        strlen(provider) > GATE_SIM_PROVIDER_MAX_BYTES ||
        gate_sim_connection_find(connections, name) != NULL) {
        return NULL;
    }
    struct gate_sim_connection *connection = append_connection(connections);
    snprintf(connection->id, sizeof connection->id, "conn_%lld",
             (long long)FIRST_NUMBER + (long long)connections->count);
    snprintf(connection->name, sizeof connection->name, "%s", name);
    snprintf(connection->provider, sizeof connection->provider, "%s", provider);
    connection->type = type;
    connection->status = "COMPLETED";
    connection->enabled = true;
    connection->created_ms = FIRST_CREATED_MS + (int64_t)connections->count * 3600000;
    return connection;
}

/* "slack-emea", then "slack-emea-2", and so on through all providers and suffixes. */
static void add_generated(struct gate_sim_connections *connections, size_t number) {
    const struct preset *preset = &presets[number % PRESET_COUNT];
    size_t round = number / PRESET_COUNT;
    size_t suffix_count = sizeof suffixes / sizeof suffixes[0];
    size_t series = round / suffix_count + 1;
    char name[GATE_SIM_CONNECTION_NAME_MAX_BYTES + 1];
    if (series == 1) {
        snprintf(name, sizeof name, "%s-%s", preset->name, suffixes[round % suffix_count]);
    } else {
        snprintf(name, sizeof name, "%s-%s-%zu", preset->name, suffixes[round % suffix_count],
                 series);
    }
    struct gate_sim_connection *connection =
        gate_sim_connection_add(connections, name, preset->provider, preset->type);
    if (connection != NULL) {
        connection->mcp_server_url = preset->mcp_server_url;
    }
}

void gate_sim_connections_fill(struct gate_sim_connections *connections, int at_least) {
    for (size_t i = 0; i < PRESET_COUNT; i++) {
        const struct preset *preset = &presets[i];
        struct gate_sim_connection *connection =
            gate_sim_connection_add(connections, preset->name, preset->provider, preset->type);
        if (connection != NULL) {
            connection->status = preset->status;
            connection->enabled = preset->enabled;
            connection->mcp_server_url = preset->mcp_server_url;
        }
    }
    for (size_t number = 0; connections->count < (size_t)at_least; number++) {
        add_generated(connections, number);
    }
}

void gate_sim_connections_done(struct gate_sim_connections *connections) {
    for (size_t i = 0; i < connections->count; i++) {
        free(connections->items[i]);
    }
    free(connections->items);
    *connections = (struct gate_sim_connections){0};
}

bool gate_sim_connection_is_usable(const struct gate_sim_connection *connection) {
    return connection->enabled && gate_text_equal(connection->status, "COMPLETED");
}

const char *gate_sim_connection_authorization_type(const struct gate_sim_connection *connection) {
    return gate_text_equal(connection->type, "BEARER") ? "BEARER_TOKEN" : connection->type;
}

bool gate_sim_connection_asks_consent(const struct gate_sim_connection *connection) {
    return gate_text_equal(connection->type, "OAUTH") ||
           gate_text_equal(connection->type, "TRELLO_OAUTH1") ||
           gate_text_equal(connection->type, "SMART_FHIR");
}

static const char *find_word(const char *const *words, const char *word) {
    for (; *words != NULL; words++) {
        if (gate_text_equal(*words, word)) {
            return *words;
        }
    }
    return NULL;
}

const char *gate_sim_connection_type_parse(const char *word) {
    static const char *const types[] = {"OAUTH",         "BASIC",      "BEARER",      "API_KEY",
                                        "OAUTH_M2M",     "GOOGLE_DWD", "TRUSTED_IDP", "SMART_FHIR",
                                        "TRELLO_OAUTH1", "NO_AUTH",    NULL};
    return find_word(types, word);
}

const char *gate_sim_connection_status_parse(const char *word) {
    static const char *const statuses[] = {"DRAFT", "IN_PROGRESS", "COMPLETED", NULL};
    return find_word(statuses, word);
}
