/* The environment-wide bearer token (RFC 6749 section 4.4), fetched once for everybody.
 *
 * The fetch runs on a context of its own, so that it outlives whoever asked first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/encoding.h"
#include "core/log.h"
#include "core/random.h"
#include "core/text.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

#define TOKEN_MAX_BYTES (16 * 1024)
#define LIFE_DEFAULT_S 300
#define LIFE_MAX_S 86400
#define RENEW_BEFORE_END_MS 60000
#define FAILURE_LASTS_MS 1000
#define BACKOFF_MS 100

struct gate_scalekit_token {
    atomic_int references;
    gate_secret *header;
    int64_t renew_at_ms;
    int64_t expires_at_ms;
};

/* One who waits; in its context's arena. */
struct gate_scalekit_token_wait {
    struct gate_scalekit_token_wait *next;
    struct gate_ctx *ctx;
    struct gate_scalekit_token **ret_token;
    gate_then_fn *then;
    void *state;
    int64_t since_ms; /* monotonic */
    uint64_t number;
};

/* Ends one wait at its own deadline, which is before the fetch's. */
struct token_patience {
    gate_scalekit *scalekit;
    uint64_t number;
};

struct token_fetch {
    gate_scalekit *scalekit;
    struct gate_net_request request;
    struct gate_net_header headers[3];
    struct gate_net_response response;
    char *form;
    size_t form_length;
    int attempts;
    struct gate_breaker_pass pass;
    int64_t began_ms; /* this attempt, monotonic */
    enum gate_err err;
};

const char *gate_scalekit_token_header(const struct gate_scalekit_token *token) {
    return gate_secret_reveal(token->header);
}

void gate_scalekit_token_release(struct gate_scalekit_token *token) {
    if (token != NULL && atomic_fetch_sub(&token->references, 1) == 1) {
        gate_secret_free(token->header);
        free(token);
    }
}

static struct gate_scalekit_token *hold(struct gate_scalekit_token *token) {
    atomic_fetch_add(&token->references, 1);
    return token;
}

void gate_scalekit_token_refuse(gate_scalekit *scalekit, const struct gate_scalekit_token *token) {
    struct gate_scalekit_token *refused = NULL;
    pthread_mutex_lock(&scalekit->lock);
    if (scalekit->token == token) {
        refused = scalekit->token;
        scalekit->token = NULL;
    }
    pthread_mutex_unlock(&scalekit->lock);
    gate_scalekit_token_release(refused);
}

/* At 80 % of its life or 60 s before its end, whichever is sooner; a short life keeps at least half
 * of itself. */
static int64_t choose_renewal_ms(int64_t life_ms) {
    int64_t before_end_ms = life_ms - RENEW_BEFORE_END_MS;
    if (before_end_ms < life_ms / 2) {
        before_end_ms = life_ms / 2;
    }
    return before_end_ms < life_ms * 4 / 5 ? before_end_ms : life_ms * 4 / 5;
}

static struct gate_scalekit_token *make_token(const struct gate_clock *clock, const char *text,
                                              int64_t life_s) {
    static const char scheme[] = "Bearer ";
    struct gate_scalekit_token *token = calloc(1, sizeof *token);
    size_t length = strlen(scheme) + strlen(text);
    char *header = malloc(length + 1);
    if (token == NULL || header == NULL) {
        abort();
    }
    snprintf(header, length + 1, "%s%s", scheme, text);
    token->header = gate_secret_new(header, length);
    gate_secret_wipe(header, length);
    free(header);
    int64_t now_ms = gate_clock_monotonic_ms(clock);
    token->renew_at_ms = now_ms + choose_renewal_ms(life_s * 1000);
    token->expires_at_ms = now_ms + life_s * 1000;
    atomic_init(&token->references, 1);
    return token;
}

static enum gate_err read_token(struct gate_ctx *ctx, const struct gate_net_response *response,
                                const struct gate_clock *clock,
                                struct gate_scalekit_token **ret_token) {
    const gate_json *json = NULL;
    if (gate_json_parse(ctx, response->body, response->body_length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit's token answer is no JSON");
    }
    const char *text = gate_json_member_text(json, WIRE_ACCESS_TOKEN);
    const char *type = gate_json_member_text(json, WIRE_TOKEN_TYPE);
    if (gate_text_is_empty(text) || strlen(text) > TOKEN_MAX_BYTES ||
        !gate_text_is_one_line(text, strlen(text)) ||
        (type != NULL && !gate_text_equal_ignoring_case(type, "bearer"))) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit's token answer holds no bearer token");
    }
    int64_t life_s = LIFE_DEFAULT_S;
    if (!gate_json_member_integer(json, WIRE_EXPIRES_IN, &life_s) || life_s < 1) {
        life_s = LIFE_DEFAULT_S;
    }
    *ret_token = make_token(clock, text, life_s > LIFE_MAX_S ? LIFE_MAX_S : life_s);
    return GATE_OK;
}

