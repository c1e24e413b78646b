#include "sim/signin.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "net/url.h"
#include "sim/answer.h"
#include "sim/page.h"
#include "sim/world.h"

#define PERSON_COOKIE "sim_person"

static void write_list(struct gate_json_writer *writer, const char *name,
                       const char *const *items) {
    gate_json_open_array(writer, name);
    for (; *items != NULL; items++) {
        gate_json_write_text(writer, NULL, *items);
    }
    gate_json_close_array(writer);
}

void gate_sim_discovery_handle(struct gate_sim_exchange *exchange) {
    static const char *const endpoints[][2] = {
        {"authorization_endpoint", "/oauth/authorize"},
        {"token_endpoint", "/oauth/token"},
        {"userinfo_endpoint", "/userinfo"},
        {"jwks_uri", "/keys"},
        {"end_session_endpoint", "/oidc/logout"},
    };
    gate_arena *arena = exchange->ctx->arena;
    const char *base = exchange->world->public_url;
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(&writer, "issuer", base);
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        gate_json_write_text(&writer, endpoints[i][0],
                             gate_arena_printf(arena, "%s%s", base, endpoints[i][1]));
    }
    write_list(&writer, "response_types_supported", (const char *const[]){"code", NULL});
    write_list(&writer, "response_modes_supported", (const char *const[]){"query", NULL});
    write_list(&writer, "grant_types_supported",
               (const char *const[]){"authorization_code", "client_credentials", NULL});
    write_list(&writer, "subject_types_supported", (const char *const[]){"public", NULL});
    write_list(&writer, "id_token_signing_alg_values_supported",
               (const char *const[]){"RS256", NULL});
    write_list(&writer, "token_endpoint_auth_methods_supported",
               (const char *const[]){"client_secret_basic", "client_secret_post", NULL});
    write_list(&writer, "code_challenge_methods_supported", (const char *const[]){"S256", NULL});
    write_list(&writer, "scopes_supported",
               (const char *const[]){"openid", "profile", "email", NULL});
    write_list(&writer, "claims_supported",
               (const char *const[]){"sub", "email", "email_verified", "name", "given_name",
                                     "family_name", "oid", "sid", NULL});
    gate_json_close_object(&writer);
}

void gate_sim_keys_handle(struct gate_sim_exchange *exchange) {
    gate_sim_answer_start(exchange, 200, "application/json");
    gate_buffer_append_text(&exchange->answer.body,
                            gate_sim_people_key_set(exchange->ctx->arena, exchange->world->people));
}

static bool is_loopback_url(gate_arena *arena, const char *text) {
    struct gate_url url;
    return gate_url_parse(arena, text, &url) == GATE_OK && gate_url_is_loopback(&url);
}

static bool is_registered(struct gate_sim_exchange *exchange, const char *uri) {
    const struct gate_sim_options *options = exchange->world->options;
    if (uri == NULL || strlen(uri) > 2048) {
        return false;
    }
    for (size_t i = 0; i < options->redirect_uri_count; i++) {
        if (gate_text_equal(options->redirect_uris[i], uri)) {
            return true;
        }
    }
    return options->redirect_uri_count == 0 && is_loopback_url(exchange->ctx->arena, uri);
}

/* After signing out people may go anywhere on the origin of a registered callback. */
static bool is_registered_origin(struct gate_sim_exchange *exchange, const char *uri) {
    const struct gate_sim_options *options = exchange->world->options;
    gate_arena *arena = exchange->ctx->arena;
    struct gate_url target;
    if (gate_url_parse(arena, uri, &target) != GATE_OK) {
        return false;
    }
    for (size_t i = 0; i < options->redirect_uri_count; i++) {
        struct gate_url registered;
        if (gate_url_parse(arena, options->redirect_uris[i], &registered) == GATE_OK &&
            gate_text_equal(registered.origin, target.origin)) {
            return true;
        }
    }
    return options->redirect_uri_count == 0 && gate_url_is_loopback(&target);
}

static const char *find_field(const struct gate_sim_exchange *exchange, const char *name) {
    return gate_sim_pairs_find(&exchange->query, name);
}

static void redirect_with(struct gate_sim_exchange *exchange, const char *name, const char *value,
                          const char *description) {
    gate_arena *arena = exchange->ctx->arena;
    const char *url = gate_sim_url_add(arena, find_field(exchange, "redirect_uri"), name, value);
    url = gate_sim_url_add(arena, url, "error_description", description);
    gate_sim_answer_redirect(exchange,
                             gate_sim_url_add(arena, url, "state", find_field(exchange, "state")));
}

static bool has_word(const char *words, const char *word) {
    size_t length = strlen(word);
    while (words != NULL && *words != '\0') {
        size_t step = strcspn(words, " ");
        if (step == length && strncmp(words, word, length) == 0) {
            return true;
        }
        words += step;
        words += strspn(words, " ");
    }
    return false;
}

static const struct gate_sim_person *find_remembered(const struct gate_sim_exchange *exchange) {
    const char *cookies = gate_sim_exchange_header(exchange, "cookie");
    const char *cookie = cookies == NULL ? NULL : strstr(cookies, PERSON_COOKIE "=");
    if (cookie == NULL) {
        return NULL;
    }
    cookie += strlen(PERSON_COOKIE "=");
    return gate_sim_person_find(
        gate_arena_strndup(exchange->ctx->arena, cookie, strcspn(cookie, "; ")));
}

