#include "sim/account_calls.h"

#include <string.h>

#include "core/text.h"
#include "sim/answer.h"
#include "sim/paging.h"
#include "sim/world.h"

#define OWNER_FIELDS                                                                               \
    {.name = "organization_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},                           \
        {.name = "user_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},                               \
        {.name = "connector", .kind = GATE_SIM_FIELD_NAME, .max = 400}, {                          \
        .name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .max = 100                              \
    }
#define ID_FIELD                                                                                   \
    { .name = "id", .kind = GATE_SIM_FIELD_TEXT, .max = 32, .prefix = "ca_" }

static const struct gate_sim_field page_of_connections[] = {
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER, .max = 30},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT},
    {.name = "provider", .kind = GATE_SIM_FIELD_TEXT, .min = 1, .max = 50},
    {.name = "query", .kind = GATE_SIM_FIELD_TEXT, .min = 3, .max = 100},
    {0},
};

/* page_size is "less than 100" in the descriptors, whatever the prose says. */
static const struct gate_sim_field page_of_accounts[] = {
    OWNER_FIELDS,
    {.name = "provider", .kind = GATE_SIM_FIELD_TEXT, .max = 50},
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER, .max = 99},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "query", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "connection_names", .kind = GATE_SIM_FIELD_NAMES, .max = 400},
    {0},
};

static const struct gate_sim_field search_of_accounts[] = {
    {.name = "query", .kind = GATE_SIM_FIELD_TEXT, .required = true, .min = 3, .max = 200},
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER, .max = 30},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT},
    {.name = "connection_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},
    {0},
};

static const struct gate_sim_field oauth_token[] = {
    {.name = "access_token", .kind = GATE_SIM_FIELD_TEXT},
    {.name = "refresh_token", .kind = GATE_SIM_FIELD_TEXT},
    {.name = "scopes", .kind = GATE_SIM_FIELD_TEXTS},
    {.name = "domain", .kind = GATE_SIM_FIELD_TEXT},
    {0},
};

static const struct gate_sim_field static_auth[] = {
    {.name = "details", .kind = GATE_SIM_FIELD_STRUCT},
    {0},
};

static const struct gate_sim_field authorization_details[] = {
    {.name = "oauth_token", .kind = GATE_SIM_FIELD_MESSAGE, .members = oauth_token},
    {.name = "static_auth", .kind = GATE_SIM_FIELD_MESSAGE, .members = static_auth},
    {0},
};

static const struct gate_sim_field account_credentials[] = {
    {.name = "authorization_details",
     .kind = GATE_SIM_FIELD_MESSAGE,
     .members = authorization_details},
    {.name = "api_config", .kind = GATE_SIM_FIELD_STRUCT},
    {0},
};

static const struct gate_sim_field new_account[] = {
    OWNER_FIELDS,
    {.name = "connected_account",
     .kind = GATE_SIM_FIELD_MESSAGE,
     .required = true,
     .members = account_credentials},
    {0},
};

static const struct gate_sim_field changed_account[] = {
    OWNER_FIELDS,
    ID_FIELD,
    {.name = "connected_account",
     .kind = GATE_SIM_FIELD_MESSAGE,
     .required = true,
     .members = account_credentials},
    {0},
};

static const struct gate_sim_field named_account[] = {OWNER_FIELDS, ID_FIELD, {0}};

static const struct gate_sim_field only_id[] = {
    {.name = "id", .kind = GATE_SIM_FIELD_TEXT, .max = 32}, {0}};

static const struct gate_sim_field no_fields[] = {{0}};

static bool is_wanted(const char *wanted, const char *text) {
    return wanted == NULL || gate_text_equal(wanted, text);
}

static void write_connection(struct gate_json_writer *writer,
                             const struct gate_sim_connection *connection) {
    gate_json_open_object(writer, NULL);
    gate_json_write_text(writer, "id", connection->id);
    gate_json_write_text(writer, "provider", "CONNECTION_PROVIDER_UNSPECIFIED");
    gate_json_write_text(writer, "type", connection->type);
    gate_json_write_text(writer, "status", connection->status);
    gate_json_write_bool(writer, "enabled", connection->enabled);
    gate_json_write_text(writer, "provider_key", connection->provider);
    gate_json_write_text(writer, "key_id", connection->name);
    gate_json_write_time(writer, "created_at", connection->created_ms);
    if (connection->mcp_server_url != NULL) {
        gate_json_write_text(writer, "mcp_server_url", connection->mcp_server_url);
    }
    gate_json_close_object(writer);
}