static enum gate_err judge_status(struct gate_ctx *ctx, int status) {
    if (status == 200) {
        return GATE_OK;
    }
    if (status == 429) {
        return gate_fail(ctx, GATE_ERR_RATE_LIMITED, "Scalekit limits token requests");
    }
    if (status >= 500) {
        return gate_fail(ctx, GATE_ERR_UNAVAILABLE, "Scalekit's token endpoint answers %d", status);
    }
    if (status == 400 || status == 401 || status == 403) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM,
                         "Scalekit refuses the client id and secret (%d); check both settings",
                         status);
    }
    return gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit's token endpoint answers %d", status);
}

/* Publish the outcome and wake everybody who waited for it. */
static void end_fetch(struct gate_ctx *ctx, struct token_fetch *fetch, enum gate_err err,
                      struct gate_scalekit_token *token) {
    gate_scalekit *scalekit = fetch->scalekit;
    struct gate_scalekit_token *before = NULL;
    if (err == GATE_ERR_TIMEOUT) { /* the fetch's time was up, not that of those who wait for it */
        err = GATE_ERR_UNAVAILABLE;
    }
    gate_counter_add(&scalekit->token_refreshes[err], 1);
    pthread_mutex_lock(&scalekit->lock);
    struct gate_scalekit_token_wait *wait = scalekit->waiting;
    scalekit->waiting = NULL;
    scalekit->is_fetching = false;
    if (err == GATE_OK) {
        before = scalekit->token;
        scalekit->token = token;
        scalekit->failed_until_ms = 0;
        for (struct gate_scalekit_token_wait *one = wait; one != NULL; one = one->next) {
            *one->ret_token = hold(token);
        }
    } else if (err != GATE_ERR_BUSY) { /* our own limit may be over at once */
        scalekit->failed_until_ms = gate_clock_monotonic_ms(scalekit->clock) + FAILURE_LASTS_MS;
        scalekit->failed = ctx->error;
        scalekit->failed.kind = err;
    }
    pthread_mutex_unlock(&scalekit->lock);
    gate_scalekit_token_release(before);
    while (wait != NULL) {
        struct gate_scalekit_token_wait *next = wait->next;
        if (err != GATE_OK) {
            gate_fail(wait->ctx, err, "%s", ctx->error.message);
        }
        gate_ctx_waited_share(wait->ctx, ctx, wait->since_ms);
        gate_ctx_resume(wait->ctx, err, wait->then, wait->state);
        wait = next;
    }
    if (err != GATE_OK) {
        gate_log_write(GATE_LOG_WARN, "scalekit_token_failed",
                       GATE_LOG_TEXT("kind", gate_err_name(err)),
                       GATE_LOG_TEXT("message", ctx->error.message));
    }
    gate_secret_wipe(fetch->form, fetch->form_length);
    gate_ctx_free(ctx);
    gate_scalekit_release(scalekit);
}

static void ask(struct gate_ctx *ctx, struct token_fetch *fetch);

static void ask_again(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct token_fetch *fetch = state;
    if (err != GATE_OK) {
        end_fetch(ctx, fetch, fetch->err, NULL);
        return;
    }
    gate_error_clear(&ctx->error);
    ask(ctx, fetch);
}

/* Nobody but us has a say in this request, so a failure is not its fault. */
static enum gate_breaker_evidence read_evidence(enum gate_err err) {
    switch (err) {
    case GATE_ERR_UNAVAILABLE:
    case GATE_ERR_TIMEOUT:
        return GATE_BREAKER_FAILED;
    case GATE_ERR_BUSY:
        return GATE_BREAKER_NOTHING;
    default:
        return GATE_BREAKER_ANSWERED;
    }
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct token_fetch *fetch = state;
    struct gate_scalekit_token *token = NULL;
    if (err == GATE_OK) {
        err = judge_status(ctx, fetch->response.status);
    }
    if (err == GATE_OK) {
        err = read_token(ctx, &fetch->response, fetch->scalekit->clock, &token);
    }
    gate_scalekit_work_count(fetch->scalekit, GATE_SCALEKIT_WORK_TOKEN, err, fetch->began_ms);
    gate_scalekit_work_note(fetch->scalekit, GATE_SCALEKIT_WORK_TOKEN, read_evidence(err),
                            &fetch->pass);
    if ((err == GATE_ERR_UNAVAILABLE || err == GATE_ERR_TIMEOUT) &&
        fetch->attempts < GATE_UPSTREAM_ATTEMPTS_MAX) {
        fetch->err = err;
        int64_t delay_ms = (BACKOFF_MS << fetch->attempts) / 2 + gate_random_below(BACKOFF_MS);
        gate_net_delay(ctx, fetch->scalekit->net, delay_ms, ask_again, fetch);
        return;
    }
    end_fetch(ctx, fetch, err, token);
}

