#include "sim/link_calls.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "sim/account_calls.h"
#include "sim/answer.h"
#include "sim/page.h"
#include "sim/world.h"

static const struct gate_sim_field link_request[] = {
    {.name = "organization_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},
    {.name = "user_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},
    {.name = "connector", .kind = GATE_SIM_FIELD_NAME, .max = 400},
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "id", .kind = GATE_SIM_FIELD_TEXT, .max = 32, .prefix = "ca_"},
    {.name = "state", .kind = GATE_SIM_FIELD_TEXT, .max = 512},
    {.name = "user_verify_url", .kind = GATE_SIM_FIELD_TEXT, .max = 2048, .prefix = "http"},
    {0},
};

static const struct gate_sim_field verify_request[] = {
    {.name = "auth_request_id",
     .kind = GATE_SIM_FIELD_TEXT,
     .required = true,
     .min = 1,
     .max = 1000},
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .required = true, .min = 1, .max = 200},
    {0},
};

static struct gate_sim_account *find_or_add(struct gate_sim_exchange *exchange,
                                            const struct gate_sim_connection *connection,
                                            const char *identifier) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_account *account =
        gate_sim_account_find(world->accounts, connection, identifier);
    if (account == NULL) {
        account = gate_sim_account_add(world, connection, identifier, GATE_ACCOUNT_PENDING_AUTH);
    }
    if (account == NULL) {
        gate_sim_answer_error(exchange, 503, "UNAVAILABLE", "the simulator is full");
    }
    return account;
}

/* The account a link is asked for, made when (connector, identifier) is new. */
static struct gate_sim_account *require_account(struct gate_sim_exchange *exchange,
                                                const struct gate_sim_input *input) {
    const char *id = gate_sim_input_text(input, "id");
    const char *connector = gate_sim_input_text(input, "connector");
    const char *identifier = gate_sim_input_text(input, "identifier");
    if (id == NULL && connector != NULL && identifier != NULL) {
        const struct gate_sim_connection *connection =
            gate_sim_connection_require(exchange, connector);
        return connection == NULL ? NULL : find_or_add(exchange, connection, identifier);
    }
    struct gate_sim_account *account =
        gate_sim_account_require(exchange, id, connector, identifier);
    if (account != NULL &&
        gate_sim_connection_require(exchange, account->connection->name) == NULL) {
        return NULL;
    }
    return account;
}

void gate_sim_link_create_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_world *world = exchange->world;
    gate_arena *arena = exchange->ctx->arena;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, link_request, &input)) {
        return;
    }
    const char *verify_url = gate_sim_input_text(&input, "user_verify_url");
    if (verify_url != NULL && !gate_text_starts_with(verify_url, "https://") &&
        !gate_text_starts_with(verify_url, "http://")) {
        gate_sim_answer_violation(exchange, "user_verify_url", "string.pattern",
                                  "user_verify_url does not match ^$|^https?://");
        return;
    }
    const struct gate_sim_account *account = require_account(exchange, &input);
    if (account == NULL) {
        return;
    }
    const struct gate_sim_link *link = gate_sim_link_add(
        world->links, account->id, verify_url, gate_sim_input_text(&input, "state"),
        gate_ctx_now_ms(exchange->ctx) + GATE_SIM_LINK_TTL_MS);
    gate_sim_webhook_account(world, "connected_account.magic_link_generated", account,
                             GATE_ACCOUNT_UNKNOWN);
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(
        &writer, "link",
        gate_arena_printf(arena, "%s/magicLink/%s", world->public_url, link->token));
    gate_json_write_time(&writer, "expiry", link->expires_ms);
    gate_json_close_object(&writer);
}

void gate_sim_user_verify_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, verify_request, &input)) {
        return;
    }
    struct gate_sim_link *link =
        gate_sim_link_find_consented(world->links, gate_sim_input_text(&input, "auth_request_id"));
    struct gate_sim_account *account =
        link == NULL ? NULL : gate_sim_account_find_by_id(world->accounts, link->account_id);
    if (account == NULL || link->expires_ms <= gate_ctx_now_ms(exchange->ctx)) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND",
                              "no pending flow for this auth_request_id");
        return;
    }
    if (!gate_text_equal(account->identifier, gate_sim_input_text(&input, "identifier"))) {
        gate_sim_answer_error(exchange, 403, "PERMISSION_DENIED", "identifier mismatch");
        return;
    }
    gate_sim_link_use(link, false);
    gate_sim_account_set_status(world, account, GATE_ACCOUNT_ACTIVE, false);
    gate_sim_webhook_account(world, "connected_account.oauth_succeeded", account,
                             GATE_ACCOUNT_UNKNOWN);
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(
        &writer, "post_user_verify_redirect_url",
        gate_arena_printf(exchange->ctx->arena, "%s/magicLink/verified", world->public_url));
    gate_json_close_object(&writer);
}

