#include "sim/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/encoding.h"
#include "core/random.h"
#include "core/text.h"
#include "crypto/digest.h"
#include "sim/answer.h"
#include "sim/world.h"

struct gate_sim_tokens {
    struct gate_sim_token items[GATE_SIM_TOKENS_MAX]; /* ring */
    size_t next;
};

gate_sim_tokens *gate_sim_tokens_new(void) {
    gate_sim_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        abort();
    }
    return tokens;
}

void gate_sim_tokens_free(gate_sim_tokens *tokens) {
    free(tokens);
}

void gate_sim_tokens_expire(gate_sim_tokens *tokens) {
    memset(tokens, 0, sizeof *tokens);
}

const struct gate_sim_token *gate_sim_token_add(gate_sim_tokens *tokens,
                                                const struct gate_sim_person *person,
                                                int64_t expires_ms) {
    struct gate_sim_token *token = &tokens->items[tokens->next];
    tokens->next = (tokens->next + 1) % GATE_SIM_TOKENS_MAX;
    gate_arena *arena = gate_arena_new();
    snprintf(token->text, sizeof token->text, "sim_%s", gate_random_token_make(arena, 32));
    gate_arena_free(arena);
    token->person = person;
    token->expires_ms = expires_ms;
    return token;
}

const struct gate_sim_token *gate_sim_token_find(const gate_sim_tokens *tokens,
                                                 const struct gate_sim_exchange *exchange) {
    const char *header = gate_sim_exchange_header(exchange, "authorization");
    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0 || header[7] == '\0') {
        return NULL;
    }
    for (size_t i = 0; i < GATE_SIM_TOKENS_MAX; i++) {
        const struct gate_sim_token *token = &tokens->items[i];
        if (gate_text_equal(token->text, header + 7)) {
            return token->expires_ms > gate_ctx_now_ms(exchange->ctx) ? token : NULL;
        }
    }
    return NULL;
}

const char *gate_sim_token_describe(const gate_sim_tokens *tokens,
                                    const struct gate_sim_exchange *exchange) {
    const char *header = gate_sim_exchange_header(exchange, "authorization");
    if (header == NULL) {
        return "none";
    }
    if (strncasecmp(header, "Basic ", 6) == 0) {
        return "basic";
    }
    return gate_sim_token_find(tokens, exchange) == NULL ? "unknown" : "known";
}

struct credentials {
    const char *client_id;
    const char *client_secret;
};

/* From the header (RFC 6749 section 2.3.1: both parts are form-encoded) or from the form. */
static bool read_credentials(struct gate_sim_exchange *exchange, const struct gate_sim_pairs *form,
                             struct credentials *ret_credentials) {
    gate_arena *arena = exchange->ctx->arena;
    const char *header = gate_sim_exchange_header(exchange, "authorization");
    if (header == NULL || strncasecmp(header, "Basic ", 6) != 0) {
        ret_credentials->client_id = gate_sim_pairs_find(form, "client_id");
        ret_credentials->client_secret = gate_sim_pairs_find(form, "client_secret");
        return ret_credentials->client_id != NULL && ret_credentials->client_secret != NULL;
    }
    unsigned char *bytes = NULL;
    size_t length = 0;
    if (gate_base64_parse(arena, header + 6, strlen(header + 6), &bytes, &length) != GATE_OK) {
        return false;
    }
    const char *text = gate_arena_strndup(arena, (const char *)bytes, length);
    const char *colon = strchr(text, ':');
    char *id = NULL;
    char *secret = NULL;
    if (colon == NULL ||
        gate_percent_parse(arena, text, (size_t)(colon - text), 1, &id) != GATE_OK ||
        gate_percent_parse(arena, colon + 1, strlen(colon + 1), 1, &secret) != GATE_OK) {
        return false;
    }
    *ret_credentials = (struct credentials){id, secret};
    return true;
}

static bool are_right(const struct credentials *given, const char *client_id,
                      const char *client_secret) {
    return gate_text_equal(given->client_id, client_id) &&
           gate_bytes_equal(given->client_secret, strlen(given->client_secret), client_secret,
                            strlen(client_secret));
}

