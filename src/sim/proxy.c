#include "sim/proxy.h"

#include <string.h>

#include "core/encoding.h"
#include "core/number.h"
#include "core/text.h"
#include "crypto/digest.h"
#include "sim/account_calls.h"
#include "sim/answer.h"
#include "sim/world.h"

#define ECHO_TEXT_MAX_BYTES (64L * 1024)

static int64_t read_query_number(const struct gate_sim_exchange *exchange, const char *name,
                                 int64_t max, int64_t fallback) {
    const char *text = gate_sim_pairs_find(&exchange->query, name);
    int64_t number = 0;
    return text != NULL && gate_number_parse(text, 0, max, &number) == GATE_OK ? number : fallback;
}

/* What the provider would see; the call's own credentials and addressing are Scalekit's. */
static bool reaches_provider(const char *name) {
    static const char *const kept_back[] = {
        "authorization", "connection_name", "identifier", "cookie", "host", "connection"};
    for (size_t i = 0; i < sizeof kept_back / sizeof kept_back[0]; i++) {
        if (gate_text_equal_ignoring_case(name, kept_back[i])) {
            return false;
        }
    }
    return true;
}

static void write_headers(const struct gate_sim_exchange *exchange,
                          struct gate_json_writer *writer) {
    gate_json_open_object(writer, "headers");
    for (size_t i = 0; i < exchange->headers.count; i++) {
        const struct gate_sim_pair *header = &exchange->headers.items[i];
        if (reaches_provider(header->name)) {
            gate_json_write_text(writer, header->name, header->value);
        }
    }
    gate_json_close_object(writer);
}

static void answer_echo(struct gate_sim_exchange *exchange, int status, const char *path,
                        const struct gate_sim_account *account) {
    gate_arena *arena = exchange->ctx->arena;
    const struct gate_buffer *body = &exchange->body;
    struct gate_digest digest = gate_digest_make(gate_buffer_text(body), body->length);
    size_t kept = body->length < ECHO_TEXT_MAX_BYTES ? body->length : ECHO_TEXT_MAX_BYTES;
    struct gate_json_writer writer = gate_sim_answer_json(exchange, status);
    gate_json_write_text(&writer, "provider", account->connection->provider);
    gate_json_write_text(&writer, "account", account->provider_account);
    gate_json_write_text(&writer, "method", exchange->method);
    gate_json_write_text(&writer, "path", path);
    gate_json_write_text(&writer, "query", exchange->query_text);
    write_headers(exchange, &writer);
    gate_json_write_text(&writer, "body", gate_arena_strndup(arena, gate_buffer_text(body), kept));
    gate_json_write_integer(&writer, "body_bytes", (int64_t)body->length);
    gate_json_write_text(&writer, "body_sha256",
                         gate_hex_format(arena, digest.bytes, sizeof digest.bytes));
    gate_json_close_object(&writer);
    gate_sim_answer_header(exchange, "X-Provider", account->connection->provider);
}

static void answer_bytes(struct gate_sim_exchange *exchange) {
    gate_sim_answer_start(exchange, 200, "application/octet-stream");
    exchange->answer.stream = (struct gate_sim_stream){
        .kind = GATE_SIM_STREAM_BYTES,
        .total = read_query_number(exchange, "n", GATE_SIM_STREAM_MAX_BYTES, 1024),
        .length_known = read_query_number(exchange, "chunked", 1, 0) == 0,
    };
}

static void answer_events(struct gate_sim_exchange *exchange) {
    gate_sim_answer_start(exchange, 200, "text/event-stream");
    gate_sim_answer_header(exchange, "Cache-Control", "no-store");
    exchange->answer.stream = (struct gate_sim_stream){
        .kind = GATE_SIM_STREAM_EVENTS,
        .total = read_query_number(exchange, "n", 1000000, 5),
        .interval_ms = read_query_number(exchange, "interval_ms", GATE_SIM_WAIT_MAX_MS, 50),
    };
}

static void answer_status(struct gate_sim_exchange *exchange, const char *path,
                          const struct gate_sim_account *account) {
    int64_t status = 0;
    if (gate_number_parse(path + strlen("/status/"), 200, 599, &status) != GATE_OK) {
        status = 400;
    }
    if (status == 204 || status == 304) {
        gate_sim_answer_start(exchange, (int)status, NULL);
    } else {
        answer_echo(exchange, (int)status, path, account);
    }
}

static void answer_provider(struct gate_sim_exchange *exchange, const char *path,
                            const struct gate_sim_account *account) {
    int64_t delay_ms = 0;
    if (gate_text_equal(path, "/bytes")) {
        answer_bytes(exchange);
        return;
    }
    if (gate_text_equal(path, "/sse")) {
        answer_events(exchange);
        return;
    }
    if (gate_text_starts_with(path, "/status/")) {
        answer_status(exchange, path, account);
        return;
    }
    if (gate_text_equal(path, "/redirect")) {
        gate_sim_answer_redirect(exchange, "https://provider.example/elsewhere");
        return;
    }
    if (gate_text_starts_with(path, "/delay/") &&
        gate_number_parse(path + strlen("/delay/"), 0, GATE_SIM_WAIT_MAX_MS, &delay_ms) ==
            GATE_OK) {
        exchange->delay_ms = delay_ms;
    }
    answer_echo(exchange, 200, path, account);
    if (gate_text_equal(path, "/set-cookie")) {
        gate_sim_answer_header(exchange, "Set-Cookie", "provider_session=abc; Path=/; HttpOnly");
        gate_sim_answer_header(exchange, "Set-Cookie", "__Host-session=stolen; Path=/; Secure");
        gate_sim_answer_header(exchange, "Clear-Site-Data", "\"*\"");
    }
}

void gate_sim_proxy_handle(struct gate_sim_exchange *exchange) {
    const char *connector = gate_sim_exchange_header(exchange, "connection_name");
    const char *identifier = gate_sim_exchange_header(exchange, "identifier");
    if (gate_text_is_empty(connector) || gate_text_is_empty(identifier)) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT",
                              "headers connection_name and identifier are required");
        return;
    }
    struct gate_sim_account *account =
        gate_sim_account_require(exchange, NULL, connector, identifier);
    if (account == NULL) {
        return;
    }
    if (account->connection->mcp_server_url != NULL) {
        gate_sim_answer_error(exchange, 400, "FAILED_PRECONDITION",
                              "proxy not enabled for provider");
        return;
    }
    if (account->status != GATE_ACCOUNT_ACTIVE ||
        !gate_sim_connection_is_usable(account->connection)) {
        gate_sim_answer_error(exchange, 400, "FAILED_PRECONDITION",
                              "connected account is not active: %s",
                              gate_account_status_name(account->status));
        return;
    }
    account->last_used_ms = gate_ctx_now_ms(exchange->ctx);
    answer_provider(exchange, exchange->raw_path + strlen("/proxy"), account);
}