/* A link that can still be decided, and its account; otherwise false and a page. */
static bool require_open(struct gate_sim_exchange *exchange, struct gate_sim_link **ret_link,
                         struct gate_sim_account **ret_account) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_link *link = gate_sim_link_find(world->links, strrchr(exchange->path, '/') + 1);
    struct gate_sim_account *account =
        link == NULL ? NULL : gate_sim_account_find_by_id(world->accounts, link->account_id);
    if (account == NULL) {
        gate_sim_page_say(exchange, 404, "Unknown link", "There is no such link.");
        return false;
    }
    if (link->stage != GATE_SIM_LINK_OPEN) {
        gate_sim_page_say(exchange, 410, "Link used", "This link has been used already.");
        return false;
    }
    if (link->expires_ms <= gate_ctx_now_ms(exchange->ctx)) {
        gate_sim_page_say(exchange, 410, "Link expired", "This link has expired.");
        return false;
    }
    *ret_link = link;
    *ret_account = account;
    return true;
}

/* "GMAIL" for people: "Gmail". */
static const char *name_provider(gate_arena *arena, const struct gate_sim_connection *connection) {
    char *name = gate_arena_strdup(arena, connection->provider);
    for (char *at = name; *at != '\0' && at[1] != '\0'; at++) {
        at[1] = (char)tolower((unsigned char)at[1]);
    }
    return name;
}

static void write_consent(struct gate_sim_exchange *exchange,
                          const struct gate_sim_account *account, const char *provider) {
    bool has_email = strchr(account->identifier, '@') != NULL;
    gate_sim_page_write(exchange,
                        "<p>The application asks to read and write in %s for you.</p>\n"
                        "<label>Account at %s <input name=\"account\" type=\"email\" "
                        "value=\"%s\" autocomplete=\"off\"></label>\n"
                        "<button name=\"decision\" value=\"allow\">Allow</button>\n"
                        "<button name=\"decision\" value=\"refuse\" class=\"quiet\" "
                        "formnovalidate>Refuse</button>\n",
                        provider, provider, has_email ? account->identifier : "ada@example.com");
}

static void write_credential_fields(struct gate_sim_exchange *exchange,
                                    const struct gate_sim_connection *connection,
                                    const char *provider) {
    if (gate_text_equal(connection->type, "NO_AUTH")) {
        gate_sim_page_write(exchange, "<p>%s needs no credentials.</p>\n", provider);
    } else if (gate_text_equal(connection->type, "BASIC")) {
        gate_sim_page_write(exchange,
                            "<label>%s user name <input name=\"username\" required "
                            "autocomplete=\"off\"></label>\n"
                            "<label>Password <input name=\"credential\" type=\"password\" "
                            "required autocomplete=\"off\"></label>\n",
                            provider);
    } else {
        gate_sim_page_write(exchange,
                            "<label>%s API key <input name=\"credential\" type=\"password\" "
                            "required autocomplete=\"off\"></label>\n",
                            provider);
    }
    gate_sim_page_write(exchange, "<button name=\"decision\" value=\"allow\">Connect</button>\n");
}

static void show_form(struct gate_sim_exchange *exchange, int status,
                      const struct gate_sim_link *link, const struct gate_sim_account *account,
                      const char *complaint) {
    const char *provider = name_provider(exchange->ctx->arena, account->connection);
    gate_sim_page_open(exchange, status,
                       gate_arena_printf(exchange->ctx->arena, "Connect %s", provider));
    if (complaint != NULL) {
        gate_sim_page_write(exchange, "<p role=\"alert\"><strong>%s</strong></p>\n", complaint);
    }
    gate_sim_page_write(exchange, "<p>Connection: <code>%s</code></p>\n",
                        account->connection->name);
    gate_sim_page_write(exchange, "<form method=\"post\" action=\"/magicLink/%s\">\n", link->token);
    if (gate_sim_connection_asks_consent(account->connection)) {
        write_consent(exchange, account, provider);
    } else {
        write_credential_fields(exchange, account->connection, provider);
    }
    gate_sim_page_write(exchange, "</form>\n");
    gate_sim_page_close(exchange);
}