static void approve(struct gate_sim_exchange *exchange, const struct gate_sim_person *person) {
    struct gate_sim_world *world = exchange->world;
    const char *nonce = find_field(exchange, "nonce");
    const char *challenge = find_field(exchange, "code_challenge");
    struct gate_sim_code code = {
        .person = person, .expires_ms = gate_ctx_now_ms(exchange->ctx) + GATE_SIM_CODE_TTL_MS};
    snprintf(code.redirect_uri, sizeof code.redirect_uri, "%s",
             find_field(exchange, "redirect_uri"));
    snprintf(code.nonce, sizeof code.nonce, "%s", nonce == NULL ? "" : nonce);
    snprintf(code.challenge, sizeof code.challenge, "%s", challenge == NULL ? "" : challenge);
    redirect_with(exchange, "code", gate_sim_code_add(world->people, &code)->text, NULL);
    gate_sim_answer_header(exchange, "Set-Cookie",
                           gate_arena_printf(exchange->ctx->arena,
                                             PERSON_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax",
                                             person->key));
}

static void write_choice(struct gate_sim_exchange *exchange, const char *key, const char *label,
                         const char *kind, bool first) {
    gate_sim_page_write(exchange, "<button name=\"sim_person\" value=\"%s\" class=\"%s\"", key,
                        kind);
    gate_sim_page_write(exchange, first ? " autofocus>%s</button>\n" : ">%s</button>\n", label);
}

static void show_people(struct gate_sim_exchange *exchange) {
    gate_arena *arena = exchange->ctx->arena;
    const char *hint = find_field(exchange, "login_hint");
    gate_sim_page_open(exchange, 200, "Sign in");
    gate_sim_page_write(exchange, "<p>Who do you want to be?</p>\n"
                                  "<form method=\"get\" action=\"/oauth/authorize\">\n");
    for (size_t i = 0; i < exchange->query.count; i++) {
        const struct gate_sim_pair *pair = &exchange->query.items[i];
        gate_sim_page_write(exchange, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n",
                            pair->name, pair->value);
    }
    for (size_t i = 0; i < GATE_SIM_PERSON_COUNT; i++) {
        const struct gate_sim_person *person = &gate_sim_persons[i];
        write_choice(exchange, person->key,
                     gate_arena_printf(arena, "%s (%s)", person->name, person->email), "",
                     gate_text_equal(hint, person->email));
    }
    write_choice(exchange, "cancel", "Cancel", "quiet", false);
    gate_sim_page_write(exchange, "</form>\n");
    gate_sim_page_close(exchange);
}

/* NULL, or what is wrong with a request whose client and redirect_uri are right. */
static const char *find_mistake(const struct gate_sim_exchange *exchange) {
    const char *challenge = find_field(exchange, "code_challenge");
    const char *nonce = find_field(exchange, "nonce");
    if (!gate_text_equal(find_field(exchange, "response_type"), "code")) {
        return "response_type must be code";
    }
    if (!has_word(find_field(exchange, "scope"), "openid")) {
        return "scope must have openid";
    }
    if (challenge != NULL &&
        (strlen(challenge) != 43 ||
         !gate_text_equal(find_field(exchange, "code_challenge_method"), "S256"))) {
        return "code_challenge must be an S256 one";
    }
    return nonce != NULL && strlen(nonce) > 500 ? "nonce is too long" : NULL;
}

void gate_sim_authorize_handle(struct gate_sim_exchange *exchange) {
    if (!gate_text_equal(find_field(exchange, "client_id"),
                         exchange->world->options->oidc_client_id) ||
        !is_registered(exchange, find_field(exchange, "redirect_uri"))) {
        gate_sim_page_say(exchange, 400, "Cannot sign in",
                          "The client or its redirect_uri is not registered here.");
        return;
    }
    const char *mistake = find_mistake(exchange);
    if (mistake != NULL) {
        redirect_with(exchange, "error", "invalid_request", mistake);
        return;
    }
    const char *chosen = find_field(exchange, "sim_person");
    const struct gate_sim_person *person = gate_sim_person_find(chosen);
    if (person != NULL) {
        approve(exchange, person);
    } else if (gate_text_equal(chosen, "cancel")) {
        redirect_with(exchange, "error", "access_denied", "The person cancelled.");
    } else if (!has_word(find_field(exchange, "prompt"), "none")) {
        show_people(exchange);
    } else if ((person = find_remembered(exchange)) != NULL) {
        approve(exchange, person);
    } else {
        redirect_with(exchange, "error", "login_required", "Nobody is signed in.");
    }
}

void gate_sim_logout_handle(struct gate_sim_exchange *exchange) {
    const char *hint = find_field(exchange, "id_token_hint");
    const char *target = find_field(exchange, "post_logout_redirect_uri");
    if (hint == NULL || !gate_sim_id_token_is_ours(exchange, hint)) {
        gate_sim_page_say(exchange, 400, "Cannot sign out",
                          "id_token_hint is missing or not ours.");
        return;
    }
    if (target == NULL) {
        gate_sim_page_say(exchange, 200, "Signed out", "You are signed out.");
    } else if (is_registered_origin(exchange, target)) {
        gate_arena *arena = exchange->ctx->arena;
        gate_sim_answer_redirect(
            exchange, gate_sim_url_add(arena, target, "state", find_field(exchange, "state")));
    } else {
        gate_sim_page_say(exchange, 400, "Cannot sign out",
                          "post_logout_redirect_uri is not registered here.");
        return;
    }
    gate_sim_answer_header(exchange, "Set-Cookie",
                           PERSON_COOKIE "=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}

void gate_sim_userinfo_handle(struct gate_sim_exchange *exchange) {
    const struct gate_sim_token *token = gate_sim_token_find(exchange->world->tokens, exchange);
    if (token == NULL || token->person == NULL) {
        gate_sim_answer_oauth_error(exchange, 401, "invalid_token", "no signed-in person's token");
        gate_sim_answer_header(exchange, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
        return;
    }
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_sim_person_write_claims(&writer, token->person);
    gate_json_close_object(&writer);
}
