#include "sim/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "core/text.h"
#include "crypto/jose.h"
#include "crypto/signing_key.h"
#include "sim/exchange.h"
#include "sim/world.h"

const struct gate_sim_person gate_sim_persons[GATE_SIM_PERSON_COUNT] = {
    {"ada", "usr_69105842119475205", "ada@example.com", "Ada Lovelace", "Ada", "Lovelace"},
    {"grace", "usr_69105842119475206", "grace@example.com", "Grace Hopper", "Grace", "Hopper"},
};

struct gate_sim_people {
    gate_signing_key *current;
    gate_signing_key *previous;                      /* NULL: none */
    struct gate_sim_code *codes[GATE_SIM_CODES_MAX]; /* ring; NULL: none or used */
    size_t next_code;
};

const struct gate_sim_person *gate_sim_person_find(const char *key) {
    for (size_t i = 0; i < GATE_SIM_PERSON_COUNT; i++) {
        if (gate_text_equal(gate_sim_persons[i].key, key)) {
            return &gate_sim_persons[i];
        }
    }
    return NULL;
}

static void fill_random(char *text, size_t size, const char *prefix) {
    gate_arena *arena = gate_arena_new();
    snprintf(text, size, "%s%s", prefix, gate_random_token_make(arena, 24));
    gate_arena_free(arena);
}

void gate_sim_people_rotate_keys(gate_sim_people *people) {
    char kid[48];
    fill_random(kid, sizeof kid, "snk_");
    gate_signing_key_free(people->previous);
    people->previous = people->current;
    people->current = gate_signing_key_new(kid);
}

gate_sim_people *gate_sim_people_new(void) {
    gate_sim_people *people = calloc(1, sizeof *people);
    if (people == NULL) {
        abort();
    }
    gate_sim_people_rotate_keys(people);
    return people;
}

void gate_sim_people_clear_codes(gate_sim_people *people) {
    for (size_t i = 0; i < GATE_SIM_CODES_MAX; i++) {
        free(people->codes[i]);
        people->codes[i] = NULL;
    }
}

void gate_sim_people_free(gate_sim_people *people) {
    if (people == NULL) {
        return;
    }
    gate_sim_people_clear_codes(people);
    gate_signing_key_free(people->current);
    gate_signing_key_free(people->previous);
    free(people);
}

const struct gate_sim_code *gate_sim_code_add(gate_sim_people *people,
                                              const struct gate_sim_code *code) {
    struct gate_sim_code *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        abort();
    }
    *kept = *code;
    fill_random(kept->text, sizeof kept->text, "");
    fill_random(kept->session_id, sizeof kept->session_id, "ses_");
    free(people->codes[people->next_code]);
    people->codes[people->next_code] = kept;
    people->next_code = (people->next_code + 1) % GATE_SIM_CODES_MAX;
    return kept;
}

bool gate_sim_code_take(gate_sim_people *people, const char *text, int64_t now_ms,
                        struct gate_sim_code *ret_code) {
    for (size_t i = 0; i < GATE_SIM_CODES_MAX; i++) {
        struct gate_sim_code *code = people->codes[i];
        if (code != NULL && gate_text_equal(code->text, text)) {
            bool live = code->expires_ms > now_ms;
            *ret_code = *code;
            free(code);
            people->codes[i] = NULL;
            return live;
        }
    }
    return false;
}

void gate_sim_person_write_claims(struct gate_json_writer *writer,
                                  const struct gate_sim_person *person) {
    gate_json_write_text(writer, "sub", person->subject);
    gate_json_write_text(writer, "email", person->email);
    gate_json_write_bool(writer, "email_verified", true);
    gate_json_write_text(writer, "name", person->name);
    gate_json_write_text(writer, "given_name", person->given_name);
    gate_json_write_text(writer, "family_name", person->family_name);
    gate_json_write_text(writer, "oid", "org_69105842119475001");
}

const char *gate_sim_id_token_make(struct gate_sim_exchange *exchange,
                                   const struct gate_sim_code *code) {
    const struct gate_sim_world *world = exchange->world;
    int64_t now_s = gate_ctx_now_ms(exchange->ctx) / 1000;
    struct gate_buffer payload;
    struct gate_json_writer writer;
    gate_buffer_init(&payload, 16384);
    gate_json_writer_init(&writer, &payload);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "iss", world->public_url);
    gate_json_open_array(&writer, "aud");
    gate_json_write_text(&writer, NULL, world->options->oidc_client_id);
    gate_json_close_array(&writer);
    gate_json_write_text(&writer, "azp", world->options->oidc_client_id);
    gate_sim_person_write_claims(&writer, code->person);
    gate_json_write_text(&writer, "sid", code->session_id);
    gate_json_write_integer(&writer, "iat", now_s);
    gate_json_write_integer(&writer, "auth_time", now_s);
    gate_json_write_integer(&writer, "exp", now_s + GATE_SIM_ID_TOKEN_TTL_MS / 1000);
    if (code->nonce[0] != '\0') {
        gate_json_write_text(&writer, "nonce", code->nonce);
    }
    gate_json_close_object(&writer);
    const char *token = gate_signing_key_sign(exchange->ctx->arena, world->people->current,
                                              gate_buffer_text(&payload));
    gate_buffer_done(&payload);
    return token;
}

const char *gate_sim_people_key_set(gate_arena *arena, const gate_sim_people *people) {
    const char *current = gate_signing_key_public_jwk_format(arena, people->current);
    if (people->previous == NULL) {
        return gate_arena_printf(arena, "{\"keys\":[%s]}", current);
    }
    return gate_arena_printf(arena, "{\"keys\":[%s,%s]}", current,
                             gate_signing_key_public_jwk_format(arena, people->previous));
}

bool gate_sim_id_token_is_ours(struct gate_sim_exchange *exchange, const char *id_token) {
    const char *keys = gate_sim_people_key_set(exchange->ctx->arena, exchange->world->people);
    gate_jwks *jwks = NULL;
    if (gate_jwks_parse(exchange->ctx, keys, strlen(keys), &jwks) != GATE_OK) {
        return false;
    }
    const char *payload = NULL;
    size_t length = 0;
    enum gate_err err = gate_jws_verify(exchange->ctx, jwks, id_token, &payload, &length);
    gate_jwks_free(jwks);
    return err == GATE_OK;
}