void gate_sim_link_page_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_link *link = NULL;
    struct gate_sim_account *account = NULL;
    if (require_open(exchange, &link, &account)) {
        show_form(exchange, 200, link, account, NULL);
    }
}

static void say_done(struct gate_sim_exchange *exchange) {
    gate_sim_page_say(exchange, 200, "Connected", "Done. You can close this page.");
}

static void activate(struct gate_sim_exchange *exchange, struct gate_sim_link *link,
                     struct gate_sim_account *account) {
    gate_sim_link_use(link, false);
    gate_sim_account_set_status(exchange->world, account, GATE_ACCOUNT_ACTIVE, false);
    say_done(exchange);
}

/* Back to the application, with the account waiting for user/verify. */
static void consent(struct gate_sim_exchange *exchange, struct gate_sim_link *link,
                    struct gate_sim_account *account) {
    gate_arena *arena = exchange->ctx->arena;
    gate_sim_link_use(link, true);
    gate_sim_account_set_status(exchange->world, account, GATE_ACCOUNT_PENDING_VERIFICATION, false);
    gate_sim_webhook_account(exchange->world, "connected_account.oauth_tokens_fetched", account,
                             GATE_ACCOUNT_UNKNOWN);
    const char *url =
        gate_sim_url_add(arena, link->user_verify_url, "auth_request_id", link->auth_request_id);
    gate_sim_answer_redirect(exchange, gate_sim_url_add(arena, url, "state", link->state));
}

static void refuse(struct gate_sim_exchange *exchange, struct gate_sim_link *link) {
    gate_arena *arena = exchange->ctx->arena;
    gate_sim_link_use(link, false);
    if (link->user_verify_url == NULL) {
        gate_sim_page_say(exchange, 200, "Not connected", "You refused. You can close this page.");
        return;
    }
    const char *url = gate_sim_url_add(arena, link->user_verify_url, "error", "access_denied");
    url = gate_sim_url_add(arena, url, "error_description", "The user refused the request");
    gate_sim_answer_redirect(exchange, gate_sim_url_add(arena, url, "state", link->state));
}

static bool lacks_credentials(const struct gate_sim_connection *connection,
                              const struct gate_sim_pairs *form) {
    bool keyed = !gate_sim_connection_asks_consent(connection) &&
                 !gate_text_equal(connection->type, "NO_AUTH");
    bool named = gate_text_equal(connection->type, "BASIC");
    return (keyed && gate_text_is_empty(gate_sim_pairs_find(form, "credential"))) ||
           (named && gate_text_is_empty(gate_sim_pairs_find(form, "username")));
}

void gate_sim_link_decide_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_link *link = NULL;
    struct gate_sim_account *account = NULL;
    struct gate_sim_pairs form = {0};
    exchange->keeps_secrets = true;
    if (!require_open(exchange, &link, &account)) {
        return;
    }
    if (gate_sim_pairs_parse(exchange->ctx->arena, gate_buffer_text(&exchange->body), &form) !=
        GATE_OK) {
        gate_sim_page_say(exchange, 400, "Bad form", "The form cannot be read.");
        return;
    }
    const char *decision = gate_sim_pairs_find(&form, "decision");
    const char *chosen = gate_sim_pairs_find(&form, "account");
    bool asks_consent = gate_sim_connection_asks_consent(account->connection);
    if (gate_text_equal(decision, "refuse") && asks_consent) {
        refuse(exchange, link);
        return;
    }
    if (!gate_text_equal(decision, "allow") || lacks_credentials(account->connection, &form)) {
        show_form(exchange, 400, link, account, "Please fill in the form.");
        return;
    }
    snprintf(account->provider_account, sizeof account->provider_account, "%s",
             chosen == NULL ? "" : chosen);
    if (asks_consent && link->user_verify_url != NULL) {
        consent(exchange, link, account);
    } else {
        activate(exchange, link, account);
    }
}

void gate_sim_verified_page_handle(struct gate_sim_exchange *exchange) {
    say_done(exchange);
}
