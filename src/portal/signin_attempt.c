#include "portal/signin_attempt.h"

#include <string.h>

#include "core/text.h"
#include "crypto/seal.h"
#include "portal/signin.h"
#include "json/writer.h"

#define ATTEMPT_MAX_BYTES ((size_t)GATE_RETURN_TO_MAX_BYTES * 2 + 512)

const char *gate_signin_attempt_seal(gate_arena *arena, const struct gate_digest *key,
                                     const char *state, const struct gate_signin_attempt *attempt) {
    struct gate_buffer text;
    gate_buffer_init(&text, ATTEMPT_MAX_BYTES);
    struct gate_json_writer writer;
    gate_json_writer_init(&writer, &text);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "nonce", attempt->nonce);
    gate_json_write_text(&writer, "verifier", attempt->verifier);
    gate_json_write_text(&writer, "return_to", attempt->return_to);
    gate_json_write_integer(&writer, "started_at", attempt->started_at);
    gate_json_close_object(&writer);
    char *sealed = gate_seal_make(arena, key, state, text.data, text.length);
    gate_buffer_done(&text);
    return sealed;
}

static enum gate_err read_attempt(struct gate_ctx *ctx, const char *text, size_t length,
                                  struct gate_signin_attempt *ret_attempt) {
    const gate_json *json;
    if (gate_json_parse(ctx, text, length, &json) != GATE_OK) {
        return GATE_ERR_INTERNAL;
    }
    *ret_attempt = (struct gate_signin_attempt){
        .nonce = gate_json_member_text(json, "nonce"),
        .verifier = gate_json_member_text(json, "verifier"),
        .return_to = gate_json_member_text(json, "return_to"),
    };
    bool is_whole = gate_json_member_integer(json, "started_at", &ret_attempt->started_at) &&
                    ret_attempt->nonce != NULL && ret_attempt->verifier != NULL &&
                    ret_attempt->return_to != NULL;
    return is_whole ? GATE_OK
                    : gate_fail(ctx, GATE_ERR_INTERNAL, "A sealed sign-in attempt is not whole.");
}

enum gate_err gate_signin_attempt_open(struct gate_ctx *ctx, const struct gate_digest *key,
                                       const char *state, const char *sealed,
                                       struct gate_signin_attempt *ret_attempt) {
    char *text;
    size_t length;
    if (gate_text_is_empty(state) || gate_text_is_empty(sealed) ||
        gate_seal_open(ctx->arena, key, state, sealed, &text, &length) != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_CONFLICT,
                         "This sign-in was not started in this browser, or was finished before.");
    }
    struct gate_signin_attempt attempt;
    enum gate_err err = read_attempt(ctx, text, length, &attempt);
    if (err != GATE_OK) {
        return err;
    }
    int64_t age_ms = gate_ctx_now_ms(ctx) - attempt.started_at;
    if (age_ms < 0 || age_ms > GATE_SIGNIN_TTL_MS) {
        return gate_fail(ctx, GATE_ERR_EXPIRED, "The sign-in was started too long ago.");
    }
    *ret_attempt = attempt;
    return GATE_OK;
}
