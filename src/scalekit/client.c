#include "scalekit/client.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "crypto/digest.h"

/* How many failures in a row make a kind of work pause. Each attempt counts: what one person tries
 * must not be enough, while one token fetch that fails for good is. */
static const int failures_to_open[GATE_SCALEKIT_WORK_COUNT_] = {
    [GATE_SCALEKIT_WORK_READ] = 5,
    [GATE_SCALEKIT_WORK_CONNECT] = 5,
    [GATE_SCALEKIT_WORK_TOOL] = 5,
    [GATE_SCALEKIT_WORK_TOKEN] = 3,
};

const char *gate_scalekit_work_name(enum gate_scalekit_work work) {
    static const char *const names[GATE_SCALEKIT_WORK_COUNT_] = {
        [GATE_SCALEKIT_WORK_READ] = "read",
        [GATE_SCALEKIT_WORK_CONNECT] = "connect",
        [GATE_SCALEKIT_WORK_TOOL] = "tool",
        [GATE_SCALEKIT_WORK_TOKEN] = "token",
    };
    return names[work];
}

gate_scalekit *gate_scalekit_new(const struct gate_scalekit_options *options) {
    gate_scalekit *scalekit = calloc(1, sizeof *scalekit);
    char *url = strdup(options->url);
    if (scalekit == NULL || url == NULL) {
        abort();
    }
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') {
        url[--length] = '\0';
    }
    scalekit->url = url;
    scalekit->client_id = options->client_id;
    scalekit->client_secret = options->client_secret;
    scalekit->net = options->net;
    scalekit->stream_net = options->stream_net;
    scalekit->clock = options->clock;
    scalekit->runqueue = options->runqueue;
    atomic_init(&scalekit->references, 1);
    for (int work = 0; work < GATE_SCALEKIT_WORK_COUNT_; work++) {
        gate_breaker_init(&scalekit->breakers[work], failures_to_open[work]);
    }
    pthread_mutex_init(&scalekit->lock, NULL);
    return scalekit;
}

void gate_scalekit_release(gate_scalekit *scalekit) {
    if (atomic_fetch_sub(&scalekit->references, 1) > 1) {
        return;
    }
    gate_scalekit_token_release(scalekit->token);
    for (int work = 0; work < GATE_SCALEKIT_WORK_COUNT_; work++) {
        gate_breaker_done(&scalekit->breakers[work]);
    }
    pthread_mutex_destroy(&scalekit->lock);
    free(scalekit->url);
    free(scalekit);
}

void gate_scalekit_free(gate_scalekit *scalekit) {
    if (scalekit != NULL) {
        gate_scalekit_release(scalekit);
    }
}

uint64_t gate_scalekit_who(const char *identifier) {
    const struct gate_digest digest = gate_digest_make(identifier, strlen(identifier));
    uint64_t who;
    memcpy(&who, digest.bytes, sizeof who);
    return who | 1; /* 0 is nobody */
}

enum gate_err gate_scalekit_work_begin(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       enum gate_scalekit_work work, struct gate_breaker_pass *pass,
                                       int64_t *ret_retry_after_s) {
    int64_t wait_ms = 0;
    enum gate_breaker_turn turn = gate_breaker_begin(
        &scalekit->breakers[work], gate_clock_monotonic_ms(scalekit->clock), pass, &wait_ms);
    if (turn == GATE_BREAKER_REFUSES) {
        *ret_retry_after_s = (wait_ms + 999) / 1000;
        gate_counter_add(&scalekit->counts[work].refused, 1);
        return gate_fail(ctx, GATE_ERR_UNAVAILABLE,
                         "Scalekit has not been answering; it was not asked");
    }
    return GATE_OK;
}

void gate_scalekit_work_note(gate_scalekit *scalekit, enum gate_scalekit_work work,
                             enum gate_breaker_evidence evidence,
                             const struct gate_breaker_pass *pass) {
    const char *name = gate_scalekit_work_name(work);
    switch (gate_breaker_note(&scalekit->breakers[work], evidence, pass,
                              gate_clock_monotonic_ms(scalekit->clock))) {
    case GATE_BREAKER_OPENED:
        gate_counter_add(&scalekit->counts[work].pauses, 1);
        gate_log_write(GATE_LOG_WARN, "scalekit_paused", GATE_LOG_TEXT("work", name));
        break;
    case GATE_BREAKER_CLOSED:
        gate_log_write(GATE_LOG_INFO, "scalekit_resumed", GATE_LOG_TEXT("work", name));
        break;
    case GATE_BREAKER_SAME:
        break;
    }
}

bool gate_scalekit_is_absence(int status) {
    return status >= 502 && status <= 504;
}

void gate_scalekit_work_count(gate_scalekit *scalekit, enum gate_scalekit_work work,
                              enum gate_err outcome, int64_t began_ms) {
    struct gate_scalekit_counts *counts = &scalekit->counts[work];
    gate_counter_add(&counts->outcomes[outcome], 1);
    gate_histogram_add(&counts->durations, gate_clock_monotonic_ms(scalekit->clock) - began_ms);
}

enum gate_breaker_state gate_scalekit_work_state_get(gate_scalekit *scalekit,
                                                     enum gate_scalekit_work work) {
    return gate_breaker_state_get(&scalekit->breakers[work]);
}