static void ask(struct gate_ctx *ctx, struct token_fetch *fetch) {
    fetch->attempts++;
    fetch->began_ms = gate_clock_monotonic_ms(ctx->clock);
    fetch->headers[2].value = gate_trace_parent_make(ctx->arena, &ctx->trace);
    gate_net_fetch(ctx, fetch->scalekit->net, &fetch->request, &fetch->response, take_answer,
                   fetch);
}

static void set_form(struct gate_ctx *ctx, struct token_fetch *fetch) {
    gate_scalekit *scalekit = fetch->scalekit;
    char *secret = gate_percent_format(ctx->arena, gate_secret_reveal(scalekit->client_secret));
    fetch->form =
        gate_arena_printf(ctx->arena, "grant_type=client_credentials&client_id=%s&client_secret=%s",
                          gate_percent_format(ctx->arena, scalekit->client_id), secret);
    fetch->form_length = strlen(fetch->form);
    gate_secret_wipe(secret, strlen(secret));
}

/* For `asker` and whoever comes to wait meanwhile. The caller has set is_fetching. */
static void begin_fetch(const struct gate_ctx *asker, gate_scalekit *scalekit, bool is_probe) {
    atomic_fetch_add(&scalekit->references, 1);
    struct gate_ctx *ctx = gate_ctx_new(scalekit->clock, scalekit->runqueue, NULL);
    ctx->deadline_ms = gate_clock_monotonic_ms(scalekit->clock) + GATE_TOKEN_TIMEOUT_MS;
    gate_ctx_trace_follow(ctx, asker);
    struct token_fetch *fetch = gate_arena_make(ctx->arena, struct token_fetch);
    fetch->scalekit = scalekit;
    fetch->pass.is_probe = is_probe;
    set_form(ctx, fetch);
    fetch->headers[0] =
        (struct gate_net_header){"Content-Type", "application/x-www-form-urlencoded"};
    fetch->headers[1] = (struct gate_net_header){"Accept", "application/json"};
    fetch->headers[2] = (struct gate_net_header){"traceparent", NULL};
    fetch->request = (struct gate_net_request){
        .method = "POST",
        .url = gate_arena_printf(ctx->arena, "%s" WIRE_TOKEN_PATH, scalekit->url),
        .headers = fetch->headers,
        .header_count = 3,
        .body = fetch->form,
        .body_length = fetch->form_length,
        .timeout_ms = GATE_TOKEN_ATTEMPT_TIMEOUT_MS,
        .max_response_bytes = GATE_UPSTREAM_CONTROL_MAX_BYTES,
        .is_read = true,
    };
    ask(ctx, fetch);
}

/* What the shared state allows right now. */
enum token_turn { TURN_HELD, TURN_WAITS, TURN_FAILED };

/* What one asker's turn leads to beside it. */
struct token_steps {
    bool begins; /* a fetch, */
    bool is_probe;
    int64_t patience_ms; /* a limit to the wait; 0: the fetch's own end comes first */
    enum gate_err err;
};

static bool begin_turn(gate_scalekit *scalekit, int64_t now_ms, struct token_steps *steps) {
    int64_t wait_ms;
    struct gate_breaker_pass pass = {0};
    if (scalekit->is_fetching || now_ms < scalekit->failed_until_ms) {
        return false;
    }
    enum gate_breaker_turn turn =
        gate_breaker_begin(&scalekit->breakers[GATE_SCALEKIT_WORK_TOKEN], now_ms, &pass, &wait_ms);
    if (turn == GATE_BREAKER_REFUSES) {
        return false;
    }
    steps->begins = true;
    steps->is_probe = pass.is_probe;
    scalekit->is_fetching = true;
    scalekit->fetch_ends_ms = now_ms + GATE_TOKEN_TIMEOUT_MS;
    return true;
}

static enum gate_err fail_turn(gate_scalekit *scalekit, struct gate_ctx *ctx, int64_t now_ms) {
    if (now_ms < scalekit->failed_until_ms) {
        return gate_fail(ctx, scalekit->failed.kind, "%s", scalekit->failed.message);
    }
    gate_counter_add(&scalekit->counts[GATE_SCALEKIT_WORK_TOKEN].refused, 1);
    return gate_fail(ctx, GATE_ERR_UNAVAILABLE, "Scalekit's token endpoint has not been answering");
}