void gate_sim_connections_list_handle(struct gate_sim_exchange *exchange) {
    const struct gate_sim_connections *connections = &exchange->world->connections;
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, page_of_connections, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 30, &page)) {
        return;
    }
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "connections");
    for (size_t i = 0; i < connections->count; i++) {
        const struct gate_sim_connection *connection = connections->items[i];
        if (is_wanted(gate_sim_input_text(&input, "provider"), connection->provider) &&
            gate_sim_text_contains(connection->name, gate_sim_input_text(&input, "query")) &&
            gate_sim_page_takes(&page)) {
            write_connection(&writer, connection);
        }
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

static void write_account_fields(struct gate_json_writer *writer,
                                 const struct gate_sim_account *account) {
    gate_json_write_text(writer, "id", account->id);
    gate_json_write_text(writer, "identifier", account->identifier);
    gate_json_write_text(writer, "provider", account->connection->provider);
    gate_json_write_text(writer, "connector", account->connection->name);
    gate_json_write_text(writer, "connection_id", account->connection->id);
    gate_json_write_text(writer, "status", gate_account_status_name(account->status));
    gate_json_write_text(writer, "authorization_type",
                         gate_sim_connection_authorization_type(account->connection));
    gate_json_write_time(writer, "token_expires_at", account->token_expires_ms);
    gate_json_write_time(writer, "updated_at", account->updated_ms);
    gate_json_write_time(writer, "last_used_at", account->last_used_ms);
}

static void write_credentials(struct gate_sim_exchange *exchange, struct gate_json_writer *writer,
                              const struct gate_sim_account *account) {
    gate_arena *arena = exchange->ctx->arena;
    gate_json_open_object(writer, "authorization_details");
    if (gate_sim_connection_asks_consent(account->connection)) {
        gate_json_open_object(writer, "oauth_token");
        gate_json_write_text(writer, "access_token",
                             gate_arena_printf(arena, "sim_provider_%s", account->id));
        gate_json_open_array(writer, "scopes");
        gate_json_write_text(writer, NULL, "read");
        gate_json_write_text(writer, NULL, "write");
        gate_json_close_array(writer);
    } else {
        gate_json_open_object(writer, "static_auth");
        gate_json_open_object(writer, "details");
        gate_json_write_text(writer, "api_key",
                             gate_arena_printf(arena, "sim_provider_%s", account->id));
        gate_json_close_object(writer);
    }
    gate_json_close_object(writer);
    gate_json_close_object(writer);
}

static void answer_account(struct gate_sim_exchange *exchange, int status,
                           const struct gate_sim_account *account, bool with_credentials) {
    struct gate_json_writer writer = gate_sim_answer_json(exchange, status);
    gate_json_open_object(&writer, "connected_account");
    write_account_fields(&writer, account);
    if (with_credentials && account->status == GATE_ACCOUNT_ACTIVE) {
        write_credentials(exchange, &writer, account);
    }
    gate_json_close_object(&writer);
    gate_json_close_object(&writer);
}

static bool fits_list(const struct gate_sim_input *input, const struct gate_sim_account *account) {
    const char *connector = gate_sim_input_text(input, "connector");
    return is_wanted(connector, account->connection->name) &&
           is_wanted(gate_sim_input_text(input, "provider"), account->connection->provider) &&
           gate_sim_value_allows(gate_sim_input_get(input, "connection_names"),
                                 account->connection->name) &&
           gate_sim_text_contains(account->identifier, gate_sim_input_text(input, "query"));
}

static void write_row(struct gate_json_writer *writer, const struct gate_sim_account *account) {
    gate_json_open_object(writer, NULL);
    write_account_fields(writer, account);
    gate_json_close_object(writer);
}

void gate_sim_accounts_list_handle(struct gate_sim_exchange *exchange) {
    const gate_sim_accounts *accounts = exchange->world->accounts;
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, page_of_accounts, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 99, &page)) {
        return;
    }
    const char *identifier = gate_sim_input_text(&input, "identifier");
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "connected_accounts");
    const struct gate_sim_account *account = NULL;
    while ((account = identifier == NULL
                          ? gate_sim_account_next(accounts, account)
                          : gate_sim_account_next_of(accounts, identifier, account)) != NULL) {
        if (fits_list(&input, account) && gate_sim_page_takes(&page)) {
            write_row(&writer, account);
        }
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

void gate_sim_accounts_search_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, search_of_accounts, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 30, &page)) {
        return;
    }
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "connected_accounts");
    const struct gate_sim_account *account = NULL;
    while ((account = gate_sim_account_next(exchange->world->accounts, account)) != NULL) {
        if (is_wanted(gate_sim_input_text(&input, "connection_id"), account->connection->id) &&
            gate_sim_text_contains(account->identifier, gate_sim_input_text(&input, "query")) &&
            gate_sim_page_takes(&page)) {
            write_row(&writer, account);
        }
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

struct gate_sim_connection *gate_sim_connection_require(struct gate_sim_exchange *exchange,
                                                        const char *name) {
    struct gate_sim_connection *connection =
        name == NULL ? NULL : gate_sim_connection_find(&exchange->world->connections, name);
    if (connection == NULL) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND", "connection not found");
        return NULL;
    }
    if (!gate_sim_connection_is_usable(connection)) {
        gate_sim_answer_error(exchange, 400, "FAILED_PRECONDITION", "connection is not enabled");
        return NULL;
    }
    return connection;
}