static void refuse_client(struct gate_sim_exchange *exchange) {
    gate_sim_answer_oauth_error(exchange, 401, "invalid_client", "client authentication failed");
    gate_sim_answer_header(exchange, "WWW-Authenticate", "Basic realm=\"scalekit-sim\"");
}

static void answer_token(struct gate_sim_exchange *exchange, const struct gate_sim_person *person,
                         const char *id_token, const char *scope) {
    struct gate_sim_world *world = exchange->world;
    int64_t expires_ms = gate_ctx_now_ms(exchange->ctx) + GATE_SIM_TOKEN_TTL_MS;
    const struct gate_sim_token *token = gate_sim_token_add(world->tokens, person, expires_ms);
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(&writer, "access_token", token->text);
    gate_json_write_text(&writer, "token_type", "Bearer");
    gate_json_write_integer(&writer, "expires_in", GATE_SIM_TOKEN_TTL_MS / 1000 - 1);
    if (scope != NULL) {
        gate_json_write_text(&writer, "scope", scope);
    }
    if (id_token != NULL) {
        gate_json_write_text(&writer, "id_token", id_token);
    }
    gate_json_close_object(&writer);
    gate_sim_answer_header(exchange, "Cache-Control", "no-store");
}

static void exchange_code(struct gate_sim_exchange *exchange, const struct gate_sim_pairs *form) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_code code;
    if (!gate_sim_code_take(world->people, gate_sim_pairs_find(form, "code"),
                            gate_ctx_now_ms(exchange->ctx), &code) ||
        !gate_text_equal(code.redirect_uri, gate_sim_pairs_find(form, "redirect_uri"))) {
        gate_sim_answer_oauth_error(exchange, 400, "invalid_grant",
                                    "unknown, used or expired code, or another redirect_uri");
        return;
    }
    const char *verifier = gate_sim_pairs_find(form, "code_verifier");
    struct gate_digest digest =
        gate_digest_make(verifier == NULL ? "" : verifier, verifier == NULL ? 0 : strlen(verifier));
    const char *challenge =
        gate_base64url_format(exchange->ctx->arena, digest.bytes, sizeof digest.bytes);
    if ((verifier == NULL) != (code.challenge[0] == '\0') ||
        (verifier != NULL && !gate_text_equal(challenge, code.challenge))) {
        gate_sim_answer_oauth_error(exchange, 400, "invalid_grant", "code_verifier does not fit");
        return;
    }
    answer_token(exchange, code.person, gate_sim_id_token_make(exchange, &code),
                 "openid profile email");
}

void gate_sim_token_handle(struct gate_sim_exchange *exchange) {
    const struct gate_sim_options *options = exchange->world->options;
    struct gate_sim_pairs form = {0};
    struct credentials given = {NULL, NULL};
    exchange->keeps_secrets = true;
    if (gate_sim_pairs_parse(exchange->ctx->arena, gate_buffer_text(&exchange->body), &form) !=
        GATE_OK) {
        gate_sim_answer_oauth_error(exchange, 400, "invalid_request", "the form cannot be read");
        return;
    }
    bool complete = read_credentials(exchange, &form, &given);
    const char *grant_type = gate_sim_pairs_find(&form, "grant_type");
    if (gate_text_equal(grant_type, "client_credentials")) {
        if (complete && are_right(&given, options->client_id, options->client_secret)) {
            answer_token(exchange, NULL, NULL, NULL);
        } else {
            refuse_client(exchange);
        }
    } else if (gate_text_equal(grant_type, "authorization_code")) {
        if (complete && are_right(&given, options->oidc_client_id, options->oidc_client_secret)) {
            exchange_code(exchange, &form);
        } else {
            refuse_client(exchange);
        }
    } else {
        gate_sim_answer_oauth_error(
            exchange, 400, grant_type == NULL ? "invalid_request" : "unsupported_grant_type",
            "grant_type must be client_credentials or authorization_code");
    }
}