static void add_wait(gate_scalekit *scalekit, struct gate_scalekit_token_wait *wait, int64_t now_ms,
                     struct token_steps *steps) {
    int64_t deadline_ms = wait->ctx->deadline_ms;
    if (deadline_ms != 0 && deadline_ms < scalekit->fetch_ends_ms) {
        steps->patience_ms = deadline_ms - now_ms;
    }
    wait->number = ++scalekit->waits_count;
    wait->next = scalekit->waiting;
    scalekit->waiting = wait;
}

/* While the endpoint does not answer nobody waits for it: a probe goes on by itself. */
static enum token_turn take_turn(gate_scalekit *scalekit, struct gate_scalekit_token_wait *wait,
                                 struct token_steps *steps) {
    int64_t now_ms = gate_clock_monotonic_ms(scalekit->clock);
    struct gate_scalekit_token *token = scalekit->token;
    if (token != NULL && now_ms < token->expires_at_ms) {
        if (now_ms >= token->renew_at_ms) {
            (void)begin_turn(scalekit, now_ms, steps);
        }
        *wait->ret_token = hold(token);
        return TURN_HELD;
    }
    bool is_under_way = scalekit->is_fetching || begin_turn(scalekit, now_ms, steps);
    bool is_hopeless = gate_breaker_state_get(&scalekit->breakers[GATE_SCALEKIT_WORK_TOKEN]) !=
                       GATE_BREAKER_STATE_CLOSED;
    if (!is_under_way || is_hopeless) {
        steps->err = fail_turn(scalekit, wait->ctx, now_ms);
        return TURN_FAILED;
    }
    if (gate_ctx_time_left_ms(wait->ctx, GATE_TOKEN_TIMEOUT_MS) <= 0) {
        steps->err = gate_fail(wait->ctx, GATE_ERR_TIMEOUT, "no time left to wait for a token");
        return TURN_FAILED;
    }
    add_wait(scalekit, wait, now_ms, steps);
    return TURN_WAITS;
}

static struct gate_scalekit_token_wait *take_wait(gate_scalekit *scalekit, uint64_t number) {
    pthread_mutex_lock(&scalekit->lock);
    struct gate_scalekit_token_wait **link = &scalekit->waiting;
    while (*link != NULL && (*link)->number != number) {
        link = &(*link)->next;
    }
    struct gate_scalekit_token_wait *wait = *link;
    if (wait != NULL) {
        *link = wait->next;
    }
    pthread_mutex_unlock(&scalekit->lock);
    return wait;
}

static void end_patience(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct token_patience *patience = state;
    gate_scalekit *scalekit = patience->scalekit;
    struct gate_scalekit_token_wait *wait = take_wait(scalekit, patience->number);
    if (wait != NULL) {
        err = gate_fail(wait->ctx, GATE_ERR_TIMEOUT, "Scalekit gave no token in time");
        wait->ctx->waited.upstream_ms += gate_clock_monotonic_ms(scalekit->clock) - wait->since_ms;
        gate_ctx_resume(wait->ctx, err, wait->then, wait->state);
    }
    gate_ctx_free(ctx);
    gate_scalekit_release(scalekit);
}

static void begin_patience(gate_scalekit *scalekit, uint64_t number, int64_t patience_ms) {
    atomic_fetch_add(&scalekit->references, 1);
    struct gate_ctx *ctx = gate_ctx_new(scalekit->clock, scalekit->runqueue, NULL);
    struct token_patience *patience = gate_arena_make(ctx->arena, struct token_patience);
    *patience = (struct token_patience){scalekit, number};
    gate_net_delay(ctx, scalekit->net, patience_ms, end_patience, patience);
}

void gate_scalekit_token_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               struct gate_scalekit_token **ret_token, gate_then_fn *then,
                               void *state) {
    struct gate_scalekit_token_wait *wait =
        gate_arena_make(ctx->arena, struct gate_scalekit_token_wait);
    *wait = (struct gate_scalekit_token_wait){
        .ctx = ctx,
        .ret_token = ret_token,
        .then = then,
        .state = state,
        .since_ms = gate_clock_monotonic_ms(ctx->clock),
    };
    struct token_steps steps = {0};
    pthread_mutex_lock(&scalekit->lock);
    enum token_turn turn = take_turn(scalekit, wait, &steps);
    uint64_t number = scalekit->waits_count;
    pthread_mutex_unlock(&scalekit->lock);
    /* From here on a waiting context may already be running elsewhere. */
    if (steps.begins) {
        begin_fetch(ctx, scalekit, steps.is_probe);
    }
    if (steps.patience_ms > 0) {
        begin_patience(scalekit, number, steps.patience_ms);
    }
    if (turn != TURN_WAITS) {
        then(ctx, steps.err, state);
    }
}