struct gate_sim_account *gate_sim_account_require(struct gate_sim_exchange *exchange,
                                                  const char *id, const char *connector,
                                                  const char *identifier) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_account *account = NULL;
    if (id != NULL) {
        account = gate_sim_account_find_by_id(world->accounts, id);
    } else if (connector == NULL || identifier == NULL) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT",
                              "id, or connector and identifier, are required");
        return NULL;
    } else {
        const struct gate_sim_connection *connection =
            gate_sim_connection_find(&world->connections, connector);
        account = connection == NULL
                      ? NULL
                      : gate_sim_account_find(world->accounts, connection, identifier);
    }
    if (account == NULL) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND", "connected account not found");
    }
    return account;
}

static struct gate_sim_account *require_named(struct gate_sim_exchange *exchange,
                                              const struct gate_sim_input *input) {
    return gate_sim_account_require(exchange, gate_sim_input_text(input, "id"),
                                    gate_sim_input_text(input, "connector"),
                                    gate_sim_input_text(input, "identifier"));
}

static bool brings_credentials(const struct gate_sim_input *input) {
    const struct gate_sim_value *account = gate_sim_input_get(input, "connected_account");
    return gate_json_is_object(gate_json_member(account->json, "authorization_details")) ||
           gate_json_is_object(gate_json_member(account->json, "authorizationDetails"));
}

void gate_sim_account_create_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_input input;
    exchange->keeps_secrets = true;
    if (!gate_sim_input_read_body(exchange, new_account, &input)) {
        return;
    }
    const char *identifier = gate_sim_input_text(&input, "identifier");
    const struct gate_sim_connection *connection =
        gate_sim_connection_require(exchange, gate_sim_input_text(&input, "connector"));
    if (connection == NULL) {
        return;
    }
    if (identifier == NULL) {
        gate_sim_answer_violation(exchange, "identifier", "required", "identifier is required");
        return;
    }
    if (gate_sim_account_find(world->accounts, connection, identifier) != NULL) {
        gate_sim_answer_error(exchange, 409, "RESOURCE_ALREADY_EXISTS",
                              "connected account already exists");
        return;
    }
    const struct gate_sim_account *account = gate_sim_account_add(
        world, connection, identifier,
        brings_credentials(&input) ? GATE_ACCOUNT_ACTIVE : GATE_ACCOUNT_PENDING_AUTH);
    if (account == NULL) {
        gate_sim_answer_error(exchange, 503, "UNAVAILABLE", "the simulator is full");
        return;
    }
    answer_account(exchange, 201, account, true);
}

void gate_sim_account_update_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    exchange->keeps_secrets = true;
    if (!gate_sim_input_read_body(exchange, changed_account, &input)) {
        return;
    }
    struct gate_sim_account *account = require_named(exchange, &input);
    if (account == NULL) {
        return;
    }
    if (brings_credentials(&input)) {
        gate_sim_account_set_status(exchange->world, account, GATE_ACCOUNT_ACTIVE, false);
    }
    account->updated_ms = gate_sim_world_stamp(exchange->world);
    gate_sim_webhook_account(exchange->world, "connected_account.updated", account,
                             GATE_ACCOUNT_UNKNOWN);
    answer_account(exchange, 200, account, true);
}

void gate_sim_account_details_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    if (!gate_sim_input_read_query(exchange, named_account, &input)) {
        return;
    }
    const struct gate_sim_account *account = require_named(exchange, &input);
    if (account != NULL) {
        answer_account(exchange, 200, account, false);
    }
}

void gate_sim_account_auth_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    exchange->keeps_secrets = true;
    if (!gate_sim_input_read_query(exchange, named_account, &input)) {
        return;
    }
    const struct gate_sim_account *account = require_named(exchange, &input);
    if (account != NULL) {
        answer_account(exchange, 200, account, true);
    }
}

/* What stands in the path between the collection and `suffix`. */
static const char *read_path_id(const struct gate_sim_exchange *exchange, const char *suffix) {
    const char *last = strrchr(exchange->path, '/') + 1;
    return gate_arena_strndup(exchange->ctx->arena, last, strlen(last) - strlen(suffix));
}

void gate_sim_account_get_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    if (!gate_sim_input_read_query(exchange, no_fields, &input)) {
        return;
    }
    const struct gate_sim_account *account =
        gate_sim_account_require(exchange, read_path_id(exchange, ""), NULL, NULL);
    if (account != NULL) {
        answer_account(exchange, 200, account, false);
    }
}

void gate_sim_account_disconnect_handle(struct gate_sim_exchange *exchange) {
    const char *id = read_path_id(exchange, ":disconnect");
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, only_id, &input)) {
        return;
    }
    if (gate_text_equal(id, "-") || gate_text_equal(id, "this")) {
        id = gate_sim_input_text(&input, "id");
    }
    struct gate_sim_account *account = gate_sim_account_require(exchange, id, NULL, NULL);
    if (account == NULL) {
        return;
    }
    gate_sim_account_set_status(exchange->world, account, GATE_ACCOUNT_DISCONNECTED, false);
    answer_account(exchange, 200, account, false);
}

void gate_sim_account_delete_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, named_account, &input)) {
        return;
    }
    struct gate_sim_account *account = require_named(exchange, &input);
    if (account != NULL) {
        gate_sim_account_remove(exchange->world, account);
        gate_sim_answer_empty_object(exchange);
    }
}
